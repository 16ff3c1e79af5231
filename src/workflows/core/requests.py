"""What is wrong with a request itself, before anything is decided: names, values, times."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import cast

from workflows.core.authority import may_see
from workflows.core.case import Actor, Case, CaseId, Command, Data, Fire, InputError, Open
from workflows.core.civil import civil_date, format_instant
from workflows.core.definition import Definition, Step
from workflows.core.documents import AMEND, CasesField, FieldSpec
from workflows.core.fields import REASON_LIMIT, TITLE_LIMIT, agencies_in_force, check, present, texts, unknown_name
from workflows.core.world import Draft, Unit

_PLAN = re.compile(r"[a-z0-9_-]{1,60}")


def check_trigger(definition: Definition, trigger: str) -> list[InputError]:
    """Whether the definition has the trigger at all."""
    if trigger in definition.steps:
        return []
    return [unknown_name("/trigger", "trigger", trigger, definition.steps)]


def check_fire(
    draft: Draft, actor: Actor, case: Case, step: Step, command: Command, *, now: datetime
) -> list[InputError]:
    """Everything wrong with the values of a trigger."""
    act = cast("Fire", command.act)
    context = draft.world.definitions.by_hash(case.definition).context
    errors = check(step.fields, act.input, "/input", context)
    errors += _check_times(command, now, not_before=case.occurred_at)
    errors += _check_reason(command.reason, required=step.reason_required)
    if errors:
        return errors
    if step.trigger == AMEND and _amends_nothing(case, act.input):
        message = f"nothing to amend; give another value of one of {', '.join(step.fields)}"
        return [InputError(path="/input", message=message)]
    errors += agencies_in_force(step.fields, act.input, "/input", context, _day(command, now))
    return errors or list(_check_links(draft, actor, step.fields, act.input, "/input", civil_date(now)))


def check_opening(
    draft: Draft, actor: Actor, definition: Definition, command: Command, *, now: datetime
) -> list[InputError]:
    """Everything wrong with the values of an opening, its unit aside."""
    act = cast("Open", command.act)
    fields = definition.opening.fields
    errors = check(fields, act.data, "/data", definition.context)
    errors += texts(act.title, "/title", TITLE_LIMIT)
    errors += _check_times(command, now, not_before=None)
    errors += _check_reason(command.reason, required=False)
    errors += _check_plan(act.plan)
    errors += _check_parent(draft, actor, act, definition, civil_date(now))
    if not errors:
        errors += agencies_in_force(fields, act.data, "/data", definition.context, _day(command, now))
    return errors or list(_check_links(draft, actor, fields, act.data, "/data", civil_date(now)))


def _day(command: Command, now: datetime) -> date:
    return civil_date(command.occurred_at or now)


def _amends_nothing(case: Case, given: Data) -> bool:
    """Whether every value given is the one that stands there already; links count as a set."""
    standing = {"title": case.title, **case.data}
    for name, value in present(given).items():
        if name in case.links and isinstance(value, list | tuple):
            if set(case.links[name]) != set(value):
                return False
        elif standing.get(name) != value:
            return False
    return True


def check_unit(draft: Draft, definition: Definition, code: str, day: date) -> Unit | list[InputError] | None:
    """The unit in force on the day; None when it is not in force then; what is wrong when it cannot be meant."""
    periods = draft.world.units.get(code, ())
    levels = definition.document.levels
    named = " or ".join(levels)
    if not periods:
        return [InputError(path="/unit", message=f"unknown unit {code!r}; give the official code of a {named}")]
    if all(period.level not in levels for period in periods):
        found = periods[-1]
        message = f"{code!r} is {found.name}, a {found.level}; cases of {definition.key} belong to a {named}"
        return [InputError(path="/unit", message=message)]
    return next((period for period in periods if period.level in levels and period.in_force(day)), None)


def _check_times(command: Command, now: datetime, *, not_before: datetime | None) -> list[InputError]:
    claimed = command.occurred_at
    if claimed is None:
        return []
    if claimed > now:
        message = f"{format_instant(claimed)} is in the future; it is {format_instant(now)}"
        return [InputError(path="/occurred_at", message=message)]
    if not_before is not None and claimed < not_before:
        message = f"{format_instant(claimed)} is before the case's last event ({format_instant(not_before)})"
        return [InputError(path="/occurred_at", message=message)]
    return []


def _check_reason(reason: str | None, *, required: bool) -> list[InputError]:
    if reason is not None:
        return list(texts(reason, "/reason", REASON_LIMIT))
    return [InputError(path="/reason", message="a reason is required")] if required else []


def _check_plan(plan: str | None) -> list[InputError]:
    if plan is None or _PLAN.fullmatch(plan):
        return []
    return [InputError(path="/plan", message=f"{plan!r} is no key of a plan: 1 to 60 of a-z, 0-9, _ and -")]


def _check_parent(draft: Draft, actor: Actor, act: Open, definition: Definition, today: date) -> Sequence[InputError]:
    if act.parent is None:
        return []
    parent = draft.case(act.parent)
    if parent is None or not may_see(actor, parent.unit_path, today):
        return [InputError(path="/parent", message=f"there is no case {act.parent}")]
    opened = {
        birth.spec.workflow
        for step in draft.world.definitions.by_hash(parent.definition).steps.values()
        for birth in step.opens
    }
    if definition.key not in opened:
        message = f"a case of {parent.workflow} has children of {', '.join(sorted(opened)) or 'no workflow'} only"
        return [InputError(path="/parent", message=message)]
    if parent.unit != act.unit:
        return [InputError(path="/unit", message=f"must be {parent.unit}, the unit of the parent")]
    return []


def _check_links(
    draft: Draft, actor: Actor, fields: Mapping[str, FieldSpec], given: Data, at: str, today: date
) -> Iterator[InputError]:
    for name, spec in fields.items():
        if not isinstance(spec, CasesField):
            continue
        for index, case_id in enumerate(cast("Sequence[str]", given.get(name) or ())):
            linked = draft.case(CaseId(case_id))
            if linked is None or not may_see(actor, linked.unit_path, today):
                yield InputError(path=f"{at}/{name}/{index}", message=f"there is no case {case_id}")
            elif linked.workflow not in spec.workflows:
                message = f"case {case_id} is a {linked.workflow}; allowed: {', '.join(spec.workflows)}"
                yield InputError(path=f"{at}/{name}/{index}", message=message)
