"""What the operation on filled reports promises; see `api.contract`."""

from collections.abc import Mapping
from typing import Final

from api import shapes_reports
from api.contract_terms import Parameter
from api.promises import Answer, Link, Operation
from workflows.services.report_files import MEDIA_TYPES, ReportFormat

REPORT_OPERATIONS: Final[Mapping[str, Operation]] = {
    "read_report": Operation(
        tag="plans",
        summary="A filled report",
        description=(
            "What one body reports on one period: the figures against the targets, its tasks, the reports that go into "
            "it, what became of cases, and what is late and why, at the end of the period. Figures are those known at "
            "the end of the day asked about: a period is told with what was entered after it, and the report of a past "
            "day is the one of that day. Cases that you may not see are left out; figures "
            "are of the whole unit, which you must be allowed to see. Made anew each time, and never kept."
        ),
        answers={
            200: Answer(
                description="The report. A workbook or print comes as an attachment, in Vietnamese.",
                shapes=(shapes_reports.Report,),
                files=tuple(MEDIA_TYPES[each] for each in ReportFormat if each is not ReportFormat.JSON),
                sometimes=("Content-Disposition",),
                links={"read_targets": Link(to="read_targets", values={"plan": "$response.body#/plan"})},
            )
        },
        parameters={
            "obligation": Parameter(
                description="Key of a report that the plan has owed.",
                example="consolidated_report",
                schema={"maxLength": 60},
            ),
            "unit": Parameter(
                description=(
                    "Code of the unit whose body reports, as it was on the plan's own day. Without it the province, "
                    "or your own unit for bodies of districts and communes."
                ),
                example="84",
            ),
            "agency": Parameter(
                description="Key of the body that reports. Without it the only one that owes the report.",
                example="provincial_police",
            ),
            "due": Parameter(
                description=(
                    "Last day that is in time, one of those that the plan gives. Without it that of the period which "
                    "runs on the day asked about, else of the last one before."
                ),
                example="2025-12-31",
            ),
            "as_of": Parameter(
                description=(
                    "Civil date: the report as it was known at its end; not after today. Without it today. After the "
                    "period, tasks, what is late and the reports received are told as of its last day."
                ),
                example="2025-03-05",
            ),
            "format": Parameter(description="JSON, a workbook, or a PDF for print."),
        },
    )
}
