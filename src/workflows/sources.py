"""One file of definitions as it was read: its document or what is wrong with its shape, and the line of every path.

Which files there are, and what a document must fulfil beyond its shape, is not known here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from workflows.core.problems import Finding, Problem
from workflows.core.shape import read_shape
from workflows.yaml_tree import Tree

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[Model]):
    """One file: the document, unless its shape is wrong, and what is wrong with reading and shape."""

    file: Path
    tree: Tree
    document: Model | None
    problems: tuple[Problem, ...]

    def place(self, finding: Finding) -> Problem:
        return Problem.at(self.file.as_posix(), self.tree.line(finding.path), finding)


def read_source(file: Path, tree: Tree, model: type[Model]) -> Source[Model]:
    """What a tree holds, if it is a document of this model."""
    document, findings = (None, ()) if tree.data is None and tree.faults else read_shape(model, tree.data)
    problems = [Problem.at(file.as_posix(), line, fault) for line, fault in tree.faults]
    problems += [Problem.at(file.as_posix(), tree.line(finding.path), finding) for finding in findings]
    return Source(file=file, tree=tree, document=document, problems=tuple(problems))
