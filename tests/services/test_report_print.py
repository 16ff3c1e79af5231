"""Reports for print: everything is on the pages, in letters that are there, and no text of anybody runs."""

import io
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from tests.services.report_samples import AS_OF, CAUSE, LATE, REPORT, TASK, words
from tests.sizes import size
from workflows.services import report_print
from workflows.services.report_parts import Report
from workflows.services.report_print import PrintError, pdf, plain

VOWELS: Final = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ"
LETTERS: Final = " ".join(f"{vowel}{vowel.upper()}" for vowel in f"{VOWELS}đ")
HOSTILE: Final = (
    '#panic("x")',
    '#read("/etc/passwd")',
    '#import "@preview/tables:1.0.0"',
    "*bold* _slanted_ `raw`",
    "$x^2$ <label> @reference",
    "] } ) // hidden /* hidden",
    r"\ \u{41} \#",
    "<script>alert(1)</script>",
    '", "body": "another',
    "שלום ABC",
)
CUT_OFF: Final = re.compile(r"\s+|\u200b")


def read(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content))


def squeezed(text: str) -> str:
    """Without the spaces, ends of lines and breaks within long words that the pages put in."""
    return CUT_OFF.sub("", text)


def said(content: bytes) -> str:
    """Texts of all pages, squeezed."""
    return squeezed("".join(page.extract_text() for page in read(content).pages))


def with_text(text: str) -> Report:
    """Little of the sample, with a text wherever people write."""
    return replace(
        REPORT,
        targets=(),
        received=(),
        tasks=(replace(TASK, title=text),),
        late=(replace(LATE, title=text, unit=text, causes=(replace(CAUSE, text=words(text)),)),),
        body=words(text),
        recipient=words(text),
    )


@pytest.fixture(scope="module")
def sample() -> bytes:
    return pdf(REPORT)


def test_everything_a_report_tells_is_printed(sample: bytes) -> None:
    text = said(sample)
    told = [
        *(line.state.target.title.vi for line in REPORT.targets),
        *(task.title for task in REPORT.tasks),
        *(each.body.vi for each in REPORT.received),
        *(item.title for item in REPORT.late),
        *(cause.text.vi for item in REPORT.late for cause in item.causes),
        *(title.vi for case in REPORT.cases for title in (*case.happened, *case.standing)),
        "Kính gửi: Ủy ban nhân dân tỉnh Trà Vinh (qua Công an tỉnh Trà Vinh)",
        "Kế hoạch số 16/KH-UBND ngày 17/02/2025",
        "Số liệu tính đến hết ngày 07/05/2025; lập lúc 16:05 ngày 07/05/2025",
        "hạn nêu ở đây do phần mềm đặt",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    ]
    assert [each for each in told if squeezed(each) not in text] == []


def test_figures_are_written_as_in_viet_nam_and_stand_beside_their_target(sample: bytes) -> None:
    text = said(sample)
    assert squeezed("ít nhất 20 % 31/12/2025 7,1 % 14,3 % 2 14 3 chưa đạt") in text
    assert squeezed("không quá 1.500 31/12/2025 1.604 1.234 1.234 – 1.500 đạt") in text
    assert squeezed("– năm 2024 ít nhất 100 % 31/12/2024 – 87,5 % 7 8 8 chưa đạt") in text


def test_what_is_not_known_is_said_with_what_is_missing(sample: bytes) -> None:
    text = said(sample)
    assert squeezed("giảm 2,5 % (tính là giảm ít nhất 2,5 %) 20/11/2025 chưa rõ chưa rõ chưa rõ 1.604 1.563") in text
    assert squeezed("Chưa rõ: thiếu “Số người nghiện có hồ sơ quản lý” của 11 xã") in text


def test_an_unfinished_period_is_said(sample: bytes) -> None:
    early = pdf(replace(REPORT, last=AS_OF.replace(day=31)))
    warning = squeezed("Kỳ báo cáo chưa kết thúc: số liệu mới tính đến hết ngày 07/05/2025.")
    assert warning in said(early)
    assert warning not in said(sample)


def test_a_part_that_has_nothing_says_so() -> None:
    text = said(pdf(replace(REPORT, targets=(), tasks=(), cases=(), received=(), late=())))
    for nothing in ("Kế hoạch không có chỉ tiêu.", "Không có nhiệm vụ nào.", "Không có việc nào chậm."):
        assert squeezed(nothing) in text


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_printed_and_never_run(text: str, sample: bytes) -> None:
    content = pdf(with_text(text))
    assert said(content).count(squeezed(text)) >= 3
    assert len(read(content).pages) <= len(read(sample).pages)


def test_as_markup_the_same_text_would_run() -> None:
    with pytest.raises(typst.TypstError, match="panicked"):
        typst.compile(b'#panic("x")')


