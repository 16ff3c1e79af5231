"""The three phases of transformation in the demonstration, with the plan's days: selection, work, conclusion.

What becomes of the communes that reach the end is the affair of `demo_certification`.
"""

from datetime import date
from typing import Final

from workflows.core.case import CaseId, Data, Fire
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import (
    BINH_PHU,
    CANG_LONG,
    DUYEN_HAI_2,
    FIGURES_ON,
    HOA_LOI,
    HUYEN_HOI,
    PROVINCE,
    SELECTED,
    TAKEN_IN,
    TRA_CU_DISTRICT,
    TRANSFORMED,
    WARD_1,
    committee,
    police,
)
from workflows.services.demo_figures import at_start, later, on_file_at_start
from workflows.services.demo_hotspots import paper
from workflows.services.demo_plan import (
    ACCEPTS,
    ENTERS,
    Late,
    accept,
    accept_reports,
    all_bodies,
    look_at_deadlines,
    report,
    start,
    submit,
)
from workflows.services.demo_stage import Step
from workflows.services.demo_targets import tell_targets

_NO_MEANS: Final = Late(because="resources", note="Trang thiết bị được cấp chậm (minh họa).")
_NO_FIGURES: Final = Late(because="data_missing", note="Còn chờ số liệu của các xã (minh họa).")


def lists(story: Story) -> None:
    stage = story.stage
    stage.chapter("Rà soát, lựa chọn và phê duyệt danh sách (III.2)", "Communes are reviewed, selected, approved")
    stage.on("2025-02-26")
    report(story, "review_communes")
    stage.on("2025-02-27")
    accept(story, "review_communes")
    stage.tell(
        "Hạn 26/02: 9 huyện, thị xã, thành phố đã gửi danh sách; cả 104 xã, phường, thị trấn có hồ sơ ở bước rà soát. "
        "Nhiệm vụ được ghi nhận kết quả.",
        "Due by 26/02: the nine districts sent their lists, all 104 communes stand as listed; the task is accepted.",
    )
    story.hotspots.monitor("2025-03-03", HUYEN_HOI)
    story.hotspots.find("2025-03-05", HOA_LOI, "conditional_business", "survey")
    stage.on("2025-03-24")
    others = [code for code in story.communes if code not in SELECTED]
    chosen = _draft(story, "select", SELECTED)
    left = _draft(story, "decline", others)
    stage.tell(
        f"Công an tỉnh dự thảo hai danh sách: {len(SELECTED)} xã được lựa chọn, {len(others)} xã không.",
        f"The provincial police draft two lists: {len(SELECTED)} communes to be selected, {len(others)} not.",
    )
    _decided(story, chosen, left)
    _plans_sent_in(story)


def _draft(story: Story, action: str, codes: tuple[str, ...] | list[str]) -> CaseId:
    titles = {"select": "Địa bàn được lựa chọn chuyển hóa năm 2025", "decline": "Địa bàn không lựa chọn năm 2025"}
    data: Data = {"action": action, "members": [story.transformations[code] for code in codes]}
    return story.stage.open(ENTERS, "selection_decision", PROVINCE, titles[action], data).events[0].case


def _decided(story: Story, chosen: CaseId, left: CaseId) -> None:
    stage = story.stage
    stage.on(TAKEN_IN.isoformat())
    stage.tell(
        "UBND tỉnh thử ký thay: kế hoạch giao Công an tỉnh phê duyệt danh sách, nên bị từ chối:",
        "The provincial committee tries to decide: the plan names the police as approver, so it is refused:",
    )
    stage.refused("ubnd-tinh.01", Fire(case=chosen, trigger="decide", input=_decision(story, "01")))
    decided = stage.fire(ACCEPTS, chosen, "decide", _decision(story, "01"))
    stage.tell(
        "Người khác của Công an tỉnh ký, trước hạn 30/03; mỗi danh sách cùng mọi xã trong đó là một giao dịch.",
        "Another officer of the police decides, before 30/03; each list and all its communes in one transaction.",
    )
    stage.consequences(decided)
    stage.consequences(stage.fire(ACCEPTS, left, "decide", _decision(story, "02")))
    stage.enter(ENTERS, {code: at_start(story.place(code)) for code in SELECTED}, TAKEN_IN)


