"""The workflow document: what an author writes, as frozen values.

Shape only. Whether names resolve, states can be reached and guards type-check is proved in `proofs`; reading YAML
and telling file and line is the loader's. Field descriptions below become the JSON Schema that editors show.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
Basis: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^(design|[a-z]+(-[a-z]+)*-[0-9]{4} [IVX]+(\.[0-9a-zđ]+)*)$")
]
"""`design` for our own addition, or a plan key and the section as printed: `tra-vinh-2025 III.3`."""
Expression: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
QualifiedTrigger: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*$", max_length=121)
]

AMEND = "amend"
ANNUL = "annul"
OPEN = "open"
ANNULLED = "annulled"
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

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = ("that", "share", "attested", "all_of", "any_of", "at_least")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            message = f"a condition has exactly one of {', '.join(kinds)}; this one has {', '.join(given) or 'none'}"
            raise ValueError(message)
        if (self.at_least is None) != (self.of is None):
            message = "at_least and of go together"
            raise ValueError(message)
        if self.of is not None and self.at_least is not None and self.at_least > len(self.of):
            message = f"at_least is {self.at_least} but of lists {len(self.of)}"
            raise ValueError(message)
        return self

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


class Due(Cited):
    """A deadline: the last civil day that is still in time, counted from the day the state was entered."""

    within: Annotated[int, Field(ge=1, le=3_660)]
    unit: Literal["days", "months"]


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


class Literally(Frozen):
    """A fixed value."""

    literal: str | int | bool


Source: TypeAlias = (
    Annotated[str, StringConstraints(pattern=r"^(input|case)\.[a-z][a-z0-9_]*$|^today$|^item$")] | Literally
)
"""Where a value comes from: `input.<name>`, `case.<field>`, `today`, `item` of `for_each`, or `{literal: …}`."""


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
            message = f"valid.to {self.to} must be after valid.from {self.from_}"
            raise ValueError(message)
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
    subject: Level
    """The level of the unit that a case belongs to."""
    fields: dict[Name, FieldSpec] = {}
    facts: dict[Name, Fact] = {}
    sheets: dict[Name, Sheet] = {}
    open: Opens
    initial: Name
    states: Annotated[dict[Name, State], Field(min_length=1)]
    transitions: Annotated[dict[Name, Transition], Field(min_length=1)]
    amend: Amendment
    annul: Annulment


class CountKind(Cited):
    """A figure that is entered per unit and date."""

    title: Words


class CountsDocument(Frozen):
    """The closed list of counts; none of them says anything about one person."""

    counts: Annotated[dict[Name, CountKind], Field(min_length=1)]


class Agency(Cited):
    title: Words
    valid: Validity


class AgenciesDocument(Frozen):
    """The bodies that act beside the People's Committees of the units."""

    agencies: Annotated[dict[Name, Agency], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All documents that refer to one another."""

    workflows: Mapping[str, tuple[WorkflowDocument, ...]]
    """By key; versions ascending."""
    counts: Mapping[str, CountKind]
    agencies: Mapping[str, Agency]
