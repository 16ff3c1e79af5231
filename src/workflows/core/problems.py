"""What is wrong with a definition, and where: the values that proofs yield and the loader reports.

A finding knows its place inside one document; a problem knows the file and line too. Neither knows how YAML
is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias

from workflows.core.nearest import nearest

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the root of a document."""

ANY_WORKFLOW = "*"
_SHOWN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a proof found wrong in one document."""

    path: Path
    message: str
    given: str | None = None
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    about: str | None = None
    """The workflow or catalogue file whose absence would cause the finding; `ANY_WORKFLOW` when any could."""

    @classmethod
    def unknown(cls, path: Path, given: str, what: str, allowed: Iterable[str], *, about: str | None = None) -> Self:
        """`given` is not one of the `allowed` names; `what` says what it should be, with its article."""
        names = tuple(allowed)
        message = f'"{given}" is not {what}'
        return cls(
            path=path,
            message=message,
            given=given,
            allowed=names,
            nearest=nearest(given, names),
            about=about,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in one file; `str` gives the line that people read."""

    file: str
    line: int
    """From 1."""
    path: str
    """Such as `transitions.suppress.requires[0].that`; empty for the document as a whole."""
    message: str
    given: str | None = None
    allowed: tuple[str, ...] = ()
    nearest: str | None = None

    @classmethod
    def at(cls, file: str, line: int, finding: Finding) -> Self:
        """The finding, placed."""
        return cls(
            file=file,
            line=line,
            path=dotted(finding.path),
            message=finding.message,
            given=finding.given,
            allowed=finding.allowed,
            nearest=finding.nearest,
        )

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        hints = [f"; allowed: {_listed(self.allowed)}"] if self.allowed else []
        if self.nearest is not None:
            hints.append(f'; did you mean "{self.nearest}"?')
        return place + self.message + "".join(hints)


class DefinitionError(Exception):
    """Definitions cannot be used; carries everything that is wrong with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """By file, line and path."""
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.path, problem.message))


def dotted(path: Path) -> str:
    """Keys joined by dots, indexes in brackets."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _listed(names: tuple[str, ...]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
