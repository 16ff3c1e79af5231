"""Reports built by hand: one of a district that has something of everything, and ways to change it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Final

from workflows.core.case import CaseId
from workflows.core.documents import Level, Words
from workflows.core.indicators import Figure, Unknown, bound_of, computed, in_per_cent, is_met, last_day, needed
from workflows.core.plan_documents import Indicator, PlanDocument, Target
from workflows.services.report_parts import (
    CaseLine,
    Cause,
    LateItem,
    ReceivedLine,
    Report,
    TargetLine,
    TaskLine,
)
from workflows.services.targets import Reading, TableCell, TableRow, TargetState
from workflows.store.territory import Period

AS_OF: Final = date(2025, 5, 7)
FIRST: Final = date(2025, 1, 1)
MISSING: Final = Unknown((
    Words(
        vi="thiếu “Số người nghiện có hồ sơ quản lý” của 11 xã: Xã An Trường, Xã Bình Phú, Xã Đại Phước, …",
        en="missing “People on record” of 11 communes: Xã An Trường, Xã Bình Phú, Xã Đại Phước, …",
    ),
))  # fmt: skip
DISTRICT: Final = Period(
    code="844",
    level=Level.DISTRICT,
    name="Huyện Càng Long",
    path="VN/84/844",
    valid_from="2004-01-01",
    valid_to="2025-07-01",
    successors=(),
)
_COUNT: Final = {"count": "people_on_record"}


def words(vi: str) -> Words:
    return Words(vi=vi, en=f"{vi} (en)")


def _noted(vi: str) -> dict[str, object]:
    return {"title": words(vi).model_dump(), "basis": "tra-vinh-2025 II.1"}


PLAN: Final = PlanDocument.model_validate({
    "plan": "tra-vinh-2025",
    "title": words("Xây dựng xã, phường, thị trấn không ma túy trên địa bàn tỉnh Trà Vinh năm 2025").model_dump(),
    "number": "16/KH-UBND",
    "issued": date(2025, 2, 17),
    "issuer": "provincial_peoples_committee",
    "province": "84",
    "units_as_of": date(2025, 2, 17),
    "period": {"from": date(2025, 1, 1), "to": date(2026, 1, 1)},
    "indicators": {
        "clean": {
            **_noted("Tỷ lệ xã, phường, thị trấn không ma túy"),
            "share": {"of": {"units": "commune"}, "over": {"units": "commune"}},
        },
        "people": {**_noted("Số người nghiện có hồ sơ quản lý"), "value": _COUNT},
        "fall": {**_noted("Mức giảm so với năm trước"), "growth": {"of": _COUNT, "base": _COUNT}, "digits": 2},
        "each": {**_noted("Tỷ lệ phát hiện, triệt phá"), "share": {"of": _COUNT, "over": _COUNT}},
        "by_unit": {**_noted("Số xã không ma túy"), "value": {"units": "commune"}},
    },
    "targets": {
        "clean": {**_noted("Ít nhất 20 % số xã, phường, thị trấn không ma túy"), "indicator": "clean", "at_least": 20},
        "people": {**_noted("Kéo giảm số người nghiện"), "indicator": "people", "at_most": 1500},
        "fall": {
            **_noted("Giảm số người nghiện so với năm trước"),
            "indicator": "fall",
            "at_most": "-2.5",
            "printed": "giảm 2,5 %",
            "by": date(2025, 11, 20),
        },
        "each": {**_noted("Điểm phức tạp được triệt xóa"), "indicator": "each", "at_least": 100, "each_year": True},
        "by_unit": {
            **_noted("Số xã không ma túy theo từng huyện"),
            "indicator": "by_unit",
            "table": {
                "columns": {
                    "start": {"title": words("Đầu năm").model_dump(), "by": date(2024, 12, 31), "baseline": True},
                    "end": {"title": words("Cuối năm").model_dump(), "by": date(2025, 12, 31), "digits": 1},
                },
                "rows": ({"unit": "844", "total": 14, "levels": {"start": 2, "end": 5}},),
            },
        },
    },
    "obligations": {
        "phase_1_report": {
            **_noted("Báo cáo kết quả, tiến độ giai đoạn 1"),
            "kind": "phase",
            "owed_by": ("district_peoples_committees",),
            "to": "provincial_police",
            "due": {"on": ({"by": date(2025, 5, 7)},), "in_source": False},
        }
    },
})  # fmt: skip


def reading(target: Target, indicator: Indicator, day: date, of: Figure, base: Figure | None = None) -> Reading:
    """What the figures come to, by the arithmetic of the indicators."""
    value, bound = computed(indicator, of, base), bound_of(target)
    return Reading(
        day=day,
        of=of,
        base=base,
        value=value,
        met=is_met(value, bound, per_cent=in_per_cent(indicator)) if bound else None,
        needed=needed(indicator, bound, base) if bound else None,
    )


def state(key: str, of: Figure, base: Figure | None = None) -> TargetState:
    """A target of the plan of samples, with these figures at the end of the period."""
    target = PLAN.targets[key]
    indicator = PLAN.indicators[target.indicator]
    return TargetState(
        key=key,
        target=target,
        indicator=indicator,
        bound=bound_of(target),
        applies=bound_of(target) is not None,
        last_day=last_day(PLAN, target),
        now=reading(target, indicator, AS_OF, of, base),
        years={},
        table=(),
    )


def line(key: str, before: Figure, now: Figure, base: Figure | None = None) -> TargetLine:
    found = state(key, now, base)
    return TargetLine(state=found, before=reading(found.target, found.indicator, date(2024, 12, 31), before, base))


def _cell(level: int, whole: int, figure: Figure) -> TableCell:
    met = None if isinstance(figure, Unknown) else figure >= level
    return TableCell(level=level, printed=Fraction(level, whole), figure=figure, met=met)


def _by_unit() -> TargetLine:
    cells = {"start": _cell(2, 14, 2), "end": _cell(5, 14, MISSING)}
    rows = (TableRow(unit=DISTRICT, total=14, cells=cells), TableRow(unit=None, total=14, cells=cells))
    return TargetLine(state=replace(state("by_unit", 2), table=rows), before=None)


def _each_year() -> TargetLine:
    found = line("each", 1, 3, 4)
    past = reading(found.state.target, found.state.indicator, date(2024, 12, 31), 7, 8)
    return replace(found, state=replace(found.state, years={2024: past, 2025: found.state.now}))


CAUSE: Final = Cause(kind="recorded", text=words("Chờ số liệu của Trạm Y tế"), on=date(2025, 5, 2))
TASK: Final = TaskLine(
    case=CaseId("01960000-0000-7000-8000-000000000001"),
    title="Tổ chức tuyên truyền, vận động toàn dân tham gia phòng, chống ma túy ở khóm, ấp",
    lead=(words("Ủy ban nhân dân huyện Càng Long"), words("Công an huyện Càng Long")),
    state=words("Đang thực hiện"),
    since=date(2025, 3, 3),
    deadline=date(2025, 4, 30),
    late=7,
)
RECEIVED: Final = ReceivedLine(
    case=CaseId("01960000-0000-7000-8000-000000000002"),
    title="Báo cáo kết quả rà soát của Xã An Trường",
    body=words("Ủy ban nhân dân Xã An Trường"),
    state=words("Đã gửi"),
    due=date(2025, 4, 25),
    sent=date(2025, 4, 28),
    late=3,
)
LATE: Final = LateItem(
    case=CaseId("01960000-0000-7000-8000-000000000003"),
    workflow=words("Công nhận xã không ma túy"),
    title="Công nhận Xã Bình Phú đạt tiêu chí không ma túy",
    unit="Xã Bình Phú",
    bodies=(words("Ủy ban nhân dân Xã Bình Phú"),),
    state=words("Bổ sung hồ sơ"),
    due=date(2025, 4, 20),
    days=17,
    done=None,
    causes=(
        CAUSE,
        Cause(
            kind="returned", text=words("Bị trả lại ngày 11/04/2025, còn thiếu: biên bản họp dân"), on=date(2025, 4, 11)
        ),
    ),
)
CASES: Final = CaseLine(
    workflow="certification",
    title=words("Công nhận xã không ma túy"),
    opened=14,
    happened={words("Nộp hồ sơ"): 9, words("Trả lại"): 2},
    standing={words("Đang chuyển hóa"): 1204, words("Bổ sung hồ sơ"): 2},
)
REPORT: Final = Report(
    plan=PLAN,
    key="phase_1_report",
    obligation=PLAN.obligations["phase_1_report"],
    agency="district_peoples_committees",
    body=words("Ủy ban nhân dân huyện Càng Long"),
    recipient=words("Ủy ban nhân dân tỉnh Trà Vinh"),
    through=words("Công an tỉnh Trà Vinh"),
    unit=DISTRICT,
    case=CaseId("01960000-0000-7000-8000-000000000004"),
    due=date(2025, 5, 7),
    first=FIRST,
    last=AS_OF,
    as_of=AS_OF,
    known=AS_OF,
    partial=False,
    made_at=datetime(2025, 5, 7, 9, 5, 6, 789, tzinfo=UTC),
    targets=(
        line("clean", 1, 2, 14),
        line("people", 1604, 1234),
        line("fall", MISSING, MISSING, 1604),
        _each_year(),
        _by_unit(),
    ),
    cases=(CASES, replace(CASES, title=words("Chuyển hóa địa bàn"), happened={}, standing={})),
    tasks=(TASK, replace(TASK, title="Rà soát người nghiện", lead=(), deadline=None, late=0)),
    received=(RECEIVED, replace(RECEIVED, body=words("Ủy ban nhân dân Xã Đại Phước"), sent=None, late=12)),
    late=(LATE, replace(LATE, title="Chuyển hóa Xã Đại Phước", days=2, done=date(2025, 4, 22), causes=(CAUSE,))),
)
