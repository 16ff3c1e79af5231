"""The document of an administrative act: which units it merged, renamed, divided or abolished, from which day on.

Shape, and what follows for cases and grants of the units concerned. Whether the units are there is proved in
`unit_act_proofs`; moving the cases is decided in `moving`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from workflows.core.case import Data, UnitChange
from workflows.core.documents import Frozen, Words

ActKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*-[0-9]{4}$")]
"""Province and year of effect: `quang-ninh-2025`."""
ActDay: TypeAlias = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([0-9]{2}|[0-9]{3}|[0-9]{5})$")]
Codes: TypeAlias = Annotated[tuple[Code, ...], Field(min_length=1, strict=False)]
CaseKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Kind: TypeAlias = Literal["merged", "renamed", "split", "abolished"]
_ENLARGING = frozenset({"merged", "split"})


class LegalDocument(Frozen):
    """A document that the act rests on."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """As printed; left out where it is not known for certain."""
    issued: ActDay | None = None
    issuer: Words
    title: Words

    def as_data(self) -> Data:
        """As it stands in the events of the act."""
        return {
            "number": self.number,
            "issued": self.issued.isoformat() if self.issued else None,
            "issuer": {"vi": self.issuer.vi, "en": self.issuer.en},
        }


class Change(Frozen):
    """What became of some units: one of the four keys."""

    merge: Codes | None = None
    """Units that became one with others; the successor's own code among them where it went on under it."""
    rename: Code | None = None
    """A unit that went on with the same area under another name, code, kind or parent."""
    split: Code | None = None
    """A unit that was divided among several."""
    abolish: Codes | None = None
    """Units that ended without a successor, such as those of a level that was abolished."""
    into: Code | Annotated[tuple[Code, ...], Field(min_length=2, strict=False)] | None = None
    """The successor; of a split, all of them."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("merge", "rename", "split", "abolish") if getattr(self, name) is not None]
        if len(given) != 1:
            message = "give exactly one of merge, rename, split, abolish"
            raise ValueError(message)
        if (self.split is None) == isinstance(self.into, tuple) or (self.abolish is None) == (self.into is None):
            message = "into: one code after merge and rename, two or more after split, none after abolish"
            raise ValueError(message)
        return self

    @property
    def kind(self) -> Kind:
        if self.merge:
            return "merged"
        return "renamed" if self.rename else "split" if self.split else "abolished"

    @property
    def sources(self) -> tuple[str, ...]:
        """Codes until the day of the act."""
        one = self.rename or self.split
        return (one,) if one else self.merge or self.abolish or ()

    @property
    def successors(self) -> tuple[str, ...]:
        """Codes from that day on."""
        return (self.into,) if isinstance(self.into, str) else self.into or ()


class UnitActDocument(Frozen):
    """An administrative act."""

    act: ActKey
    title: Words
    day: ActDay
    """The first civil day on which the successors are in force."""
    documents: Annotated[tuple[LegalDocument, ...], Field(strict=False)] = ()
    note: Words | None = None
    """What a reader must know, such as a day that is a convention."""
    changes: Annotated[tuple[Change, ...], Field(min_length=1, strict=False)]
    cases: dict[CaseKey, Code] = Field(default={})
    """By case of a divided unit: the successor that it moves to."""

    def by_source(self) -> Mapping[str, UnitChange]:
        """By code of a unit that the act ended or enlarged: what became of it."""
        documents = tuple(each.as_data() for each in self.documents)
        return {
            code: UnitChange(
                act=self.act,
                kind=change.kind,
                day=self.day,
                sources=frozenset(change.sources),
                successors=frozenset(change.successors),
                documents=documents,
            )
            for change in self.changes
            for code in change.sources
        }

    def enlarged(self) -> frozenset[str]:
        """Codes of units that took in others or parts of them."""
        return frozenset(code for change in self.changes if change.kind in _ENLARGING for code in change.successors)
