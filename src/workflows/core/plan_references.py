"""What `calendar.<name>.from`, `calendar.<name>.last` and `parameters.<name>` stand for in the data of a process."""

from typing import TypeAlias

from workflows.core.plan_documents import PlanDocument, Process

Value: TypeAlias = bool | int | str
_PREFIXES = ("calendar.", "parameters.")


def references(plan: PlanDocument) -> dict[str, Value]:
    """Everything that data may name, with its value; days are written yyyy-mm-dd, both ends inclusive."""
    values: dict[str, Value] = {}
    for name, span in plan.calendar.items():
        if span.from_ is not None:
            values[f"calendar.{name}.from"] = span.from_.isoformat()
        values[f"calendar.{name}.last"] = span.last.isoformat()
    return values | {f"parameters.{name}": parameter.value for name, parameter in plan.parameters.items()}


def is_reference(value: Value) -> bool:
    """Whether a value of data names one of the plan, known or not."""
    return isinstance(value, str) and value.startswith(_PREFIXES)


def resolved(plan: PlanDocument, process: Process) -> dict[str, Value]:
    """What the cases of a process are opened with: its data, without names that the plan does not know."""
    known = references(plan)
    return {
        name: known[str(value)] if is_reference(value) else value
        for name, value in process.data.items()
        if not is_reference(value) or value in known
    }