def _decision(story: Story, number: str) -> Data:
    document = paper(story.stage, f"MH-{number}/QĐ-CAT", "Công an tỉnh Trà Vinh", "Phê duyệt danh sách (minh họa)")
    return {"decision": document, "taken_in_on": TAKEN_IN.isoformat()}


def _plans_sent_in(story: Story) -> None:
    stage = story.stage
    stage.on("2025-03-27")
    report(story, "select_communes", "approve_list")
    stage.on("2025-03-28")
    accept(story, "select_communes", "approve_list")
    bodies = all_bodies(story, "implementation_plans")
    submit(story, "implementation_plans", bodies)
    stage.tell(
        f"{len(bodies)} kế hoạch thực hiện gửi trước 31/03. Hai sở đã hợp nhất ngày 01/03 (có thật): Công an tỉnh nhập "
        "thay.",
        f"{len(bodies)} implementation plans sent in before 31/03. Two departments were merged on 01/03 (a fact): the "
        "police enter theirs.",
    )


def phase_1(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Giai đoạn 1, đến 30/04: khảo sát, chuẩn bị", "Phase 1, to 30/04: survey and preparation")
    stage.on("2025-03-31")
    accept_reports(story, "implementation_plans", all_bodies(story, "implementation_plans"))
    story.by_district(SELECTED, "begin")
    start(story, "phase_1_plan", "phase_1_survey", "phase_1_prepare")
    stage.tell(
        f"{len(SELECTED)} xã bắt đầu giai đoạn 1, do UBND cấp huyện thực hiện; ba nhiệm vụ của giai đoạn bắt đầu.",
        f"{len(SELECTED)} communes begin phase 1, by their district committees; the three tasks of the phase start.",
    )
    spots.relapse("2025-04-01", WARD_1, "tip_off")
    stage.tell(
        "Một nơi tái hình thành vẫn là hồ sơ cũ, không phải điểm mới.",
        "A place that comes back is a relapse of its case, never a new one.",
    )
    spots.suppress("2025-04-03", HOA_LOI)
    spots.suppress("2025-04-07", WARD_1)
    spots.monitor("2025-04-09", HOA_LOI)
    spots.monitor("2025-04-10", WARD_1)
    spots.relapse("2025-04-11", CANG_LONG, "survey")
    spots.suppress("2025-04-22", CANG_LONG)
    _survey_returned(story)
    stage.on("2025-04-29")
    _first_figures(story, [code for code in story.communes if stage.district(code) != TRA_CU_DISTRICT])
    stage.tell(
        f"{stage.place(BINH_PHU)}: thử vào giai đoạn 2 sớm hơn lịch của kế hoạch (từ 01/05), nên bị từ chối:",
        "Trying to begin phase 2 ahead of the plan's calendar (from 01/05), so it is refused:",
    )
    early = Fire(case=story.transformations[BINH_PHU], trigger="begin_phase_2")
    stage.refused(committee(stage.district(BINH_PHU)), early)
    tell_targets(story)


def _survey_returned(story: Story) -> None:
    stage, case = story.stage, story.tasks["phase_1_survey"]
    stage.on("2025-04-24")
    report(story, "phase_1_plan", "phase_1_survey")
    stage.on("2025-04-25")
    accept(story, "phase_1_plan")
    stage.fire(ACCEPTS, case, "return", {"missing": ["Số liệu khảo sát của hai huyện"]})
    stage.on("2025-04-28")
    report(story, "phase_1_survey")
    accept(story, "phase_1_survey")
    stage.tell(
        "Nhiệm vụ khảo sát được trả lại một lần vì thiếu số liệu, bổ sung rồi mới được ghi nhận, trong hạn 30/04.",
        "The task of the survey was returned once for missing figures, completed and accepted, in time for 30/04.",
    )


def _first_figures(story: Story, codes: list[str]) -> None:
    figures = {code: on_file_at_start(story.place(code)) for code in codes}
    story.stage.enter(ENTERS, figures, date(2025, 4, 28))


def phase_2(story: Story) -> None:
    stage = story.stage
    stage.chapter("Giai đoạn 2, 01/05 đến 31/10: các biện pháp", "Phase 2, 01/05 to 31/10: the measures")
    stage.on("2025-05-01")
    story.by_district(SELECTED, "begin_phase_2")
    start(story, "phase_2_measures")
    stage.tell(
        f"{len(SELECTED)} xã bắt đầu giai đoạn 2. Mốc của kế hoạch không dời, dù rơi vào ngày nghỉ lễ.",
        f"{len(SELECTED)} communes begin phase 2. A day of the plan stays, although it is a public holiday.",
    )
    stage.on("2025-05-05")
    look_at_deadlines(story)
    _reports_of_phase_1(story)
    _summer(story)
    _end_of_phase_2(story)


def _reports_of_phase_1(story: Story) -> None:
    stage = story.stage
    in_time = all_bodies(story, "phase_1_report", but=TRA_CU_DISTRICT)
    stage.on("2025-05-06")
    submit(story, "phase_1_report", in_time)
    accept_reports(story, "phase_1_report", in_time)
    stage.tell(
        f"{len(in_time)} báo cáo giai đoạn 1 gửi đúng hạn 07/05 (hạn do hệ thống đặt) và được tiếp nhận.",
        f"{len(in_time)} reports on phase 1 come in time for 07/05 (a day of our own) and are accepted.",
    )
    stage.on("2025-05-08")
    look_at_deadlines(story)
    stage.on("2025-05-12")
    report(story, "phase_1_prepare", late=_NO_MEANS)
    accept(story, "phase_1_prepare")
    stage.tell(
        "Nhiệm vụ chuẩn bị được báo cáo chậm 12 ngày, ghi nguyên nhân: nguồn lực. Quá hạn không chặn việc, chỉ lộ rõ.",
        "The task of preparing is reported 12 days late, with its cause: resources. Lateness blocks nothing; it shows.",
    )
    stage.on("2025-05-15")
    look_at_deadlines(story)
    _first_figures(story, [code for code in story.communes if stage.district(code) == TRA_CU_DISTRICT])
    submit(story, "phase_1_report", [TRA_CU_DISTRICT], late=_NO_FIGURES)
    stage.on("2025-05-16")
    accept_reports(story, "phase_1_report", [TRA_CU_DISTRICT])
    stage.tell(
        "UBND huyện Trà Cú báo cáo chậm 8 ngày, ghi nguyên nhân: thiếu số liệu; số liệu của huyện nay đã có.",
        "The committee of Trà Cú reports 8 days late, with its cause: data missing; its figures are there now.",
    )


def _summer(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.on("2025-07-01")
    stage.tell(
        "Trên thực tế, hôm nay cấp huyện chấm dứt và Trà Vinh nhập vào Vĩnh Long. Bản trình diễn đi tiếp ba cấp.",
        "In reality the districts end today, and Trà Vinh becomes part of Vĩnh Long. Here three tiers are played on.",
    )
    _tip_off(story)
    spots.suppress("2025-08-04", DUYEN_HAI_2)
    spots.monitor("2025-08-11", DUYEN_HAI_2)
    spots.monitor("2025-09-15", CANG_LONG)
    spots.relapse("2025-10-20", CANG_LONG, "survey")


def _tip_off(story: Story) -> None:
    stage, person = story.stage, police(DUYEN_HAI_2)
    stage.on("2025-07-14")
    data: Data = {"channel": "hotline", "about": "place", "received_on": "2025-07-14"}
    case = stage.open(person, "tip_off", DUYEN_HAI_2, "Tin báo qua đường dây nóng (minh họa)", data).events[0].case
    stage.on("2025-07-15")
    stage.fire(person, case, "verify")
    stage.on("2025-07-21")
    done = stage.fire(person, case, "confirm", {"kind": "point"})
    story.hotspots.known(DUYEN_HAI_2, done.events[1].case)
    stage.note(stage.place(DUYEN_HAI_2), "tin báo của người dân được xác minh đúng", "a tip-off is confirmed")
    stage.consequences(done)


def _end_of_phase_2(story: Story) -> None:
    stage = story.stage
    stage.on(FIGURES_ON.isoformat())
    report(story, "phase_2_measures")
    figures = {code: later(code, story.place(code), lacking=True) for code in story.communes}
    stage.enter(ENTERS, figures, FIGURES_ON)
    stage.enter(ENTERS, {PROVINCE: {"transformation_mostly_done": 1}}, FIGURES_ON)
    tell_targets(story)


def phase_3(story: Story) -> None:
    stage = story.stage
    stage.chapter("Giai đoạn 3, 01/11 đến trước 14/12: đánh giá", "Phase 3, 01/11 to before 14/12: evaluation")
    stage.on("2025-11-01")
    story.by_district(SELECTED, "begin_phase_3")
    stage.note(f"{len(SELECTED)} xã", "bắt đầu giai đoạn 3 đúng ngày, dù là thứ Bảy", "phase 3 begins, on a Saturday")
    stage.on("2025-11-03")
    accept(story, "phase_2_measures")
    start(story, "phase_3_review", "phase_3_outlook", "hold_reviews")
    _not_transformed(story)
    _transformed(story)
    stage.on("2025-11-06")
    bodies = all_bodies(story, "phase_2_report")
    submit(story, "phase_2_report", bodies)
    stage.on("2025-11-07")
    accept_reports(story, "phase_2_report", bodies)
    stage.tell(
        f"{len(bodies)} báo cáo giai đoạn 2 gửi đúng hạn 07/11 và được tiếp nhận.",
        f"{len(bodies)} reports on phase 2 come in time for 07/11 and are accepted.",
    )


def _not_transformed(story: Story) -> None:
    stage, case = story.stage, story.transformations[CANG_LONG]
    stage.on("2025-11-05")
    stage.tell(
        f"{stage.place(CANG_LONG)}: thử kết luận chuyển hóa thành công khi điểm còn hoạt động, nên bị từ chối:",
        "Trying to conclude as transformed while its hotspot is active, so it is refused:",
    )
    stage.refused(ENTERS, Fire(case=case, trigger="conclude_transformed", input=_evaluation(story)))
    reason = "Điểm bán lẻ tái hình thành ngày 20/10 chưa triệt xóa (minh họa)."
    stage.fire(ENTERS, case, "conclude_not_transformed", _evaluation(story), reason=reason)
    stage.note("Kết luận", "chưa chuyển hóa được, có nêu lý do", "concluded as not transformed, with the reason")


def _transformed(story: Story) -> None:
    stage = story.stage
    acts = [
        Fire(case=story.transformations[code], trigger="conclude_transformed", input=_evaluation(story))
        for code in TRANSFORMED
    ]
    done = stage.together(Step(person=ENTERS, act=act) for act in acts)
    story.certificates = {each.events[1].unit: each.events[1].case for each in done}
    stage.tell(
        f"{len(done)} xã chuyển hóa thành công; hồ sơ công nhận của mỗi xã được mở cùng giao dịch (III.2, III.4).",
        f"{len(done)} communes are transformed; the certification of each is proposed in the same transaction.",
    )


def _evaluation(story: Story) -> Data:
    document = paper(story.stage, "MH-03/BC-CAT", "Công an tỉnh Trà Vinh", "Đánh giá kết quả chuyển hóa (minh họa)")
    return {"report": document}
