"""A deadline in one paragraph, in Vietnamese and English."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from workflows.core.calendars import Reckoning, Unit
from workflows.core.case import Case
from workflows.core.civil import show_date
from workflows.core.deadlines import Deadline
from workflows.core.definition import Definition
from workflows.core.documents import Words

_LIMIT: Final = 500
"""As much as words may have; the titles of state and field may be long."""
_UNITS: Final[dict[Unit, tuple[Words, Words]]] = {
    "days": (Words(vi="ngày", en="day"), Words(vi="ngày", en="days")),
    "months": (Words(vi="tháng", en="month"), Words(vi="tháng", en="months")),
    "working_days": (Words(vi="ngày làm việc", en="working day"), Words(vi="ngày làm việc", en="working days")),
}


def told(definition: Definition, case: Case, deadline: Deadline | None) -> Words:
    """Why a case has the deadline that it has, or that it has none."""
    sentences = list(_sentences(definition, case, deadline))
    vi, en = (" ".join(getattr(each, language) for each in sentences)[:_LIMIT] for language in ("vi", "en"))
    return Words(vi=vi, en=en)


def _sentences(definition: Definition, case: Case, deadline: Deadline | None) -> Iterator[Words]:
    state = definition.state(case.state).title
    if deadline is None:
        vi = f"Hồ sơ ở trạng thái “{state.vi}” không có thời hạn."
        yield Words(vi=vi[:_LIMIT], en=f"A case in state “{state.en}” has no deadline."[:_LIMIT])
        return
    if deadline.reckoning is None:
        yield _named(definition, deadline)
        return
    yield _reckoned(deadline.reckoning, state)
    yield from _days_off(deadline.reckoning)
    yield from _month_end(deadline.reckoning)
    yield from _may_move(definition, deadline, deadline.reckoning.last)


def _named(definition: Definition, deadline: Deadline) -> Words:
    field = definition.document.fields[deadline.spec.field or ""].title
    if deadline.last is None:
        vi = f"Thời hạn là ngày ghi tại “{field.vi}”, hiện chưa có."
        return Words(vi=vi[:_LIMIT], en=f"The deadline is the day given as “{field.en}”, not known yet."[:_LIMIT])
    last = show_date(deadline.last)
    vi = f"Hạn cuối là hết ngày {last}, ghi tại “{field.vi}”; ngày đã ghi rõ thì không dời khi trùng ngày nghỉ."
    en = f"The last day in time is {last}, given as “{field.en}”; a day that is named does not move for days off."
    return Words(vi=vi[:_LIMIT], en=en[:_LIMIT])


def _reckoned(found: Reckoning, state: Words) -> Words:
    unit = _UNITS[found.unit][found.amount > 1]
    start, last = show_date(found.start), show_date(found.last)
    vi = (
        f"{found.amount} {unit.vi} kể từ ngày {start}, là ngày chuyển sang trạng thái “{state.vi}” và không được tính; "
        f"hạn cuối là hết ngày {last}."
    )
    en = (
        f"{found.amount} {unit.en} after {start}, the day of entering state “{state.en}”, which is not counted; "
        f"the last day in time is {last}."
    )
    return Words(vi=vi[:_LIMIT], en=en[:_LIMIT])


def _days_off(found: Reckoning) -> Iterator[Words]:
    if found.unit != "working_days":
        if found.skipped:
            end = show_date(found.skipped[0].day)
            yield Words(
                vi=f"Ngày {end} là ngày nghỉ nên hạn dời đến ngày làm việc kế tiếp.",
                en=f"{end} is a day off, so that the deadline is the next working day.",
            )
        return
    if found.skipped:
        count = len(found.skipped)
        yield Words(vi=f"Không tính {count} ngày nghỉ.", en=f"Days off not counted: {count}.")
    if found.worked:
        days = ", ".join(show_date(each.day) for each in found.worked)
        yield Words(vi=f"Có tính ngày làm bù: {days}.", en=f"Days of rest that were worked and count: {days}.")


def _month_end(found: Reckoning) -> Iterator[Words]:
    end = found.skipped[0].day if found.skipped else found.last
    if found.unit == "months" and end.day != found.start.day:
        yield Words(
            vi=f"Tháng {end.month:02}/{end.year} không có ngày {found.start.day}, nên lấy ngày cuối tháng.",
            en=f"{end.month:02}/{end.year} has no day {found.start.day}: its last day counts.",
        )


def _may_move(definition: Definition, deadline: Deadline, last: date) -> Iterator[Words]:
    calendar = definition.calendar
    if not deadline.spec.by_calendar or calendar is None:
        return
    if not calendar.settles(last):
        yield Words(
            vi="Lịch nghỉ đến ngày đó chưa được ban hành đủ, nên hạn còn có thể thay đổi.",
            en="What is off until then has not all been issued, so that the deadline may still move.",
        )
    if deadline.due is not None and deadline.due != last:
        due = show_date(deadline.due)
        yield Words(
            vi=f"Hồ sơ còn ghi hạn {due}, tính theo lịch trước đây; cần dời sang hạn mới.",
            en=f"The case still has {due}, as reckoned by an earlier calendar; it is to be moved.",
        )
