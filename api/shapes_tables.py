"""What answers about decision tables and classifications look like; see `api.shapes`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from api.shapes import ABSENT, Day, Hash, Id, Shape, Words
from api.shapes_reference import Validity


class Noted(Shape):
    """A part of a table."""

    title: Words
    note: Words | None
    """What a reader must know: how a word was read, what is our own."""
    basis: list[str]
    """Plan key and section, or `design`."""


class TableHead(Noted):
    """A version of a decision table in a list."""

    key: str
    version: int
    subject: Literal["country", "province", "district", "commune"]
    """Level of the units that are classified."""
    valid: Validity
    hash: Hash


class TableList(Shape):
    """Decision tables in force."""

    items: list[TableHead]
    next: None


class TableParameter(Noted):
    """A value that stands for a bound or a count."""

    name: str
    value: bool | int | str
    in_source: bool
    """False: the source does not give it."""


class TableInput(Noted):
    """What is read of a unit: an entered figure, or the number of its cases."""

    name: str
    count: str = ABSENT
    """Key of the figure."""
    cases: str = ABSENT
    """Key of the workflow whose cases are counted."""
    states: list[str] = ABSENT
    where: Mapping[str, list[str]] = ABSENT


class TableCriterion(Noted):
    """A named condition."""

    name: str
    needed: str
    """The condition as text: bounds are told as >=, >, <= and <."""
    reads: list[str]
    """Names of inputs."""


class TableClass(Noted):
    """One result; the first whose condition holds is the class."""

    class_: str = Field(alias="class")
    needed: str
    """`otherwise` for the last."""


class TableBeside(Noted):
    """Another finding that is told beside the class."""

    cases: str
    states: list[str]
    classes: list[str]


class Table(TableHead):
    """One version of a decision table."""

    parameters: list[TableParameter]
    inputs: list[TableInput]
    criteria: list[TableCriterion]
    classes: list[TableClass]
    """In the order in which they are tested."""
    beside: TableBeside | None


class NamedClass(Shape):
    """A class with its words."""

    class_: str = Field(alias="class")
    title: Words


class FoundInput(Shape):
    """What is known for an input."""

    name: str
    title: Words
    value: int | None
    """Null: unknown, which is not 0."""
    count: str = ABSENT
    as_of: Day | None = ABSENT
    source: str | None = ABSENT
    entries: list[str] = ABSENT
    """Ids of the figure; several where those of units that were merged add up."""
    missing_units: list[str] = ABSENT
    """Codes of units whose figure would be needed."""
    cases: list[Id] = ABSENT


class JudgedCriterion(TableCriterion):
    """A condition and what came of it."""

    met: bool | None
    """Null: unknown."""
    found: Mapping[str, int | None]
    """By input."""


class JudgedClass(TableClass):
    """A class and whether its condition holds by itself, whatever stands above it."""

    met: bool | None
    """Null: unknown."""


class ComparedCase(Shape):
    """A case of the finding beside."""

    id: Id
    state: str
    state_title: Words
    final: bool


class Compared(Noted):
    """The finding beside the class."""

    workflow: str
    states: list[str]
    classes: list[str]
    """Those that say the same."""
    holds: bool
    """Whether a case of the unit is in one of the states."""
    agrees: bool | None
    """False: class and finding disagree, and a reviewer should look. Null: not determined."""
    message: Words
    cases: list[ComparedCase]
    """All of that workflow in the unit, oldest first."""


class Classification(Shape):
    """The class of a unit as known at the end of a civil day, and what it rests on."""

    unit: str
    as_of: Day
    table: TableHead
    class_: NamedClass | None = Field(alias="class")
    """Null: what is missing could change it."""
    possible: list[NamedClass]
    """The class alone, or every class that the missing figures could lead to."""
    missing: list[str]
    """Names of inputs that could change the class; empty when it is determined."""
    message: Words
    inputs: list[FoundInput]
    criteria: list[JudgedCriterion]
    classes: list[JudgedClass]
    beside: Compared | None
