"""Everything that a plan must fulfil beyond its shape, as one stream of findings.

Owns bodies, citations, reports, targets and processes; days, figures and units have their own modules.
"""

from collections.abc import Iterator

from workflows.core.documents import Catalogue, Cited, Level, WorkflowDocument
from workflows.core.fields import Context, check
from workflows.core.measure_proofs import measures, prove_measure, too_high
from workflows.core.nearest import nearest
from workflows.core.plan_day_proofs import prove_days
from workflows.core.plan_documents import PlanDocument, Process, Target
from workflows.core.plan_references import is_reference, references, resolved
from workflows.core.plan_unit_proofs import prove_units
from workflows.core.plan_units import UnitsThen
from workflows.core.problems import Finding, Path
from workflows.core.proofs import known, repeated, unknown_workflow
from workflows.core.relations import versions
from workflows.core.source_proofs import AGENCIES_FILE

DESIGN = "design"
_DISTRICT_DIGITS = 3


def prove_plan(plan: PlanDocument, catalogue: Catalogue, units: UnitsThen | None) -> Iterator[Finding]:
    """Each thing wrong with a plan.

    Args:
        plan: Of the right shape.
        catalogue: Where workflows, counts and agencies are looked up; proved by itself.
        units: Those in force on `plan.units_as_of`; None: not known, and what needs them is not proved.
    """
    yield from _citations(plan)
    yield from _agencies(plan, catalogue)
    yield from _requests(plan)
    yield from _consolidations(plan)
    yield from prove_days(plan)
    yield from _indicators(plan, catalogue)
    yield from _targets(plan, catalogue)
    for name, process in plan.processes.items():
        yield from _process(("processes", name), process, plan, catalogue)
    if units is not None:
        yield from prove_units(plan, units)


def _citations(plan: PlanDocument) -> Iterator[Finding]:
    """Other plans are no source of what this one says."""
    for path, element in _elements(plan):
        single = isinstance(element.basis, str)
        for index, basis in enumerate((element.basis,) if isinstance(element.basis, str) else element.basis):
            cited, _, section = basis.partition(" ")
            if cited not in {plan.plan, DESIGN}:
                place = (*path, "basis") if single else (*path, "basis", index)
                message = f'"{basis}" cites another plan; what this one does not say has the basis "{DESIGN}"'
                yield Finding(path=place, message=message, given=basis, nearest=f"{plan.plan} {section}", about=cited)


def _elements(plan: PlanDocument) -> Iterator[tuple[Path, Cited]]:
    for index, legal in enumerate(plan.legal_bases):
        yield ("legal_bases", index), legal
    for part in ("calendar", "parameters", "processes", "indicators", "targets", "obligations", "tasks"):
        for name, element in getattr(plan, part).items():
            yield (part, name), element


def _agencies(plan: PlanDocument, catalogue: Catalogue) -> Iterator[Finding]:
    yield from _agency(("issuer",), plan.issuer, plan, catalogue)
    for path, names in _bodies(plan):
        yield from repeated(path, names)
        for index, name in enumerate(names):
            if name not in names[:index]:
                yield from _agency((*path, index), name, plan, catalogue)
    for key, obligation in plan.obligations.items():
        yield from _agency(("obligations", key, "to"), obligation.to, plan, catalogue)
        if obligation.through is not None:
            yield from _agency(("obligations", key, "through"), obligation.through, plan, catalogue)


def _bodies(plan: PlanDocument) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for key, obligation in plan.obligations.items():
        yield ("obligations", key, "owed_by"), obligation.owed_by
    for key, task in plan.tasks.items():
        yield ("tasks", key, "lead"), task.lead
        yield ("tasks", key, "implementing"), task.implementing
        yield ("tasks", key, "coordinating"), task.coordinating


def _agency(path: Path, name: str, plan: PlanDocument, catalogue: Catalogue) -> Iterator[Finding]:
    agency = catalogue.agencies.get(name)
    day = plan.issued or plan.period.from_
    if agency is None:
        yield Finding.unknown(path, name, "an agency", catalogue.agencies, about=AGENCIES_FILE)
    elif not agency.valid.covers(day):
        message = f'"{name}" is not in force on {day.isoformat()}, only {agency.valid.period}'
        yield Finding(path=path, message=message, given=name, allowed=agency.successors)


def _requests(plan: PlanDocument) -> Iterator[Finding]:
    """Whoever is asked is one of those who take part."""
    for key, obligation in plan.obligations.items():
        path = "obligations", key, "requested"
        yield from known(path, obligation.requested, "one of those who owe the report", obligation.owed_by)
        yield from repeated(path, obligation.requested)
    for key, task in plan.tasks.items():
        path = "tasks", key, "requested"
        yield from known(path, task.requested, "one of those who take part", task.bodies)
        yield from repeated(path, task.requested)


