"""The end of the year in the demonstration: last tasks and reports, what stays late, and the filled yearly report."""

from datetime import date
from typing import Final

from workflows.core.case import Fire
from workflows.core.documents import AMEND, Words
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import PROVINCE
from workflows.services.demo_figures import PROVINCE_FIGURES, later
from workflows.services.demo_hotspots import paper
from workflows.services.demo_plan import (
    ACCEPTS,
    ENTERS,
    Late,
    accept,
    accept_reports,
    all_bodies,
    health_report,
    look_at_deadlines,
    report,
    submit,
)
from workflows.services.demo_stage import PLAN
from workflows.services.demo_targets import tell_targets
from workflows.services.report_parts import LateItem
from workflows.services.reports import Wish
from workflows.services.reports import report as filled

_MISSING: Final = "border_guard"
"""The body whose last report has not come by the end of the year."""
_YEARLY: Final = "consolidated_report"
_VERDICTS: Final = (True, False, None)
_LAST_DAY: Final = date(2025, 12, 31)
_GUIDANCE: Final = Late(because="awaiting_guidance", note="Chờ hướng dẫn về phương hướng năm sau (minh họa).")
_OTHERS: Final = Late(because="awaiting_others", note="Chờ số liệu phối hợp của đơn vị bạn (minh họa).")


def end_of_phase_3(story: Story) -> None:
    stage = story.stage
    stage.chapter("Hết giai đoạn 3: sơ kết", "Phase 3 ends: the review")
    report(story, "phase_3_review", "hold_reviews")
    accept(story, "phase_3_review", "hold_reviews")
    health_report(story)
    stage.tell(
        "Sơ kết, đánh giá được ghi nhận trước 14/12; Sở Y tế báo cáo nhiệm vụ thường xuyên, có hạn mới cho lần sau.",
        "Review and evaluation are accepted before 14/12; Health reports a continuous task and gets its next day.",
    )
    tell_targets(story)


def reports_of_phase_3(story: Story) -> None:
    stage = story.stage
    stage.chapter("Báo cáo giai đoạn 3, và việc trễ hạn", "Reports on phase 3, and what is late")
    look_at_deadlines(story)
    bodies = all_bodies(story, "phase_3_report", but=_MISSING)
    submit(story, "phase_3_report", bodies)
    accept_reports(story, "phase_3_report", bodies)
    stage.tell(
        f"{len(bodies)} báo cáo giai đoạn 3 gửi đúng hạn 20/12 và được tiếp nhận; thiếu một báo cáo.",
        f"{len(bodies)} reports on phase 3 come in time for 20/12 and are accepted; one is missing.",
    )


def causes(story: Story) -> None:
    stage = story.stage
    look_at_deadlines(story)
    task, owed = story.tasks["phase_3_outlook"], story.reports["phase_3_report"][_MISSING]
    stage.fire(ACCEPTS, task, AMEND, _GUIDANCE.given, reason="Ghi nguyên nhân chậm (minh họa).")
    stage.fire(ACCEPTS, owed, AMEND, _OTHERS.given, reason="Ghi nguyên nhân chậm (minh họa).")
    stage.tell(
        "Một nhiệm vụ và một báo cáo chưa xong được ghi nguyên nhân: chờ hướng dẫn, chờ cơ quan khác.",
        "One task and one report that are not done get their causes: awaiting guidance, awaiting others.",
    )


def closing(story: Story) -> None:
    stage = story.stage
    stage.chapter("Ngày 31/12: số liệu cuối năm và báo cáo của tỉnh", "31/12: the year's figures and the report")
    stage.on(_LAST_DAY.isoformat())
    figures = {code: later(code, story.place(code), lacking=False) for code in story.communes}
    stage.enter(ENTERS, figures, _LAST_DAY)
    stage.enter(ENTERS, {PROVINCE: PROVINCE_FIGURES}, _LAST_DAY)
    tell_targets(story)
    _yearly_report(story)
    case = story.reports[_YEARLY]["provincial_police"]
    written = paper(stage, "MH-10/BC-CAT", "Công an tỉnh Trà Vinh", "Báo cáo năm 2025 (minh họa)")
    stage.fire(ENTERS, case, "submit", {"report": written})
    stage.tell(
        "Công an tỉnh gửi báo cáo năm. Tự mình tiếp nhận thì không được:",
        "The provincial police send in the yearly report. They may not accept it themselves:",
    )
    stage.refused(ACCEPTS, Fire(case=case, trigger="accept"))
    stage.fire("ubnd-tinh.01", case, "accept")
    stage.note("UBND tỉnh", "tiếp nhận, đúng hạn 31/12", "the provincial committee accepts it, in time for 31/12")


def _yearly_report(story: Story) -> None:
    """Fill the report that the police owe on the year, and tell what is late in it and why."""
    stage = story.stage
    wish = Wish(plan=PLAN, obligation=_YEARLY)
    found = story.report = filled(stage.engine, stage.officers[ENTERS].actor, wish)
    met, missed, unknown = (sum(each.state.now.met is verdict for each in found.targets) for verdict in _VERDICTS)
    late = [(each, text) for each in found.late if (text := _recorded(each))]
    sent, owed = sum(each.sent is not None for each in found.received), len(found.received)
    stage.tell(
        f"BÁO CÁO NĂM được hệ thống lập: {met} chỉ tiêu đạt, {missed} chưa đạt, {unknown} chưa rõ; "
        f"{len(found.tasks)} nhiệm vụ; {owed} báo cáo phải tổng hợp, đã nhận {sent}; {len(found.late)} việc chậm, "
        f"{len(late)} việc có ghi nguyên nhân:",
        f"THE YEARLY REPORT is filled by the program: {met} targets met, {missed} not met, {unknown} unknown; "
        f"{len(found.tasks)} tasks; {sent} of {owed} reports received; {len(found.late)} late items, {len(late)} of "
        "them with a recorded cause:",
    )
    for item, text in late:
        stage.line(f"! {item.title}: chậm {item.days} ngày / {item.days} days late. {text.vi} / {text.en}")


def _recorded(item: LateItem) -> Words | None:
    """The cause that somebody wrote down."""
    return next((cause.text for cause in item.causes if cause.kind == "recorded"), None)
