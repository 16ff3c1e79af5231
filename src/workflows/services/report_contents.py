"""What a report tells beside targets: tasks, reports of the second tier, and what became of cases.

Everything as known at the end of one day, read on the report's own transaction. What is late, and why, is
`report_lateness`'s affair.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from workflows.core.canonical import Json
from workflows.core.case import Case, CaseId
from workflows.core.catalogue_documents import Agency
from workflows.core.civil import civil_date
from workflows.core.documents import ANNULLED, OPEN, Level, State, Transition, Words
from workflows.services.engine import Engine
from workflows.services.plan_cases import REPORT, TASK, Days, body_name
from workflows.services.report_parts import CaseLine, ReceivedLine, TaskLine
from workflows.store import report_rows
from workflows.store.plan_cases import PlanCases
from workflows.store.report_rows import Scope
from workflows.store.standing import histories, then

PAPERWORK: Final = frozenset({TASK, REPORT, "list_decision", "selection_decision", "opinion"})
"""Workflows whose cases are no matter of their own to whoever reads a report: they carry others, or stand in it line
by line."""
_ALL: Final = "all_bodies"
_SUBMIT: Final = "submit"
_REPORTED: Final = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Who reports."""

    agency: str
    unit: str
    """Code."""
    whole: bool
    """For everybody within the unit, not for itself alone."""


def agency_title(agencies: Mapping[str, Agency], agency: str) -> Words:
    """The name of a kind of body; its key where the catalogue lost it."""
    return agencies[agency].title if agency in agencies else Words(vi=agency, en=agency)


def opened_unit(case: Case) -> str:
    """Code of the unit that a case was opened in, wherever it has moved since."""
    return case.opened_path.rpartition("/")[2]


