"""What tells the cases that a plan asks for from those that are there: new, changed, the same, gone.

Pure. A case is known again by what it was opened as, else by what it holds; what somebody corrected by hand is not
taken for a change of the plan.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.documents import ANNULLED
from workflows.core.plan_documents import PlanDocument
from workflows.services.plan_cases import REPORT, TASK, Group, Wanted, group_of, occasion_of
from workflows.store.plan_openings import Standing

TITLE: Final = "title"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A value of a case that is not what the plan asks for."""

    name: str
    before: Json
    after: Json
    """None: the plan has no value any more."""
    amendable: bool
    """Whether an amendment of this case can bring it about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A case that the plan asks for otherwise than it stands."""

    wanted: Wanted
    case: Standing
    fields: tuple[FieldChange, ...]

    @property
    def amendment(self) -> dict[str, Json]:
        """The input of the amendment, empty where there is nothing to be amended."""
        return {each.name: each.after for each in self.fields if each.amendable}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything that an application of a plan would do, and what it would leave alone."""

    new: tuple[Wanted, ...] = ()
    changed: tuple[Changed, ...] = ()
    same: int = 0
    kept: int = 0
    """Cases that somebody amended by hand since the plan said the same: they stay as they are."""
    annulled: tuple[Standing, ...] = ()
    """Opened in error, as somebody found: they are not opened again."""
    gone: tuple[Standing, ...] = ()
    """No longer in the plan: told, and never closed by the application itself."""

    @property
    def wanted(self) -> int:
        """Cases that the plan asks for."""
        return len(self.new) + len(self.changed) + self.same + self.kept + len(self.annulled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendable:
    """What the definition of a case lets an amendment do."""

    fields: Collection[str]
    states: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there of a plan."""

    cases: Sequence[Standing]
    opened: Mapping[str, str]
    """By `opening_key` of the first attempt: the id of the case that was opened, or amended to be that."""
    before: Sequence[Wanted]
    """What the plan asked for when it was last applied; empty before the first time."""
    amendable: Mapping[str, Amendable]
    """By hash of a definition."""


def opening_key(plan: str, wanted: Wanted, attempt: int = 0) -> str:
    """What a case is opened under, so that it is never opened twice; each refusal makes room for another attempt.

    Made of nothing that an edit of titles, bodies that take part, or periods would change.
    """
    return digest(canonical_bytes(["plan", plan, wanted.part, wanted.element, *wanted.group, wanted.occasion, attempt]))


def differences(plan: PlanDocument, year: int, asked: Sequence[Wanted], found: Found) -> Difference:
    """Compare what a plan asks for in a year with what is there."""
    before = _paired(asked, [(each, each.group, each.occasion) for each in found.before])
    cases = _cases_of(plan.plan, year, asked, before, found)
    new, changed, annulled, same, kept = [], [], [], 0, 0
    for place, each in enumerate(asked):
        case = cases.get(place)
        if case is None:
            new.append(each)
        elif case.state == ANNULLED:
            annulled.append(case)
        elif fields := tuple(_changes(each, case, before.get(place), found.amendable[case.definition])):
            changed.append(Changed(wanted=each, case=case, fields=fields))
        elif any(_unlike(each, case, before.get(place))):
            kept += 1
        else:
            same += 1
    known = {case.id for case in cases.values()}
    gone = tuple(case for case in found.cases if case.id not in known and _is_gone(plan, year, case))
    return Difference(new=tuple(new), changed=tuple(changed), same=same, kept=kept, annulled=tuple(annulled), gone=gone)


def _cases_of(
    plan: str, year: int, asked: Sequence[Wanted], before: Mapping[int, Wanted], found: Found
) -> dict[int, Standing]:
    """By place among what is asked for: the case that is there, an annulled one only where there is no other."""
    by_id: dict[str, Standing] = {case.id: case for case in found.cases}
    known_as = [
        [opening_key(plan, each) for each in (now, before.get(place)) if each] for place, now in enumerate(asked)
    ]
    ids = [next((found.opened[key] for key in keys if key in found.opened), "") for keys in known_as]
    opened = {place: by_id[case] for place, case in enumerate(ids) if case in by_id}
    running = {place: case for place, case in opened.items() if case.state != ANNULLED}
    known = {case.id for case in running.values()}
    others = [
        (case, group_of(case.workflow, case.unit, case.data), occasion_of(case.workflow, case.data))
        for case in found.cases
        if case.id not in known and case.state != ANNULLED and _may_be_of(case, year)
    ]
    left = [place for place in range(len(asked)) if place not in running]
    paired = _paired([asked[place] for place in left], others)
    return {**opened, **{left[at]: case for at, case in paired.items()}}


def _may_be_of(case: Standing, year: int) -> bool:
    """Whether a report could be one of this year, whose days may have been changed; any other group names its year."""
    return case.workflow != REPORT or str(case.data.get("deadline", "")).startswith(f"{year}-")


def _paired(asked: Sequence[Wanted], others: Sequence[tuple[T, Group, str]]) -> dict[int, T]:
    """By place: the other one of the same group and occasion, else of the same group in the order of occasions."""
    places: dict[Group, list[int]] = defaultdict(list)
    for place, each in enumerate(asked):
        places[each.group].append(place)
    members: dict[Group, list[tuple[str, T]]] = defaultdict(list)
    for other, group, occasion in others:
        members[group].append((occasion, other))
    paired: dict[int, T] = {}
    for group, found in members.items():
        left = {asked[place].occasion: place for place in sorted(places[group], key=lambda at: asked[at].occasion)}
        rest = []
        for occasion, other in sorted(found, key=lambda member: member[0]):
            if occasion in left:
                paired[left.pop(occasion)] = other
            else:
                rest.append(other)
        paired.update(zip(left.values(), rest, strict=False))
    return paired


def _unlike(wanted: Wanted, case: Standing, before: Wanted | None) -> Iterator[tuple[str, Json, Json, Json]]:
    """Name, value found, value wanted and value wanted before, of everything that differs."""
    names = {**wanted.data, **(before.data if before else {})}
    if wanted.data.get("kind") == "one_off":
        names.pop("year", None)  # it may be done in another year, and is the same task nevertheless
    values: list[tuple[str, Json, Json, Json]] = [(TITLE, case.title, wanted.title, before.title if before else None)]
    values += [
        (name, case.data.get(name), wanted.data.get(name), before.data.get(name) if before else None) for name in names
    ]
    return (each for each in values if each[1] != each[2])


def _changes(wanted: Wanted, case: Standing, before: Wanted | None, amendable: Amendable) -> Iterator[FieldChange]:
    """What the plan changed. A value that it asked for before as now was changed by hand, and stays."""
    may = not case.final and case.state in amendable.states
    for name, found, asked, earlier in _unlike(wanted, case, before):
        if before is None or earlier != asked:
            possible = may and asked is not None and name in amendable.fields
            yield FieldChange(name=name, before=found, after=asked, amendable=possible)


def _is_gone(plan: PlanDocument, year: int, case: Standing) -> bool:
    """Whether a case that is not asked for in a year belongs to that year."""
    if case.state == ANNULLED:
        return False
    if case.workflow == TASK:
        task = plan.tasks.get(str(case.data.get("task")))
        elsewhere = task is not None and task.kind == case.data.get("kind") == "one_off"
        return case.data.get("year") == year and not elsewhere
    if case.workflow == REPORT:
        obligation = plan.obligations.get(str(case.data.get("obligation")))
        asked_for = obligation is not None and obligation.due.on_request
        return _may_be_of(case, year) and not asked_for
    return year == plan.period.years[0]
