"""The bodies that requests carry, and the values that they become.

Shape only: whether a trigger, a field or a unit exists is decided where everything is known.
"""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

NameText: TypeAlias = Annotated[str, StringConstraints(max_length=200)]
PlanKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")]


class Body(BaseModel):
    """Strict: no value is converted, no member is ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class OpenBody(Body):
    """Open a case."""

    workflow: NameText
    unit: NameText
    """Official code."""
    title: str
    data: dict[str, object] = {}
    plan: PlanKey | None = None
    parent: NameText | None = None
    """Id of the case that this one is opened under."""
    occurred_at: NameText | None = None
    """When it happened, with its UTC offset; now when absent."""
    reason: str | None = None
    dry_run: bool = False
    """Only say what would come of it."""


class FireBody(Body):
    """Fire a trigger on a case."""

    trigger: NameText
    input: dict[str, object] = {}
    """Left out of a dry run, what depends on it is reported as pending."""
    reason: str | None = None
    occurred_at: NameText | None = None
    """When it happened, with its UTC offset; now when absent."""
    dry_run: bool = False
    """Only say what would come of it."""


class CountBody(Body):
    """A figure of a unit."""

    unit: NameText
    key: NameText
    value: int
    as_of: NameText
    """The civil date, yyyy-mm-dd, for which the figure is true."""
    source: str
    """Where the figure comes from."""
