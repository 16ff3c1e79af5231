"""A report for print and signature: a PDF in the form in which Vietnamese authorities write reports.

The form is the template `report.typ`; everything it says is handed to it as data, never as markup, and it is compiled
where there is no file to read. What the report says is `report_tables` and `report_words`' affair.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import typst

from workflows.core.civil import show_date
from workflows.services.report_parts import Report
from workflows.services.report_tables import Column, Row, Table, parts
from workflows.services.report_words import made_line, period_line, plan_line, remarks, summary, text

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs"})
"""Unicode categories of controls, formats (overrides of the writing direction among them) and halves of surrogates."""
_KIND_OF_UNIT: Final = re.compile(r"^(Tỉnh|Thành phố|Thị xã|Huyện|Thị trấn|Xã|Phường|Đặc khu) (?=[^\d\s])")
_WHOLE_CELL: Final = 300
"""Characters of a cell, and of a note, up to which a row is surely lower than a page, and is not cut between pages."""
_WHOLE_NOTE: Final = 1500
_Data: TypeAlias = dict[str, object]


class PrintError(Exception):
    """A report that cannot be set."""


def pdf(report: Report) -> bytes:
    """The bytes of a PDF file, A4; the same report gives the same bytes.

    Raises:
        PrintError: the typesetter refuses.
    """
    with TemporaryDirectory() as nothing:
        try:
            content: bytes = typst.compile(  # type: ignore[call-overload]  # stubs want the root to be bytes too
                _template(),
                root=nothing,
                package_path=nothing,
                package_cache_path=nothing,
                font_paths=_fonts(),
                ignore_system_fonts=True,
                sys_inputs={"report": json.dumps(contents(report))},
                timestamp=int(report.made_at.timestamp()),
                format="pdf",
            )
        except typst.TypstError as error:
            what = f"{report.plan.plan} / {report.key}"
            raise PrintError(f"the report {what} cannot be set for print: {error.message}") from error
    return content


@cache
def _template() -> bytes:
    return resources.files(__package__).joinpath("report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    """Those within the typesetter, so that a page looks the same on every machine."""
    return typst.Fonts(include_system_fonts=False)


def contents(report: Report) -> _Data:
    """All that the template says, as texts; keys are the template's."""
    through = f" (qua {report.through.vi})" if report.through else ""
    return {
        "body": plain(report.body.vi),
        "place": plain(_KIND_OF_UNIT.sub("", report.unit.name)),
        "title": plain(_subject(report)),
        "about": plain(plan_line(report.plan)),
        "period": f"Kỳ báo cáo {period_line(report)}; hạn gửi: {show_date(report.due)}",
        "unit": plain(report.unit.name),
        "to": plain(f"{report.recipient.vi}{through}"),
        "summary": [plain(line) for line in summary(report)],
        "remarks": [plain(line) for line in remarks(report)],
        "parts": [{"title": title, "tables": [_table(each) for each in tables]} for title, tables in parts(report)],
        "foot": [
            plain(f"{report.plan.plan} / {report.key}"),
            f"Số liệu tính đến hết ngày {show_date(report.as_of)}{_entered(report)}; lập lúc {made_line(report)}",
        ],
    }


def _entered(report: Report) -> str:
    return f", nhập đến hết ngày {show_date(report.known)}" if report.known != report.as_of else ""


def _subject(report: Report) -> str:
    """The title below the word `BÁO CÁO`, which it does not say again."""
    subject = report.obligation.title.vi.removeprefix("Báo cáo ")
    return subject[:1].upper() + subject[1:]


def plain(given: str) -> str:
    """The text in one line, without characters that show nothing themselves but change how others are shown."""
    shown = (each for each in given if each.isspace() or unicodedata.category(each) not in _HIDDEN)
    return " ".join("".join(shown).split())


def _table(table: Table) -> _Data:
    printed = [place for place, column in enumerate(table.columns) if column.print]
    return {
        "title": plain(table.title),
        "columns": [_column(table.columns[place]) for place in printed],
        "rows": [line for row in _rows(table, printed) for line in row],
        "none": table.none,
    }


def _column(column: Column) -> _Data:
    return {
        "title": column.title,
        "over": plain(column.over),
        "width": column.print,
        "figures": column.figures,
    }


def _rows(table: Table, printed: Sequence[int]) -> Iterator[Iterator[_Data]]:
    group = None
    for row in table.rows:
        yield _lines(table, row, printed, begins=table.grouped and row.cells[0] != group)
        group = row.cells[0]


def _lines(table: Table, row: Row, printed: Sequence[int], *, begins: bool) -> Iterator[_Data]:
    """A row with what is said about it, below the title of its group where it is the first of it."""
    if begins:
        yield {"group": plain(text(row.cells[0]))}
    cells = [plain(text(row.cells[place])) for place in printed]
    note = plain(f"{table.notes}: {'; '.join(row.notes)}") if row.notes else ""
    whole = max(map(len, cells)) <= _WHOLE_CELL and len(note) <= _WHOLE_NOTE
    yield {"cells": cells, "note": note, "total": row.total, "whole": whole}
