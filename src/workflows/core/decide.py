"""The whole decision: `decide` turns a command into events, or says why not.

Pure and total: no clock, no I/O, no chance. Ids and salts derive from the command, so deciding it again on the same
world gives the same events.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeAlias, cast

from workflows.core.authority import covers, has_role, in_force, may_see
from workflows.core.bindings import Bindings
from workflows.core.canonical import Json
from workflows.core.case import (
    NOTHING,
    Accepted,
    Act,
    Actor,
    Blocker,
    Case,
    CaseId,
    Command,
    Data,
    Decision,
    Event,
    EventId,
    Fire,
    InputError,
    Invalid,
    MoveDeadline,
    MoveUnit,
    NotFound,
    Open,
    Refused,
    Stale,
    apply,
)
from workflows.core.civil import civil_date
from workflows.core.deadline_moves import STEP as MOVING_DEADLINE
from workflows.core.deadline_moves import deadline_blockers, deadline_change, deadline_facts, moved
from workflows.core.deadlines import reckoned_by
from workflows.core.definition import Birth, Definition, Firing, Step
from workflows.core.documents import MOVE_DEADLINE, MOVE_UNIT, OPEN, Words
from workflows.core.drafting import Origin, make_event, occurred_day, opening_change, resolve, step_change
from workflows.core.effects import asks_reason, authority_of, is_wanted, no_such_step_of, of_case, step_of, targets
from workflows.core.evaluate import Authority, Evaluation, evaluate
from workflows.core.fields import check, present, unknown_name
from workflows.core.ids import derived
from workflows.core.judging import guard_error
from workflows.core.ledger import EntryTooLargeError
from workflows.core.moving import STEP as MOVING
from workflows.core.moving import destination, move_blockers, move_change, move_facts
from workflows.core.requests import check_fire, check_opening, check_trigger, check_unit
from workflows.core.wording import REASON, not_in_force, wrong_role, wrong_unit
from workflows.core.world import Draft, Unit

_GRANT = Words(vi="Quyền được giao", en="The grant")


def decide(draft: Draft, command: Command, now: datetime) -> Decision:
    """Decide a command; the draft holds its changes only when it is accepted.

    Args:
        draft: What the command sees; shared by the members of an atomic group.
        command: What is to be done, its values within the canonical profile.
        now: The server's time of deciding, UTC.
    """
    work = _Work(draft, command, now)
    try:
        decision = work.decide(command.act)
    except EntryTooLargeError as error:
        return Invalid(errors=(InputError(path="", message=str(error)),))
    if isinstance(decision, Accepted):
        draft.cases.update(decision.cases)
    return decision


_Mark: TypeAlias = tuple[dict[CaseId, Case], dict[CaseId, Case], int, int, int]


class _Work:
    """One command being decided: the draft of its changes and the events so far."""

    def __init__(self, draft: Draft, command: Command, now: datetime) -> None:
        self._draft = draft.copy()
        self._world = draft.world
        self._command = command
        self._now = now
        self._today = civil_date(now)
        self._actor = draft.world.grants[command.grant]
        self._origin = Origin(command=command, actor=self._actor, now=now, occurred_at=command.occurred_at or now)
        self._events: list[Event] = []
        self._changed: dict[CaseId, Case] = {}
        self._skipped: list[Refused] = []
        self._opened = 0

    def decide(self, act: Act) -> Decision:
        if isinstance(act, Open):
            return self.open(act)
        if isinstance(act, MoveDeadline):
            return self.move_deadline(act)
        return self.move(act) if isinstance(act, MoveUnit) else self.fire(act)

    def fire(self, act: Fire) -> Decision:
        case = self._draft.case(act.case)
        if case is None or not may_see(self._actor, case.unit_path, self._today):
            return NotFound(what="case", given=act.case)
        if act.expected_version is not None and act.expected_version != case.version:
            return Stale(expected=act.expected_version, found=case.version)
        definition = self._world.definitions.by_hash(case.definition)
        errors = check_trigger(definition, act.trigger)
        if errors:
            return Invalid(errors=tuple(errors))
        step = definition.steps[act.trigger]
        errors = check_fire(self._draft, self._actor, case, step, self._command, now=self._now)
        if errors:
            return Invalid(errors=tuple(errors))
        blockers = self._perform(case, step, present(act.input), Authority.OWN, cause=None)
        return self._done(blockers, case, step.trigger)

    def open(self, act: Open) -> Decision:
        versions = self._world.definitions.versions(act.workflow)
        if not versions:
            error = unknown_name("/workflow", "workflow", act.workflow, self._world.definitions.keys)
            return Invalid(errors=(error,))
        day = civil_date(self._origin.occurred_at)
        definition = self._world.definitions.in_force(act.workflow, day)
        nearest = self._world.definitions.for_opening(act.workflow, day)
        errors = check_opening(self._draft, self._actor, nearest, self._command, now=self._now)
        unit = check_unit(self._draft, nearest, act.unit, day)
        if isinstance(unit, list):
            errors += unit
        if errors:
            return Invalid(errors=tuple(errors))
        blockers: list[Blocker] = self._forbidden(nearest, act.unit, unit)
        if definition is None:
            blockers.append(_no_version(versions, day))
        if unit is None:
            blockers.append(self._no_unit(act.unit, day))
        if definition is not None and isinstance(unit, Unit) and not blockers:
            blockers += self._open_case(
                definition,
                unit=act.unit,
                unit_path=unit.path,
                title=act.title,
                data=present(act.data),
                plan=act.plan,
                parent=act.parent,
                occurred_at=self._origin.occurred_at,
                cause=None,
            )
        return self._done(blockers, None, OPEN)

    def move(self, act: MoveUnit) -> Decision:
        case = self._draft.case(act.case)
        if case is None or not may_see(self._actor, case.unit_path, self._today):
            return NotFound(what="case", given=act.case)
        definition = self._world.definitions.by_hash(case.definition)
        levels = definition.document.levels
        blockers = move_blockers(self._world, self._actor, case, act, levels, self._today)
        target = destination(self._world, act)
        if target is not None and not blockers:
            event = make_event(
                self._origin,
                definition=definition,
                step=MOVING,
                case=case,
                case_id=case.id,
                unit=target.code,
                index=0,
                to=case.state,
                change=move_change(target),
                given=NOTHING,
                facts=move_facts(self._world, case, target, act),
                cause=None,
                reason=self._command.reason,
            )
            self._keep(apply(case, event), event)
        return self._done(blockers, case, MOVE_UNIT)

    def move_deadline(self, act: MoveDeadline) -> Decision:
        case = self._draft.case(act.case)
        if case is None or not may_see(self._actor, case.unit_path, self._today):
            return NotFound(what="case", given=act.case)
        definition = self._world.definitions.by_hash(case.definition)
        found = moved(definition, case)
        blockers = deadline_blockers(self._actor, case, found)
        if found is not None and not blockers:
            event = make_event(
                self._origin,
                definition=definition,
                step=MOVING_DEADLINE,
                case=case,
                case_id=case.id,
                unit=case.unit,
                index=0,
                to=case.state,
                change=deadline_change(found.last),
                given=NOTHING,
                facts=deadline_facts(case, found, self._today),
                cause=None,
                reason=self._command.reason,
            )
            self._keep(apply(case, event), event)
        return self._done(blockers, case, MOVE_DEADLINE)

    def _forbidden(self, definition: Definition, code: str, unit: Unit | list[InputError] | None) -> list[Blocker]:
        roles = definition.opening.roles
        blockers = []
        if not in_force(self._actor, self._today):
            blockers.append(_grant_not_in_force(self._actor, self._today))
        if not has_role(self._actor, roles, definition.key, OPEN):
            blockers.append(wrong_role(self._actor.role, sorted(roles)))
        path = unit.path if isinstance(unit, Unit) else self._world.units[code][-1].path
        if not covers(self._actor, path):
            blockers.append(wrong_unit(self._actor.unit, code))
        return blockers

    def _no_unit(self, code: str, day: date) -> Blocker:
        periods = self._world.units[code]
        name = periods[-1].name
        return not_in_force(Words(vi=name, en=name), day, [_period(each.valid_from, each.valid_to) for each in periods])

    def _done(self, blockers: Sequence[Blocker], case: Case | None, trigger: str) -> Decision:
        if not blockers:
            return Accepted(events=tuple(self._events), cases=self._changed, skipped=tuple(self._skipped))
        return Refused(
            case=case.id if case else None,
            version=case.version if case else None,
            trigger=trigger,
            blockers=tuple(blockers),
        )

    def _perform(
        self, case: Case, step: Step, given: Data, authority: Authority, cause: EventId | None
    ) -> Sequence[Blocker]:
        """Fire a step and all that follows from it. Where blockers come back, the caller drops what was drafted."""
        found = evaluate(
            self._draft, case, step, actor=self._actor, today=self._today, given=given, authority=authority
        )
        if found.blockers or found.to is None:
            return found.blockers
        definition = self._world.definitions.by_hash(case.definition)
        day = occurred_day(self._origin, case)
        change = step_change(definition, case, step, to=found.to, given=given, today=self._today, day=day)
        event = make_event(
            self._origin,
            definition=definition,
            step=step,
            case=case,
            case_id=case.id,
            unit=case.unit,
            index=len(self._events),
            to=found.to,
            change=change,
            given=given,
            facts={**_facts(found, step), **reckoned_by(definition, found.to, change.whole, self._today)},
            cause=cause,
            reason=self._command.reason if cause is None or authority is Authority.OWN else None,
        )
        self._keep(apply(case, event), event)
        return self._follow(case.id, step, found.bindings, event)

    def _keep(self, case: Case, event: Event) -> None:
        self._draft.put(case)
        self._changed[case.id] = case
        self._events.append(event)

    def _follow(self, case_id: CaseId, step: Step, bindings: Bindings, event: Event) -> Sequence[Blocker]:
        for birth in step.opens:
            blockers = self._open_children(self._changed[case_id], birth, bindings, event)
            if blockers:
                return blockers
        blockers = []
        for firing in step.effects:
            blockers += self._take_effect(self._changed[case_id], firing, bindings, event)
        return blockers

    def _open_children(self, case: Case, birth: Birth, bindings: Bindings, event: Event) -> Sequence[Blocker]:
        wanted = is_wanted(birth, bindings)
        if wanted is not True:
            return [wanted] if isinstance(wanted, Blocker) else []
        opening, day = birth.spec, civil_date(event.occurred_at)
        definition = self._world.definitions.in_force(opening.workflow, day)
        if definition is None:
            return [_no_version(self._world.definitions.versions(opening.workflow), day)]
        given = bindings.given or NOTHING
        items: Sequence[Json] = [None]
        if opening.for_each:
            items = cast("Sequence[Json]", resolve(opening.for_each, given=given, case=case, today=self._today) or ())
        for item in items:
            data = {
                name: resolve(source, given=given, case=case, today=self._today, item=item)
                for name, source in opening.with_.items()
            }
            errors = check(definition.opening.fields, data, "/data", definition.context)
            blockers: Sequence[Blocker] = _unusable(OPEN, definition.document.title, errors) or self._open_case(
                definition,
                unit=case.unit,
                unit_path=case.unit_path,
                title=case.title,
                data=present(data),
                plan=case.plan,
                parent=case.id,
                occurred_at=event.occurred_at,
                cause=event.id,
            )
            if blockers:
                return blockers
        return ()

    def _open_case(  # noqa: PLR0913 - a case begins with that much, and each call names it
        self,
        definition: Definition,
        *,
        unit: str,
        unit_path: str,
        title: str,
        data: Data,
        plan: str | None,
        parent: CaseId | None,
        occurred_at: datetime,
        cause: EventId | None,
    ) -> Sequence[Blocker]:
        case_id = CaseId(derived(self._command.id, "case", self._opened))
        self._opened += 1
        origin = replace(self._origin, occurred_at=occurred_at)
        day = civil_date(occurred_at)
        change = opening_change(
            definition, title=title, data=data, unit_path=unit_path, plan=plan, parent=parent, day=day
        )

        def opened(facts: Data) -> Event:
            return make_event(
                origin,
                definition=definition,
                step=definition.opening,
                case=None,
                case_id=case_id,
                unit=unit,
                index=len(self._events),
                to=definition.document.initial,
                change=change,
                given=data,
                facts=facts,
                cause=cause,
                reason=self._command.reason if cause is None else None,
            )

        # Guards of an opening see the case as it would be; facts that count cases do not count it yet.
        probe = apply(None, opened(NOTHING))
        found = evaluate(
            self._draft,
            probe,
            definition.opening,
            actor=self._actor,
            today=self._today,
            given=data,
            authority=Authority.INHERITED,
        )
        if found.blockers:
            return found.blockers
        reckoned = reckoned_by(definition, definition.document.initial, change.whole, self._today)
        event = opened({**_facts(found, definition.opening), **reckoned})
        self._keep(apply(None, event), event)
        return self._follow(case_id, definition.opening, found.bindings, event)

    def _take_effect(self, case: Case, firing: Firing, bindings: Bindings, event: Event) -> list[Blocker]:
        wanted = is_wanted(firing, bindings)
        if isinstance(wanted, Blocker):
            return [wanted]
        if not wanted:
            return []
        blockers: list[Blocker] = []
        for target in targets(self._draft, case, firing):
            blockers += self._affect(target, case, firing, bindings, event)
        return blockers

    def _affect(self, target: Case, case: Case, firing: Firing, bindings: Bindings, event: Event) -> list[Blocker]:
        given = present(
            {
                name: resolve(source, given=bindings.given or NOTHING, case=case, today=self._today)
                for name, source in firing.spec.with_.items()
            }
        )
        mark = self._mark()
        blockers = self._fire_on(target, firing, given, event)
        if not blockers:
            return []
        self._return_to(mark)
        named = of_case(blockers, target)
        if firing.spec.otherwise == "refuse":
            return named
        self._skipped.append(
            Refused(case=target.id, version=target.version, trigger=firing.spec.fire, blockers=tuple(named))
        )
        return []

    def _fire_on(self, target: Case, firing: Firing, given: Data, event: Event) -> Sequence[Blocker]:
        step = step_of(self._world, target, firing.spec.fire)
        if step is None:
            return [no_such_step_of(firing, target)]
        context = self._world.definitions.by_hash(target.definition).context
        errors = check(step.fields, given, "/input", context)
        if errors:
            return _unusable(firing.spec.fire, step.title, errors)
        blockers = self._perform(target, step, given, authority_of(firing), cause=event.id)
        if not blockers and asks_reason(firing, step) and self._command.reason is None:
            return [Blocker(code="reason", message=REASON, needed="reason")]
        return blockers

    def _mark(self) -> _Mark:
        return dict(self._draft.cases), dict(self._changed), len(self._events), len(self._skipped), self._opened

    def _return_to(self, mark: _Mark) -> None:
        self._draft.cases, self._changed, events, skipped, self._opened = mark
        del self._events[events:]
        del self._skipped[skipped:]


def _unusable(trigger: str, title: Words, errors: Sequence[InputError]) -> list[Blocker]:
    """Values that a definition hands to a related case, and that this cannot take; empty without errors."""
    text = "; ".join(f"{error.path} {error.message}" for error in errors)
    return [guard_error(trigger, title, text)] if errors else []


def _facts(found: Evaluation, step: Step) -> Data:
    """The facts that were used, those that decide on effects and children included, as they are now."""
    for guard in step.wishes():
        for name in guard.variables:
            if name.startswith("facts."):
                found.bindings.get(name)
    facts = dict(found.bindings.used)
    return {**facts, "sheets": found.sheets} if found.sheets else facts


def _no_version(versions: Sequence[Definition], day: date) -> Blocker:
    document = versions[-1].document
    periods = [each.document.valid.period for each in versions]
    return not_in_force(document.title, day, periods)


def _grant_not_in_force(actor: Actor, today: date) -> Blocker:
    return not_in_force(_GRANT, today, [] if actor.revoked else [_period(actor.valid_from, actor.valid_to)])


def _period(start: date | None, end: date | None) -> str:
    return f"[{start.isoformat() if start else '…'}, {end.isoformat() if end else '…'})"
