"""The files of administrative acts: which there are, and one of them read and proved.

They stand beside the units that they are about. A file elsewhere is read by its path, and proved beside the units of
the directory of definitions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from workflows.core.nearest import nearest
from workflows.core.problems import DefinitionError, Finding, Problem, sorted_problems
from workflows.core.unit_act_proofs import prove_act
from workflows.core.unit_acts import UnitActDocument
from workflows.sources import Source, read_source
from workflows.unit_files import UnitFiles
from workflows.yaml_tree import read_tree

UNITS = "units"
ACTS = "acts"


class UnknownActError(LookupError):
    """There is no act of that key, nor a file of that name."""


def act_files(root: Path) -> list[Path]:
    """Of a directory of definitions, by name."""
    return sorted((root / UNITS / ACTS).glob("*.yaml"))


def read_acts(root: Path) -> list[UnitActDocument]:
    """All acts in a directory of definitions, by name; raises DefinitionError with everything that is wrong."""
    units, sources = UnitFiles(root / UNITS), [_listed(file) for file in act_files(root)]
    return _proved(sources, units)


def read_act(root: Path, named: str) -> UnitActDocument:
    """The act of that key, or in the file of that path.

    Raises:
        UnknownActError: there is none.
        DefinitionError: with everything that is wrong with it.
    """
    found = {file.stem: file for file in act_files(root)}
    file = found.get(named, Path(named))
    if not file.is_file():
        near = nearest(named, found)
        hint = f'; did you mean "{near}"?' if near else ""
        raise UnknownActError(f'no act "{named}", nor a file of that name; acts: {", ".join(found) or "none"}{hint}')
    (document,) = _proved([_source(file)], UnitFiles(root / UNITS))
    return document


def _proved(sources: Sequence[Source[UnitActDocument]], units: UnitFiles) -> list[UnitActDocument]:
    problems = [*units.problems, *(problem for source in sources for problem in _problems(source, units))]
    if problems:
        raise DefinitionError(sorted_problems(problems))
    return [source.document for source in sources if source.document is not None]


def act_problems(file: Path, units: UnitFiles) -> Iterator[Problem]:
    """Everything wrong with the file of an act, its name included."""
    yield from _problems(_listed(file), units)


def _listed(file: Path) -> Source[UnitActDocument]:
    """An act that is found by its name; one that has another is a problem."""
    source = _source(file)
    if source.document is not None and source.document.act != file.stem:
        allowed = (f"{source.document.act}.yaml",)
        message = f'"{file.name}" is not the name of a file for {source.document.act}'
        misnamed = Finding(path=("act",), message=message, given=file.name, allowed=allowed)
        source = replace(source, problems=(*source.problems, source.place(misnamed)))
    return source


def _source(file: Path) -> Source[UnitActDocument]:
    return read_source(file, read_tree(file.read_bytes()), UnitActDocument)


def _problems(source: Source[UnitActDocument], units: UnitFiles) -> Iterator[Problem]:
    yield from source.problems
    act = source.document
    if act is None:
        return
    before = units.on(act.day - timedelta(days=1)) if units else None
    after = units.on(act.day) if units else None
    yield from (source.place(finding) for finding in prove_act(act, before, after))
