"""The workflow document: what an author writes, as frozen values.

Shape only. Whether names resolve, states can be reached and guards type-check is proved in `proofs`; reading YAML
and telling file and line is the loader's. Field descriptions below become the JSON Schema that editors show.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from workflows.core.forms import check_condition, check_due, check_when_passed

if TYPE_CHECKING:  # they are made of parts of this module
    from workflows.core.calendars import Calendar
    from workflows.core.catalogue_documents import Agency, CountKind
    from workflows.core.plan_documents import PlanDocument
    from workflows.core.table_documents import TableDocument

NAME_PATTERN = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
NAME_LENGTH = 60
Name: TypeAlias = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=NAME_LENGTH)]
Basis: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^(design|[a-z]+(-[a-z]+)*-[0-9]{4} ([IVX]+|annex|preamble)(\.[0-9a-zđ]+)*)$")
]
"""`design` for our own addition, or a plan key and the section as printed: `tra-vinh-2025 III.3`, or `annex`."""
Owner: TypeAlias = Annotated[str, StringConstraints(pattern=r"^owner$")]
Expression: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
QualifiedTrigger: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*$", max_length=121)
]

AMEND = "amend"
ANNUL = "annul"
OPEN = "open"
ANNULLED = "annulled"
MOVE_UNIT = "move_unit"
"""The trigger of events that move a case to another unit."""
MOVE_DEADLINE = "move_deadline"
"""The trigger of events that move a deadline to where the calendar now has it."""
UNFIRED_TRIGGERS = frozenset({MOVE_UNIT, MOVE_DEADLINE})
"""Of events that follow from acts outside the workflow: known to filters, never fired by name."""
RESERVED_TRIGGERS = frozenset({OPEN, AMEND, ANNUL})


class Role(StrEnum):
    """Who may act; the list is closed, grants and documents name its members."""

    COMMUNE_OFFICER = "commune_officer"
    COMMUNE_POLICE = "commune_police"
    DISTRICT_COMMITTEE = "district_committee"
    DISTRICT_POLICE = "district_police"
    PROVINCIAL_POLICE = "provincial_police"
    DEPARTMENT = "department"
    PROVINCIAL_COMMITTEE = "provincial_committee"
    STEERING_COMMITTEE = "steering_committee"
    AUDITOR = "auditor"
    SYSTEM = "system"
    AUTHOR = "author"
    ADMINISTRATOR = "administrator"


class Level(StrEnum):
    """Tiers of administrative units."""

    COUNTRY = "country"
    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"


class Frozen(BaseModel):
    """Base of every part of a document: immutable, strict, unknown keys refused."""

    # Built when first used: most commands read no document.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, defer_build=True)


class Words(Frozen):
    """One text in the two languages of the product."""

    vi: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Cited(Frozen):
    basis: Basis | Annotated[tuple[Basis, ...], Field(min_length=1, strict=False)]
    """Plan key and section as printed, or `design` where the element is our own addition."""


class _Field(Cited):
    title: Words
    help: Words | None = None
    """A sentence shown beside the form field."""
    required: bool = False
    """Whether a value must be given wherever the field is asked for."""


class TextField(_Field):
    """Free text: kept outside the hashed entry, which holds only a salted commitment to it."""

    type: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=10_000)] = 2_000


class ItemsField(_Field):
    """A list of free texts, such as what is missing from a dossier."""

    type: Literal["items"]
    max_items: Annotated[int, Field(ge=1, le=100)] = 50


class IntegerField(_Field):
    type: Literal["integer"]
    minimum: int = 0
    maximum: int = 2**31 - 1


class BooleanField(_Field):
    type: Literal["boolean"]


class DateField(_Field):
    """A civil date in Việt Nam, written yyyy-mm-dd in data."""

    type: Literal["date"]


class ChoiceField(_Field):
    type: Literal["choice"]
    options: Annotated[dict[Name, Words], Field(min_length=1)]


class KeyField(_Field):
    """A name that something outside the case goes by, such as a task of its plan: kept in the entry, unlike text."""

    type: Literal["key"]


class DocumentField(_Field):
    """A reference to an issued document: number, date, issuer, title and the SHA-256 of the file where there is one."""

    type: Literal["document"]


class AgencyField(_Field):
    """The key of one agency of the catalogue."""

    type: Literal["agency"]


class AgenciesField(_Field):
    """Keys of different agencies of the catalogue."""

    type: Literal["agencies"]


class CasesField(_Field):
    """Links to other cases by their ids."""

    type: Literal["cases"]
    workflows: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    """Workflows whose cases may be linked."""
    max_items: Annotated[int, Field(ge=1, le=1_000)] = 1_000


class AttestationsField(_Field):
    """A reviewer's findings on the attested conditions of a sheet: met or not, evidence and a note for each."""

    type: Literal["attestations"]
    sheet: Name


