"""Values for the fields of the documents: valid, on the border, and broken in every way that a type knows.

One generator for each type of field, driven by a source of chance that Hypothesis or a seed provides. What a value
means for a guard is not known here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from workflows.core.canonical import Json
from workflows.core.documents import FieldSpec
from workflows.core.fields import Context, attested_codes

_WORDS: Final = (
    "Hòa Lợi",
    "đã triệt xóa",
    "ma túy",
    "Điểm A",
    "số 3/2",
    "\u2028",
    "𠮷",
    "e\u0301",
    '"',
    "\\",
    "\n",
    " x ",
)
_SHA256: Final = "0123456789abcdef" * 4
_NO_CASE: Final = "0195f3a0-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What valid values may refer to."""

    context: Context
    today: date
    cases: Sequence[str] = ()
    """Ids that a field of type cases may name."""
    kind: bool = False
    """Whether values shall be such that guards like them: dates of today, all met, favourable choices."""

    liked: Sequence[str] = ()
    """Agencies to choose from before all others."""

    @property
    def agencies(self) -> list[str]:
        """Those that there are today."""
        if self.kind and self.liked:
            return list(self.liked)
        return sorted(key for key, valid in self.context.agencies.items() if valid.covers(self.today))


def given(chance: Random, fields: Mapping[str, FieldSpec], setting: Setting) -> dict[str, Json]:
    """Valid values for an input or an opening."""
    values: dict[str, Json] = {}
    for name, spec in fields.items():
        if spec.type == "cases" and not setting.cases:
            continue
        if spec.required or chance.random() < 0.5:
            values[name] = value(chance, spec, setting)
        elif chance.random() < 0.2:
            values[name] = None
    return values


def spoilt(chance: Random, fields: Mapping[str, FieldSpec], setting: Setting) -> dict[str, Json]:
    """Values of which at least one makes the whole unusable."""
    values = given(chance, fields, setting)
    if not fields or chance.random() < 0.15:
        return {**values, chance.choice(["no_such_field", "tên", "", "title/~"]): 1}
    name = chance.choice(sorted(fields))
    spec = fields[name]
    if spec.required and chance.random() < 0.3:
        values.pop(name, None)
        return values if chance.random() < 0.5 else {**values, name: None}
    return {**values, name: broken(chance, spec, setting)}


def value(chance: Random, spec: FieldSpec, setting: Setting) -> Json:
    return _VALID[spec.type](chance, spec, setting)


def broken(chance: Random, spec: FieldSpec, setting: Setting) -> Json:
    return _BROKEN[spec.type](chance, spec, setting)


def words(chance: Random, limit: int) -> str:
    """A text of 1 to `limit` characters that is not blank; now and then of exactly `limit`."""
    if chance.random() < 0.02:
        return "đ" * limit
    text = "a" + "".join(chance.choice(_WORDS) for _ in range(chance.randrange(4)))
    return text[:limit]


def day(chance: Random, setting: Setting) -> str:
    if setting.kind:
        return setting.today.isoformat()
    near = setting.today + timedelta(days=chance.randrange(-60, 5))
    return chance.choice([near.isoformat(), setting.today.isoformat(), "1900-01-01", "9998-12-31"])


def document(chance: Random, setting: Setting) -> dict[str, Json]:
    made: dict[str, Json] = {
        "number": words(chance, 60),
        "date": day(chance, setting),
        "issuer": words(chance, 200),
        "title": words(chance, 500),
    }
    if chance.random() < 0.4:
        made["sha256"] = chance.choice([_SHA256, None])
    return made


def _finding(chance: Random, setting: Setting) -> dict[str, Json]:
    made: dict[str, Json] = {"met": setting.kind or chance.random() < 0.7}
    if chance.random() < 0.5:
        made["note"] = words(chance, 2_000)
        made |= {"evidence": None} if chance.random() < 0.2 else {}
    else:
        made["evidence"] = document(chance, setting)
        made |= {"note": None} if chance.random() < 0.2 else {}
    return made


def _findings(chance: Random, spec: FieldSpec, setting: Setting) -> Json:
    assert spec.type == "attestations"
    codes = attested_codes(setting.context.sheets[spec.sheet])
    share = 1.0 if setting.kind else chance.choice([0.0, 0.5, 1.0])
    return {code: _finding(chance, setting) for code in codes if chance.random() < share}


def _some(chance: Random, pool: Sequence[str], most: int) -> list[str]:
    return chance.sample(pool, chance.randint(1, min(most, len(pool))))


_Make = Callable[[Random, FieldSpec, Setting], Json]


def _choice(chance: Random, spec: FieldSpec, _setting: Setting) -> Json:
    assert spec.type == "choice"
    return chance.choice(list(spec.options))