def _consolidations(plan: PlanDocument) -> Iterator[Finding]:
    for key, obligation in plan.obligations.items():
        path = "obligations", key, "consolidates"
        yield from known(path, obligation.consolidates, "an obligation of this plan", plan.obligations)
        yield from repeated(path, obligation.consolidates)
        way = _way_back(key, plan)
        if way and key == min(way):
            shown = " → ".join((*way, key))
            yield Finding(path=path, message=f"the reports go round in a circle: {shown}")


def _way_back(start: str, plan: PlanDocument) -> tuple[str, ...]:
    """The shortest way from an obligation over those that it consolidates back to it; empty when there is none."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in waiting:
        obligation = plan.obligations.get(way[-1])
        for name in obligation.consolidates if obligation else ():
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                waiting.append((*way, name))
    return ()


def _indicators(plan: PlanDocument, catalogue: Catalogue) -> Iterator[Finding]:
    named = {target.indicator for target in plan.targets.values()}
    meant = named | {nearest(name, plan.indicators) for name in named}  # a misspelt name is told at the target
    for name, indicator in plan.indicators.items():
        path = "indicators", name
        if name not in meant:
            yield Finding(path=path, message="no target names it", given=name)
        for place, measure in measures(path, indicator):
            yield from prove_measure(place, measure, catalogue)


def _targets(plan: PlanDocument, catalogue: Catalogue) -> Iterator[Finding]:
    for name, target in plan.targets.items():
        path = "targets", name
        if target.indicator not in plan.indicators:
            yield Finding.unknown((*path, "indicator"), target.indicator, "an indicator of this plan", plan.indicators)
        elif target.table is not None:
            yield from _per_unit((*path, "indicator"), target, plan, catalogue)
        yield from _rows((*path, "table", "rows"), target)


def _per_unit(path: Path, target: Target, plan: PlanDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """A table sets a level for each unit: there must be a figure of a single one."""
    rows = target.table.rows if target.table else ()
    lowest = Level.DISTRICT if all(len(row.unit) == _DISTRICT_DIGITS for row in rows) else Level.COMMUNE
    for _, measure in measures((), plan.indicators[target.indicator]):
        yield from too_high(path, measure, lowest, catalogue)


def _rows(path: Path, target: Target) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, row in enumerate(target.table.rows if target.table else ()):
        if row.unit in first:
            message = f'"{row.unit}" has two rows; the first is row {first[row.unit] + 1}'
            yield Finding(path=(*path, index, "unit"), message=message, given=row.unit)
        first.setdefault(row.unit, index)
        for column, level in row.levels.items():
            if not 0 <= level <= row.total:
                message = f"{level} is outside 0 to {row.total}, the whole of the unit"
                yield Finding(path=(*path, index, "levels", column), message=message)


def _process(path: Path, process: Process, plan: PlanDocument, catalogue: Catalogue) -> Iterator[Finding]:
    yield from unknown_workflow((*path, "workflow"), process.workflow, catalogue)
    known_here = references(plan)
    for name, value in process.data.items():
        if is_reference(value) and value not in known_here:
            yield Finding.unknown((*path, "data", name), str(value), "a value of this plan", known_here)
    for document in versions(process.workflow, catalogue)[-1:]:
        if process.for_each not in document.levels:
            message = f"cases of {document.workflow} belong to units of level {', '.join(document.levels)}"
            yield Finding(path=(*path, "for_each"), message=message, given=process.for_each, about=document.workflow)
        yield from _data((*path, "data"), process, document, plan, catalogue)


def _data(
    path: Path, process: Process, document: WorkflowDocument, plan: PlanDocument, catalogue: Catalogue
) -> Iterator[Finding]:
    """What would be refused when cases are opened."""
    asked = {name: document.fields[name] for name in document.open.asks if name in document.fields}
    what = f"asked for when a case of {document.workflow} is opened"
    for name in process.data:
        if name not in asked:
            yield Finding.unknown((*path, name), name, what, asked, about=document.workflow)
    values = resolved(plan, process)
    unknown = process.data.keys() - values.keys()  # told already: neither missing nor wrong
    fields = {name: spec for name, spec in asked.items() if name not in unknown}
    given = {name: value for name, value in values.items() if name in fields}
    agencies = {key: agency.valid for key, agency in catalogue.agencies.items()}
    for error in check(fields, given, "", Context(agencies=agencies, sheets=document.sheets)):
        place = (*path, *error.path.removeprefix("/").split("/"))
        yield Finding(path=place, message=error.message, about=document.workflow)
