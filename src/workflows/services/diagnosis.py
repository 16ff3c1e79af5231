"""What a check of the installation finds: one line, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflows.core.documents import Words

_LIMIT: Final = 500


class Status(StrEnum):
    """How grave a finding is; only a failure means that the installation must not serve as it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    name: str
    """Stable, for programs."""
    status: Status
    message: Words


def ok(name: str, vi: str, en: str) -> Finding:
    return _finding(name, Status.OK, vi, en)


def warning(name: str, vi: str, en: str) -> Finding:
    return _finding(name, Status.WARNING, vi, en)


def failure(name: str, vi: str, en: str) -> Finding:
    return _finding(name, Status.FAILURE, vi, en)


def _finding(name: str, status: Status, vi: str, en: str) -> Finding:
    return Finding(name=name, status=status, message=Words(vi=_cut(vi), en=_cut(en)))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1] + "…"


def some(names: list[str], shown: int = 5) -> str:
    """The first few of many names."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" (+{more})" if more > 0 else "")
