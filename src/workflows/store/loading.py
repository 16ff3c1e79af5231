"""Reading the world that commands are decided on: their cases, relations, facts, units and grants.

Which rows are needed follows from the definitions' footprints; a handful of queries serves any number of commands.
Locks are the caller's: the writer loads under them, a dry run without any.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Connection, Select, select

from workflows.core.case import Actor, Case, CaseId, Command, Fire, MoveDeadline, MoveUnit, Open
from workflows.core.definition import Definitions, Footprint
from workflows.core.documents import OPEN
from workflows.core.lineage import Count
from workflows.core.world import Unit, World
from workflows.store import origins
from workflows.store.among import among
from workflows.store.rows import actor_of, case_of, unit_periods
from workflows.store.tables import api_key, case_link, cases, count_entry, unit

_CASES: Final = select(cases).where(among(cases.c.id, "ids"))
_HEADS: Final = select(cases.c.id, cases.c.unit, cases.c.workflow, cases.c.links).where(among(cases.c.id, "ids"))
_CHILDREN: Final = select(cases).where(among(cases.c.parent, "ids"))
_LISTS: Final = select(case_link.c.other_id, case_link.c.case_id).where(among(case_link.c.other_id, "ids"))
_OF_UNIT: Final = select(cases).where(
    among(cases.c.unit, "units"), among(cases.c.workflow, "workflows"), among(cases.c.state, "states")
)
_COUNTS: Final = select(count_entry).where(among(count_entry.c.unit, "units"), among(count_entry.c.key, "keys"))
_GRANTS: Final = select(api_key).where(among(api_key.c.id, "ids"))
_UNITS: Final = select(unit).where(among(unit.c.code, "codes")).order_by(unit.c.code, unit.c.valid_from)


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """Where a command begins: the case it names as it stands, or none for an opening."""

    command: Command
    case: Case | None
    footprint: Footprint

    @property
    def linked(self) -> Sequence[CaseId]:
        """Cases that its effects may reach through links."""
        if self.case is None or not self.footprint.links:
            return ()
        return [case_id for ids in self.case.links.values() for case_id in ids]


def roots(connection: Connection, definitions: Definitions, commands: Iterable[Command]) -> list[Root]:
    """The commands with their cases; a case that is not there is left out, and will not be found."""
    commands = list(commands)
    found = fetch(connection, [command.act.case for command in commands if not isinstance(command.act, Open)])
    return [_root(command, found, definitions) for command in commands]


def _root(command: Command, found: Mapping[CaseId, Case], definitions: Definitions) -> Root:
    if isinstance(command.act, Open):
        return Root(command=command, case=None, footprint=definitions.footprint(command.act.workflow, OPEN))
    case = found.get(command.act.case)
    if isinstance(command.act, MoveUnit | MoveDeadline):
        return Root(command=command, case=case, footprint=Footprint())
    footprint = definitions.footprint(case.workflow, command.act.trigger) if case else Footprint()
    return Root(command=command, case=case, footprint=footprint)


def presumed_scopes(
    connection: Connection, definitions: Definitions, commands: Sequence[Command]
) -> list[frozenset[str]]:
    """By command: the units to lock, as `scopes` would find them now; to be found again under the locks."""
    named = [command.act.case for command in commands if not isinstance(command.act, Open)]
    heads = {row.id: row for row in connection.execute(_HEADS, {"ids": named})} if named else {}
    linked = [_presumed_links(definitions, command, heads) for command in commands]
    units = _units_of(connection, {case_id for ids in linked for case_id in ids})
    return [
        _presumed_unit(command, heads) | {units[case_id] for case_id in ids if case_id in units}
        for command, ids in zip(commands, linked, strict=True)
    ]


def _presumed_links(definitions: Definitions, command: Command, heads: Mapping[str, Any]) -> Sequence[CaseId]:
    head = heads.get(command.act.case) if isinstance(command.act, Fire) else None
    if head is None or not definitions.footprint(head.workflow, cast("Fire", command.act).trigger).links:
        return ()
    return [CaseId(case_id) for ids in json.loads(head.links).values() for case_id in ids]


def _presumed_unit(command: Command, heads: Mapping[str, Any]) -> frozenset[str]:
    if isinstance(command.act, Open):
        return frozenset({command.act.unit})
    head = heads.get(command.act.case)
    return _both(command.act, head.unit) if head else frozenset()


def _both(act: Fire | MoveUnit | MoveDeadline, unit: str) -> frozenset[str]:
    """The unit of the case, and the one that it is to move to."""
    return frozenset({unit, act.to}) if isinstance(act, MoveUnit) else frozenset({unit})


def scopes(connection: Connection, roots: Sequence[Root]) -> list[frozenset[str]]:
    """By root: the units whose cases or facts its decision reads or changes."""
    linked = {case_id for root in roots for case_id in root.linked}
    units = _units_of(connection, linked)
    return [_scope(root) | {units[case_id] for case_id in root.linked if case_id in units} for root in roots]


def _scope(root: Root) -> frozenset[str]:
    if isinstance(root.command.act, Open):
        return frozenset({root.command.act.unit})
    return _both(root.command.act, root.case.unit) if root.case else frozenset()


def _units_of(connection: Connection, ids: Collection[CaseId]) -> dict[CaseId, str]:
    if not ids:
        return {}
    query = select(cases.c.id, cases.c.unit).where(among(cases.c.id, "ids"))
    return {CaseId(row.id): row.unit for row in connection.execute(query, {"ids": list(ids)})}


def fetch(connection: Connection, ids: Collection[CaseId]) -> dict[CaseId, Case]:
    """Cases by id."""
    return {case.id: case for case in _cases(connection, _CASES, {"ids": list(ids)})} if ids else {}


def load(connection: Connection, definitions: Definitions, roots: Sequence[Root]) -> World:
    """The world of some commands."""
    gathering = _Gathering(connection, roots)
    gathering.gather()
    footprint = gathering.footprint
    named = {code for root in roots for code in _named_units(root)}
    lineage = origins.of(connection, gathering.units) if footprint.counts else {}
    return World(
        definitions=definitions,
        grants=_grants(connection, {root.command.grant for root in roots}),
        units=periods(connection, named | (gathering.units if footprint.counts else set())),
        cases=gathering.cases.values(),
        counts=_counts(connection, gathering.units.union(origins.sources(lineage)), footprint.counts),
        lineage=lineage,
        listed_by={case_id: tuple(sorted(ids)) for case_id, ids in gathering.listed_by.items()},
    )


def load_case(connection: Connection, definitions: Definitions, grant: str, case_id: CaseId) -> World:
    """The world in which every trigger of one case can be judged."""
    case = fetch(connection, [case_id]).get(case_id)
    command = Command(id=cast("Any", ""), grant=grant, act=Fire(case=case_id, trigger=""), nonce=b"")
    footprint = definitions.footprint(case.workflow, None) if case else Footprint()
    return load(connection, definitions, [Root(command=command, case=case, footprint=footprint)])


class _Gathering:
    """Follows relations from the roots until nothing new is reached."""

    def __init__(self, connection: Connection, roots: Sequence[Root]) -> None:
        self._connection = connection
        self._roots = roots
        self.footprint = Footprint()
        for root in roots:
            self.footprint |= root.footprint
        self.cases: dict[CaseId, Case] = {}
        self.units = {root.command.act.unit for root in roots if isinstance(root.command.act, Open)}
        self.listed_by: dict[CaseId, set[CaseId]] = {}

    def gather(self) -> None:
        reached = {root.case.id: root.case for root in self._roots if root.case}
        linked = {case_id for root in self._roots for case_id in root.linked}
        given = {case_id for root in self._roots for case_id in _given(root)}
        reached |= fetch(self._connection, (linked | given) - reached.keys())
        self.units |= {case.unit for case_id, case in reached.items() if case_id not in given - linked}
        reached |= self._of_units()
        while reached:
            self.cases |= reached
            reached = {case_id: case for case_id, case in self._related(reached).items() if case_id not in self.cases}

    def _of_units(self) -> dict[CaseId, Case]:
        pairs = self.footprint.same_unit
        if not pairs or not self.units:
            return {}
        values = {
            "units": sorted(self.units),
            "workflows": sorted({workflow for workflow, _ in pairs}),
            "states": sorted({state for _, state in pairs}),
        }
        return {case.id: case for case in _cases(self._connection, _OF_UNIT, values)}

    def _related(self, reached: Mapping[CaseId, Case]) -> dict[CaseId, Case]:
        ids = list(reached)
        found: dict[CaseId, Case] = {}
        wanted: set[CaseId] = set()
        if self.footprint.children:
            found |= {case.id: case for case in _cases(self._connection, _CHILDREN, {"ids": ids})}
        if self.footprint.lists:
            wanted |= self._lists(ids)
        if self.footprint.parent:
            wanted |= {case.parent for case in reached.values() if case.parent}
        if self.footprint.members:
            wanted |= {case_id for case in reached.values() for ids in case.links.values() for case_id in ids}
        return found | fetch(self._connection, wanted - self.cases.keys() - found.keys())

    def _lists(self, ids: Sequence[CaseId]) -> set[CaseId]:
        found = set()
        for row in self._connection.execute(_LISTS, {"ids": ids}):
            self.listed_by.setdefault(CaseId(row.other_id), set()).add(CaseId(row.case_id))
            found.add(CaseId(row.case_id))
        return found


def _named_units(root: Root) -> Iterable[str]:
    """The units whose periods the decision looks at."""
    act = root.command.act
    if isinstance(act, Open):
        yield act.unit
    elif isinstance(act, MoveUnit):
        yield act.to
        if root.case:
            yield root.case.unit


def _given(root: Root) -> Iterable[CaseId]:
    """The parent and the links in the values of a command, which are checked against the cases that are there."""
    act = root.command.act
    if isinstance(act, MoveUnit | MoveDeadline):
        return
    if isinstance(act, Open) and act.parent:
        yield act.parent
    values = act.data if isinstance(act, Open) else act.input
    for value in values.values() if root.footprint.links else ():
        if isinstance(value, list | tuple):
            yield from (CaseId(item) for item in value if isinstance(item, str) and len(item) == len(root.command.id))


def _cases(connection: Connection, query: Select[Any], values: Mapping[str, object]) -> list[Case]:
    return [case_of(row) for row in connection.execute(query, values).mappings().all()]


def _grants(connection: Connection, ids: Collection[str]) -> dict[str, Actor]:
    return {row["id"]: actor_of(row) for row in connection.execute(_GRANTS, {"ids": sorted(ids)}).mappings()}


def periods(connection: Connection, codes: Collection[str]) -> dict[str, tuple[Unit, ...]]:
    """All periods of some codes, oldest first."""
    return unit_periods(connection.execute(_UNITS, {"codes": sorted(codes)}).mappings()) if codes else {}


def _counts(
    connection: Connection, units: Collection[str], keys: Collection[str]
) -> dict[tuple[str, str], tuple[Count, ...]]:
    counts: dict[tuple[str, str], tuple[Count, ...]] = {}
    if not units or not keys:
        return counts
    for row in connection.execute(_COUNTS, {"units": sorted(units), "keys": sorted(keys)}):
        counts[row.unit, row.key] = (*counts.get((row.unit, row.key), ()), origins.count_of(row))
    return counts
