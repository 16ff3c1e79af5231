"""The file of the calendar: of one directory of definitions there is one, by which all deadlines are reckoned.

Owns what the file is called and that it is the only one. What it must fulfil beyond its shape is `calendar_proofs`'.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from workflows.core.calendar_documents import CalendarDocument
from workflows.core.calendar_proofs import prove_calendar
from workflows.core.calendars import Calendar
from workflows.core.problems import Finding, Problem
from workflows.sources import Source, read_source
from workflows.yaml_tree import read_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFiles:
    """What was found where the calendar should be."""

    sources: tuple[Source[CalendarDocument], ...]

    @classmethod
    def of(cls, files: Sequence[Path]) -> Self:
        """Read and look at their shape."""
        return cls(sources=tuple(read_source(file, read_tree(file.read_bytes()), CalendarDocument) for file in files))

    @property
    def calendar(self) -> Calendar | None:
        """None: there is none, or its shape is wrong."""
        document = next((source.document for source in self.sources if source.document), None)
        return Calendar(document) if document else None

    @property
    def broken(self) -> bool:
        """Whether a file is there whose shape is wrong: that a calendar is missing is no problem of others then."""
        return any(source.document is None for source in self.sources)

    def problems(self) -> Iterator[Problem]:
        """Everything wrong with them."""
        for source in self.sources:
            yield from source.problems
            if source.document is not None:
                yield from map(source.place, prove_calendar(source.document))
                yield from map(source.place, _misnamed(source.file, source.document))
        for source in self.sources[1:]:
            message = f"deadlines are reckoned by one calendar, which is {self.sources[0].file.as_posix()}"
            yield source.place(Finding(path=("calendar",), message=message))


def _misnamed(file: Path, document: CalendarDocument) -> Iterator[Finding]:
    allowed = f"{document.calendar}.yaml"
    if file.name != allowed:
        message = f'"{file.name}" is not the name of a file for {document.calendar}'
        yield Finding(path=("calendar",), message=message, given=file.name, allowed=(allowed,))
