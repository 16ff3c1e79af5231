"""Values given as texts are read by the type of their field, or refused by name."""

from datetime import UTC, date, datetime

import pytest

from tests.factories import definitions
from workflows.core.canonical import Json
from workflows.core.definition import Step
from workflows.services.given import GivenError, joined, read_date, read_instant, read_object, read_values

CONTEXT = definitions().versions("hotspot")[-1].context


def step(workflow: str, trigger: str) -> Step:
    return definitions().versions(workflow)[-1].step(trigger)


@pytest.mark.parametrize(
    ("workflow", "trigger", "given", "expected"),
    [
        ("hotspot", "open", ["kind=point", "found_by=survey"], {"kind": "point", "found_by": "survey"}),
        ("hotspot", "open", ["preceded_by_complaint=Có"], {"preceded_by_complaint": True}),
        ("hotspot", "open", ["preceded_by_complaint=false"], {"preceded_by_complaint": False}),
        ("hotspot", "amend", ["title=a=b"], {"title": "a=b"}),
        ("periodic_report", "open", ["obligation=annual_report"], {"obligation": "annual_report"}),
        ("hotspot", "suppress", ["suppressed_on=5/3/2025"], {"suppressed_on": "2025-03-05"}),
        (
            "hotspot",
            "suppress",
            ["decision.number=12/BC", "decision.date=01/03/2025"],
            {"decision": {"number": "12/BC", "date": "2025-03-01"}},
        ),
        (
            "certification",
            "endorse",
            [
                "attestations.criterion_e.met=true",
                "attestations.criterion_e.evidence.number=7",
                "attestations.criterion_f.note=Đạt",
            ],
            {
                "attestations": {
                    "criterion_e": {"met": True, "evidence": {"number": "7"}},
                    "criterion_f": {"note": "Đạt"},
                }
            },
        ),
    ],
)
def test_texts_become_values(workflow: str, trigger: str, given: list[str], expected: dict[str, Json]) -> None:
    asked = step(workflow, trigger)
    context = definitions().versions(workflow)[-1].context
    assert read_values(asked.fields, context, given) == expected


def test_a_list_takes_each_member_by_itself() -> None:
    definition = definitions().versions("certification")[-1]
    first, second = sorted(definition.context.agencies)[:2]
    fields = {name: spec for step in definition.steps.values() for name, spec in step.fields.items()}
    name = next(name for name, spec in fields.items() if spec.type == "agencies")
    given = [f"{name}={first}", f"{name}={second}"]
    assert read_values(fields, definition.context, given) == {name: [first, second]}


@pytest.mark.parametrize(
    ("trigger", "given", "told"),
    [
        ("open", "kind", "'kind' is not name=value"),
        (
            "open",
            "knid=point",
            'unknown field "knid"; allowed: kind, found_by, preceded_by_complaint; did you mean "kind"?',
        ),
        ("open", "kind=pont", 'kind: unknown choice "pont"; allowed: gathering_place, point'),
        (
            "open",
            "preceded_by_complaint=maybe",
            'preceded_by_complaint: "maybe" is neither true nor false; allowed: true',
        ),
        ("suppress", "suppressed_on=32/01/2025", 'suppressed_on: "32/01/2025" is not a date; write dd/mm/yyyy'),
        ("suppress", "suppressed_on=01-02-2025", "is not a date"),
        ("suppress", "suppressed_on=31/12/1899", "is outside the years 1900 to 9998"),
        ("suppress", "suppressed_on=9999-12-31", "is outside the years 1900 to 9998"),
        ("suppress", "decision=12", 'unknown field "decision"; allowed: decision.number, decision.issuer'),
        ("suppress", "decision.nubmer=12", 'did you mean "decision.number"?'),
    ],
)
def test_what_cannot_be_read_is_named_with_what_is_allowed(trigger: str, given: str, told: str) -> None:
    with pytest.raises(GivenError) as refused:
        read_values(step("hotspot", trigger).fields, CONTEXT, [given])
    assert told in str(refused.value)


def test_everything_wrong_is_told_at_once_and_nothing_given_twice() -> None:
    with pytest.raises(GivenError) as refused:
        read_values(step("hotspot", "open").fields, CONTEXT, ["kind=point", "kind=point", "found_by=x", "y=1"])
    assert len(refused.value.messages) == 3
    with pytest.raises(GivenError, match="kind: is given more than once"):
        joined({"kind": "point"}, {"kind": "point"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": 1.5}', "/a: float"),
    ],
)
def test_json_is_read_as_strictly_as_over_http(text: str, told: str) -> None:
    with pytest.raises(GivenError) as refused:
        read_object(text)
    assert told in str(refused.value)


def test_dates_and_instants_are_read_as_they_are_shown() -> None:
    assert read_date("5/3/2025") == read_date("2025-03-05") == date(2025, 3, 5)
    instant = datetime(2025, 3, 5, 1, 30, tzinfo=UTC)
    assert read_instant("05/03/2025 08:30") == read_instant("2025-03-05T08:30:00+07:00") == instant
    for text in ("05/03/2025", "2025-03-05T08:30:00", "gần đây"):
        with pytest.raises(ValueError, match="is not an instant; write"):
            read_instant(text)
