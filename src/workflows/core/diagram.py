"""A workflow document as the text of a Mermaid state diagram, for documentation and pages.

Drawing is left to whoever shows the text. Guards, roles and deadlines are not drawn.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from workflows.core.documents import Transition, Words, WorkflowDocument

Language: TypeAlias = Literal["vi", "en"]

_OPENED = Words(vi="Mở hồ sơ", en="Open")
_BY_EFFECT = Words(vi="hệ quả", en="effect")
_KEYWORDS = frozenset(
    {
        "accdescr",
        "acctitle",
        "as",
        "choice",
        "class",
        "classdef",
        "click",
        "default",
        "direction",
        "end",
        "fork",
        "hide",
        "href",
    }
    | {"join", "note", "scale", "state", "style", "width"}
)
"""Words of the diagram language that a state may be called."""
_ENTITIES = {ord(character): f"#{ord(character)};" for character in '"#;:<>{}[]()\\`%&|\n\r\t'}


def mermaid(document: WorkflowDocument, language: Language) -> str:
    """A `stateDiagram-v2` in one language; final states lead to its end, lasting ones are dashed."""
    lines = ["stateDiagram-v2", *(f"    {line}" for line in _lines(document, language))]
    return "\n".join(lines) + "\n"


def _lines(document: WorkflowDocument, language: Language) -> Iterator[str]:
    for name, state in document.states.items():
        yield f'state "{_shown(state.title, language)}" as {_identifier(name)}'
    yield f"[*] --> {_identifier(document.initial)}: {_shown(_OPENED, language)}"
    for transition in document.transitions.values():
        for source in transition.sources:
            target = transition.target(source)
            yield f"{_identifier(source)} --> {_identifier(target)}: {_label(transition, language)}"
    for name, state in document.states.items():
        if state.final:
            yield f"{_identifier(name)} --> [*]"
    lasting = [_identifier(name) for name, state in document.states.items() if state.lasting]
    if lasting:
        yield "classDef lasting stroke-dasharray: 4 2"
        yield f"class {','.join(lasting)} lasting"


def _label(transition: Transition, language: Language) -> str:
    title = _shown(transition.title, language)
    return title if transition.roles else f"{title} – {_shown(_BY_EFFECT, language)}"


def _shown(words: Words, language: Language) -> str:
    return (words.vi if language == "vi" else words.en).translate(_ENTITIES)


def _identifier(name: str) -> str:
    return f"{name}_" if name in _KEYWORDS else name
