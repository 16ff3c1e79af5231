"""From a directory of definitions to a catalogue that is proved, or to all that is wrong with it.

Owns which files there are and what they are called, and gives every finding its file and line. How YAML is
read is `yaml_tree`'s, what a document must fulfil is `shape`'s and `proofs`'.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from workflows.core.documents import AgenciesDocument, Catalogue, CountsDocument, WorkflowDocument
from workflows.core.problems import ANY_WORKFLOW, DefinitionError, Finding, Problem
from workflows.core.proofs import prove
from workflows.core.shape import read_shape
from workflows.yaml_tree import Tree, read_tree

COUNTS = "counts.yaml"
AGENCIES = "agencies.yaml"
WORKFLOWS = "workflows"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source(Generic[Model]):
    """One file: the document, unless its shape is wrong, and what is wrong with reading and shape."""

    file: Path
    tree: Tree
    document: Model | None
    problems: tuple[Problem, ...]

    def place(self, finding: Finding) -> Problem:
        return Problem.at(self.file.as_posix(), self.tree.line(finding.path), finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """All files that refer to one another."""

    workflows: tuple[_Source[WorkflowDocument], ...]
    counts: _Source[CountsDocument] | None
    agencies: _Source[AgenciesDocument] | None

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
        )

    def broken(self) -> frozenset[str]:
        """Workflows and catalogue files whose own problems would cause findings in others."""
        keys = {_stem(source.file) for source in self.workflows if source.document is None}
        files = {source.file.name for source in (self.counts, self.agencies) if source and not source.document}
        return frozenset(keys | files | ({ANY_WORKFLOW} if keys else set()))

    def problems(self) -> Iterator[Problem]:
        for shared in (self.counts, self.agencies):
            yield from shared.problems if shared else ()
        catalogue, broken = self.catalogue(), self.broken()
        for source in self.workflows:
            yield from source.problems
            if source.document is not None:
                yield from _proved(source, source.document, catalogue, broken)
        yield from _same_versions(self.workflows)


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
    """The proved catalogue of a directory of definitions.

    Raises:
        DefinitionError: with every problem of every file.
    """
    sources = _read(root)
    problems = sorted_problems((*sources.problems(), *_stray_files(root)))
    if problems:
        raise DefinitionError(problems)
    return sources.catalogue()


def check(paths: Sequence[Path]) -> list[Problem]:
    """Every problem of the files and directories of definitions, by file and line.

    A file inside a directory of definitions is proved against all of that directory, but only its own
    problems are told. A file elsewhere is proved together with the other files given.
    """
    there = [path for path in paths if path.exists()]
    roots = {root for path in there if (root := _root(path))}
    problems = [_absent(path) for path in paths if path not in there]
    problems += [problem for root in sorted(roots) for problem in _checked(root, there)]
    problems += _sources([path for path in there if not _root(path)]).problems()
    return sorted_problems(problems)


def _absent(path: Path) -> Problem:
    return Problem(file=path.as_posix(), line=1, path="", message="there is no such file or directory")


def sorted_problems(problems: Iterable[Problem]) -> list[Problem]:
    """By file, line and path."""
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.path, problem.message))


def _checked(root: Path, paths: Sequence[Path]) -> Iterator[Problem]:
    whole = root in paths or root / WORKFLOWS in paths
    asked = {path.as_posix() for path in paths}
    for problem in (*_read(root).problems(), *_stray_files(root)):
        if whole or problem.file in asked:
            yield problem


def _root(path: Path) -> Path | None:
    """The directory of definitions that a path is, or lies in."""
    if path.is_dir():
        return path.parent if path.name == WORKFLOWS else path
    if path.parent.name == WORKFLOWS:
        return path.parent.parent
    return path.parent if path.name in {COUNTS, AGENCIES} else None


def _read(root: Path) -> _Sources:
    shared = [path for path in (root / COUNTS, root / AGENCIES) if path.is_file()]
    return _sources([*shared, *sorted((root / WORKFLOWS).glob("*.yaml"))])


def _sources(paths: Sequence[Path]) -> _Sources:
    by_name = {path.name: path for path in paths}
    counts, agencies = by_name.get(COUNTS), by_name.get(AGENCIES)
    return _Sources(
        workflows=tuple(_workflow(path) for path in paths if path.name not in {COUNTS, AGENCIES}),
        counts=_source(counts, CountsDocument) if counts else None,
        agencies=_source(agencies, AgenciesDocument) if agencies else None,
    )


def _source(file: Path, model: type[Model]) -> _Source[Model]:
    tree = read_tree(file.read_bytes())
    document, findings = (None, ()) if tree.data is None and tree.faults else read_shape(model, tree.data)
    problems = [Problem.at(file.as_posix(), line, fault) for line, fault in tree.faults]
    problems += [Problem.at(file.as_posix(), tree.line(finding.path), finding) for finding in findings]
    return _Source(file=file, tree=tree, document=document, problems=tuple(problems))


def _workflow(file: Path) -> _Source[WorkflowDocument]:
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
    source: _Source[WorkflowDocument],
    document: WorkflowDocument,
    catalogue: Catalogue,
    broken: frozenset[str],
) -> Iterator[Problem]:
    return (source.place(finding) for finding in prove(document, catalogue) if finding.about not in broken)


def _same_versions(sources: Sequence[_Source[WorkflowDocument]]) -> Iterator[Problem]:
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
    folder = root / WORKFLOWS
    if not any(folder.glob("*.yaml")):
        yield Problem(file=folder.as_posix(), line=1, path="", message="there is no workflow here: no file *.yaml")
    for stray in sorted((*folder.glob("*.yml"), *folder.glob("*/**/*.y*ml"))):
        message = f"is not read: a workflow stands directly in {folder.as_posix()} and ends in .yaml"
        yield Problem(file=stray.as_posix(), line=1, path="", message=message)


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]


def _version(document: WorkflowDocument) -> int:
    return document.version
