"""Reports as workbooks: figures are numbers, days are days, texts are texts, and everything is in it."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Final

import pytest
from openpyxl import Workbook, load_workbook

from tests.services.report_samples import CAUSE, LATE, MISSING, PLAN, REPORT, TASK, words
from workflows.core.documents import Words
from workflows.core.indicators import Bound, Comparison
from workflows.services.report_files import ReportFormat, file_name
from workflows.services.report_print import contents
from workflows.services.report_sheets import FRONT, workbook
from workflows.services.report_tables import parts
from workflows.services.report_words import level, number, plan_line
from workflows.services.tabular import records

SHEETS: Final = [FRONT, "Chỉ tiêu", "Bảng 1", "Nhiệm vụ", "Hồ sơ", "Báo cáo cấp dưới", "Chậm"]
HOSTILE: Final = ("=1+1", "+84", "-2", "@SUM(A1)", "#N/A", "TRUE", '=HYPERLINK("x")', "\ta\x0bb", "1,5", "_x0041_")


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


@pytest.fixture(scope="module")
def sample() -> Workbook:
    return opened(workbook(REPORT))


def rows(book: Workbook, sheet: str) -> list[dict[str, object]]:
    """Below the heads, by head."""
    _title, heads, *found = book[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, heads), row, strict=True)) for row in found]


def texts(book: Workbook) -> Iterator[str]:
    for sheet in book.worksheets:
        for row in sheet.iter_rows(values_only=True):
            yield from (value for value in row if isinstance(value, str))


def test_every_part_has_its_sheet(sample: Workbook) -> None:
    assert sample.sheetnames == SHEETS


def test_everything_a_report_tells_is_in_it(sample: Workbook) -> None:
    text = "\n".join(texts(sample))
    told = [
        *(line.state.target.title.vi for line in REPORT.targets),
        *(task.title for task in REPORT.tasks),
        *(each.body.vi for each in REPORT.received),
        *(item.title for item in REPORT.late),
        *(cause.text.vi for item in REPORT.late for cause in item.causes),
        *(title.vi for case in REPORT.cases for title in (*case.happened, *case.standing)),
        REPORT.body.vi,
        REPORT.recipient.vi,
        "16/KH-UBND",
        "Kế hoạch không nêu hạn gửi",
    ]
    assert [each for each in told if each not in text] == []


def test_figures_are_the_numbers_of_the_report(sample: Workbook) -> None:
    found = {row["Mã"]: row for row in rows(sample, "Chỉ tiêu") if row["TT"]}
    clean = found["clean"]
    assert (clean["Đầu kỳ"], clean["Cuối kỳ"]) == pytest.approx((1 / 14, 2 / 14), abs=1e-15)
    assert (clean["Đã có"], clean["Tổng số (kỳ gốc)"], clean["Cần có"], clean["Kết quả"]) == (2, 14, 3, "chưa đạt")
    people = found["people"]
    assert (people["Đầu kỳ"], people["Cuối kỳ"], people["Cần có"], people["Kết quả"]) == (1604, 1234, 1500, "đạt")
    (past,) = (row for row in rows(sample, "Chỉ tiêu") if row["Chỉ tiêu"] == "– năm 2024")
    assert (past["Cuối kỳ"], past["Đã có"], past["Tổng số (kỳ gốc)"]) == (0.875, 7, 8)


def test_what_is_not_known_is_no_number(sample: Workbook) -> None:
    (fall,) = (row for row in rows(sample, "Chỉ tiêu") if row["Mã"] == "fall")
    assert (fall["Đầu kỳ"], fall["Cuối kỳ"], fall["Đã có"]) == ("chưa rõ", "chưa rõ", "chưa rõ")
    assert fall["Tổng số (kỳ gốc)"] == 1604
    assert fall["Chưa rõ"] == MISSING.because[0].vi
    by_unit = rows(sample, "Bảng 1")
    end = "Cuối năm (đến hết 31/12/2025)"
    assert [(row[f"{end}: Đề ra"], row[f"{end}: Thực tế"]) for row in by_unit] == [(5, "chưa rõ"), (5, "chưa rõ")]
    assert all(MISSING.because[0].vi in str(row["Chưa rõ"]) for row in by_unit)


def test_numbers_and_days_are_formatted_as_what_they_are(sample: Workbook) -> None:
    sheet = sample["Chỉ tiêu"]
    places = {str(cell.value): place for place, cell in enumerate(sheet[2])}
    clean, people = sheet[3], sheet[4]
    assert clean[places["Cuối kỳ"]].number_format == "0.0%"
    assert people[places["Cuối kỳ"]].number_format == "#,##0"
    due = clean[places["Hạn"]]
    assert (due.value, due.number_format) == (datetime.combine(date(2025, 12, 31), time()), "dd/mm/yyyy")


def test_cases_are_counted_by_what_happened_and_where_they_stand(sample: Workbook) -> None:
    found = [(row["Thời gian"], row["Nội dung"], row["Số lượng"]) for row in rows(sample, "Hồ sơ")]
    assert found[:3] == [("trong kỳ", "Mở mới", 14), ("trong kỳ", "Nộp hồ sơ", 9), ("trong kỳ", "Trả lại", 2)]
    assert found[3] == ("cuối kỳ", "Đang chuyển hóa", 1204)


def test_heads_stay_in_view_and_come_again_on_paper(sample: Workbook) -> None:
    for sheet in sample.worksheets[1:]:
        assert sheet.freeze_panes == "A3"
        assert sheet.print_title_rows == "$1:$2"
    for sheet in sample.worksheets:
        setup = sheet.page_setup
        assert (setup.orientation, setup.paperSize, setup.fitToWidth, setup.fitToHeight) == ("landscape", 9, 1, 0)
        fitted = sheet.sheet_properties.pageSetUpPr
        assert fitted is not None
        assert fitted.fitToPage


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_never_run_and_reads_back(text: str, tmp_path: Path) -> None:
    cause = replace(CAUSE, kind="waiting", text=words(text))
    report = replace(REPORT, tasks=(replace(TASK, title=text),), late=(replace(LATE, title=text, causes=(cause,)),))
    content = workbook(report)
    types = {cell.data_type for sheet in opened(content).worksheets for row in sheet.iter_rows() for cell in row}
    assert types <= {"s", "n", "d"}
    path = tmp_path / "report.xlsx"
    path.write_bytes(content)
    for sheet, place in (("Nhiệm vụ", 1), ("Chậm", 1), ("Chậm", -1)):
        with records(path, sheet) as found:
            assert list(found)[2].cells[place] == text


def test_a_formula_would_be_seen() -> None:
    book = Workbook()
    book.worksheets[0]["A1"] = "=1+1"
    content = io.BytesIO()
    book.save(content)
    assert opened(content.getvalue()).worksheets[0]["A1"].data_type == "f"


def test_the_same_report_is_the_same_file(sample: Workbook) -> None:
    assert workbook(REPORT) == workbook(REPORT)
    assert workbook(replace(REPORT, body=words("Ủy ban nhân dân huyện Cầu Kè"))) != workbook(REPORT)
    made_at = REPORT.made_at.replace(tzinfo=None, microsecond=0)
    assert (sample.properties.created, sample.properties.modified) == (made_at, made_at)


def test_a_part_that_has_nothing_says_so() -> None:
    book = opened(workbook(replace(REPORT, targets=(), tasks=(), cases=(), received=(), late=())))
    assert book.sheetnames == [name for name in SHEETS if name != "Bảng 1"]
    assert [sheet["A3"].value for sheet in book.worksheets[1:]] == [
        "Kế hoạch không có chỉ tiêu.",
        "Không có nhiệm vụ nào.",
        "Không có hồ sơ nào.",
        "Không có báo cáo nào phải tổng hợp.",
        "Không có việc nào chậm.",
    ]


def test_every_row_of_a_table_has_all_its_columns() -> None:
    for _title, tables in parts(REPORT):
        for table in tables:
            assert {len(row.cells) for row in table.rows} == {len(table.columns)}


@pytest.mark.parametrize(
    ("comparison", "limit", "shown"),
    [
        ("at_least", "12.5", "tăng ít nhất 12,5 %"),
        ("at_most", -5, "giảm ít nhất 5 %"),
        ("at_least", "-0.25", "giảm không quá 0,25 %"),
        ("less_than", -10, "giảm trên 10 %"),
        ("more_than", -10, "giảm dưới 10 %"),
        ("less_than", 0, "giảm"),
        ("at_least", 0, "không giảm"),
    ],
)
def test_a_bound_of_a_growth_is_read_as_rise_or_fall(comparison: Comparison, limit: int | str, shown: str) -> None:
    state = replace(REPORT.targets[2].state, bound=Bound(comparison, Fraction(limit)), target=PLAN.targets["clean"])
    assert level(state) == shown
    assert level(replace(state, indicator=PLAN.indicators["clean"])).startswith(("ít nhất", "không", "trên", "dưới"))


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (Fraction(0), 0, "0"),
        (Fraction(1234567), 0, "1.234.567"),
        (Fraction(999), 2, "999,00"),
        (Fraction(-2469, 2), 1, "-1.234,5"),
        (Fraction(-1, 4), 1, "-0,3"),
        (Fraction(-1, 100), 1, "0,0"),
    ],
)
def test_numbers_have_points_between_thousands_and_a_comma(value: Fraction, digits: int, shown: str) -> None:
    assert number(value, digits) == shown


@pytest.mark.parametrize(
    ("title", "number", "shown"),
    [
        ("Kế hoạch phòng, chống ma túy", None, "Kế hoạch: Phòng, chống ma túy"),
        ("Kế hoạch phòng, chống ma túy", "3212/KH-UBND", "Kế hoạch số 3212/KH-UBND: Phòng, chống ma túy"),
        ("Xây dựng xã không ma túy", None, "Kế hoạch: Xây dựng xã không ma túy"),
    ],
)
def test_a_plan_is_called_one_once(title: str, number: str | None, shown: str) -> None:
    plan = REPORT.plan.model_copy(update={"title": Words(vi=title, en=title), "number": number, "issued": None})
    assert plan_line(plan) == shown


def test_it_is_said_until_when_figures_were_entered() -> None:
    later = replace(REPORT, known=date(2025, 5, 20))
    front = opened(workbook(later))[FRONT]
    told = {row[0]: row[1] for row in front.iter_rows(values_only=True)}
    days = (told["Số liệu tính đến hết ngày"], told["Số liệu nhập đến hết ngày"])
    assert days == (datetime(2025, 5, 7), datetime(2025, 5, 20))  # noqa: DTZ001 - days of a workbook
    foot = contents(later)["foot"]
    assert isinstance(foot, list)
    assert foot[1].startswith("Số liệu tính đến hết ngày 07/05/2025, nhập đến hết ngày 20/05/2025;")


def test_every_body_of_a_unit_has_a_file_of_its_own() -> None:
    names = {file_name(replace(REPORT, agency=each), ReportFormat.PDF) for each in ("border_guard", "customs")}
    assert names == {f"tra-vinh-2025_phase_1_report_{each}_844_2025-05-07.pdf" for each in ("border_guard", "customs")}
