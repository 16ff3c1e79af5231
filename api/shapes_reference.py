"""What answers about definitions, units, keys and the service look like; see `api.shapes`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from api.shapes import ABSENT, Day, Hash, Id, Instant, Pending, Shape, Values, Words


class Validity(Shape):
    """Civil dates."""

    from_: Day = Field(alias="from")
    to: Day | None
    """Exclusive."""


class WorkflowHead(Shape):
    """A version of a workflow in a list."""

    key: str
    version: int
    title: Words
    subject: list[Literal["country", "province", "district", "commune"]]
    """Levels of units that its cases may belong to."""
    valid: Validity
    hash: Hash
    basis: list[str]
    """Plan key and section, or `design`."""


class WorkflowList(Shape):
    """Workflows in force."""

    items: list[WorkflowHead]
    next: None


class FieldSpec(Shape):
    """A field of a workflow's cases."""

    type: str
    title: Words
    help: Words | None
    required: bool
    basis: list[str]
    max_length: int = ABSENT
    max_items: int = ABSENT
    minimum: int = ABSENT
    maximum: int = ABSENT
    options: Mapping[str, Words] = ABSENT
    workflows: list[str] = ABSENT
    sheet: str = ABSENT


class FactSpec(Shape):
    """A fact that conditions read: a count of the unit, or the number of its cases."""

    title: Words
    basis: list[str]
    count: str = ABSENT
    as_of: str = ABSENT
    cases: str = ABSENT
    states: list[str] = ABSENT
    where: Mapping[str, list[str]] = ABSENT


class Deadline(Shape):
    """Civil time from the day on which a state is entered, or a day that the case holds."""

    within: int | None
    unit: Literal["days", "months", "working_days"] | None
    rolls: bool
    """Whether an end on a day that is not worked becomes the next one that is."""
    on: str | None
    """`case.<field>`: the day that this field holds."""


class StateSpec(Shape):
    """A state of a workflow."""

    name: str
    title: Words
    final: bool
    lasting: bool
    due: Deadline | None
    owner: list[str]
    """Roles that answer for the deadline."""
    basis: list[str]


class RequirementSpec(Shape):
    """A condition, or a criteria sheet with its criteria."""

    code: str
    message: Words
    at_least: int | None = ABSENT
    """Of a sheet: how many criteria must hold; null means all."""
    criteria: list[Pending] = ABSENT


class StepSpec(Shape):
    """How a trigger moves a case, and what it asks for."""

    trigger: str
    title: Words
    builtin: bool
    from_: list[str] = Field(alias="from")
    to: str | Mapping[str, str]
    """One state, or a map by source."""
    roles: list[str]
    input_schema: Values
    """JSON Schema (2020-12) of the input."""
    reason: Literal["required", "optional"]
    separate_from: list[str]
    """Four-eyes: triggers that another person must have fired."""
    separate_over: Literal["episode", "case"]
    requires: list[RequirementSpec]
    basis: list[str]


class Workflow(WorkflowHead):
    """One version of a workflow."""

    initial: str
    fields: Mapping[str, FieldSpec]
    facts: Mapping[str, FactSpec]
    open: StepSpec
    states: list[StateSpec]
    transitions: list[StepSpec]


class Me(Shape):
    """Whom a key stands for."""

    key: Id
    """Id of the key; never its secret."""
    person: str
    role: str
    role_title: Words
    unit: str
    unit_path: str
    agency: str | None
    scope: list[str]
    valid_from: Day | None
    valid_to: Day | None
    """Exclusive."""


class Unit(Shape):
    """An administrative unit in one period."""

    code: str
    level: Literal["country", "province", "district", "commune"]
    name: str
    parent: str | None
    path: str
    """Codes from the country down, joined by `/`."""
    valid_from: Day
    valid_to: Day | None
    """Exclusive."""
    successors: list[str]


class UnitList(Shape):
    """A page of units, by code."""

    items: list[Unit]
    next: str | None
    """Cursor of the next page; null at the end."""


class Count(Shape):
    """A figure of a unit as it was entered."""

    id: Id
    unit: str
    key: str
    value: int
    as_of: Day
    source: str
    person: str
    recorded_at: Instant


class FactPart(Shape):
    """The figure of a unit that was merged into the one asked about."""

    unit: str
    value: int
    as_of: Day
    source: str


class Fact(Shape):
    """What is known of one figure; all null where it is not known, which is not 0."""

    key: str
    title: Words
    value: int | None
    as_of: Day | None
    source: str | None
    recorded_at: Instant | None
    parts: list[FactPart]
    """What the value adds up, where others were merged into the unit and it has no figure of its own yet."""
    missing: list[str]
    """Codes of the units whose figure is needed and not there; empty where the value is known."""


class FactList(Shape):
    """Every figure of a unit as it was known for a civil date."""

    unit: str
    as_of: Day
    items: list[Fact]
    next: None


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]
    now: Instant
    """The present of its clock."""
    version: str
    """Of the program."""


class Check(Shape):
    """One thing that must be so before requests are taken."""

    ok: bool
    detail: str | None
    """What is wrong; null when nothing is."""


class Readiness(Shape):
    """Whether commands are carried out."""

    status: Literal["ready", "not ready"]
    checks: dict[str, Check]
    """By name: `writer`, `queue`, `database`, `schema`, `stopping`, and the threads that run beside them."""
