"""The tables of a report, for paper and workbook alike: columns, rows and what is said below a row.

Cells keep their kind, so that a workbook can hold numbers and days. Widths and which columns fit on paper stand here;
how either form draws them does not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Final

from workflows.core.civil import show_date
from workflows.core.documents import Cited, Words
from workflows.core.indicators import Unknown
from workflows.core.plan_documents import Column as Day
from workflows.services.report_parts import CaseLine, LateItem, ReceivedLine, Report, TargetLine, TaskLine
from workflows.services.report_words import (
    UNKNOWN,
    Amount,
    Cell,
    amount,
    cause,
    figure,
    level,
    met,
    missing,
    names,
    verdict,
)
from workflows.services.targets import Reading, TableCell, TableRow, TargetState

TARGETS: Final = "Chỉ tiêu"
TASKS: Final = "Nhiệm vụ"
CASES: Final = "Hồ sơ"
RECEIVED: Final = "Báo cáo cấp dưới"
LATE: Final = "Chậm"
_NOT_BEGUN: Final = "chưa bắt đầu"
"""The plan itself, before the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    title: str
    width: int
    """Characters in a workbook."""
    print: float = 0
    """Share of the width of the paper; 0: in the workbook only."""
    over: str = ""
    """Title above it and its neighbours that have the same."""
    figures: bool = False
    """Whether it is read digit below digit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    """Below the row on paper, after the table's word for them; in the last column of a workbook."""
    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    """Of its sheet."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: str = ""
    """Word for what is said below rows; empty: nothing is."""
    grouped: bool = False
    """Whether rows that have the same first cell belong together, under it as a title on paper."""
    none: str
    """Said in place of rows."""


_NUMBER: Final = Column(title="TT", width=6, print=0.8, figures=True)
_CASE: Final = Column(title="Mã hồ sơ", width=38)
_TARGETS: Final = (
    _NUMBER,
    Column(title="Mã", width=24),
    Column(title="Chỉ tiêu", width=48, print=4),
    Column(title="Cách tính", width=40),
    Column(title="Mức đề ra", width=20, print=2),
    Column(title="Hạn", width=12, print=1.9),
    Column(title="Tính đến hết ngày", width=12),
    Column(title="Đầu kỳ", width=14, print=1.5, figures=True),
    Column(title="Cuối kỳ", width=14, print=1.5, figures=True),
    Column(title="Đã có", width=10, print=1.5, figures=True),
    Column(title="Tổng số (kỳ gốc)", width=10, print=1.4, figures=True),
    Column(title="Cần có", width=10, print=1.4, figures=True),
    Column(title="Kết quả", width=16, print=1.6),
    Column(title="Nguồn", width=28),
    Column(title="Ghi chú của kế hoạch", width=40),
)
_TASKS: Final = (
    _NUMBER,
    Column(title="Nhiệm vụ", width=70, print=6),
    Column(title="Cơ quan chủ trì, thực hiện", width=40, print=3.6),
    Column(title="Trạng thái", width=24, print=2.2),
    Column(title="Từ ngày", width=12, print=1.9),
    Column(title="Hạn", width=12, print=1.9),
    Column(title="Chậm (ngày)", width=10, print=1.2, figures=True),
    _CASE,
)
_CASES: Final = (
    Column(title="Quy trình", width=44),
    Column(title="Thời gian", width=16, print=3),
    Column(title="Nội dung", width=48, print=11),
    Column(title="Số lượng", width=12, print=2.4, figures=True),
)
_RECEIVED: Final = (
    _NUMBER,
    Column(title="Báo cáo", width=60, print=5),
    Column(title="Cơ quan gửi", width=44, print=4),
    Column(title="Trạng thái", width=24, print=2.2),
    Column(title="Hạn", width=12, print=1.9),
    Column(title="Ngày gửi", width=12, print=1.9),
    Column(title="Chậm (ngày)", width=10, print=1.2, figures=True),
    _CASE,
)
_LATE: Final = (
    _NUMBER,
    Column(title="Việc", width=60, print=4.2),
    Column(title="Quy trình", width=30),
    Column(title="Đơn vị", width=24, print=2.4),
    Column(title="Cơ quan chịu trách nhiệm", width=44, print=3),
    Column(title="Bước bị chậm", width=24, print=2.2),
    Column(title="Hạn", width=12, print=1.9),
    Column(title="Chậm (ngày)", width=10, print=1.2, figures=True),
    Column(title="Ngày xong", width=12, print=1.9),
    _CASE,
)


def parts(report: Report) -> Iterator[tuple[str, tuple[Table, ...]]]:
    """The parts of a report, each with its title and its tables; every table is in one of them."""
    yield "Kết quả thực hiện so với chỉ tiêu", (_targets(report), *_by_unit(report))
    yield "Tình hình thực hiện nhiệm vụ", (_tasks(report),)
    yield "Hồ sơ phát sinh và hiện trạng", (_cases(report),)
    yield "Báo cáo của cấp dưới, cơ quan, đơn vị", (_received(report),)
    yield "Việc chậm và nguyên nhân", (_late(report),)


def _targets(report: Report) -> Table:
    return Table(
        name=TARGETS,
        title="Chỉ tiêu: đầu kỳ và cuối kỳ",
        columns=_TARGETS,
        rows=tuple(row for place, line in enumerate(report.targets, 1) for row in _target_rows(place, line)),
        notes="Chưa rõ",
        none="Kế hoạch không có chỉ tiêu.",
    )


def _target_rows(place: int, line: TargetLine) -> Iterator[Row]:
    """The target on its day, then the years before that of a target for each year."""
    state, now = line.state, line.state.now
    before: Cell = amount(state, line.before.value) if line.before else _NOT_BEGUN
    head = (place, state.key, state.target.title.vi, state.indicator.title.vi)
    yield _target_row(state, head, state.last_day, before, now, line.before)
    for year, reading in sorted(state.years.items()):
        if year != now.day.year:
            title = f"– năm {year}"
            end = min(date(year, 12, 31), state.last_day)
            yield _target_row(state, ("", state.key, title, state.indicator.title.vi), end, None, reading, None)


def _target_row(
    state: TargetState, head: tuple[Cell, ...], end: date, before: Cell, now: Reading, earlier: Reading | None
) -> Row:
    figures = (
        before,
        amount(state, now.value),
        figure(now.of),
        figure(now.base),
        _needed(state, now),
        verdict(state, now.met),
    )
    unknown = (now.value, now.of, now.base)
    past = (earlier.value, earlier.of, earlier.base) if earlier else ()
    told = missing(unknown)
    return Row(
        cells=(*head, level(state), end, now.day, *figures, _source(state.target), _note(state.target.note)),
        notes=(*told, *(f"đầu kỳ {each}" for each in missing(past) if each not in told)),
    )


def _needed(state: TargetState, reading: Reading) -> Cell:
    """What the bound asks for in whole numbers; unknown as long as the whole is."""
    if state.bound is None or not state.applies:
        return None
    return UNKNOWN if isinstance(reading.base, Unknown) else reading.needed


def _source(part: Cited) -> str:
    return part.basis if isinstance(part.basis, str) else "; ".join(part.basis)


def _note(note: Words | None) -> Cell:
    return note.vi if note else None


def _by_unit(report: Report) -> Iterator[Table]:
    numbers = count(1)
    for line in report.targets:
        table = line.state.target.table
        if table is not None and line.state.table:
            yield _unit_table(f"Bảng {next(numbers)}", table.columns, line.state)


def _unit_table(name: str, days: Mapping[str, Day], state: TargetState) -> Table:
    return Table(
        name=name,
        title=state.target.title.vi,
        columns=(
            _NUMBER,
            Column(title="Đơn vị", width=28, print=3),
            Column(title="Tổng số", width=10, print=1.2, figures=True),
            *(column for day in days.values() for column in _day_columns(day)),
        ),
        rows=tuple(_unit_row(place, row, days) for place, row in enumerate(state.table, 1)),
        notes="Chưa rõ",
        none="",
    )


def _day_columns(day: Day) -> Iterator[Column]:
    over = f"{day.title.vi} (đến hết {show_date(day.by)})"
    yield Column(title="Kế hoạch ghi" if day.baseline else "Đề ra", width=10, print=1.1, over=over, figures=True)
    yield Column(title="Tỷ lệ", width=10, print=1.5, over=over, figures=True)
    yield Column(title="Thực tế", width=12, print=1.6, over=over, figures=True)
    if not day.baseline:
        yield Column(title="Kết quả", width=12, print=1.6, over=over)


def _unit_row(place: int, row: TableRow, days: Mapping[str, Day]) -> Row:
    cells = [each for name, day in days.items() for each in _day_cells(row.cells[name], day)]
    return Row(
        cells=(place if row.unit else "", row.unit.name if row.unit else "Cộng", row.total, *cells),
        notes=missing(cell.figure for cell in row.cells.values()),
        total=row.unit is None,
    )


def _day_cells(cell: TableCell, day: Day) -> Iterator[Cell]:
    printed = cell.printed
    yield cell.level
    yield None if isinstance(printed, Unknown) else Amount(value=printed, digits=day.digits, per_cent=True)
    yield figure(cell.figure)
    if not day.baseline:
        yield met(cell.met)


def _tasks(report: Report) -> Table:
    return Table(
        name=TASKS,
        title="Nhiệm vụ của kế hoạch",
        columns=_TASKS,
        rows=tuple(_task_row(place, task) for place, task in enumerate(report.tasks, 1)),
        none="Không có nhiệm vụ nào mà người lập được xem." if report.partial else "Không có nhiệm vụ nào.",
    )


def _task_row(place: int, task: TaskLine) -> Row:
    return Row(
        cells=(place, task.title, names(task.lead), task.state.vi, task.since, task.deadline, task.late, task.case)
    )


def _cases(report: Report) -> Table:
    return Table(
        name=CASES,
        title="Hồ sơ theo quy trình",
        columns=_CASES,
        rows=tuple(row for line in report.cases for row in _case_rows(line)),
        grouped=True,
        none="Không có hồ sơ nào.",
    )


def _case_rows(line: CaseLine) -> Iterator[Row]:
    yield Row(cells=(line.title.vi, "trong kỳ", "Mở mới", line.opened))
    for title, times in line.happened.items():
        yield Row(cells=(line.title.vi, "trong kỳ", title.vi, times))
    for title, cases in line.standing.items():
        yield Row(cells=(line.title.vi, "cuối kỳ", title.vi, cases))


def _received(report: Report) -> Table:
    return Table(
        name=RECEIVED,
        title="Báo cáo được tổng hợp vào báo cáo này",
        columns=_RECEIVED,
        rows=tuple(_received_row(place, each) for place, each in enumerate(report.received, 1)),
        none="Không có báo cáo nào phải tổng hợp.",
    )


def _received_row(place: int, line: ReceivedLine) -> Row:
    sent = line.sent or "chưa gửi"
    return Row(cells=(place, line.title, line.body.vi, line.state.vi, line.due, sent, line.late, line.case))


def _late(report: Report) -> Table:
    return Table(
        name=LATE,
        title="Việc chậm, lâu nhất trước",
        columns=_LATE,
        rows=tuple(_late_row(place, item) for place, item in enumerate(report.late, 1)),
        notes="Nguyên nhân",
        none="Không có việc nào chậm.",
    )


def _late_row(place: int, item: LateItem) -> Row:
    what = (place, item.title, item.workflow.vi, item.unit, names(item.bodies), item.state.vi)
    return Row(
        cells=(*what, item.due, item.days, item.done or "chưa xong", item.case),
        notes=tuple(map(cause, item.causes)),
    )
