"""The catalogues that workflows and plans share: kinds of figures, and the bodies that act.

Shape only, as `documents` has it; which of them are in force on a day is asked where they are used.
"""

from typing import Annotated

from pydantic import Field

from workflows.core.documents import Cited, Frozen, Level, Name, Validity, Words


class CountKind(Cited):
    """A figure that is entered per unit and date."""

    title: Words
    yes_no: bool = False
    """True: 1 stands for yes and 0 for no; nothing else can be entered."""


class CountsDocument(Frozen):
    """The closed list of counts; none of them says anything about one person."""

    counts: Annotated[dict[Name, CountKind], Field(min_length=1)]


class Agency(Cited):
    title: Words
    valid: Validity
    level: Level = Level.PROVINCE
    """Below the province there is one such body in each unit of the level."""
    successors: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Who took over its duties on the day it ended."""


class AgenciesDocument(Frozen):
    """The bodies that act beside the People's Committees of the units."""

    agencies: Annotated[dict[Name, Agency], Field(min_length=1)]
