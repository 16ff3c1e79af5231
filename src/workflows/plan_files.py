"""The files of plans, read and proved when a plan is first asked for: reading one takes as long as all workflows.

Owns what a file of a plan is called. Which directory it lies in is the loader's, what a plan must fulfil the proofs'.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.core.documents import Catalogue
from workflows.core.problems import DefinitionError, Finding, Problem, sorted_problems
from workflows.sources import Source, read_source
from workflows.unit_files import UnitFiles
from workflows.yaml_tree import read_tree

if TYPE_CHECKING:
    from workflows.core.plan_documents import PlanDocument


class PlanFile:
    """One file of a plan, as it was when the object was made."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._content = file.read_bytes()

    @property
    def key(self) -> str:
        """The plan that the file is named for."""
        return self.file.name.removesuffix(".yaml")

    @cached_property
    def source(self) -> "Source[PlanDocument]":
        from workflows.core.plan_documents import PlanDocument  # noqa: PLC0415 - slow to load, and seldom needed

        source = read_source(self.file, read_tree(self._content), PlanDocument)
        if source.document is None or source.document.plan == self.key:
            return source
        return replace(source, problems=(*source.problems, source.place(self._misnamed(source.document.plan))))

    def problems(
        self, catalogue: Catalogue, *, broken: frozenset[str] = frozenset(), units: UnitFiles | None = None
    ) -> Iterator[Problem]:
        """Everything wrong with it; without units, nothing that only they can tell.

        Args:
            catalogue: What its names are looked up in.
            broken: Workflows and catalogue files that findings are not told about.
            units: Of the same directory of definitions.
        """
        from workflows.core.plan_proofs import prove_plan  # noqa: PLC0415 - slow to load, and seldom needed

        source = self.source
        yield from source.problems
        plan = source.document
        if plan is None:
            return
        known = units.on(plan.units_as_of) if units else None
        told = broken | {self.key}  # a misnamed plan cites what its file is named for
        findings = prove_plan(plan, catalogue, known)
        yield from (source.place(finding) for finding in findings if finding.about not in told)

    def _misnamed(self, plan: str) -> Finding:
        message = f'"{self.file.name}" is not the name of a file for {plan}'
        return Finding(path=("plan",), message=message, given=self.file.name, allowed=(f"{plan}.yaml",))


class Plans(Mapping[str, "PlanDocument"]):
    """The plans of a directory by key; getting one raises DefinitionError, with every problem, if it is wrong.

    Units are not looked at: reading them takes longer than a plan, and `check` does it.
    """

    def __init__(self, files: Iterable[PlanFile], catalogue: Catalogue) -> None:
        self._files = {file.key: file for file in files}
        self._catalogue = catalogue
        self._proved: dict[str, PlanDocument] = {}

    def __getitem__(self, key: str) -> "PlanDocument":
        if key not in self._proved:
            self._proved[key] = self._prove(self._files[key])
        return self._proved[key]

    def __contains__(self, key: object) -> bool:
        return key in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def _prove(self, file: PlanFile) -> "PlanDocument":
        problems = sorted_problems(file.problems(self._catalogue))
        if problems or file.source.document is None:
            raise DefinitionError(problems)
        return file.source.document