FieldSpec: TypeAlias = Annotated[
    TextField
    | ItemsField
    | IntegerField
    | BooleanField
    | DateField
    | ChoiceField
    | KeyField
    | DocumentField
    | AgencyField
    | AgenciesField
    | CasesField
    | AttestationsField,
    Field(discriminator="type"),
]


class CountFact(Cited):
    """A count entered for the case's unit: the newest with an as-of date on or before `as_of`."""

    title: Words
    count: Name
    """Key of the counts catalogue."""
    as_of: str = "today"
    """`today`, `entered.<state>` or `case.<date field>`; unknown while that date is unknown."""


class CasesFact(Cited):
    """The number of cases of the same unit, by workflow, state and choice fields."""

    title: Words
    cases: Name
    """Key of the workflow that is counted."""
    states: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    where: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]] = {}
    """Choice fields and the values that count; all of them must match."""


Fact: TypeAlias = CountFact | CasesFact


class Share(Frozen):
    """A ratio compared without floating point, by cross-multiplication; nothing to fulfil counts as fulfilled."""

    of: Name
    """The fact that is the numerator."""
    over: Name
    """The fact that is the denominator."""
    at_least: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}/[1-9][0-9]{0,8}$")]
    """The least share as a fraction of integers, inclusive: `1/1` is all, `1/5` is 20 per cent."""


class Condition(Frozen):
    """One condition, or several counted together; evaluated with three values: true, false, unknown."""

    code: Name
    """Stable code of the blocker, for programs."""
    title: Words | None = None
    basis: Basis | Annotated[tuple[Basis, ...], Field(min_length=1, strict=False)] | None = None
    that: Expression | None = None
    """A CEL expression that must be true."""
    share: Share | None = None
    attested: Literal[True] | None = None
    """True: a reviewer attests it, with evidence."""
    all_of: Annotated[tuple["Condition", ...], Field(min_length=1, strict=False)] | None = None
    any_of: Annotated[tuple["Condition", ...], Field(min_length=1, strict=False)] | None = None
    at_least: Annotated[int, Field(ge=1)] | None = None
    """With `of`: how many of the conditions must hold."""
    of: Annotated[tuple["Condition", ...], Field(min_length=1, strict=False)] | None = None
    message: Words | None = Field(default=None, alias="else")
    """What the person reads when the condition does not hold."""

    _one_kind = model_validator(mode="after")(check_condition)

    @property
    def parts(self) -> tuple["Condition", ...]:
        """The conditions counted together; empty for a single one."""
        return self.all_of or self.any_of or self.of or ()

    def walk(self) -> Iterator["Condition"]:
        """This condition and all below it, depth first."""
        yield self
        for part in self.parts:
            yield from part.walk()


class SheetRequirement(Frozen):
    """Every criterion of a sheet, by the sheet's own rule."""

    sheet: Name


Requirement: TypeAlias = Condition | SheetRequirement


class Sheet(Cited):
    """A criteria sheet: conditions evaluated together and kept with their figures and evidence."""

    title: Words
    at_least: Annotated[int, Field(ge=1)] | None = None
    """How many criteria must hold; all of them when absent."""
    criteria: Annotated[tuple[Condition, ...], Field(min_length=1, strict=False)]


class Literally(Frozen):
    """A fixed value."""

    literal: str | int | bool


