"""From a directory of definitions to a catalogue that is proved, or to all that is wrong with it.

Owns which files there are and what those of workflows are called. How YAML is read is `yaml_tree`'s, what a document
must fulfil is `shape`'s and the proofs', when plans and tables are read is `plan_files`' and `table_files`'.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from itertools import chain
from pathlib import Path

from workflows.calendar_files import CalendarFiles
from workflows.core.agency_proofs import prove_agencies
from workflows.core.catalogue_documents import AgenciesDocument, CountsDocument
from workflows.core.documents import Catalogue, WorkflowDocument
from workflows.core.problems import ANY_WORKFLOW, DefinitionError, Finding, Problem, sorted_problems
from workflows.core.proofs import CALENDARS, prove
from workflows.plan_files import PlanFile, Plans
from workflows.sources import Model, Source, read_source
from workflows.table_files import TableFiles, Tables
from workflows.unit_act_files import ACTS, UNITS, act_files, act_problems
from workflows.unit_files import UnitFiles
from workflows.yaml_tree import read_tree

COUNTS = "counts.yaml"
AGENCIES = "agencies.yaml"
WORKFLOWS = "workflows"
PLANS = "plans"
TABLES = "tables"
FOLDERS = {WORKFLOWS: "workflow", PLANS: "plan", TABLES: "table", CALENDARS: "calendar"}
"""Of documents, each with the key that names what a document is; a plan has a calendar, too, and is found first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """All files that refer to one another."""

    workflows: tuple[Source[WorkflowDocument], ...]
    counts: Source[CountsDocument] | None
    agencies: Source[AgenciesDocument] | None
    calendars: CalendarFiles
    plans: tuple[PlanFile, ...]
    tables: TableFiles

    def catalogue(self) -> Catalogue:
        documents = [source.document for source in self.workflows if source.document]
        keys = sorted({document.workflow for document in documents})
        versions = {key: [document for document in documents if document.workflow == key] for key in keys}
        counts = self.counts.document if self.counts else None
        agencies = self.agencies.document if self.agencies else None
        return Catalogue(
            workflows={key: tuple(sorted(found, key=_version)) for key, found in versions.items()},
            counts=counts.counts if counts else {},
            agencies=agencies.agencies if agencies else {},
            calendar=self.calendars.calendar,
        )

    def broken(self) -> frozenset[str]:
        """Workflows and catalogue files whose own problems would cause findings in others."""
        keys = {_stem(source.file) for source in self.workflows if not _is_named(source)}
        files = {source.file.name for source in (self.counts, self.agencies) if source and not source.document}
        calendars = {CALENDARS} if self.calendars.broken else set()
        return frozenset(keys | files | calendars | ({ANY_WORKFLOW} if keys else set()))

    def problems(self) -> Iterator[Problem]:
        """Of all but the plans."""
        for shared in (self.counts, self.agencies):
            yield from shared.problems if shared else ()
        if self.agencies and self.agencies.document:
            yield from map(self.agencies.place, prove_agencies(self.agencies.document.agencies))
        yield from self.calendars.problems()
        catalogue, broken = self.catalogue(), self.broken()
        for source in self.workflows:
            yield from source.problems
            if source.document is not None:
                yield from _proved(source, source.document, catalogue, broken)
        yield from _same_versions(self.workflows)

    def plan_problems(self, plans: Sequence[PlanFile], units: UnitFiles | None = None) -> Iterator[Problem]:
        """Of some of the plans."""
        catalogue, broken = self.catalogue(), self.broken()
        for plan in plans:
            yield from plan.problems(catalogue, broken=broken, units=units)

    def table_problems(self) -> Iterator[Problem]:
        yield from self.tables.problems(self.catalogue(), broken=self.broken())


def find_definitions(setting: str | None) -> Path:
    """The directory of definitions: the one set, else the one in the package, else the one of the repository.

    Raises:
        FileNotFoundError: none of them is there; the message names all that were tried.
    """
    packaged = Path(str(resources.files("workflows"))) / "definitions"
    repository = Path(__file__).resolve().parents[2] / "definitions"
    places = (Path(setting),) if setting else (packaged, repository)
    for place in places:
        if (place / WORKFLOWS).is_dir():
            return place
    tried = ", ".join(str(place / WORKFLOWS) for place in places)
    message = f"no definitions found: no directory {tried}"
    raise FileNotFoundError(message)


