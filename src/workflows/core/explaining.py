"""What can be done with a case now, and what stands against the rest, as far as that can be told without input.

The same evaluation as the real call; effects are foreseen as far as they do not depend on the input.
"""

from collections.abc import Iterator
from datetime import date, datetime

from workflows.core.authority import may_see
from workflows.core.bindings import Bindings
from workflows.core.case import (
    Actor,
    Blocker,
    Case,
    CaseId,
    Invalid,
    NotFound,
    Offer,
    Pending,
)
from workflows.core.civil import civil_date
from workflows.core.definition import Step
from workflows.core.effects import (
    asks_reason,
    authority_of,
    is_wanted,
    no_such_step_of,
    of_case,
    step_of,
    targets,
    waits_for_input,
)
from workflows.core.evaluate import Authority, evaluate
from workflows.core.requests import check_trigger
from workflows.core.wording import REASON
from workflows.core.world import Draft, World


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


def _effects_ask_reason(draft: Draft, case: Case, step: Step, bindings: Bindings) -> bool:
    return any(
        asks_reason(firing, step_of(draft.world, target, firing.spec.fire))
        for firing in step.effects
        if not waits_for_input(firing) and is_wanted(firing, bindings) is True
        for target in targets(draft, case, firing)
    )


def _foreseen(draft: Draft, case: Case, step: Step, bindings: Bindings, actor: Actor, today: date) -> Iterator[Blocker]:
    """Blockers of related cases that stand whatever the input will be."""
    for birth in step.opens:
        if not waits_for_input(birth) and isinstance(wanted := is_wanted(birth, bindings), Blocker):
            yield wanted
    for firing in step.effects:
        if waits_for_input(firing):
            continue
        wanted = is_wanted(firing, bindings)
        if isinstance(wanted, Blocker):
            yield wanted
        if wanted is not True or firing.spec.otherwise == "skip":
            continue
        for target in targets(draft, case, firing):
            target_step = step_of(draft.world, target, firing.spec.fire)
            if target_step is None:
                yield from of_case([no_such_step_of(firing, target)], target)
                continue
            found = evaluate(
                draft,
                target,
                target_step,
                actor=actor,
                today=today,
                given=None,
                authority=authority_of(firing),
            )
            yield from of_case(found.blockers, target)
            if not found.blockers:
                yield from _foreseen(draft, target, target_step, found.bindings, actor, today)
