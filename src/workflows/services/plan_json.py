"""The JSON of plans: their documents, how far their targets are reached, and what stands behind a figure."""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

from workflows.core.documents import Cited, Words
from workflows.core.indicators import Bound, Figure, Unknown, Value, in_per_cent, shown, written
from workflows.core.plan_documents import Column, Due, LegalBasis, Noted, PlanDocument
from workflows.services.rendering import Object, words_json
from workflows.services.targets import Behind, PlanState, Reading, TableCell, TableRow, TargetState
from workflows.store.behind import CaseBehind, EntryBehind, UnitBehind
from workflows.store.territory import Period


def plan_head(plan: PlanDocument) -> Object:
    """A plan in a list."""
    return {
        "key": plan.plan,
        "title": words_json(plan.title),
        "number": plan.number,
        "issued": _day(plan.issued),
        "issuer": plan.issuer,
        "province": plan.province,
        "period": {"from": plan.period.from_.isoformat(), "to": plan.period.to.isoformat()},
    }


def plan_json(plan: PlanDocument) -> Object:
    """A whole plan, every day as the last one that is in time."""
    return {
        **plan_head(plan),
        "note": _words(plan.note),
        "units_as_of": plan.units_as_of.isoformat(),
        "legal_bases": [_legal_basis(each) for each in plan.legal_bases],
        "calendar": {
            name: {**_noted(span), "from": _day(span.from_), "last": _day(span.last), "in_source": span.in_source}
            for name, span in plan.calendar.items()
        },
        "parameters": {
            name: {**_noted(each), "value": each.value, "in_source": each.in_source}
            for name, each in plan.parameters.items()
        },
        "targets": {
            name: {
                **_noted(target),
                "indicator": words_json(plan.indicators[target.indicator].title),
                "printed": target.printed,
                "each_year": target.each_year,
            }
            for name, target in plan.targets.items()
        },
        "obligations": {
            name: {
                **_noted(each),
                **each.model_dump(include={"kind", "owed_by", "to", "through", "requested", "consolidates"}),
                "due": _due(each.due, plan),
            }
            for name, each in plan.obligations.items()
        },
        "tasks": {
            name: {
                **_noted(each),
                **each.model_dump(
                    include={"kind", "lead", "implementing", "coordinating", "requested", "every", "duty"}
                ),
                "due": _due(each.due, plan) if each.due else None,
            }
            for name, each in plan.tasks.items()
        },
    }


def _legal_basis(found: LegalBasis) -> Object:
    return {
        "citation": found.citation,
        "title": words_json(found.title),
        "note": _words(found.note),
        "basis": _sources(found),
    }


def _noted(part: Noted) -> Object:
    return {"title": words_json(part.title), "note": _words(part.note), "basis": _sources(part)}


def _sources(part: Cited) -> list[str]:
    return [part.basis] if isinstance(part.basis, str) else list(part.basis)


def _words(words: Words | None) -> Object | None:
    return None if words is None else words_json(words)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _due(due: Due, plan: PlanDocument) -> Object:
    days = sorted({day.last for year in plan.period.years for day in due.days(year)})
    return {
        "days": [each.isoformat() for each in days],
        "on_request": due.on_request is True,
        "in_source": due.in_source,
    }


def targets_json(state: PlanState) -> Object:
    """All targets of a plan for one unit."""
    return {
        "plan": state.plan.plan,
        "as_of": state.as_of.isoformat(),
        "unit": unit_json(state.unit),
        "units_as_of": state.plan.units_as_of.isoformat(),
        "items": [target_json(each) for each in state.targets],
        "next": None,
    }


def unit_json(unit: Period) -> Object:
    """A unit that a plan counts."""
    return {"code": unit.code, "level": unit.level, "name": unit.name}


def target_json(state: TargetState) -> Object:
    """One target for one unit."""
    target = state.target
    per_cent, digits = in_per_cent(state.indicator), state.indicator.digits
    return {
        "key": state.key,
        **_noted(target),
        "indicator": {"key": target.indicator, **_noted(state.indicator)},
        "printed": target.printed,
        "bound": _bound(state.bound, per_cent=per_cent) if state.bound else None,
        "applies": state.applies,
        "by": state.last_day.isoformat(),
        "each_year": target.each_year,
        "now": reading_json(state.now, digits, per_cent=per_cent),
        "years": [
            {"year": year, **reading_json(each, digits, per_cent=per_cent)}
            for year, each in sorted(state.years.items())
        ],
        "table": _table(target.table.columns, state) if target.table else None,
    }


def _bound(bound: Bound, *, per_cent: bool) -> Object:
    return {"comparison": bound.comparison, "limit": written(bound.limit), "per_cent": per_cent}


def reading_json(reading: Reading, digits: int, *, per_cent: bool) -> Object:
    """An indicator on one day, shown with so many decimals."""
    return {
        "day": reading.day.isoformat(),
        "of": _figure(reading.of),
        "base": None if reading.base is None else _figure(reading.base),
        "exact": written(reading.value) if isinstance(reading.value, Fraction) else None,
        "shown": _shown(reading.value, digits, per_cent=per_cent),
        "met": reading.met,
        "needed": reading.needed,
        "unknown": _because(reading.value),
    }


def _figure(figure: Figure) -> int | None:
    return None if isinstance(figure, Unknown) else figure


def _shown(value: Value, digits: int, *, per_cent: bool) -> Object | None:
    return None if isinstance(value, Unknown) else words_json(shown(value, digits, per_cent=per_cent))


def _because(value: Value | Figure) -> list[Object]:
    return [words_json(each) for each in value.because] if isinstance(value, Unknown) else []


def _table(columns: Mapping[str, Column], state: TargetState) -> Object:
    digits = {name: column.digits for name, column in columns.items()}
    return {
        "columns": [
            {
                "key": name,
                "title": words_json(column.title),
                "by": column.by.isoformat(),
                "baseline": column.baseline,
            }
            for name, column in columns.items()
        ],
        "rows": [_row(row, digits) for row in state.table if row.unit is not None],
        "together": next((_row(row, digits) for row in state.table if row.unit is None), None),
    }


def _row(row: TableRow, digits: Mapping[str, int]) -> Object:
    return {
        "unit": unit_json(row.unit) if row.unit else None,
        "total": row.total,
        "cells": {name: _cell(cell, digits[name]) for name, cell in row.cells.items()},
    }


def _cell(cell: TableCell, digits: int) -> Object:
    return {
        "level": cell.level,
        "printed": _shown(cell.printed, digits, per_cent=True),
        "figure": _figure(cell.figure),
        "met": cell.met,
        "unknown": _because(cell.figure),
    }


def behind_json(found: Behind) -> Object:
    """A page of what stands behind a figure."""
    return {"kind": found.kind, "items": _items(found.page.items), "next": found.page.next}


def _items(items: Sequence[CaseBehind | EntryBehind | UnitBehind]) -> list[Object]:
    return [_item(each) for each in items]


def _item(item: CaseBehind | EntryBehind | UnitBehind) -> Object:
    if isinstance(item, UnitBehind):
        return {"unit": item.code, "name": item.name}
    if isinstance(item, EntryBehind):
        return {
            "id": item.id,
            "unit": item.unit,
            "key": item.key,
            "value": item.value,
            "as_of": item.as_of.isoformat(),
            "source": item.source,
        }
    case: Object = {"case": item.id, "title": item.title, "unit": item.unit, "state": item.state}
    if item.trigger is None:
        return case
    return {**case, "trigger": item.trigger, "occurred_on": _day(item.occurred_on)}
