"""Plans and their targets laid out for a person."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import typer

from workflows.cli.documents import Language
from workflows.cli.showing import print_table, safe, words
from workflows.core.civil import show_date
from workflows.core.documents import Words
from workflows.core.indicators import Bound, Unknown, in_per_cent, rounded, shown
from workflows.core.plan_documents import Column, Due, PlanDocument
from workflows.services.targets import PlanState, Reading, TableCell, TargetState

_COMPARISONS = {
    "at_least": Words(vi="≥", en="at least"),
    "more_than": Words(vi=">", en="more than"),
    "at_most": Words(vi="≤", en="at most"),
    "less_than": Words(vi="<", en="less than"),
}
_MET = {
    True: Words(vi="đạt", en="met"),
    False: Words(vi="chưa đạt", en="not met"),
    None: Words(vi="chưa rõ", en="unknown"),
}
_HEADS = {
    Language.VI: ("mã", "số", "ngày", "chỉ tiêu/báo cáo/nhiệm vụ", "tên"),
    Language.EN: ("key", "number", "issued", "targets/reports/tasks", "title"),
}
_NOT_FOR = Words(vi="không áp dụng", en="not for this unit")


def print_plans(plans: Iterable[PlanDocument], language: Language) -> None:
    rows = [
        (
            each.plan,
            each.number or "-",
            show_date(each.issued) if each.issued else "-",
            f"{len(each.targets)}/{len(each.obligations)}/{len(each.tasks)}",
            words(each.title, language),
        )
        for each in plans
    ]
    print_table([_HEADS[language], *rows])


def print_plan(plan: PlanDocument, language: Language) -> None:
    """Its parts, each with its section in the source."""
    typer.echo(safe(f"{plan.plan}: {words(plan.title, language)}"))
    for title, rows in _parts(plan, language):
        if rows:
            typer.echo(f"\n{words(title, language)} ({len(rows)})")
            print_table(rows, indent="  ")


def _parts(plan: PlanDocument, language: Language) -> Iterator[tuple[Words, list[Sequence[str]]]]:
    yield (
        Words(vi="Lịch", en="Calendar"),
        [
            (name, show_date(each.from_) if each.from_ else "-", show_date(each.last), words(each.title, language))
            for name, each in plan.calendar.items()
        ],
    )
    yield (
        Words(vi="Chỉ tiêu", en="Targets"),
        [(name, _source(each.basis), words(each.title, language)) for name, each in plan.targets.items()],
    )
    yield (
        Words(vi="Báo cáo", en="Reports owed"),
        [
            (name, ", ".join(each.owed_by), _days(each.due, plan), words(each.title, language))
            for name, each in plan.obligations.items()
        ],
    )
    yield (
        Words(vi="Nhiệm vụ", en="Tasks"),
        [
            (name, each.kind, ", ".join(each.lead) or "-", words(each.title, language))
            for name, each in plan.tasks.items()
        ],
    )


def _source(basis: str | Sequence[str]) -> str:
    return basis if isinstance(basis, str) else ", ".join(basis)


def _days(due: Due, plan: PlanDocument) -> str:
    days = sorted({day.last for year in plan.period.years for day in due.days(year)})
    return ", ".join(map(show_date, days)) or "-"


def print_targets(state: PlanState, language: Language) -> None:
    """One line per target; below it, what is missing."""
    typer.echo(safe(f"{state.plan.plan}, {state.unit.name}, {show_date(state.as_of)}"))
    for each in state.targets:
        typer.echo("\n" + safe(f"{words(each.target.title, language)} [{each.key}]"))
        typer.echo(safe(f"  {reading_line(each, each.now, language)}"))
        for year, reading in sorted(each.years.items()):
            typer.echo(safe(f"  {year}: {reading_line(each, reading, language)}"))
        if isinstance(each.now.value, Unknown):
            for reason in each.now.value.because:
                typer.echo(safe(f"    {words(reason, language)}"))
        _print_table(each, language)


def reading_line(state: TargetState, reading: Reading, language: Language) -> str:
    """The value of a target on one day, what it is held against, and whether it is reached."""
    value = reading.value
    number = "?" if isinstance(value, Unknown) else words(_shown(state, value), language)
    if reading.base is not None and not isinstance(value, Unknown):
        number = f"{number} ({reading.of}/{reading.base})"
    if state.bound is None:
        return number
    verdict = _MET[reading.met] if state.applies else _NOT_FOR
    return f"{number}; {_bound(state, state.bound, language)}: {words(verdict, language)}"


def _shown(state: TargetState, value: Fraction) -> Words:
    return shown(value, state.indicator.digits, per_cent=in_per_cent(state.indicator))


def _bound(state: TargetState, bound: Bound, language: Language) -> str:
    digits = 0 if bound.limit.denominator == 1 else state.indicator.digits
    limit = rounded(bound.limit, digits)
    sign = " %" if in_per_cent(state.indicator) else ""
    return f"{words(_COMPARISONS[bound.comparison], language)} {limit}{sign}"


def _print_table(state: TargetState, language: Language) -> None:
    table = state.target.table
    if table is None or not state.table:
        return
    columns = table.columns.values()
    head = ["", "", *(words(column.title, language) for column in columns)]
    rows = [
        [
            row.unit.name if row.unit else "=",
            str(row.total),
            *(_cell(cell, column, language) for column, cell in zip(columns, row.cells.values(), strict=True)),
        ]
        for row in state.table
    ]
    print_table([head, *rows], indent="    ")


def _cell(cell: TableCell, column: Column, language: Language) -> str:
    """What there is, what is to be reached, and the share of the whole that this is."""
    figure = "?" if isinstance(cell.figure, Unknown) else str(cell.figure)
    if isinstance(cell.printed, Unknown):
        return f"{figure} / {cell.level}"
    return f"{figure} / {cell.level} ({words(shown(cell.printed, column.digits, per_cent=True), language)})"
