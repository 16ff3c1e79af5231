"""One trigger on one case: may it be fired, and where does it lead.

The same evaluation answers the list of what can be done, the dry run and the real call.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import chain

from workflows.core.authority import covers, has_role
from workflows.core.bindings import Bindings
from workflows.core.case import Actor, Blocker, Case, Data, Pending
from workflows.core.definition import Definition, Separation, Step
from workflows.core.documents import OPEN
from workflows.core.guards import Failed, Unknown
from workflows.core.judging import Judgement, awaits_input, guard_error, judge, unknown
from workflows.core.wording import FIRST_DAY, REASON, four_eyes, too_early, wrong_role, wrong_state, wrong_unit
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
    judgement = Judgement(blockers=[*refused, *_four_eyes(bindings, step)])
    _judge_first_day(step, bindings, judgement)

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


def _four_eyes(bindings: Bindings, step: Step) -> Iterator[Blocker]:
    for separation in step.separate:
        done = next(_acted_on(bindings, step, separation), None)
        if done:
            title = bindings.draft.world.definitions.by_hash(done.definition).step(separation.trigger).title
            yield four_eyes(bindings.actor.person, separation.trigger, title)


def _acted_on(bindings: Bindings, step: Step, separation: Separation) -> Iterator[Case]:
    """Cases on which the actor did what another person must have done."""
    case, person = bindings.case, bindings.actor.person
    if separation.workflow is None:
        episode = case.acts.get(separation.trigger, {}).get(person)
        if episode is not None and (step.over_case or episode == case.episode):
            yield case
        return
    for each in _related(bindings):
        if each.workflow == separation.workflow and person in each.acts.get(separation.trigger, {}):
            yield each


def _related(bindings: Bindings) -> Iterator[Case]:
    draft, case = bindings.draft, bindings.case
    parent = draft.case(case.parent) if case.parent else None
    if parent:
        yield parent
    yield from draft.children(case)
    yield from draft.lists(case)
    linked = [*chain(*case.links.values()), *bindings.given_links]
    yield from (found for case_id in linked if (found := draft.case(case_id)))


def _judge_first_day(step: Step, bindings: Bindings, judgement: Judgement) -> None:
    if step.not_before is None:
        return
    if bindings.given is None and awaits_input(step.not_before.variables | step.not_before.known):
        judgement.pending.append(Pending(code="too_early", message=FIRST_DAY))
        return
    first = step.not_before.evaluate(bindings)
    if isinstance(first, Unknown):
        judgement.blockers.append(unknown(first.names, bindings))
    elif isinstance(first, Failed) or not isinstance(first, date):
        judgement.blockers.append(guard_error(step.not_before.text, step.title, str(first)))
    elif bindings.today < first:
        judgement.blockers.append(too_early(bindings.today, first))
