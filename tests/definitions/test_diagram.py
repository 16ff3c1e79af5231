"""The Mermaid text of a document."""

from pathlib import Path

from workflows.core.diagram import mermaid
from workflows.core.documents import Words
from workflows.loader import load

GOOD = Path(__file__).parent / "good"


def test_the_diagram_shows_states_ways_and_ends() -> None:
    (review,) = load(GOOD).workflows["review"]
    assert mermaid(review, "en").splitlines() == [
        "stateDiagram-v2",
        '    state "Asked" as asked',
        '    state "Answered" as answered',
        '    state "Dropped" as dropped',
        "    [*] --> asked: Open",
        "    asked --> answered: Answer",
        "    asked --> dropped: Drop – effect",
        "    answered --> [*]",
        "    dropped --> [*]",
    ]


def test_each_source_of_a_map_leads_to_its_own_target() -> None:
    (dossier,) = load(GOOD).workflows["dossier"]
    check = dossier.transitions["check"].model_copy(
        update={"from_": ("drafted", "checked"), "to": {"drafted": "checked", "checked": "closed"}}
    )
    lines = mermaid(dossier.model_copy(update={"transitions": {"check": check}}), "vi").splitlines()
    assert "    drafted --> checked: Xét" in lines
    assert "    checked --> closed: Xét" in lines


def test_titles_cannot_break_out_of_their_place() -> None:
    (review,) = load(GOOD).workflows["review"]
    hostile = Words(vi='A" as x\nx --> [*]; %% <b>: #', en="x")
    state = review.states["asked"].model_copy(update={"title": hostile})
    answer = review.transitions["answer"].model_copy(update={"title": hostile})
    changed = review.model_copy(
        update={
            "states": review.states | {"asked": state},
            "transitions": review.transitions | {"answer": answer},
        }
    )
    escaped = "A#34; as x#10;x --#62; #91;*#93;#59; #37;#37; #60;b#62;#58; #35;"
    plain, shown = mermaid(review, "vi").splitlines(), mermaid(changed, "vi").splitlines()
    assert [line for line in shown if line not in plain] == [
        f'    state "{escaped}" as asked',
        f"    asked --> answered: {escaped}",
    ]


def test_states_named_like_words_of_the_diagram_language_are_renamed_and_lasting_ones_marked() -> None:
    (review,) = load(GOOD).workflows["review"]
    end = review.states["asked"].model_copy(update={"lasting": True})
    lines = mermaid(review.model_copy(update={"states": {"end": end}, "initial": "end"}), "en").splitlines()
    assert lines[1:3] == ['    state "Asked" as end_', "    [*] --> end_: Open"]
    assert lines[-2:] == ["    classDef lasting stroke-dasharray: 4 2", "    class end_ lasting"]
