"""Four of the workflows once more, as plainly as can be: dictionaries, the YAML as data, guards written out by hand.

An independent opinion on what the engine must answer and store. Shares no code with `decide`; reads the transition
tables, roles, four-eyes rules, effects and deadlines from the documents as YAML, and knows the meaning of their
guards by their codes. Here is what is known; `model_answer` says what a request does, `model_guards` what stands in
its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import yaml

Yaml = dict[str, Any]
Row = dict[str, Any]
"""A case: id, workflow, state, version, unit, path, parent, title, data, links, episode, acts, entered, …"""
VIETNAM: Final = timezone(timedelta(hours=7))
WORKFLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "hotspot": ("hotspot.yaml",),
    "certification": ("certification.yaml", "certification.v2.yaml"),
    "opinion": ("opinion.yaml",),
    "list_decision": ("list_decision.yaml",),
}
"""The files of each, versions ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    grant: str
    person: str
    role: str
    path: str
    agency: str | None
    scope: frozenset[str]
    first: date | None
    end: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request in plain values; `case` None for an opening."""

    who: Person
    now: datetime
    claimed: datetime | None
    reason: str | None
    well_formed: bool
    given: Mapping[str, Any]
    case: str | None = None
    trigger: str = "open"
    expected: int | None = None
    workflow: str = ""
    unit: str = ""
    path: str | None = None
    """Of the unit on the day; None when it is not in force then."""
    level: str = ""
    title: str = ""
    parent: str | None = None


@dataclass(slots=True, kw_only=True)
class Told:
    """What the answer must be: its class, the codes of what stands in the way, what happened to which case."""

    kind: str
    blockers: set[tuple[str, str | None]] = field(default_factory=set)
    events: list[tuple[str, str]] = field(default_factory=list)
    """Case (a number in angle brackets for the n-th new one) and trigger."""
    after: dict[str, Row] = field(default_factory=dict)


def read_documents(root: Path) -> tuple[dict[str, list[Yaml]], dict[str, Yaml]]:
    """The versions of the workflows, ascending, and the agencies of a directory of definitions."""
    workflows = {name: [_read(root / "workflows" / file) for file in files] for name, files in WORKFLOWS.items()}
    return workflows, _read(root / "agencies.yaml")["agencies"]


def _read(path: Path) -> Yaml:
    found: Yaml = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def civil(instant: datetime) -> date:
    return instant.astimezone(VIETNAM).date()


class Model:
    """All cases and figures as plain values."""

    def __init__(
        self, documents: Mapping[str, list[Yaml]], agencies: Mapping[str, Yaml], paths: Mapping[str, str]
    ) -> None:
        self.documents = documents
        self.agencies = agencies
        self.paths = paths
        """By unit code: its last path."""
        self.cases: dict[str, Row] = {}
        self.figures: list[tuple[str, str, int, date, int]] = []
        """Unit, key, value, as of, order of entry."""

    def document(self, row: Row) -> Yaml:
        """The version that a case runs on."""
        version: int = row["workflow_version"]
        return self.documents[row["workflow"]][version - 1]

    def in_force(self, workflow: str, day: date) -> Yaml | None:
        """The version for a case opened on a day, the newest where there is none yet; None for an unknown workflow."""
        versions = self.documents.get(workflow, [])
        begun = [each for each in versions if each["valid"]["from"] <= day]
        return (begun or versions)[-1] if versions else None

    def figure(self, unit: str, key: str, value: int, as_of: date) -> None:
        self.figures.append((unit, key, value, as_of, len(self.figures)))

    def keep(self, told: Told, ids: Mapping[str, str]) -> None:
        """Take in what was accepted, new cases under the ids that they got."""
        for name, row in told.after.items():
            case_id = ids.get(name, name)
            self.cases[case_id] = {**row, "id": case_id, "parent": ids.get(row["parent"], row["parent"])}

    def known(self, unit: str, key: str, day: date) -> int | None:
        fitting = [
            (as_of, order, value)
            for u, k, value, as_of, order in self.figures
            if (u, k) == (unit, key) and as_of <= day
        ]
        return max(fitting)[2] if fitting else None
