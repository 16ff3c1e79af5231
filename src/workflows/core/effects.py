"""What an effect is about: which cases it addresses, whether it is wanted, on whose authority it runs."""

from collections.abc import Sequence
from dataclasses import replace

from workflows.core.bindings import Bindings
from workflows.core.case import (
    Blocker,
    Case,
)
from workflows.core.definition import Birth, Firing, Step
from workflows.core.documents import Words
from workflows.core.evaluate import Authority
from workflows.core.guards import Failed, Unknown
from workflows.core.judging import awaits_input, guard_error, unknown
from workflows.core.wording import no_such_step
from workflows.core.world import Draft, World


def asks_reason(firing: Firing, step: Step | None) -> bool:
    """An effect on its actor's own authority is that actor's act on the related case, and needs its reason."""
    return step is not None and step.reason_required and authority_of(firing) is Authority.OWN


def waits_for_input(wish: Firing | Birth) -> bool:
    return wish.when is not None and awaits_input(wish.when.variables | wish.when.known)


def is_wanted(wish: Firing | Birth, bindings: Bindings) -> bool | Blocker:
    """Whether the effect is taken, or the child opened, or why that cannot be told."""
    if wish.when is None:
        return True
    outcome = wish.when.evaluate(bindings)
    if isinstance(outcome, Unknown):
        return unknown(outcome.names, bindings)
    if isinstance(outcome, Failed):
        name = wish.spec.fire if isinstance(wish, Firing) else wish.spec.workflow
        return guard_error(wish.when.text, Words(vi=name, en=name), outcome.message)
    return bool(outcome)


def authority_of(firing: Firing) -> Authority:
    return Authority.OWN if firing.spec.roles == "checked" else Authority.INHERITED


def of_case(blockers: Sequence[Blocker], case: Case) -> list[Blocker]:
    return [each if each.case else replace(each, case=case.id) for each in blockers]


def step_of(world: World, case: Case, trigger: str) -> Step | None:
    """None where the case runs on a version without that trigger."""
    return world.definitions.by_hash(case.definition).steps.get(trigger)


def no_such_step_of(firing: Firing, case: Case) -> Blocker:
    return no_such_step(firing.spec.fire, case.workflow_version, state=case.state)


def targets(draft: Draft, case: Case, firing: Firing) -> list[Case]:
    """Cases that an effect addresses."""
    spec = firing.spec
    if spec.on == "same_unit":
        found = draft.of_unit(case.unit_path, spec.workflow, spec.states or ())
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
