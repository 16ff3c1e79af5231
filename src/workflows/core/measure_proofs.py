"""Proofs over the figures of a plan: that counts, workflows, states, triggers and choices exist and fit one another."""

from collections.abc import Iterator

from workflows.core.documents import OPEN, Catalogue, Level
from workflows.core.plan_documents import (
    ActsMeasure,
    CasesMeasure,
    CountMeasure,
    Indicator,
    Measure,
    UnitsMeasure,
)
from workflows.core.problems import Finding, Path
from workflows.core.proofs import COUNTS_FILE, known, known_choices, known_states, repeated, unknown_workflow
from workflows.core.relations import triggers, versions

_DOWNWARDS = (Level.COUNTRY, Level.PROVINCE, Level.DISTRICT, Level.COMMUNE)


def measures(path: Path, indicator: Indicator) -> Iterator[tuple[Path, Measure]]:
    """What an indicator is computed from, each with its place; conditions on units stand inside of theirs."""
    if indicator.value is not None:
        yield (*path, "value"), indicator.value
    if indicator.share is not None:
        yield (*path, "share", "of"), indicator.share.of
        yield (*path, "share", "over"), indicator.share.over
    if indicator.growth is not None:
        yield (*path, "growth", "of"), indicator.growth.of
        yield (*path, "growth", "base"), indicator.growth.base


def prove_measure(path: Path, measure: Measure, catalogue: Catalogue) -> Iterator[Finding]:
    """Each thing wrong with one figure."""
    match measure:
        case CountMeasure():
            if measure.count not in catalogue.counts:
                what = "a count of the catalogue"
                yield Finding.unknown((*path, "count"), measure.count, what, catalogue.counts, about=COUNTS_FILE)
        case UnitsMeasure():
            yield from _having(path, measure, catalogue)
        case CasesMeasure():
            yield from _cases(path, measure, catalogue)
        case ActsMeasure():
            yield from _acts(path, measure, catalogue)


def too_high(path: Path, measure: Measure, level: Level, catalogue: Catalogue) -> Iterator[Finding]:
    """A finding if the figure is known only for units above the level, so that a unit of the level has none."""
    levels = _levels(measure, catalogue)
    if levels and all(_DOWNWARDS.index(each) < _DOWNWARDS.index(level) for each in levels):
        message = f"is a figure of units of level {levels[-1]}: there is none for a single {level}"
        about = getattr(measure, "cases", None) or getattr(measure, "acts", None)
        yield Finding(path=path, message=message, about=about)


def _levels(measure: Measure, catalogue: Catalogue) -> tuple[Level, ...]:
    match measure:
        case CountMeasure():
            return (Level(measure.level),)
        case UnitsMeasure():
            return (Level(measure.units),)
        case CasesMeasure():
            return _subjects(measure.cases, catalogue)
        case ActsMeasure():
            return _subjects(measure.acts, catalogue)


def _subjects(workflow: str, catalogue: Catalogue) -> tuple[Level, ...]:
    return tuple(level for document in versions(workflow, catalogue) for level in document.levels)


def _having(path: Path, measure: UnitsMeasure, catalogue: Catalogue) -> Iterator[Finding]:
    if measure.having is not None:
        place = (*path, "having", "measure")
        yield from prove_measure(place, measure.having.measure, catalogue)
        yield from too_high(place, measure.having.measure, Level(measure.units), catalogue)


def _cases(path: Path, measure: CasesMeasure, catalogue: Catalogue) -> Iterator[Finding]:
    yield from unknown_workflow((*path, "cases"), measure.cases, catalogue)
    if measure.cases in catalogue.workflows:
        yield from known_states((*path, "states"), measure.states, measure.cases, catalogue)
        yield from repeated((*path, "states"), measure.states)
        yield from _selected(path, measure, measure.cases, catalogue)


def _acts(path: Path, measure: ActsMeasure, catalogue: Catalogue) -> Iterator[Finding]:
    workflow, what = measure.acts, f"a trigger of {measure.acts}"
    yield from unknown_workflow((*path, "acts"), workflow, catalogue)
    if workflow in catalogue.workflows:
        fired = (OPEN, *triggers(workflow, catalogue))
        yield from known((*path, "triggers"), measure.triggers, what, fired, about=workflow)
        yield from repeated((*path, "triggers"), measure.triggers)
        yield from known_states((*path, "now_in"), measure.now_in or (), workflow, catalogue)
        yield from repeated((*path, "now_in"), measure.now_in or ())
        yield from _selected(path, measure, workflow, catalogue)


def _selected(
    path: Path, measure: CasesMeasure | ActsMeasure, workflow: str, catalogue: Catalogue
) -> Iterator[Finding]:
    yield from known_choices((*path, "where"), measure.where, workflow, catalogue)
    for field, values in measure.where.items():
        yield from repeated((*path, "where", field), values)
    if measure.of == "communes" and Level.COMMUNE not in _subjects(workflow, catalogue):
        message = f"{workflow} is not about communes: its cases belong to none that could be counted"
        yield Finding(path=(*path, "of"), message=message, about=workflow)
