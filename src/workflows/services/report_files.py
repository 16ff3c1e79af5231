"""A filled report as a file: JSON, a workbook or print, under a name that tells whose and of when it is."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from workflows.services.rendering import JSON, encoded
from workflows.services.report_json import report_json
from workflows.services.report_parts import Report


class ReportFormat(StrEnum):
    JSON = "json"
    XLSX = "xlsx"
    PDF = "pdf"


MEDIA_TYPES: Final[Mapping[ReportFormat, str]] = {
    ReportFormat.JSON: JSON,
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportFormat.PDF: "application/pdf",
}


def _json(report: Report) -> bytes:
    return encoded(report_json(report))


def _xlsx(report: Report) -> bytes:
    from workflows.services.report_sheets import workbook  # noqa: PLC0415 - openpyxl is slow to load

    return workbook(report)


def _pdf(report: Report) -> bytes:
    from workflows.services.report_print import pdf  # noqa: PLC0415 - as above, the typesetter

    return pdf(report)


_MADE_BY: Final[Mapping[ReportFormat, Callable[[Report], bytes]]] = {
    ReportFormat.JSON: _json,
    ReportFormat.XLSX: _xlsx,
    ReportFormat.PDF: _pdf,
}


def file_of(report: Report, kind: ReportFormat) -> bytes:
    """The whole file; raises PrintError where it cannot be set for print."""
    return _MADE_BY[kind](report)


def file_name(report: Report, kind: ReportFormat) -> str:
    """ASCII, without blanks: `tra-vinh-2025_phase_1_report_border_guard_84_2025-05-07.xlsx`.

    The day is the last one in time. Several bodies of one unit owe the same report, and each has a file of its own.
    """
    return f"{report.plan.plan}_{report.key}_{report.agency}_{report.unit.code}_{report.due.isoformat()}.{kind}"
