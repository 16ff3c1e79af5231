"""Proofs of a plan against the administrative units of its province, as they were on the plan's own day."""

from collections.abc import Iterator

from workflows.core.documents import Level
from workflows.core.measure_proofs import measures
from workflows.core.plan_documents import PlanDocument, TargetTable, UnitsMeasure
from workflows.core.plan_units import UnitsThen, units_of
from workflows.core.problems import Finding, Path

_DISTRICT_DIGITS = 3


def prove_units(plan: PlanDocument, units: UnitsThen) -> Iterator[Finding]:
    """Each unit and level that the province does not have on `plan.units_as_of`, the day of the units given."""
    provinces = [code for code, unit in units.items() if unit.level is Level.PROVINCE]
    if plan.province not in provinces:
        what = f"a province on {plan.units_as_of.isoformat()}"
        yield Finding.unknown(("province",), plan.province, what, provinces)
        return
    for name, target in plan.targets.items():
        if target.table is not None:
            yield from _rows(("targets", name, "table", "rows"), target.table, plan, units)
    for path, level in _levels(plan):
        if not units_of(plan.province, level, units):
            message = f"{plan.province} has no {level} on {plan.units_as_of.isoformat()}"
            yield Finding(path=path, message=message, given=level)


def _rows(path: Path, table: TargetTable, plan: PlanDocument, units: UnitsThen) -> Iterator[Finding]:
    districts = units_of(plan.province, Level.DISTRICT, units)
    communes = units_of(plan.province, Level.COMMUNE, units)
    for index, row in enumerate(table.rows):
        if row.unit not in districts and row.unit not in communes:
            what = f"a district or commune of {plan.province} on {plan.units_as_of.isoformat()}"
            alike = districts if len(row.unit) <= _DISTRICT_DIGITS else communes
            yield Finding.unknown((*path, index, "unit"), row.unit, what, alike)


def _levels(plan: PlanDocument) -> Iterator[tuple[Path, Level]]:
    for name, process in plan.processes.items():
        yield ("processes", name, "for_each"), process.for_each
    for name, indicator in plan.indicators.items():
        for path, measure in measures(("indicators", name), indicator):
            if isinstance(measure, UnitsMeasure):
                yield (*path, "units"), Level(measure.units)
