"""What a declaration of an operation is made of; see `api.contract`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from api.bodies import Body
from api.contract_terms import Parameter
from api.shapes import Shape

JSON: Final = "application/json"
TEXT: Final = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where to go on from an answer, with values taken from it."""

    to: str
    """Operation id."""
    values: Mapping[str, str]
    """By parameter: a runtime expression of OpenAPI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A way in which an operation succeeds."""

    description: str
    shapes: tuple[type[Shape], ...] = ()
    """One of them; none: no JSON body."""
    media_type: str | None = JSON
    """None: no body."""
    files: tuple[str, ...] = ()
    """Media types in which it can be asked for instead."""
    headers: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    """Headers that are not always there."""
    links: Mapping[str, Link] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The promise of one operation."""

    tag: str
    summary: str
    description: str = ""
    body: type[Body] | None = None
    answers: Mapping[int, Answer]
    problems: tuple[int, ...] = ()
    """Statuses beside those that every operation with the same traits has."""
    headers: tuple[str, ...] = ()
    """Of the request."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Told otherwise than for other operations."""
    public: bool = False
    """Needs no key."""


def page_of(shape: type[Shape], description: str, links: Mapping[str, Link] | None = None) -> Mapping[int, Answer]:
    """The one answer of a list."""
    return {200: Answer(description=description, shapes=(shape,), links=links or {})}