def _integer(chance: Random, spec: FieldSpec, _setting: Setting) -> Json:
    assert spec.type == "integer"
    return chance.choice([spec.minimum, spec.maximum, (spec.minimum + spec.maximum) // 2])


def _text(chance: Random, spec: FieldSpec, _setting: Setting) -> Json:
    assert spec.type == "text"
    return words(chance, spec.max_length)


_VALID: Final[Mapping[str, _Make]] = {
    "text": _text,
    "items": lambda chance, _spec, _setting: [words(chance, 2_000) for _ in range(chance.randint(1, 3))],
    "integer": _integer,
    "boolean": lambda chance, _spec, setting: setting.kind or chance.random() < 0.5,
    "date": lambda chance, _spec, setting: day(chance, setting),
    "choice": _choice,
    "key": lambda chance, _spec, _setting: chance.choice(["a", "annual_report", "x" * 60]),
    "document": lambda chance, _spec, setting: document(chance, setting),
    "agency": lambda chance, _spec, setting: chance.choice(setting.agencies),
    "agencies": lambda chance, _spec, setting: _some(chance, setting.agencies, 2),
    "cases": lambda chance, _spec, setting: _some(chance, list(setting.cases), 3),
    "attestations": _findings,
}

_NO_DATE: Final[Sequence[Json]] = (
    5, "", "2025-02-30", "20250101", "2025-W10-1", "2025-1-1", "1899-12-31", "9999-01-01", [], {}, True,
    "05/03/2025", "2025-03-05T00:00:00Z",
)  # fmt: skip
_NO_TEXT: Final[Sequence[Json]] = ("", "   ", "\u3000", 5, True, [], {}, "đ" * 10_001)
_NO_LIST: Final[Sequence[Json]] = ("x", 5, {}, [], True, [5], [[]], [{}], [""])


def _broken_document(chance: Random, _spec: FieldSpec, setting: Setting) -> Json:
    good = document(chance, setting)
    ways: list[Callable[[], Json]] = [
        lambda: chance.choice(["x", 5, [], {}, True]),
        lambda: _without(good, chance.choice(["number", "issuer", "title", "date"])),
        lambda: {**good, chance.choice(["number", "issuer", "title"]): chance.choice(_NO_TEXT)},
        lambda: {**good, "date": chance.choice(_NO_DATE)},
        lambda: {**good, "sha256": chance.choice(["x", 5, _SHA256.upper(), _SHA256[1:], _SHA256 + "\n", []])},
        lambda: {**good, "page": 3},
        lambda: {**good, "number": "9" * 61},
    ]
    return chance.choice(ways)()


def _without(values: Mapping[str, Json], name: str) -> dict[str, Json]:
    return {key: part for key, part in values.items() if key != name}


def _broken_findings(chance: Random, spec: FieldSpec, setting: Setting) -> Json:
    assert spec.type == "attestations"
    code = chance.choice(attested_codes(setting.context.sheets[spec.sheet]))
    bad: list[Json] = [
        {},
        {"met": True},
        {"met": 1, "note": "x"},
        {"note": "x"},
        {"met": True, "note": ""},
        {"met": True, "note": 5},
        {"met": True, "evidence": _broken_document(chance, spec, setting)},
        {"met": True, "note": "x", "who": "y"},
        5,
        "x",
        [],
        None,
    ]
    whole: list[Json] = [5, "x", [], True, {"no_such": {"met": True, "note": "x"}}, {code: chance.choice(bad)}]
    return chance.choice(whole)


def _broken_cases(chance: Random, _spec: FieldSpec, setting: Setting) -> Json:
    ways: list[Json] = [*_NO_LIST, ["x"], [None], [_NO_CASE], [_NO_CASE.upper()], [_NO_CASE + "\n"]]
    if setting.cases:
        one = chance.choice(list(setting.cases))
        ways += [[one, one], [one, _NO_CASE], [one.upper() + " "]]
    return chance.choice(ways)


_BROKEN: Final[Mapping[str, _Make]] = {
    "text": lambda chance, _spec, _setting: chance.choice(_NO_TEXT),
    "items": lambda chance, _spec, _setting: chance.choice([*_NO_LIST, ["x"] * 101, ["x", "đ" * 2_001]]),
    "integer": lambda chance, _spec, _setting: chance.choice(["5", True, [], {}, -(2**31), 2**40]),
    "boolean": lambda chance, _spec, _setting: chance.choice(["true", 1, 0, "", [], {}]),
    "date": lambda chance, _spec, _setting: chance.choice(_NO_DATE),
    "choice": lambda chance, _spec, _setting: chance.choice(["no_such", "", 5, True, [], {}]),
    "key": lambda chance, _spec, _setting: chance.choice(["", "Tên", "a b", "a\n", "_a", "x" * 61, 5, True, [], {}]),
    "document": _broken_document,
    "agency": lambda chance, _spec, _setting: chance.choice(["no_such", "", 5, True, [], {}]),
    "agencies": lambda chance, _spec, _setting: chance.choice(
        [*_NO_LIST, ["no_such"], ["department_of_health"] * 2, ["department_of_health", {}]]
    ),
    "cases": _broken_cases,
    "attestations": _broken_findings,
}