def load(root: Path) -> Catalogue:
    """The proved catalogue of a directory of definitions; plans and tables are proved when first asked for.

    Raises:
        DefinitionError: with every problem of every other file.
    """
    sources = _read(root)
    problems = sorted_problems((*sources.problems(), *_stray_files(root)))
    if problems:
        raise DefinitionError(problems)
    catalogue = sources.catalogue()
    return replace(catalogue, plans=Plans(sources.plans, catalogue), tables=Tables(sources.tables, catalogue))


def check(paths: Sequence[Path]) -> list[Problem]:
    """Every problem of the files and directories of definitions, by file and line.

    A file inside a directory of definitions is proved against all of that directory, but only its own
    problems are told, and whether the lists of units can be counted on; lists of units are proved, and told of,
    together. A file elsewhere is proved together with the other files given.
    """
    places = {path: _root(path) for path in paths if path.exists()}
    roots = {_as_given(root, path) for path, root in places.items() if root}
    asked = frozenset(path.resolve() for path in places)
    problems = [_absent(path) for path in paths if path not in places]
    problems += [problem for root in sorted(roots) for problem in _checked(root, asked)]
    others = _sources([path for path, root in places.items() if not root])
    problems += (*others.problems(), *others.plan_problems(others.plans), *others.table_problems())
    return sorted_problems(problems)


def _absent(path: Path) -> Problem:
    return Problem(file=path.as_posix(), line=1, path="", message="there is no such file or directory")


def _checked(root: Path, asked: frozenset[Path]) -> Iterator[Problem]:
    def is_asked(*places: Path) -> bool:
        return not asked.isdisjoint(place.resolve() for place in places)

    whole = is_asked(root, *(root / name for name in FOLDERS))
    sources = _read(root)
    for problem in (*sources.problems(), *sources.table_problems(), *_stray_files(root)):
        file = Path(problem.file)
        if whole or is_asked(file, *file.parents):
            yield problem
    plans = [plan for plan in sources.plans if whole or is_asked(plan.file)]
    acts = [file for file in act_files(root) if whole or is_asked(file, *file.parents[:2])]
    lists = whole or is_asked(root / UNITS, *(root / UNITS).glob("*.csv"))
    if plans or acts or lists:
        units = UnitFiles(root / UNITS)
        yield from units.problems if lists else _unproved(root / UNITS, units)
        yield from sources.plan_problems(plans, units)
        yield from (problem for file in acts for problem in act_problems(file, units))


def _unproved(directory: Path, units: UnitFiles) -> Iterator[Problem]:
    """What is said of the lists of units where only a document that is proved by them was asked for."""
    if units.problems:
        message = "the lists of units have mistakes, so that nothing is proved by them; check this directory"
        yield Problem(file=directory.as_posix(), line=1, path="", message=message)


def _root(path: Path) -> Path | None:
    """The directory of definitions that a path is, or lies in; absolute."""
    place = path.resolve()
    if not place.is_dir():
        return _root_of_file(place)
    if (place / WORKFLOWS).is_dir():
        return place
    if place.name == ACTS and place.parent.name == UNITS:
        return place.parents[1]
    return place.parent if place.name in (*FOLDERS, UNITS) else place


def _root_of_file(file: Path) -> Path | None:
    folder = file.parent
    if file.suffix in {".yaml", ".yml"}:
        if folder.name == ACTS and folder.parent.name == UNITS:
            return folder.parents[1]
        if folder.name in FOLDERS:
            return folder.parent
    if file.suffix == ".csv" and folder.name == UNITS:
        return folder.parent
    return folder if file.name in {COUNTS, AGENCIES} else None


def _as_given(root: Path, path: Path) -> Path:
    """As it is to be told to somebody who gave a path: below the working directory, unless that was absolute."""
    return root if path.is_absolute() else Path(os.path.relpath(root))


def _read(root: Path) -> _Sources:
    shared = [path for path in (root / COUNTS, root / AGENCIES) if path.is_file()]
    folders = (sorted((root / name).glob("*.yaml")) for name in FOLDERS)
    return _sources([*shared, *chain.from_iterable(folders)])


