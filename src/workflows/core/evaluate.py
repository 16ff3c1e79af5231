"""One trigger on one case: may it be fired, and where does it lead.

The same evaluation answers the list of what can be done, the dry run and the real call.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum

from workflows.core.authority import covers, has_role
from workflows.core.bindings import Bindings
from workflows.core.case import Actor, Blocker, Case, Data, Pending
from workflows.core.definition import Definition, Step
from workflows.core.documents import OPEN
from workflows.core.guards import Failed, Unknown
from workflows.core.judging import Judgement, guard_error, judge, unknown
from workflows.core.wording import REASON, four_eyes, too_early, wrong_role, wrong_state, wrong_unit
from workflows.core.world import Draft


class Authority(Enum):
    """Whose authority a step runs on."""

    OWN = "own"
    """The actor's: role and unit are checked."""
    INHERITED = "inherited"
    """Its cause's: they are not checked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Allowed when there is no blocker; then `to` is the target."""

    to: str | None
    blockers: tuple[Blocker, ...]
    pending: tuple[Pending, ...]
    bindings: Bindings
    sheets: Data


def evaluate(
    draft: Draft,
    case: Case,
    step: Step,
    *,
    actor: Actor,
    today: date,
    given: Data | None,
    authority: Authority,
) -> Evaluation:
    """Judge a step on a case.

    Args:
        draft: What the decision sees.
        case: The case; for an opening, as it would be after it.
        step: What is to be done.
        actor: Who does it.
        today: The civil date of deciding.
        given: The input, already checked; None to judge only what does not depend on it.
        authority: Whether the actor's role and unit count.
    """
    definition = draft.world.definitions.by_hash(case.definition)
    bindings = Bindings(
        draft=draft,
        definition=definition,
        case=case,
        actor=actor,
        today=today,
        fields=step.fields,
        given=given,
    )
    refused = _authority(case, step, actor) if authority is Authority.OWN else []
    opening = step.trigger == OPEN
    if not opening and not definition.machine.leads(step.trigger, case.state):
        refused.insert(0, _wrong_state(definition, case, step))
        return Evaluation(to=None, blockers=tuple(refused), pending=(), bindings=bindings, sheets={})
    judgement = Judgement(blockers=[*refused, *_four_eyes(draft, case, step, actor), *_not_before(step, bindings)])

    def allow() -> bool:
        judge(step.rules, bindings, judgement)
        return not judgement.blockers

    state = case.state
    target = (state if allow() else None) if opening else definition.machine.step(step.trigger, state, allow)
    if given is None and step.reason_required:
        judgement.pending.append(Pending(code="reason", message=REASON))
    return Evaluation(
        to=target,
        blockers=tuple(judgement.blockers),
        pending=tuple(judgement.pending),
        bindings=bindings,
        sheets=judgement.sheets,
    )


def _authority(case: Case, step: Step, actor: Actor) -> list[Blocker]:
    blockers = []
    if not has_role(actor, step.roles, case.workflow, step.trigger):
        blockers.append(wrong_role(actor.role, sorted(step.roles)))
    if not covers(actor, case.unit_path):
        blockers.append(wrong_unit(actor.unit, case.unit))
    return blockers


def _wrong_state(definition: Definition, case: Case, step: Step) -> Blocker:
    titles = [definition.state(name).title for name in step.targets]
    return wrong_state(definition.state(case.state).title, titles, state=case.state, states=list(step.targets))


def _four_eyes(draft: Draft, case: Case, step: Step, actor: Actor) -> Iterator[Blocker]:
    for separation in step.separate:
        if separation.workflow is None:
            episode = case.acts.get(separation.trigger, {}).get(actor.person)
            done = episode is not None and (step.over_case or episode == case.episode)
            title = draft.world.definitions.by_hash(case.definition).step(separation.trigger).title
        else:
            related = [each for each in _related(draft, case) if each.workflow == separation.workflow]
            done = any(actor.person in each.acts.get(separation.trigger, {}) for each in related)
            title = draft.world.definitions.versions(separation.workflow)[-1].step(separation.trigger).title
        if done:
            yield four_eyes(actor.person, separation.trigger, title)


def _related(draft: Draft, case: Case) -> Iterator[Case]:
    parent = draft.case(case.parent) if case.parent else None
    if parent:
        yield parent
    yield from draft.children(case)
    yield from draft.lists(case)
    yield from (linked for field in case.links for _, linked in draft.linked(case, field) if linked)


def _not_before(step: Step, bindings: Bindings) -> Iterator[Blocker]:
    if step.not_before is None:
        return
    first = step.not_before.evaluate(bindings)
    if isinstance(first, Unknown):
        yield unknown(first.names, bindings)
    elif isinstance(first, Failed) or not isinstance(first, date):
        yield guard_error(step.not_before.text, step.title, str(first))
    elif bindings.today < first:
        yield too_early(bindings.today, first)