def test_nothing_is_read_from_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.typ").write_text('#read("secret.txt")')
    assert typst.compile(tmp_path / "main.typ", root=tmp_path)
    for name in ("secret.txt", str(tmp_path / "secret.txt"), "../secret.txt"):
        monkeypatch.setattr(report_print, "_template", lambda name=name: f'#read("{name}")'.encode())
        with pytest.raises(PrintError, match="tra-vinh-2025 / phase_1_report cannot be set for print"):
            pdf(REPORT)


def test_long_words_stay_on_the_page(sample: bytes) -> None:
    word = "".join(f"{place:03}" for place in range(100))
    content = pdf(with_text(word))
    assert said(content).count(word) >= 3
    assert len(read(content).pages) <= len(read(sample).pages) + 1
    lines = [line for page in read(content).pages for line in page.extract_text().replace("\u200b", "").splitlines()]
    assert max(len(run) for line in lines for run in re.findall(r"\d+", line)) < 100


def test_a_span_of_days_breaks_between_the_days() -> None:
    pages = read(pdf(with_text("kỳ 01/11/2025–13/12/2025 " * 12))).pages
    found = [run for page in pages for run in re.findall(r"[\d/]*/[\d/]*", page.extract_text())]
    assert {len(run) for run in found if run.count("/") == 2} == {len("01/11/2025")}


def test_every_vietnamese_letter_has_its_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF/A may not be written as long as one letter has no form; ours is none, but shows what is missing."""
    archived = partial(typst.compile, pdf_standards="a-2u")
    monkeypatch.setattr(typst, "compile", archived)
    fonts = fonts_of(pdf(with_text(LETTERS)))
    assert {name.split("-")[0].split("+")[1] for name in fonts} == {"LibertinusSerif"}
    with pytest.raises(PrintError, match="could not be displayed"):
        pdf(with_text("漢"))


def fonts_of(content: bytes) -> set[str]:
    fonts = (within(page, "/Resources", "/Font") for page in read(content).pages)
    return {within(each, font, "/BaseFont") for each in fonts for font in each}


def within(found: Any, *names: str) -> Any:  # noqa: ANN401 - parts of a PDF file, by name
    for name in names:
        found = found[name]
    return found


def test_a_report_tells_machines_what_it_is(sample: bytes) -> None:
    found = read(sample)
    assert found.metadata is not None
    assert found.metadata.title == "Kết quả, tiến độ giai đoạn 1"
    assert found.metadata.author == REPORT.body.vi
    assert found.metadata.creation_date == REPORT.made_at.replace(microsecond=0)
    assert within(found.root_object, "/Lang") == "vi-VN"
    assert within(found.root_object, "/MarkInfo", "/Marked")


def test_the_same_report_is_the_same_file(sample: bytes) -> None:
    assert pdf(REPORT) == sample
    assert pdf(replace(REPORT, body=words("Ủy ban nhân dân huyện Cầu Kè"))) != sample


def test_long_tables_go_on_with_their_heads() -> None:
    tasks = tuple(replace(TASK, title=f"Nhiệm vụ thứ {number}.") for number in range(size(80, 2000)))
    content = pdf(replace(REPORT, tasks=tasks, targets=(), late=()))
    pages = [squeezed(page.extract_text()) for page in read(content).pages]
    held = [page for page in pages if "Nhiệmvụthứ" in page]
    assert len(held) >= 3
    assert all(squeezed("Cơ quan chủ trì, thực hiện") in page for page in held)
    assert all(f"{place}/{len(pages)}" in page for place, page in enumerate(pages, 1))
    assert [task.title for task in tasks if squeezed(task.title) not in "".join(pages)] == []


def test_a_row_and_what_is_said_about_it_stay_on_one_page() -> None:
    late = tuple(
        replace(
            LATE,
            title=f"Việc thứ {n}.",
            causes=(
                replace(
                    CAUSE,
                    text=words(f"Vì {n}."),
                ),
            ),
        )
        for n in range(30)
    )
    pages = [squeezed(page.extract_text()) for page in read(pdf(replace(REPORT, late=late))).pages]
    for number in range(30):
        (page,) = (page for page in pages if f"Việcthứ{number}." in page)
        assert f"Vì{number}." in page


def test_a_row_higher_than_a_page_is_cut_between_pages() -> None:
    causes = tuple(replace(CAUSE, text=words(f"Vì {number}. {'dài ' * 100}")) for number in range(40))
    content = pdf(replace(REPORT, late=(replace(LATE, causes=causes),)))
    pages = [squeezed(page.extract_text()).count("dài") for page in read(content).pages]
    assert sum(pages) == 40 * 100
    assert max(pages) < 2000


@settings(max_examples=size(8, 300))
@given(st.text(min_size=1, max_size=60))
def test_any_text_can_be_printed(text: str) -> None:
    assert pdf(with_text(text)).startswith(b"%PDF-")


@given(st.text())
def test_plain_text_is_one_line_that_hides_nothing(text: str) -> None:
    assert re.search(r"[\x00-\x1f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", plain(text)) is None
    assert plain(plain(text)) == plain(text)


def test_overrides_of_the_writing_direction_are_left_out() -> None:
    assert plain("\u202eđạt\u202c \n\t chưa") == "đạt chưa"
