"""What a decision sees: the cases, facts, units and grants in its scope, and the cases it is about to change.

A world is loaded by the store and only read here. A draft lies over it: what one command, or one atomic group, has
decided so far; dropping the draft drops all of it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from workflows.core.case import Actor, Case, CaseId
from workflows.core.definition import Definitions
from workflows.core.documents import Level
from workflows.core.lineage import Count, Figure, Lineage, figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An administrative unit in one period of validity."""

    code: str
    level: Level
    name: str
    path: str
    valid_from: date
    valid_to: date | None
    """Exclusive."""

    def in_force(self, day: date) -> bool:
        """Whether the unit existed in this form on a civil date."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class World:
    """Everything loaded for the commands of one wave; what they change lies in their drafts."""

    def __init__(
        self,
        *,
        definitions: Definitions,
        grants: Mapping[str, Actor],
        units: Mapping[str, tuple[Unit, ...]],
        cases: Iterable[Case],
        counts: Mapping[tuple[str, str], tuple[Count, ...]],
        listed_by: Mapping[CaseId, tuple[CaseId, ...]],
        lineage: Lineage | None = None,
    ) -> None:
        self.definitions = definitions
        self.grants = grants
        self.units = units
        self._counts = counts
        self._listed_by = listed_by
        self._lineage = lineage or {}
        self._cases: dict[CaseId, Case] = {}
        self._children: dict[CaseId, set[CaseId]] = {}
        self._by_unit: dict[tuple[str, str], set[CaseId]] = {}
        for case in cases:
            self._cases[case.id] = case
            self._by_unit.setdefault((case.unit_path, case.workflow), set()).add(case.id)
            if case.parent:
                self._children.setdefault(case.parent, set()).add(case.id)

    def case(self, case_id: CaseId) -> Case | None:
        """A loaded case; None when there is none."""
        return self._cases.get(case_id)

    def children(self, case_id: CaseId) -> Collection[CaseId]:
        """Ids of the cases opened by a case."""
        return self._children.get(case_id, ())

    def lists(self, case_id: CaseId) -> Collection[CaseId]:
        """Ids of the cases that link a case."""
        return self._listed_by.get(case_id, ())

    def of_unit(self, unit_path: str, workflow: str) -> Collection[CaseId]:
        """Ids of the loaded cases of a unit, by its path: a code may be that of another unit later; and a workflow."""
        return self._by_unit.get((unit_path, workflow), ())

    def figure(self, case: Case, key: str, *, as_of: date, today: date) -> Figure:
        """The figure of the case's unit as of a civil date, by `lineage` where others were merged into it.

        Of a unit that has ended, with the area that it had on its last day.
        """

        def entries(code: str) -> tuple[Count, ...]:
            return self._counts.get((code, key), ())

        area_on = self._in_force_on(case, today)
        return figure(self._lineage, entries, case.unit, area_on=area_on, as_of=as_of)

    def _in_force_on(self, case: Case, today: date) -> date:
        ends = [each.valid_to for each in self.units.get(case.unit, ()) if each.path == case.unit_path]
        end = ends[-1] if ends else None
        return today if end is None or today < end else end - timedelta(days=1)


class Draft:
    """A world with the cases that a command has changed so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cases: dict[CaseId, Case] = {}

    def put(self, case: Case) -> None:
        """See the case as it is now."""
        self.cases[case.id] = case

    def copy(self) -> "Draft":
        """A draft over this one's cases that can be dropped without touching it."""
        twin = Draft(self.world)
        twin.cases = dict(self.cases)
        return twin

    def case(self, case_id: CaseId) -> Case | None:
        """The case as decided so far."""
        return self.cases.get(case_id) or self.world.case(case_id)

    def children(self, case: Case) -> list[Case]:
        """Cases opened by a case, oldest first."""
        opened = {each.id for each in self.cases.values() if each.parent == case.id}
        return self._sorted({*self.world.children(case.id), *opened})

    def lists(self, case: Case) -> list[Case]:
        """Cases that link a case now, oldest first."""
        linking = {each.id for each in self.cases.values() if each.links}
        found = self._sorted({*self.world.lists(case.id), *linking})
        return [each for each in found if any(case.id in ids for ids in each.links.values())]

    def of_unit(self, unit_path: str, workflow: str, states: Collection[str]) -> list[Case]:
        """Cases of a unit and workflow that are in one of the states, oldest first."""
        changed = {each.id for each in self.cases.values() if each.workflow == workflow}
        found = self._sorted({*self.world.of_unit(unit_path, workflow), *changed})
        return [each for each in found if each.unit_path == unit_path and each.state in states]

    def _sorted(self, ids: Collection[CaseId]) -> list[Case]:
        return [case for case_id in sorted(ids) if (case := self.case(case_id))]
