"""Searching Vietnamese without its marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hòa Lợi", "hoa loi"),
        ("Hoà Lợi", "hoa loi"),
        ("ĐƯỜNG 3/2", "duong 3/2"),
        ("Đồng  Khởi\t", "dong khoi"),
        ("Thị trấn Cầu Quan", "thi tran cau quan"),
        ("Ho\u0300a", "hoa"),
        ("", ""),
    ],
)
def test_marks_case_and_blanks_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_a_folded_text_stays(text: str) -> None:
    assert fold(fold(text)) == fold(text)
