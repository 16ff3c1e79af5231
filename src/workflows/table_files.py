"""The files of decision tables, read and proved when a table is first asked for, as those of plans are.

Owns what a file of a table is called. Which directory it lies in is the loader's, what a table must fulfil the proofs'.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.core.documents import Catalogue
from workflows.core.problems import DefinitionError, Finding, Problem, sorted_problems
from workflows.sources import Source, read_source
from workflows.yaml_tree import read_tree

if TYPE_CHECKING:
    from workflows.core.table_documents import TableDocument


class TableFile:
    """One file of a version of a table, as it was when the object was made."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._content = file.read_bytes()

    @property
    def key(self) -> str:
        """The table that the file is named for."""
        return self.file.name.partition(".")[0]

    @cached_property
    def source(self) -> "Source[TableDocument]":
        from workflows.core.table_documents import TableDocument  # noqa: PLC0415 - slow to load, and seldom needed

        source = read_source(self.file, read_tree(self._content), TableDocument)
        if source.document is None:
            return source
        found = map(source.place, self._misnamed(source.document))
        return replace(source, problems=(*source.problems, *found))

    def _misnamed(self, table: "TableDocument") -> Iterator[Finding]:
        allowed = (f"{table.table}.yaml", f"{table.table}.v{table.version}.yaml")
        if self.file.name not in allowed:
            message = f'"{self.file.name}" is not the name of a file for version {table.version} of {table.table}'
            yield Finding(path=("table",), message=message, given=self.file.name, allowed=allowed)


class TableFiles:
    """All versions of some tables."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.files = tuple(TableFile(path) for path in paths)

    def problems(
        self, catalogue: Catalogue, *, broken: frozenset[str] = frozenset(), key: str | None = None
    ) -> Iterator[Problem]:
        """Everything wrong with the tables, or with one of them.

        Args:
            catalogue: What their names are looked up in.
            broken: Workflows and catalogue files that findings are not told about.
            key: Of the only table that is looked at.
        """
        from workflows.core.table_proofs import prove_table  # noqa: PLC0415 - slow to load, and seldom needed

        for file in self.files:
            source = file.source
            if key not in {None, file.key}:
                continue
            yield from source.problems
            if source.document is not None:
                found = [*self._twice(file), *prove_table(source.document, catalogue, self.versions(file.key))]
                yield from (source.place(finding) for finding in found if finding.about not in broken)

    def versions(self, key: str) -> "tuple[TableDocument, ...]":
        """Of one table, ascending; those whose shape is wrong are left out."""
        found = (file.source.document for file in self.files if file.key == key)
        return tuple(sorted((table for table in found if table), key=lambda table: table.version))

    def _twice(self, file: TableFile) -> Iterator[Finding]:
        table = file.source.document
        for other in self.files[: self.files.index(file)]:
            same = other.source.document
            if table and same and (same.table, same.version) == (table.table, table.version):
                message = f"version {table.version} of {table.table} stands in {other.file.as_posix()} too"
                yield Finding(path=("version",), message=message)


class Tables(Mapping[str, "tuple[TableDocument, ...]"]):
    """The tables of a directory by key, versions ascending; getting one raises DefinitionError if it is wrong."""

    def __init__(self, files: TableFiles, catalogue: Catalogue) -> None:
        self._files = files
        self._catalogue = catalogue
        self._keys: Sequence[str] = tuple(dict.fromkeys(file.key for file in files.files))
        self._proved: dict[str, tuple[TableDocument, ...]] = {}

    def __getitem__(self, key: str) -> "tuple[TableDocument, ...]":
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._proved:
            self._proved[key] = self._prove(key)
        return self._proved[key]

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def _prove(self, key: str) -> "tuple[TableDocument, ...]":
        problems = sorted_problems(self._files.problems(self._catalogue, key=key))
        if problems:
            raise DefinitionError(problems)
        return self._files.versions(key)