def _sources(paths: Sequence[Path]) -> _Sources:
    by_name = {path.name: path for path in paths}
    counts, agencies = by_name.get(COUNTS), by_name.get(AGENCIES)
    others = [path for path in paths if path.name not in {COUNTS, AGENCIES}]
    kinds = {path: _kind(path) for path in others}
    return _Sources(
        workflows=tuple(_workflow(path) for path, kind in kinds.items() if kind == WORKFLOWS),
        counts=_source(counts, CountsDocument) if counts else None,
        agencies=_source(agencies, AgenciesDocument) if agencies else None,
        calendars=CalendarFiles.of([path for path, kind in kinds.items() if kind == CALENDARS]),
        plans=tuple(PlanFile(path) for path, kind in kinds.items() if kind == PLANS),
        tables=TableFiles(path for path, kind in kinds.items() if kind == TABLES),
    )


def _kind(file: Path) -> str:
    """By its directory; by its content where that tells nothing."""
    if file.parent.name in FOLDERS:
        return file.parent.name
    data = read_tree(file.read_bytes()).data
    found = [folder for folder, key in FOLDERS.items() if isinstance(data, dict) and key in data]
    return found[0] if found else WORKFLOWS


def _source(file: Path, model: type[Model]) -> Source[Model]:
    return read_source(file, read_tree(file.read_bytes()), model)


def _workflow(file: Path) -> Source[WorkflowDocument]:
    source = _source(file, WorkflowDocument)
    if source.document is None:
        return source
    findings = tuple(_misnamed(file, source.document))
    return replace(source, problems=(*source.problems, *map(source.place, findings)))


def _misnamed(file: Path, document: WorkflowDocument) -> Iterator[Finding]:
    allowed = (f"{document.workflow}.yaml", f"{document.workflow}.v{document.version}.yaml")
    if file.name not in allowed:
        message = f'"{file.name}" is not the name of a file for version {document.version} of {document.workflow}'
        yield Finding(path=("workflow",), message=message, given=file.name, allowed=allowed)


def _proved(
    source: Source[WorkflowDocument],
    document: WorkflowDocument,
    catalogue: Catalogue,
    broken: frozenset[str],
) -> Iterator[Problem]:
    return (source.place(finding) for finding in prove(document, catalogue) if finding.about not in broken)


def _same_versions(sources: Sequence[Source[WorkflowDocument]]) -> Iterator[Problem]:
    first: dict[tuple[str, int], Path] = {}
    for source in sources:
        if source.document is None:
            continue
        key = source.document.workflow, source.document.version
        if key in first:
            message = f"version {key[1]} of {key[0]} stands in {first[key].as_posix()} too"
            yield source.place(Finding(path=("version",), message=message))
        first.setdefault(key, source.file)


def _stray_files(root: Path) -> Iterator[Problem]:
    """Files that would be taken for definitions but are not read, and a directory without any."""
    if not any((root / WORKFLOWS).glob("*.yaml")):
        message = "there is no workflow here: no file *.yaml"
        yield Problem(file=(root / WORKFLOWS).as_posix(), line=1, path="", message=message)
    for folder, what in ((root / name, f"a {what}") for name, what in FOLDERS.items()):
        yield from _unread(folder, what, ".yaml", (*folder.glob("*.yml"), *folder.glob("*/**/*.y*ml")))
    units, acts = root / UNITS, root / UNITS / ACTS
    yield from _unread(acts, "an act", ".yaml", (*acts.glob("*.yml"), *acts.glob("*/**/*.y*ml")))
    yield from _unread(units, "a list of units", ".csv", (*units.glob("*.CSV"), *units.glob("*/**/*.csv")))


def _unread(folder: Path, what: str, ending: str, files: Iterable[Path]) -> Iterator[Problem]:
    message = f"is not read: {what} stands directly in {folder.as_posix()} and ends in {ending}"
    yield from (Problem(file=file.as_posix(), line=1, path="", message=message) for file in sorted(files))


def _is_named(source: Source[WorkflowDocument]) -> bool:
    """Whether it holds the workflow that others would look for in it."""
    return source.document is not None and source.document.workflow == _stem(source.file)


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]


def _version(document: WorkflowDocument) -> int:
    return document.version
