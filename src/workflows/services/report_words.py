"""How a report speaks: Vietnamese words for figures, bounds, days and causes, the same on paper and in a workbook.

Knows values, not tables: `report_tables` puts them in columns. A figure that is not known is told with what is missing,
never as 0.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final, TypeAlias

from workflows.core.civil import INDOCHINA, show_date
from workflows.core.documents import Words
from workflows.core.indicators import Bound, Comparison, Figure, Unknown, Value, in_per_cent, rounded
from workflows.core.plan_documents import PlanDocument
from workflows.services.report_parts import Cause, Report
from workflows.services.targets import TargetState

UNKNOWN: Final = "chưa rõ"
NOTHING: Final = "–"
_HUNDRED: Final = 100
_MOST_DIGITS: Final = 6
"""Decimals that a document may write."""
_COMPARISONS: Final = {
    "at_least": "ít nhất",
    "more_than": "trên",
    "at_most": "không quá",
    "less_than": "dưới",
}
_NO_GROWTH: Final = {
    "at_least": "không giảm",
    "more_than": "tăng",
    "at_most": "không tăng",
    "less_than": "giảm",
}
_TURNED: Final[dict[Comparison, Comparison]] = {
    "at_least": "at_most",
    "more_than": "less_than",
    "at_most": "at_least",
    "less_than": "more_than",
}
_MET: Final = {True: "đạt", False: "chưa đạt", None: UNKNOWN}
_NOT_FOR: Final = "không áp dụng"
_BY_TABLE: Final = "theo bảng"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number that is shown rounded, a half away from zero."""

    value: Fraction
    digits: int
    """Decimals, of the percentage where it is one."""
    per_cent: bool


Cell: TypeAlias = str | int | date | Amount | None
"""None: there is nothing to say."""


def text(cell: Cell) -> str:
    """A cell as it is printed."""
    match cell:
        case None:
            return NOTHING
        case str():
            return cell
        case int():
            return number(Fraction(cell), 0)
        case date():
            return show_date(cell)
        case Amount(value=value, digits=digits, per_cent=True):
            return f"{number(value * _HUNDRED, digits)} %"
        case Amount(value=value, digits=digits):
            return number(value, digits)


def number(value: Fraction, digits: int) -> str:
    """With a point between thousands and a comma before decimals: `-1.234,5`."""
    shown = rounded(value, digits)
    whole, _, part = shown.lstrip("-").partition(".")
    sign = "-" if shown.startswith("-") else ""
    grouped = f"{int(whole):,}".replace(",", ".")
    return f"{sign}{grouped},{part}" if part else f"{sign}{grouped}"


def amount(state: TargetState, value: Value) -> Cell:
    """A value of a target's indicator."""
    if isinstance(value, Unknown):
        return UNKNOWN
    per_cent = in_per_cent(state.indicator)
    digits = state.indicator.digits if per_cent or value.denominator != 1 else 0
    return Amount(value=value, digits=digits, per_cent=per_cent)


def figure(found: Figure | None) -> Cell:
    """A whole number."""
    return UNKNOWN if isinstance(found, Unknown) else found


def level(state: TargetState) -> str:
    """What a target asks for; with the plan's own word where that was read as something else."""
    if state.bound is None:
        return _BY_TABLE
    grows = state.indicator.growth is not None
    read = _growth(state.bound) if grows else _bound(state.bound, per_cent=in_per_cent(state.indicator))
    return f"{state.target.printed} (tính là {read})" if state.target.printed else read


def _growth(bound: Bound) -> str:
    """A bound of a growth, where less than nothing is a fall: at most -2,5 % is a fall by at least 2,5 %."""
    if bound.limit > 0:
        return f"tăng {_bound(bound, per_cent=True)}"
    if bound.limit == 0:
        return _NO_GROWTH[bound.comparison]
    return f"giảm {_bound(Bound(_TURNED[bound.comparison], -bound.limit), per_cent=True)}"


def _bound(bound: Bound, *, per_cent: bool) -> str:
    scales = (digits for digits in range(_MOST_DIGITS) if (bound.limit * 10**digits).denominator == 1)
    sign = " %" if per_cent else ""
    return f"{_COMPARISONS[bound.comparison]} {number(bound.limit, next(scales, _MOST_DIGITS))}{sign}"


def verdict(state: TargetState, met: bool | None) -> str:  # noqa: FBT001 - a value of three, no switch
    """Whether a target is reached: `đạt`, `chưa đạt`, `chưa rõ`, or that it is not asked here."""
    if state.bound is None:
        return _BY_TABLE
    return _MET[met] if state.applies else _NOT_FOR


