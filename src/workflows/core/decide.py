"""The whole decision: `decide` turns a command into events or says why not; `explain` says what can be done now.

Pure and total: no clock, no I/O, no chance. Ids and salts derive from the command, so deciding it again on the same
world gives the same events.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeAlias, cast

from workflows.core.authority import covers, has_role, in_force, may_see
from workflows.core.bindings import Bindings
from workflows.core.canonical import Json
from workflows.core.case import (
    NOTHING,
    Accepted,
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
    NotFound,
    Offer,
    Open,
    Pending,
    Refused,
    Stale,
    apply,
)
from workflows.core.civil import civil_date
from workflows.core.definition import Definition, Firing, Step
from workflows.core.documents import OPEN, Opening, Words
from workflows.core.drafting import Origin, make_event, occurred_day, opening_change, resolve, step_change
from workflows.core.evaluate import Authority, Evaluation, evaluate
from workflows.core.fields import check, present, unknown_name
from workflows.core.guards import Failed, Unknown
from workflows.core.ids import derived
from workflows.core.judging import awaits_input, guard_error, unknown
from workflows.core.ledger import EntryTooLargeError
from workflows.core.requests import check_fire, check_opening, check_trigger, check_unit
from workflows.core.wording import REASON, no_such_step, not_in_force, wrong_role, wrong_unit
from workflows.core.world import Draft, Unit, World

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
        decision = work.open(command.act) if isinstance(command.act, Open) else work.fire(command.act)
    except EntryTooLargeError as error:
        return Invalid(errors=(InputError(path="", message=str(error)),))
    if isinstance(decision, Accepted):
        draft.cases.update(decision.cases)
    return decision


def explain(
    world: World, grant: str, case_id: CaseId, now: datetime, *, trigger: str | None = None
) -> tuple[Offer, ...] | NotFound | Invalid:
    """What each trigger of a case, or the one named, would meet if it were fired now without input."""
    actor, today = world.grants[grant], civil_date(now)
    case = world.case(case_id)
    if case is None or not may_see(actor, case.unit_path, today):
        return NotFound(what="case", given=case_id)
    definition = world.definitions.by_hash(case.definition)
    if trigger is None:
        return tuple(_offer(world, case, step, actor, now) for step in definition.steps.values())
    errors = check_trigger(definition, trigger)
    return Invalid(errors=tuple(errors)) if errors else (_offer(world, case, definition.steps[trigger], actor, now),)


def _offer(world: World, case: Case, step: Step, actor: Actor, now: datetime) -> Offer:
    draft = Draft(world)
    today = civil_date(now)
    found = evaluate(draft, case, step, actor=actor, today=today, given=None, authority=Authority.OWN)
    blockers = [*found.blockers]
    if not blockers and (step.effects or step.opens):
        blockers += _foreseen(draft, case, step, found.bindings, actor, today)
    pending = found.pending
    if not step.reason_required and _effects_ask_reason(draft, case, step, found.bindings):
        pending = (*pending, Pending(code="reason", message=REASON))
    return Offer(
        trigger=step.trigger,
        to=step.targets.get(case.state),
        allowed=not blockers,
        blockers=tuple(blockers),
        pending=pending,
    )


def _asks_reason(firing: Firing, step: Step | None) -> bool:
    """An effect on its actor's own authority is that actor's act on the related case, and needs its reason."""
    return step is not None and step.reason_required and _authority_of(firing) is Authority.OWN


def _effects_ask_reason(draft: Draft, case: Case, step: Step, bindings: Bindings) -> bool:
    return any(
        _asks_reason(firing, _step_of(draft.world, target, firing.spec.fire))
        for firing in step.effects
        if not _awaits_input(firing) and _wanted(firing, bindings) is True
        for target in _targets(draft, case, firing)
    )


def _foreseen(draft: Draft, case: Case, step: Step, bindings: Bindings, actor: Actor, today: date) -> Iterator[Blocker]:
    """Blockers of related cases that stand whatever the input will be."""
    for firing in step.effects:
        if _awaits_input(firing):
            continue
        wanted = _wanted(firing, bindings)
        if isinstance(wanted, Blocker):
            yield wanted
        if wanted is not True or firing.spec.otherwise == "skip":
            continue
        for target in _targets(draft, case, firing):
            target_step = _step_of(draft.world, target, firing.spec.fire)
            if target_step is None:
                yield from _of_case([_no_such_step(firing, target)], target)
                continue
            found = evaluate(
                draft,
                target,
                target_step,
                actor=actor,
                today=today,
                given=None,
                authority=_authority_of(firing),
            )
            yield from _of_case(found.blockers, target)
            if not found.blockers:
                yield from _foreseen(draft, target, target_step, found.bindings, actor, today)


def _awaits_input(firing: Firing) -> bool:
    return firing.when is not None and awaits_input(firing.when.variables | firing.when.known)


def _wanted(firing: Firing, bindings: Bindings) -> bool | Blocker:
    """Whether the effect is taken, or why that cannot be told."""
    outcome = firing.when.evaluate(bindings) if firing.when else True
    if isinstance(outcome, Unknown):
        return unknown(outcome.names, bindings)
    if isinstance(outcome, Failed):
        title = Words(vi=firing.spec.fire, en=firing.spec.fire)
        return guard_error(firing.when.text if firing.when else None, title, outcome.message)
    return bool(outcome)


def _authority_of(firing: Firing) -> Authority:
    return Authority.OWN if firing.spec.roles == "checked" else Authority.INHERITED


def _of_case(blockers: Sequence[Blocker], case: Case) -> list[Blocker]:
    return [each if each.case else replace(each, case=case.id) for each in blockers]


def _step_of(world: World, case: Case, trigger: str) -> Step | None:
    """None where the case runs on a version without that trigger."""
    return world.definitions.by_hash(case.definition).steps.get(trigger)


def _no_such_step(firing: Firing, case: Case) -> Blocker:
    return no_such_step(firing.spec.fire, case.workflow_version, state=case.state)


def _targets(draft: Draft, case: Case, firing: Firing) -> list[Case]:
    """Cases that an effect addresses."""
    spec = firing.spec
    if spec.on == "same_unit":
        found = draft.of_unit(case.unit, spec.workflow, spec.states or ())
        return [each for each in found if each.id != case.id]
    if spec.on == "parent":
        parent = draft.case(case.parent) if case.parent else None
        related = [parent] if parent else []
    elif spec.on == "children":
        related = draft.children(case)
    else:
        related = [linked for case_id in case.links.get(spec.on, ()) if (linked := draft.case(case_id))]
    return [
        each for each in related if each.workflow == spec.workflow and (not spec.states or each.state in spec.states)
    ]


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
            facts=_facts(found),
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
        for opening in step.opens:
            blockers = self._open_children(self._changed[case_id], opening, bindings, event)
            if blockers:
                return blockers
        blockers = []
        for firing in step.effects:
            blockers += self._take_effect(self._changed[case_id], firing, bindings, event)
        return blockers

    def _open_children(self, case: Case, opening: Opening, bindings: Bindings, event: Event) -> Sequence[Blocker]:
        day = civil_date(event.occurred_at)
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
            blockers = self._open_case(
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
        event = opened(_facts(found))
        self._keep(apply(None, event), event)
        return self._follow(case_id, definition.opening, found.bindings, event)

    def _take_effect(self, case: Case, firing: Firing, bindings: Bindings, event: Event) -> list[Blocker]:
        wanted = _wanted(firing, bindings)
        if isinstance(wanted, Blocker):
            return [wanted]
        if not wanted:
            return []
        blockers: list[Blocker] = []
        for target in _targets(self._draft, case, firing):
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
        named = _of_case(blockers, target)
        if firing.spec.otherwise == "refuse":
            return named
        self._skipped.append(
            Refused(case=target.id, version=target.version, trigger=firing.spec.fire, blockers=tuple(named))
        )
        return []

    def _fire_on(self, target: Case, firing: Firing, given: Data, event: Event) -> Sequence[Blocker]:
        step = _step_of(self._world, target, firing.spec.fire)
        if step is None:
            return [_no_such_step(firing, target)]
        context = self._world.definitions.by_hash(target.definition).context
        errors = check(step.fields, given, "/input", context)
        if errors:
            text = "; ".join(f"{error.path} {error.message}" for error in errors)
            return [guard_error(firing.spec.fire, step.title, text)]
        blockers = self._perform(target, step, given, _authority_of(firing), cause=event.id)
        if not blockers and _asks_reason(firing, step) and self._command.reason is None:
            return [Blocker(code="reason", message=REASON, needed="reason")]
        return blockers

    def _mark(self) -> _Mark:
        return dict(self._draft.cases), dict(self._changed), len(self._events), len(self._skipped), self._opened

    def _return_to(self, mark: _Mark) -> None:
        self._draft.cases, self._changed, events, skipped, self._opened = mark
        del self._events[events:]
        del self._skipped[skipped:]


def _facts(found: Evaluation) -> Data:
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
