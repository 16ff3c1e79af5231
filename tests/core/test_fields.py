"""Checking values of fields: everything wrong is named, and nothing that passes can surprise later."""

import json
from random import Random

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import START, definitions, document
from tests.strategies import Setting, broken, value
from workflows.core.canonical import Json
from workflows.core.documents import (
    AgencyField,
    BooleanField,
    CasesField,
    DateField,
    DocumentField,
    FieldSpec,
    IntegerField,
    ItemsField,
    KeyField,
    TextField,
    Words,
)
from workflows.core.fields import check, document_hashes, input_schema, split

TITLE = Words(vi="Trường", en="Field")
CONTEXT = definitions().versions("certification")[-1].context
SETTING = Setting(context=CONTEXT, today=START.date(), cases=["0195f3a0-0000-7000-8000-00000000000a"])


def _specs() -> dict[str, FieldSpec]:
    """One field of each type, from the shipped documents where they use it."""
    found: dict[str, FieldSpec] = {
        "text": TextField(type="text", title=TITLE, max_length=20, basis="design"),
        "items": ItemsField(type="items", title=TITLE, basis="design"),
        "integer": IntegerField(type="integer", title=TITLE, minimum=-3, maximum=40, basis="design"),
        "boolean": BooleanField(type="boolean", title=TITLE, basis="design"),
        "date": DateField(type="date", title=TITLE, basis="design"),
        "key": KeyField(type="key", title=TITLE, basis="design"),
        "document": DocumentField(type="document", title=TITLE, basis="design"),
        "agency": AgencyField(type="agency", title=TITLE, basis="design"),
        "cases": CasesField(type="cases", title=TITLE, workflows=("certification",), basis="design"),
    }
    steps = [definitions().versions(key)[-1].steps.values() for key in ("hotspot", "certification")]
    for spec in (spec for each in steps for step in each for spec in step.fields.values()):
        found.setdefault(spec.type, spec)
    return found


SPECS = _specs()


def test_every_type_is_tried() -> None:
    assert len(SPECS) == 12


@pytest.mark.parametrize("kind", sorted(SPECS))
@given(chance=st.randoms(use_true_random=False))
def test_valid_values_pass_and_fit_the_published_schema(kind: str, chance: Random) -> None:
    fields = {"x": SPECS[kind]}
    made = {"x": value(chance, SPECS[kind], SETTING)}
    assert check(fields, made, "/input", CONTEXT) == []
    shown = {"x": _without_nulls(made["x"])}
    jsonschema.validate(shown, input_schema(fields, CONTEXT))


@pytest.mark.parametrize("kind", sorted(SPECS))
@given(chance=st.randoms(use_true_random=False))
def test_broken_values_are_refused_at_their_place(kind: str, chance: Random) -> None:
    made = broken(chance, SPECS[kind], Setting(context=CONTEXT, today=START.date()))
    if kind == "cases" and made in _ONLY_UNKNOWN:
        return  # well formed; whether the case is there is asked of the world
    errors = check({"x": SPECS[kind]}, {"x": made}, "/input", CONTEXT)
    assert errors
    assert all(error.path.startswith("/input/x") for error in errors)


_ONLY_UNKNOWN = [["0195f3a0-0000-7000-8000-000000000000"]]


def _without_nulls(made: Json) -> Json:
    """JSON Schema has no null for an absent member; the engine takes it as absent."""
    if isinstance(made, dict):
        return {name: _without_nulls(part) for name, part in made.items() if part is not None}
    return made


@pytest.mark.parametrize("made", ["2025-W10-1", "20250305", "2025-3-05", "2025-03-05 ", "\uff12025-03-05"])
def test_a_date_is_written_in_one_way_only(made: str) -> None:
    assert check({"x": SPECS["date"]}, {"x": made}, "", CONTEXT)


@pytest.mark.parametrize("made", [[], {}, [["department_of_health"]], [{}]])
@pytest.mark.parametrize("kind", ["agency", "agencies", "choice", "key", "cases"])
def test_lists_and_objects_in_place_of_a_name_are_told(kind: str, made: Json) -> None:
    assert check({"x": SPECS[kind]}, {"x": made}, "", CONTEXT)


def test_unknown_names_come_with_the_nearest() -> None:
    errors = check({"note": SPECS["text"]}, {"nott": "x"}, "/data", CONTEXT)
    assert [error.path for error in errors] == ["/data/nott"]
    assert "did you mean 'note'?" in errors[0].message


@pytest.mark.parametrize("kind", ["text", "items", "document", "attestations"])
@given(chance=st.randoms(use_true_random=False))
def test_no_free_text_is_left_in_the_entry(kind: str, chance: Random) -> None:
    mark = "zzTHÔNG TIN RIÊNGzz"
    made: dict[str, Json] = {
        "text": mark,
        "items": [mark],
        "document": {**document(), "title": mark},
        "attestations": {"criterion_e": {"met": True, "note": mark, "evidence": {**document(), "title": mark}}},
    }
    public, private = split({"x": SPECS[kind]}, {"x": made[kind]})
    assert mark not in json.dumps(public, ensure_ascii=False)
    assert mark in json.dumps(private, ensure_ascii=False)
    whole = value(chance, SPECS[kind], SETTING)
    open_part, _ = split({"x": SPECS[kind]}, {"x": whole})
    assert '"note"' not in json.dumps(open_part)


def test_files_are_listed_once_and_sorted() -> None:
    fields = {"a": SPECS["document"], "b": SPECS["attestations"]}
    first, second = "1" * 64, "2" * 64
    values: dict[str, Json] = {
        "a": {**document(), "sha256": second},
        "b": {"criterion_e": {"met": True, "evidence": {**document(), "sha256": first}}},
    }
    assert document_hashes(fields, values) == [first, second]
    assert document_hashes(fields, {"a": {**document(), "sha256": None}, "b": {}}) == []
