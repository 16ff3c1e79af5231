"""The bodies that requests carry, and the values that they become.

Shape only: whether a trigger, a field or a unit exists is decided where everything is known.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workflows.core.fields import REASON_LIMIT, TITLE_LIMIT
from workflows.services.bulk import LIMIT
from workflows.store.counts import LARGEST, LONGEST_SOURCE

NameText: TypeAlias = Annotated[str, StringConstraints(max_length=200)]
PlanKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")]
# Checked where they are used, in words of this interface; here they are only told to readers of the document.
TitleText: TypeAlias = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": TITLE_LIMIT})]
ReasonText: TypeAlias = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": REASON_LIMIT})]
SourceText: TypeAlias = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_SOURCE})]
Figure: TypeAlias = Annotated[int, Field(json_schema_extra={"minimum": 0, "maximum": LARGEST})]
IdText: TypeAlias = Annotated[NameText, Field(json_schema_extra={"format": "uuid"})]
DayText: TypeAlias = Annotated[NameText, Field(json_schema_extra={"format": "date"})]
InstantText: TypeAlias = Annotated[NameText, Field(json_schema_extra={"format": "date-time"})]


class Body(BaseModel):
    """Strict: no value is converted, no member is ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class OpenBody(Body):
    """Open a case."""

    workflow: NameText
    unit: NameText
    """Official code."""
    title: TitleText
    data: dict[str, object] = {}
    plan: PlanKey | None = None
    parent: IdText | None = None
    """Id of the case that this one is opened under."""
    occurred_at: InstantText | None = None
    """When it happened, with its UTC offset; now when absent."""
    reason: ReasonText | None = None
    dry_run: bool = False
    """Only say what would come of it."""


class FireBody(Body):
    """Fire a trigger on a case."""

    trigger: NameText
    input: dict[str, object] = {}
    """Left out of a dry run, what depends on it is reported as pending."""
    reason: ReasonText | None = None
    occurred_at: InstantText | None = None
    """When it happened, with its UTC offset; now when absent."""
    dry_run: bool = False
    """Only say what would come of it."""


class BulkItem(Body):
    """One transition of many."""

    case: IdText
    trigger: NameText
    input: dict[str, object] = {}
    reason: str | None = None
    """Of 1 to 2,000 characters; if not, this item alone is answered with 422."""
    occurred_at: InstantText | None = None
    """When it happened, with its UTC offset; now when absent."""
    version: Annotated[int, Field(ge=1)]
    """The version of the case that the sender has seen; stands for If-Match."""


class BulkBody(Body):
    """Fire triggers on many cases."""

    items: Annotated[list[BulkItem], Field(min_length=1, max_length=LIMIT)]
    atomic: bool = False
    """All or none; else each for itself."""


class CountBody(Body):
    """A figure of a unit."""

    unit: NameText
    key: NameText
    value: Figure
    as_of: DayText
    """The civil date, yyyy-mm-dd, for which the figure is true."""
    source: SourceText
    """Where the figure comes from."""


class PlanOpeningBody(Body):
    """Open what a plan asks for in one year."""

    year: Annotated[int, Field(ge=1900, le=2199)]
    """One of the years of the plan."""
    dry_run: bool = False
    """Only say what would be opened and amended."""


class SubscriptionBody(Body):
    """Subscribe a URL to events."""

    name: NameText
    url: str
    """`https`, or `http` within the networks that the operator listed."""
    workflows: list[NameText] = []
    """Keys; none: all."""
    triggers: list[NameText] = []
    """Names; none: all."""
    units: list[NameText] = []
    """Official codes, each with what lies below; none: all that the key may see."""
    active: bool = True


def _without_defaults(schema: dict[str, Any]) -> None:
    for member in schema["properties"].values():
        member.pop("default", None)


class SubscriptionChangeBody(Body):
    """Change a subscription; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    name: NameText = ""
    url: str = ""
    workflows: list[NameText] = []
    triggers: list[NameText] = []
    units: list[NameText] = []
    active: bool = True


class SecretBody(Body):
    """Make a new secret."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """How long the old secret goes on signing beside the new one."""


class ReplayBody(Body):
    """Have events delivered again."""

    after: Annotated[int, Field(ge=0, le=2**53 - 1)] | None
    """The position of the feed after which all is delivered again; null: only what was given up."""