def met(reached: bool | None) -> str:  # noqa: FBT001 - a value of three, no switch
    """Whether one cell of a table is reached."""
    return _MET[reached]


def missing(figures: Iterable[Figure | Value | None]) -> tuple[str, ...]:
    """Why figures are not known, each reason once: `thiếu “Số người nghiện” của 3 xã: …`."""
    unknown = (each for each in figures if isinstance(each, Unknown))
    return tuple(dict.fromkeys(reason.vi for each in unknown for reason in each.because))


def cause(found: Cause) -> str:
    """Why something is late; what somebody wrote down, with the day on which it was."""
    if found.kind == "recorded" and found.on:
        return f"{found.text.vi} (ghi nhận ngày {show_date(found.on)})"
    return found.text.vi


def names(found: Iterable[Words]) -> Cell:
    return "; ".join(each.vi for each in found) or None


def plan_line(plan: PlanDocument) -> str:
    """Number, day and title, as far as the copy of the plan has them; the word `Kế hoạch` once."""
    numbered = f" số {plan.number}" if plan.number else ""
    issued = f" ngày {show_date(plan.issued)}" if plan.issued else ""
    subject = plan.title.vi.removeprefix("Kế hoạch ")
    return f"Kế hoạch{numbered}{issued}: {subject[:1].upper()}{subject[1:]}"


def period_line(report: Report) -> str:
    return f"từ ngày {show_date(report.first)} đến hết ngày {show_date(report.last)}"


def made_line(report: Report) -> str:
    """On the wall clock of Việt Nam: `10:05 ngày 20/01/2025`."""
    local = report.made_at.astimezone(INDOCHINA)
    return f"{local:%H:%M} ngày {show_date(local.date())}"


def heading(report: Report) -> Iterator[tuple[str, Cell]]:
    """What the report is, line by line."""
    yield "Kế hoạch", plan_line(report.plan)
    yield "Báo cáo", report.obligation.title.vi
    yield "Cơ quan báo cáo", report.body.vi
    yield "Nơi nhận", report.recipient.vi
    if report.through is not None:
        yield "Gửi qua", report.through.vi
    yield "Địa bàn", report.unit.name
    yield "Kỳ báo cáo từ ngày", report.first
    yield "Kỳ báo cáo đến hết ngày", report.last
    yield "Hạn gửi (ngày cuối)", report.due
    yield "Số liệu tính đến hết ngày", report.as_of
    yield "Số liệu nhập đến hết ngày", report.known
    yield "Lập lúc", made_line(report)
    yield "Mã kế hoạch", report.plan.plan
    yield "Mã nghĩa vụ báo cáo", report.key
    yield "Mã hồ sơ báo cáo", report.case or "chưa có hồ sơ"


def remarks(report: Report) -> Iterator[str]:
    """What a reader must know before reading a figure."""
    if report.as_of < report.last:
        yield f"Kỳ báo cáo chưa kết thúc: số liệu mới tính đến hết ngày {show_date(report.as_of)}."
    if not report.obligation.due.in_source:
        yield "Kế hoạch không nêu hạn gửi báo cáo này; hạn nêu ở đây do phần mềm đặt."
    if report.partial:
        yield "Chỉ kể những hồ sơ mà người lập được xem; nhiệm vụ giao ở cấp tỉnh không có trong báo cáo này."
    yield f"Số huyện, số xã tính theo địa giới ngày {show_date(report.plan.units_as_of)} mà kế hoạch dùng."


def summary(report: Report) -> Iterator[str]:
    """One line for each part that has something."""
    if report.targets:
        verdicts = Counter(verdict(each.state, each.state.now.met) for each in report.targets)
        shown = (f"{verdicts[word]} {word}" for word in (*_MET.values(), _NOT_FOR, _BY_TABLE) if verdicts[word])
        yield f"Chỉ tiêu: {len(report.targets)}, gồm {', '.join(shown)}."
    if report.tasks:
        yield f"Nhiệm vụ: {len(report.tasks)}, trong đó {sum(each.late > 0 for each in report.tasks)} chậm."
    if report.received:
        sent = sum(each.sent is not None for each in report.received)
        yield f"Báo cáo phải tổng hợp: {len(report.received)}, đã nhận {sent}, chưa nhận {len(report.received) - sent}."
    yield f"Việc chậm: {len(report.late)}, trong đó {sum(each.done is None for each in report.late)} chưa xong."
