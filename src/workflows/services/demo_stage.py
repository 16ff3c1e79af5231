"""The stage of the demonstration: a settable clock, officers with real keys, and a narrator.

Everything here goes through the running engine, nothing around it. What happens, and in which order, is the story's
affair.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from workflows.core.case import NOTHING, Accepted, Actor, Blocker, Case, CaseId, Data, Decision, Fire, Open, Refused
from workflows.core.civil import civil_date, show_date, start_of_day
from workflows.core.documents import Role, WorkflowDocument
from workflows.services.engine import Engine
from workflows.services.grants import check_grant
from workflows.store import counts, keys, queries
from workflows.store.queries import Unit
from workflows.store.submissions import Submission

PLAN: Final = "tra-vinh-2025"
PLAN_ISSUED: Final = date(2025, 2, 17)
FIRST_DAY: Final = date(2025, 1, 6)
SOURCE: Final = "Số liệu minh họa, không phải số liệu thật / demonstration figure, not real"
_INDENT: Final = " " * 12
_OPENING: Final = timedelta(hours=8)
_STEP: Final = timedelta(minutes=1)
_NAMED: Final = 8
"""Of more communes, the first few are named and all of them counted."""
_FEW: Final = 3


class DemoError(RuntimeError):
    """The engine did not do what the story tells."""


@dataclass(slots=True)
class DemoClock:
    """A clock that stands still until it is moved; UTC like every clock."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def opening_hour(day: date) -> datetime:
    """When the offices open on a civil date, UTC."""
    return start_of_day(day) + _OPENING


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A person with one of their keys."""

    actor: Actor
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What somebody does."""

    person: str
    act: Open | Fire
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Stage:
    engine: Engine
    clock: DemoClock
    say: Callable[[str], None]
    officers: dict[str, Officer] = field(default_factory=dict)
    """By person; a second key of a person stands under `person+role`."""
    _units: dict[str, Unit] = field(default_factory=dict)
    _shown: date | None = None

    def on(self, day: str) -> None:
        """Move the clock to an ISO date.

        Raises:
            DemoError: the date is behind the clock.
        """
        wanted = date.fromisoformat(day)
        if wanted < civil_date(self.clock.now):
            raise DemoError(f"the story goes back from {show_date(civil_date(self.clock.now))} to {show_date(wanted)}")
        self.clock.now = max(opening_hour(wanted), self.clock.now)

    def appoint(self, person: str, role: Role, unit: str, *, agency: str | None = None) -> None:
        """Make a key for a person; a person who has one already gets a second."""
        grant = keys.Grant(role=role, unit=unit, person=person, name=f"demo {person} {role}", agency=agency)
        check_grant(grant, lambda: self.engine.catalogue)
        secret = keys.create(self.engine.database, grant, now=self.clock()).secret
        with self.engine.database.read() as connection:
            actor = keys.find(connection, secret)
        if actor is None:
            raise DemoError(f"the key of {person} is not found by its secret")
        handle = f"{person}+{role}" if person in self.officers else person
        self.officers[handle] = Officer(actor=actor, secret=secret)

    def unit(self, code: str) -> Unit:
        """The unit as it was on the first day."""
        if code not in self._units:
            with self.engine.database.read() as connection:
                self._units[code] = queries.known_unit(connection, code, FIRST_DAY)
        return self._units[code]

    def district(self, code: str) -> str:
        """Code of the district of a commune."""
        return self.unit(code).path.split("/")[-2]

    def place(self, code: str) -> str:
        """Name of a commune with its district: names of wards repeat."""
        return f"{self.unit(code).name}, {self.unit(self.district(code)).name}"

    def document(self, workflow: str) -> WorkflowDocument:
        return self.engine.catalogue.workflows[workflow][-1]

    def case(self, case: CaseId) -> Case:
        """The case as it is now.

        Raises:
            DemoError: there is none.
        """
        auditor = self.officers["kiem-tra.01"].actor
        with self.engine.database.read() as connection:
            found = queries.case_by_id(connection, case, auditor, civil_date(self.clock()))
        if found is None:
            raise DemoError(f"case {case} is not there")
        return found

    def open(self, person: str, workflow: str, unit: str, title: str, data: Data) -> Accepted:
        plan = PLAN if civil_date(self.clock()) >= PLAN_ISSUED else None
        act = Open(workflow=workflow, unit=unit, title=title, data=data, plan=plan)
        return _accepted(self.attempt(person, act), Step(person=person, act=act))

    def fire(
        self, person: str, case: CaseId, trigger: str, given: Data = NOTHING, *, reason: str | None = None
    ) -> Accepted:
        step = Step(person=person, act=Fire(case=case, trigger=trigger, input=given), reason=reason)
        return _accepted(self.attempt(person, step.act, reason=reason), step)

    def together(self, steps: Iterable[Step]) -> list[Accepted]:
        """What several people do within one minute, each step for itself and in their order."""
        self.clock.now += _STEP
        todo = list(steps)
        futures = [self.engine.submit(self._submission(each)) for each in todo]
        return [_accepted(future.result()[0].decision, step) for future, step in zip(futures, todo, strict=True)]

    def refused(self, person: str, act: Open | Fire) -> Refused:
        """Try what the engine must refuse, and tell why it does."""
        decision = self.attempt(person, act)
        if not isinstance(decision, Refused):
            raise DemoError(f"{person}: {act} was not refused: {decision}")
        self.explain(decision.blockers)
        return decision

    def blockers(self, person: str, case: CaseId, trigger: str) -> tuple[Blocker, ...]:
        """What stands against a step, without trying it.

        Raises:
            DemoError: nothing stands against it, or the case is not shown to the person.
        """
        offers = self.engine.explain(self.officers[person].actor.grant, case, trigger)
        if not isinstance(offers, tuple) or offers[0].allowed:
            raise DemoError(f"{person}: nothing stands against {trigger} on {case}: {offers}")
        return offers[0].blockers

    def attempt(self, person: str, act: Open | Fire, *, reason: str | None = None) -> Decision:
        """What the engine decides; a minute passes."""
        self.clock.now += _STEP
        submission = self._submission(Step(person=person, act=act, reason=reason))
        decision = self.engine.submit(submission).result()[0].decision
        if decision is None:
            raise DemoError(f"{person}: {act} was answered from a stored reply")
        return decision

    def _submission(self, step: Step) -> Submission:
        grant = self.officers[step.person].actor.grant
        return Submission(commands=(self.engine.command(grant=grant, act=step.act, reason=step.reason),))

    def enter(self, person: str, figures: Mapping[str, Mapping[str, int]], as_of: date) -> None:
        """Enter figures by unit."""
        made = [
            counts.Figure(unit=unit, key=key, value=value, as_of=as_of, source=SOURCE)
            for unit, values in figures.items()
            for key, value in values.items()
        ]
        with self.engine.database.write() as connection:
            counts.add_all(connection, self.officers[person].actor, made, now=self.clock())

    def chapter(self, vi: str, en: str) -> None:
        self.say("")
        self.say(f"══ {vi} / {en}")
        self._shown = None

    def tell(self, vi: str, en: str) -> None:
        """One thing that happens, with its date when it is a new one."""
        self._say_dated(vi)
        self.say(f"{_INDENT}{en}")

    def note(self, what: str, vi: str, en: str) -> None:
        """`tell` in one line."""
        self._say_dated(f"{what}: {vi} / {en}")

    def line(self, text: str) -> None:
        """One more line of what was told last."""
        self.say(f"{_INDENT}{text}")

    def _say_dated(self, text: str) -> None:
        today = civil_date(self.clock())
        self.say(f"{show_date(today) if today != self._shown else '':<12}{text}")
        self._shown = today

    def explain(self, blockers: Sequence[Blocker]) -> None:
        """Tell blockers, those that several cases share together."""
        told: dict[tuple[str, str, str], list[str]] = {}
        for blocker in blockers:
            named = told.setdefault((_code(blocker), blocker.message.vi, blocker.message.en), [])
            if blocker.case:
                named.append(self.unit(self.case(blocker.case).unit).name)
        for (code, vi, en), names in told.items():
            whose = f" {_named(names)}" if names else ""
            self.line(f"✗ {code}: {vi} / {en}{whose}")

    def consequences(self, accepted: Accepted) -> None:
        """Tell what other cases did because of an event, in its transaction."""
        told: dict[tuple[str, str], list[str]] = {}
        for event in accepted.events[1:]:
            told.setdefault((event.workflow, event.target), []).append(self.unit(event.unit).name)
        for (workflow, state), names in told.items():
            document = self.document(workflow)
            title = document.states[state].title
            self.line(
                f"→ cùng giao dịch / in the same transaction: {document.title.vi}, “{title.vi}” / “{title.en}” "
                f"{_named(names)}"
            )


def _code(blocker: Blocker) -> str:
    """The code, for a criterion with the conditions in it that do not hold."""
    figures = blocker.found if isinstance(blocker.found, Mapping) else {}
    unmet = [name for name, figure in figures.items() if isinstance(figure, Mapping) and figure.get("met") is False]
    return f"{blocker.code} ({', '.join(unmet)})" if unmet else blocker.code


def _named(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return f"[{', '.join(names)}]"
    return f"[{', '.join(names[:_FEW])}, … ({len(names)})]"


def _accepted(decision: Decision | None, step: Step) -> Accepted:
    if not isinstance(decision, Accepted):
        raise DemoError(f"{step.person}: {step.act} came to {decision}")
    return decision
