"""The decision table: what an author writes of how units are classified, as frozen values.

Shape only. Whether names resolve and every class can be reached is proved in `table_proofs`, classes are found in
`tables`.
"""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from workflows.core.documents import CasesFact, Frozen, Level, Name, Validity
from workflows.core.plan_documents import Names, Noted, Parameter

LARGEST = 2**31 - 1
Reference: TypeAlias = Annotated[str, StringConstraints(pattern=r"^parameters\.[a-z][a-z0-9_]*$", max_length=71)]
"""`parameters.<name>`: the value of a parameter of the table."""
PERCENT = r"^[0-9]{1,4}(\.[0-9]{1,6})? %$"
Percent: TypeAlias = Annotated[
    str, StringConstraints(pattern=rf"{PERCENT}|^parameters\.[a-z][a-z0-9_]*$", max_length=71)
]
"""An exact share, written as text: `0.5 %`; or the parameter that has it."""
Whole: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST)]


class CountInput(Noted):
    """A figure that is entered for the unit: the newest for a date up to the day of classification."""

    count: Annotated[str, StringConstraints(pattern=r"^(parameters\.)?[a-z][a-z0-9_]*$", max_length=71)]
    """Key of the counts catalogue, or `parameters.<name>`."""


class CasesInput(Noted, CasesFact):
    """The number of cases of the unit that are in one of the states at the end of the day of classification."""


Input: TypeAlias = CountInput | CasesInput


class Ratio(Frozen):
    """A share that is compared without rounding; it is unknown while the whole is 0."""

    of: Name | Names
    """The input that is the part; several are added up."""
    over: Name
    """The input that is the whole."""


class _Bounded(Frozen):
    @model_validator(mode="after")
    def _one_bound_each_way(self) -> Self:
        for names in (("at_least", "more_than"), ("at_most", "less_than")):
            if all(getattr(self, name) is not None for name in names):
                message = f"{names[0]} and {names[1]} are two bounds of one side: give one of them"
                raise ValueError(message)
        if all(getattr(self, name) is None for name in BOUNDS):
            message = f"at least one of {', '.join(BOUNDS)} is needed"
            raise ValueError(message)
        return self


BOUNDS = ("at_least", "more_than", "at_most", "less_than")


class NumberTest(_Bounded):
    """A figure compared with one bound, or with a lower and an upper one."""

    number: Name | Names
    """An input; several are added up."""
    at_least: Whole | Reference | None = None
    """Inclusive."""
    more_than: Whole | Reference | None = None
    """Exclusive."""
    at_most: Whole | Reference | None = None
    """Inclusive."""
    less_than: Whole | Reference | None = None
    """Exclusive."""


class ShareTest(_Bounded):
    """A share compared with one bound, or with a lower and an upper one."""

    share: Ratio
    at_least: Percent | None = None
    """Inclusive."""
    more_than: Percent | None = None
    """Exclusive."""
    at_most: Percent | None = None
    """Inclusive."""
    less_than: Percent | None = None
    """Exclusive."""


class YesTest(Frozen):
    is_yes: Name
    """An input whose figure is a yes or no: it is yes."""


class AllOf(Frozen):
    all_of: "Tests"


class AnyOf(Frozen):
    any_of: "Tests"


class NoneOf(Frozen):
    none_of: "Tests"


class AtLeast(Frozen):
    at_least: Annotated[int, Field(ge=1)]
    """How many of them must hold."""
    of: "Tests"

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.at_least > len(self.of):
            message = f"at_least is {self.at_least} but of lists {len(self.of)}"
            raise ValueError(message)
        return self


Comparison: TypeAlias = NumberTest | ShareTest | YesTest
Combination: TypeAlias = AllOf | AnyOf | NoneOf | AtLeast
KINDS = ("number", "share", "is_yes", "all_of", "any_of", "none_of", "of")
"""The keys of which a condition has exactly one, unless it is the name of a criterion."""


def _of_one_kind(given: object) -> object:
    if isinstance(given, dict) and sum(kind in given for kind in KINDS) != 1:
        message = f"a condition has exactly one of {', '.join(KINDS)}; this one has {', '.join(given) or 'nothing'}"
        raise ValueError(message)
    return given


Test: TypeAlias = Annotated[Name | Comparison | Combination, BeforeValidator(_of_one_kind)]
"""What holds or not: a criterion by its name, a comparison, or several of these counted together."""
Tests: TypeAlias = Annotated[tuple[Test, ...], Field(min_length=1, strict=False)]


class Criterion(Noted):
    """A named condition on figures, told one by one in the explanation."""

    when: Test
    """May name criteria that stand above it."""


class TableClass(Noted):
    """One result; of several whose condition holds, the one written first."""

    class_: Name = Field(alias="class")
    when: Test | None = None
    otherwise: Literal[True] | None = None
    """True: everything that reaches no class above."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.when is None) == (self.otherwise is None):
            message = "exactly one of when, otherwise is needed"
            raise ValueError(message)
        return self


class Beside(Noted):
    """Another finding about the same unit, shown beside the class with whether both say the same."""

    cases: Name
    """Key of a workflow."""
    states: Names
    """The finding holds while a case of the unit is in one of them."""
    classes: Names
    """The classes that say the same."""


class TableDocument(Noted):
    """One version of one decision table."""

    table: Name
    version: Annotated[int, Field(ge=1)]
    valid: Validity
    """The days of classification for which the version is in force."""
    subject: Level
    """The level of the units that are classified."""
    parameters: dict[Name, Parameter] = Field(default={})
    """Values that stand for bounds or counts; `in_source: false` for those that the source does not give."""
    inputs: Annotated[dict[Name, Input], Field(min_length=1)]
    criteria: dict[Name, Criterion] = Field(default={})
    classes: Annotated[tuple[TableClass, ...], Field(min_length=2, strict=False)]
    """In the order in which they are tested; the last one is `otherwise`."""
    beside: Beside | None = None
