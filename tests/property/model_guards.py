"""The guards of the plain model, written out by hand under their codes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from tests.property.model import Person, Row, Yaml

PLACES: Final = ("gathering_place", "point", "retail_point", "point_of_use")
LEVELS: Final = {
    "district_review": "district_committee",
    "appraisal": "provincial_police",
    "approval": "provincial_committee",
}
ATTESTED: Final = ("rings_and_lines", "followed_and_tested", "criterion_e", "criterion_f", "model_effective")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a guard looks at besides the case and the input."""

    who: Person
    today: date
    cases: Mapping[str, Row]
    known: Callable[[str, str, date], int | None]
    """A figure by unit and key as of a day."""

    def hotspots(self, row: Row) -> int:
        return sum(
            each["workflow"] == "hotspot"
            and each["unit"] == row["unit"]
            and each["state"] in ("identified", "relapsed")
            and each["data"]["kind"] in PLACES
            for each in self.cases.values()
        )

    def children(self, row: Row) -> list[Row]:
        return [each for each in self.cases.values() if each["parent"] == row["id"]]


_Guard = Callable[[Sight, Row, Yaml], Iterable[str]]


def free(_sight: Sight, _row: Row, _given: Yaml) -> Iterable[str]:
    return ()


def _suppress(sight: Sight, row: Row, given: Yaml) -> Iterator[str]:
    day = given["suppressed_on"]
    if day > sight.today.isoformat():
        yield "not_in_future"
    if day < row["entered"]["identified"]:
        yield "not_before_identified"
    if day < row["data"].get("last_relapsed_on", ""):
        yield "not_before_relapse"


def _relapse(sight: Sight, row: Row, given: Yaml) -> Iterator[str]:
    if given["relapsed_on"] > sight.today.isoformat():
        yield "not_in_future"
    if given["relapsed_on"] < row["data"]["last_suppressed_on"]:
        yield "not_before_suppression"


def _resolve(sight: Sight, row: Row, _given: Yaml) -> Iterator[str]:
    entered = date.fromisoformat(row["entered"]["monitored"])
    leap = (entered.month, entered.day) == (2, 29)
    if sight.today < entered.replace(year=entered.year + 1, day=28 if leap else entered.day):
        yield "too_early"


def _level(sight: Sight, row: Row, _given: Yaml) -> Iterator[str]:
    if LEVELS[row["state"]] != sight.who.role:
        yield "other_level"


def _agency(sight: Sight, row: Row, _given: Yaml) -> Iterator[str]:
    if sight.who.agency != row["data"]["agency"]:
        yield "other_agency"


def _appraise(sight: Sight, row: Row, given: Yaml) -> Iterator[str]:
    waiting = [each for each in sight.children(row) if not each["final"]]
    late = [each for each in waiting if each["due"] < sight.today]
    if len(late) < len(waiting):
        yield "opinions_awaited"
    if late and not given.get("proceed_without_overdue"):
        yield "opinions_overdue"
    yield from _sheet(sight, row, given)


def _decide(_sight: Sight, row: Row, _given: Yaml) -> Iterator[str]:
    if not row["links"].get("members"):
        yield "empty_list"


def _reinstate(sight: Sight, row: Row, _given: Yaml) -> Iterator[str]:
    if sight.hotspots(row):
        yield "open_hotspots"


def _sheet(sight: Sight, row: Row, given: Yaml) -> Iterator[str]:
    criteria = _criteria(sight, row, given)
    for code, parts in criteria.items():
        if False in parts:
            yield code
    if any(None in parts and False not in parts for parts in criteria.values()):
        yield "unknown"


def _criteria(sight: Sight, row: Row, given: Yaml) -> dict[str, list[bool | None]]:
    """The eight criteria, each with its parts as true, false or not known."""
    taken_in = date.fromisoformat(row["data"]["taken_in_on"])

    def now(key: str) -> int | None:
        return sight.known(row["unit"], key, sight.today)

    def then(key: str) -> int | None:
        return sight.known(row["unit"], key, taken_in)

    def both(one: int | None, other: int | None) -> bool | None:
        """Whether the first is at least the second."""
        return None if one is None or other is None else one >= other

    found = {**row["sheets"].get("drug_free_commune", {}), **given.get("attestations", {})}
    met = {code: found[code]["met"] if code in found else None for code in ATTESTED}
    crimes, models = now("drug_crimes_since_taken_in"), now("prevention_models")
    return {
        "criterion_a": [sight.hotspots(row) == 0, met["rings_and_lines"], None if crimes is None else crimes == 0],
        "criterion_b": [
            both(now("addicts_on_file"), now("addicts")),
            both(now("addicts_in_treatment"), now("addicts")),
            both(now("users_on_file"), now("users")),
            both(now("post_treatment_on_file"), now("post_treatment")),
            met["followed_and_tested"],
        ],
        "criterion_c": [
            both(now("households_committed"), now("households")),
            both(now("hamlets_with_hotline"), now("hamlets")),
        ],
        "criterion_d": [both(then("addicts"), now("addicts")), both(then("users"), now("users"))],
        "criterion_e": [met["criterion_e"]],
        "criterion_f": [met["criterion_f"]],
        "criterion_g": [both(now("with_grounds_tested"), now("with_grounds"))],
        "criterion_h": [None if models is None else models >= 1, met["model_effective"]],
    }


GUARDS: Final[Mapping[str, _Guard]] = {
    "suppress": _suppress,
    "relapse": _relapse,
    "resolve": _resolve,
    "return": _level,
    "refuse": _level,
    "give": _agency,
    "decline": _agency,
    "appraise": _appraise,
    "approve": _sheet,
    "decide": _decide,
    "reinstate": _reinstate,
}