Source: TypeAlias = (
    Annotated[str, StringConstraints(pattern=r"^(input|case)\.[a-z][a-z0-9_]*$|^today$|^item$")] | Literally
)
"""Where a value comes from: `input.<name>`, `case.<field>`, `today`, `item` of `for_each`, or `{literal: …}`."""


class WhenPassed(Frozen):
    """One thing that happens, once, after a deadline has passed with the case still there."""

    notify: Owner | Annotated[tuple[Role, ...], Field(min_length=1, strict=False)] | None = None
    """Who is told: `owner`, or roles."""
    escalate: Annotated[tuple[Role, ...], Field(min_length=1, strict=False)] | None = None
    """Roles that are told at the unit above, within the province."""
    fire: Name | None = None
    """A trigger of the state, fired as the system, whose role it must name."""
    after: Annotated[int, Field(ge=0, le=3_660)] = 0
    """Civil days after the first late day."""
    with_: dict[Name, Source] = Field(default={}, alias="with")
    """Input of the fired trigger."""

    _one_kind = model_validator(mode="after")(check_when_passed)


class Due(Cited):
    """A deadline, the last civil day that is still in time: counted from entering the state, or a day of the case."""

    within: Annotated[int, Field(ge=1, le=3_660)] | None = None
    unit: Literal["days", "months", "working_days"] | None = None
    """The day of entering the state is not counted; `working_days` are those of the calendar."""
    rolls: bool = False
    """Days or months that end on a day that is not worked end on the next one that is."""
    on: Annotated[str, StringConstraints(pattern=r"^case\.[a-z][a-z0-9_]*$")] | None = None
    """`case.<date field>`: that very day; no deadline while it is unknown, and moved in the event that changes it."""

    when_passed: Annotated[tuple[WhenPassed, ...], Field(strict=False)] = ()
    """What happens when it has passed, each once; who is told comes before what is fired."""

    _one_form = model_validator(mode="after")(check_due)

    @property
    def by_calendar(self) -> bool:
        """Whether it depends on which days are worked."""
        return self.unit == "working_days" or self.rolls

    @property
    def field(self) -> str | None:
        """The field that holds the day; None when it is counted."""
        return self.on.removeprefix("case.") if self.on else None


class State(Cited):
    title: Words
    final: bool = False
    """The process ends here."""
    lasting: bool = False
    """A case may rest here for good, though it can still move."""
    new_episode: bool = False
    """Entering this state begins a new episode: four-eyes rules count from here."""
    due: Due | None = None
    owner: Annotated[tuple[Role, ...], Field(min_length=1, strict=False)] | None = None
    """Roles that answer for the deadline."""


class Effect(Cited):
    """A trigger fired on related cases in the same transaction, on the authority of its cause."""

    fire: Name
    workflow: Name
    on: Name
    """`parent`, `children`, `same_unit`, or a field of type cases."""
    states: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] | None = None
    """Only cases in these states are addressed; required with `same_unit`."""
    when: Expression | None = None
    with_: dict[Name, Source] = Field(default={}, alias="with")
    """Input of the fired trigger."""
    roles: Literal["inherited", "checked"] = "inherited"
    """`checked`: the actor needs a role of the fired trigger too."""
    otherwise: Literal["refuse", "skip"]
    """What happens when an addressed case refuses: the cause is refused too, or the refusal is recorded."""


class Opening(Cited):
    """Child cases opened in the same transaction, on the authority of their cause."""

    workflow: Name
    for_each: Annotated[str, StringConstraints(pattern=r"^(input|case)\.[a-z][a-z0-9_]*$")] | None = None
    """A list; one child for each item."""
    when: Expression | None = None
    """None is opened when it is false; a `known.input.<name>` in it lets that input fill a required field."""
    with_: dict[Name, Source] = Field(default={}, alias="with")