class Contents:
    """What one body tells of one period."""

    def __init__(self, engine: Engine, connection: Connection, scope: Scope, body: Body, days: Days) -> None:
        self._definitions = engine.definitions
        self._agencies = engine.catalogue.agencies
        self._connection = connection
        self._scope = scope
        self._body = body
        self._first, self._last = days
        self._reports = report_rows.of_plan(connection, scope, REPORT)

    def own_case(self, obligation: str, due: date) -> CaseId | None:
        """The case of the report itself, as it is now: that of its period where the deadline was amended."""
        wanted = {"obligation": obligation, "agency": self._body.agency}
        deadline = {"deadline": due.isoformat()}
        period = {"period_from": self._first.isoformat(), "period_to": self._last.isoformat()}
        own = [
            case
            for case in self._reports
            if case.state != ANNULLED and opened_unit(case) == self._body.unit and wanted.items() <= case.data.items()
        ]
        found = [case.id for given in (deadline, period) for case in own if given.items() <= case.data.items()]
        return found[0] if found else None

    def case_lines(self, known: date) -> tuple[CaseLine, ...]:
        """By workflow, as known at the end of a day; those that are neither in force nor have a case are left out."""
        counted = PlanCases(self._connection, self._scope.ground, known)
        keys = [key for key in self._definitions.keys if key not in PAPERWORK]
        return tuple(line for key in keys if (line := self._case_line(counted, key)) is not None)

    def _case_line(self, counted: PlanCases, key: str) -> CaseLine | None:
        as_of = self._scope.as_of
        in_force = self._definitions.in_force(key, as_of)
        newest = self._definitions.versions(key)[::-1]
        versions = [in_force, *newest] if in_force else newest
        triggers = _titles(each.document.transitions for each in versions)
        states = _titles(each.document.states for each in versions)
        happened = report_rows.happened(
            self._connection, counted, key, (OPEN, *triggers), (self._first, min(self._last, as_of))
        )
        standing = Counter[str]()
        for cell in counted.cells(key, (), as_of, by_unit=False):
            standing[cell.state] += cell.number
        if in_force is None and not happened and not standing:
            return None
        return CaseLine(
            workflow=key,
            title=versions[0].document.title,
            opened=happened.get(OPEN, 0),
            happened=_by_title(triggers, happened),
            standing=_by_title(states, standing),
        )

    def tasks(self) -> tuple[TaskLine, ...]:
        """By deadline and title; those without a deadline last."""
        found = then(self._connection, report_rows.of_plan(self._connection, self._scope, TASK), self._scope.known)
        lines = [self._task(case) for case in found if self._is_told(case)]
        return tuple(sorted(lines, key=lambda line: (line.deadline or date.max, line.title)))

    def _is_told(self, case: Case) -> bool:
        """Whether a task is of the period: of one of its years, or not yet done, or done within it."""
        year = case.data.get("year")
        if case.state == ANNULLED or not isinstance(year, int) or year > self._last.year:
            return False
        of_period = year >= self._first.year or self._is_waiting(case) or civil_date(case.state_since) >= self._first
        return of_period and (self._body.whole or takes_part(self._body.agency, case))

    def _is_waiting(self, case: Case) -> bool:
        state = self._state(case)
        return not (state.final or state.lasting)

    def _task(self, case: Case) -> TaskLine:
        deadline = _day(case.data.get("deadline"))
        return TaskLine(
            case=case.id,
            title=case.title,
            lead=tuple(agency_title(self._agencies, each) for each in answering(case)),
            state=self._state(case).title,
            since=civil_date(case.state_since),
            deadline=deadline,
            late=_days_late(deadline, self._until(case)),
        )

    def _until(self, case: Case) -> date:
        """The day up to which a task is late: that of having been reported, or the report's."""
        entered = case.entered.get(_REPORTED)
        return self._scope.as_of if self._state(case).due or entered is None else date.fromisoformat(entered)

    def received(self, obligations: Collection[str]) -> tuple[ReceivedLine, ...]:
        """By deadline and title."""
        first, last = self._first.isoformat(), self._last.isoformat()
        wanted = [
            case for case in self._reports if case.data.get("obligation") in obligations and self._is_within(case)
        ]
        found = [
            case
            for case in then(self._connection, wanted, self._scope.known)
            if case.state != ANNULLED and first <= str(case.data.get("deadline")) <= last
        ]
        known = histories(self._connection, [case.id for case in found if case.version > 1], self._scope.known)
        sent = {
            case: [civil_date(event.occurred_at) for event in events if event.trigger == _SUBMIT]
            for case, events in known.items()
        }
        paths, day = {case.opened_path for case in found}, self._scope.ground.territory.on
        names = report_rows.unit_names(self._connection, paths, day)
        lines = [self._received(case, names, sent.get(case.id, [])) for case in found]
        return tuple(sorted(lines, key=lambda line: (line.due, line.title)))

    def _is_within(self, case: Case) -> bool:
        ground = self._scope.ground
        return ground.area.level is Level.PROVINCE or (
            ground.place(case.opened_path, ground.area.level) == ground.area.code
        )

    def _received(self, case: Case, names: Mapping[str, str], sent: Sequence[date]) -> ReceivedLine:
        due = date.fromisoformat(str(case.data["deadline"]))
        return ReceivedLine(
            case=case.id,
            title=case.title,
            body=body_name(self._agencies, str(case.data["agency"]), names[case.opened_path]),
            state=self._state(case).title,
            due=due,
            sent=sent[-1] if sent else None,
            late=_days_late(due, sent[0] if sent else self._scope.as_of),
        )

    def concerned(self, tasks: Iterable[CaseId]) -> frozenset[CaseId] | None:
        """The tasks and reports of which lateness is told; None: all of the plan."""
        if self._body.whole:
            return None
        own = (
            case.id
            for case in then(self._connection, self._reports, self._scope.known)
            if case.data.get("agency") == self._body.agency and opened_unit(case) == self._body.unit
        )
        return frozenset({*tasks, *own})

    def _state(self, case: Case) -> State:
        return self._definitions.by_hash(case.definition).state(case.state)


def answering(case: Case) -> Sequence[str]:
    """Agencies that answer for a task: those that lead, else those that implement, else those that take part."""
    lists = (_keys(case.data.get(name)) for name in ("lead", "implementing", "coordinating"))
    return next((each for each in lists if each), ())


def takes_part(agency: str, case: Case) -> bool:
    """Whether a body leads, implements or coordinates a task, by itself or as one of all bodies."""
    named = {key for name in ("lead", "implementing", "coordinating") for key in _keys(case.data.get(name))}
    return bool(named & {agency, _ALL})


def _keys(value: Json) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else ()


def _titles(parts: Iterable[Mapping[str, State] | Mapping[str, Transition]]) -> Mapping[str, Words]:
    """By name, as the first of several versions says."""
    found: dict[str, Words] = {}
    for version in parts:
        for name, spec in version.items():
            found.setdefault(name, spec.title)
    return found


def _by_title(titles: Mapping[str, Words], numbers: Mapping[str, int]) -> Mapping[Words, int]:
    """In the order of the titles; names that share one together, those without a number not at all."""
    found: dict[Words, int] = {}
    for name, title in titles.items():
        if numbers.get(name):
            found[title] = found.get(title, 0) + numbers[name]
    return found


def _day(value: Json) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None


def _days_late(deadline: date | None, until: date) -> int:
    return max((until - deadline).days, 0) if deadline else 0