class Opens(Cited):
    """How a case is opened."""

    roles: Annotated[tuple[Role, ...], Field(strict=False)] = ()
    """Empty: only opened by other cases."""
    asks: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Fields given at opening."""
    requires: Annotated[tuple[Requirement, ...], Field(strict=False)] = ()
    effects: Annotated[tuple[Effect, ...], Field(strict=False)] = ()


class Transition(Cited):
    title: Words
    from_: Name | Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] = Field(alias="from")
    to: Name | Annotated[dict[Name, Name], Field(min_length=1)]
    """The target state, or a map by source state."""
    roles: Annotated[tuple[Role, ...], Field(strict=False)] = ()
    """Empty: only fired as an effect."""
    input: dict[Name, FieldSpec] = {}
    set: dict[Name, Source] = {}
    """Case fields changed by the transition."""
    reason: Literal["required", "optional"] = "optional"
    not_before: Expression | None = None
    """A CEL date; before it the blocker `too_early` stands."""
    separate_from: Annotated[tuple[QualifiedTrigger, ...], Field(strict=False)] = ()
    """Four-eyes: triggers that another person fired; `workflow.trigger` reaches parent, children and lists."""
    separate_over: Literal["episode", "case"] = "episode"
    requires: Annotated[tuple[Requirement, ...], Field(strict=False)] = ()
    opens: Annotated[tuple[Opening, ...], Field(strict=False)] = ()
    effects: Annotated[tuple[Effect, ...], Field(strict=False)] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.from_,) if isinstance(self.from_, str) else self.from_

    def target(self, source: str) -> str:
        """The state that the transition leads to from `source`."""
        return self.to if isinstance(self.to, str) else self.to[source]

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.to,) if isinstance(self.to, str) else tuple(self.to.values())


class Amendment(Cited):
    """Who may correct the title and data of a case, with a reason; old and new stand in the event."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1, strict=False)]
    fields: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    from_: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] | None = Field(default=None, alias="from")
    """States in which it may be corrected; every state but `annulled` when absent."""


class Annulment(Cited):
    """Who may close a case that was opened in error, with a reason; it ends in the built-in state `annulled`."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1, strict=False)]
    from_: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)] = Field(alias="from")


class Validity(Frozen):
    """The civil dates of opening for which the version is in force."""

    from_: date = Field(alias="from")
    """First day, inclusive."""
    to: date | None = None
    """Day after the last, exclusive; absent: open end."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to is not None and self.to <= self.from_:
            raise ValueError(f"valid.to {self.to} must be after valid.from {self.from_}")
        return self

    def covers(self, day: date) -> bool:
        """Whether the civil date lies in the period."""
        return self.from_ <= day and (self.to is None or day < self.to)

    @property
    def period(self) -> str:
        """The half-open interval, as it is shown."""
        return f"[{self.from_.isoformat()}, {self.to.isoformat() if self.to else '…'})"


class WorkflowDocument(Cited):
    """One version of one workflow."""

    workflow: Name
    version: Annotated[int, Field(ge=1)]
    valid: Validity
    title: Words
    subject: Level | Annotated[tuple[Level, ...], Field(min_length=1, strict=False)]
    """The level of the unit that a case belongs to, or the levels of which it may be."""
    fields: dict[Name, FieldSpec] = {}
    facts: dict[Name, Fact] = {}
    sheets: dict[Name, Sheet] = {}
    open: Opens
    initial: Name
    states: Annotated[dict[Name, State], Field(min_length=1)]
    transitions: Annotated[dict[Name, Transition], Field(min_length=1)]
    amend: Amendment
    annul: Annulment

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of units that cases may belong to."""
        return (self.subject,) if isinstance(self.subject, Level) else self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All documents that refer to one another."""

    workflows: Mapping[str, tuple[WorkflowDocument, ...]]
    """By key; versions ascending."""
    counts: "Mapping[str, CountKind]"
    agencies: "Mapping[str, Agency]"
    calendar: "Calendar | None" = None
    plans: "Mapping[str, PlanDocument]" = field(default_factory=dict)
    """By key. What the loader gives is read and proved when it is first asked for, and may raise DefinitionError."""
    tables: "Mapping[str, tuple[TableDocument, ...]]" = field(default_factory=dict)
    """By key; versions ascending. Read and proved when one is first asked for, as plans are."""
