"""The round of certifications in the demonstration: proposals, opinions, appraisal, one decision on the list.

It begins with the cases that the conclusion of the transformation opened; what becomes of certificates afterwards is
the affair of `demo_reviews`.
"""

from collections.abc import Iterable

from workflows.core.case import Case, CaseId, Data, Fire
from workflows.core.civil import show_date
from workflows.core.fields import attested_codes
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import (
    AGENCIES,
    BINH_PHU,
    CHAU_DIEN,
    FIGURES_ON,
    HOA_LOI,
    LUONG_HOA_A,
    PROVINCE,
    ROUND,
    SECOND_KEY,
    TRANSFORMED,
    VINH_KIM,
    committee,
    officer,
)
from workflows.services.demo_figures import proposed, reported
from workflows.services.demo_hotspots import paper
from workflows.services.demo_stage import Stage, Step


def proposals(story: Story) -> None:
    stage = story.stage
    stage.chapter("Đề nghị, xét duyệt ở cấp huyện, ý kiến các sở (III.4)", "Proposals, district review, opinions")
    stage.on("2025-11-10")
    proposers = {code: officer(code) if code in ROUND else committee(stage.district(code)) for code in TRANSFORMED}
    for code, person in proposers.items():
        stage.enter(person, {code: reported(code, story.place(code))}, FIGURES_ON)
    stage.together(
        Step(person=person, act=Fire(case=story.certificates[code], trigger="submit"))
        for code, person in proposers.items()
    )
    stage.tell(
        f"{len(proposers)} hồ sơ được gửi xét duyệt, kèm số liệu ghi rõ nguồn, chốt ngày {show_date(FIGURES_ON)}.",
        f"{len(proposers)} cases submitted, with figures that name their source and as-of date.",
    )
    stage.on("2025-11-13")
    endorse(story, TRANSFORMED)
    stage.tell(
        "UBND cấp huyện đề nghị công nhận, kèm báo cáo; phần không tính được từ số liệu được xác nhận, có nêu căn cứ.",
        "The district committees endorse: findings with evidence on what figures cannot show, and a report.",
    )


def endorse(story: Story, codes: Iterable[str]) -> None:
    story.stage.together(_endorsement(story, code) for code in codes)


def _endorsement(story: Story, code: str) -> Step:
    stage = story.stage
    district = stage.district(code)
    issuer = f"UBND {stage.unit(district).name}"
    record = paper(stage, f"{code}/BB-UBND", issuer, "Biên bản xét duyệt (minh họa)")
    report = paper(stage, f"{code}/BC-UBND", issuer, "Báo cáo kết quả xét duyệt (minh họa)")
    sheet = stage.document("certification").sheets["drug_free_commune"]
    findings: Data = {name: {"met": True, "evidence": dict(record)} for name in attested_codes(sheet)}
    given: Data = {"attestations": findings, "report": report}
    return Step(person=committee(district), act=Fire(case=story.certificates[code], trigger="endorse", input=given))


def opinions(story: Story) -> None:
    stage = story.stage
    stage.on("2025-11-14")
    asked = ask(story, TRANSFORMED, tuple(AGENCIES))
    stage.tell(
        f"Mỗi hồ sơ hỏi {len(AGENCIES)} cơ quan; mỗi ý kiến là một hồ sơ con, hạn 10 ngày (quy định của hệ thống).",
        f"{len(AGENCIES)} agencies for each case; each opinion is a case of its own, due in 10 days (our own rule).",
    )
    stage.on("2025-11-19")
    stage.together(answer(each) for each in asked)
    stage.tell(
        "Trả lời: Sở Nội vụ từ chối cho ý kiến về xã Lương Hòa A; Sở Tư pháp đồng ý có điều kiện về xã Bình Phú.",
        "The departments answer; Home Affairs declines in one case, Justice agrees with conditions in another.",
    )


def ask(story: Story, codes: Iterable[str], agencies: tuple[str, ...]) -> list[Case]:
    """The opinions that are asked for."""
    given: Data = {"agencies": list(agencies)}
    done = story.stage.together(
        Step(person="ca-tinh.01", act=Fire(case=story.certificates[code], trigger="request_opinions", input=given))
        for code in codes
    )
    return [each.cases[event.case] for each in done for event in each.events[1:]]


def answer(opinion: Case) -> Step:
    """What the agency asked says."""
    agency = str(opinion.data["agency"])
    person = AGENCIES[agency]
    if (opinion.unit, agency) == (LUONG_HOA_A, "department_of_home_affairs"):
        reason = "Không có nhiệm vụ liên quan trên địa bàn (minh họa)."
        return Step(person=person, act=Fire(case=opinion.id, trigger="decline"), reason=reason)
    conditional = (opinion.unit, agency) == (BINH_PHU, "department_of_justice")
    position = "agree_with_conditions" if conditional else "agree"
    return Step(person=person, act=Fire(case=opinion.id, trigger="give", input={"position": position}))


def appraisal(story: Story) -> None:
    stage = story.stage
    stage.chapter("Thẩm định: tám tiêu chí được tính (III.3)", "Appraisal: the eight criteria are computed")
    stage.on("2025-11-24")
    passed = [code for code in TRANSFORMED if code not in {HOA_LOI, CHAU_DIEN}]
    stage.together(
        Step(person="ca-tinh.01", act=Fire(case=story.certificates[code], trigger="appraise")) for code in passed
    )
    stage.note("Thẩm định đạt", f"{len(passed)} xã", f"appraised, every criterion holds: {len(passed)} communes")
    _return_what_is_unknown(story)
    _refuse_what_got_worse(story)
    _complete(story)


def _return_what_is_unknown(story: Story) -> None:
    stage, case = story.stage, story.certificates[HOA_LOI]
    stage.tell(
        f"{stage.place(HOA_LOI)}: thử thẩm định khi thiếu một số liệu. Chưa biết không phải là 0, nên bị từ chối:",
        "Appraising while a figure is missing: unknown is not zero, so it is refused:",
    )
    stage.refused("ca-tinh.01", Fire(case=case, trigger="appraise"))
    missing: Data = {"missing": ["Số người có căn cứ đã được xét nghiệm"]}
    stage.fire("ca-tinh.01", case, "return", missing)
    stage.note("Trả lại cấp huyện", "ghi rõ nội dung còn thiếu", "returned to the district with what is missing")


def _refuse_what_got_worse(story: Story) -> None:
    stage, case = story.stage, story.certificates[CHAU_DIEN]
    stage.on("2025-11-25")
    stage.tell(
        f"{stage.place(CHAU_DIEN)}: hỏi hệ thống vì sao chưa thẩm định được (chỉ xem, không thử):",
        "Asking what stands against the appraisal, without trying it:",
    )
    stage.explain(stage.blockers("ca-tinh.01", case, "appraise"))
    reason = "Số người nghiện tăng so với khi đưa vào diện xây dựng (minh họa)."
    stage.fire("ca-tinh.01", case, "refuse", reason=reason)
    stage.note("Kết quả", "không công nhận, có nêu lý do", "refused, with the reason")


def _complete(story: Story) -> None:
    stage, case = story.stage, story.certificates[HOA_LOI]
    stage.on("2025-11-27")
    forgotten = proposed(HOA_LOI, story.place(HOA_LOI))["with_grounds_tested"]
    stage.enter(officer(HOA_LOI), {HOA_LOI: {"with_grounds_tested": forgotten}}, FIGURES_ON)
    endorse(story, [HOA_LOI])
    stage.on("2025-11-28")
    stage.fire("ca-tinh.01", case, "appraise")
    stage.tell(
        f"{stage.place(HOA_LOI)}: bổ sung số liệu, cấp huyện đề nghị lại, thẩm định đạt.",
        "Completed, endorsed again by the district, appraised.",
    )


def list_decision(story: Story) -> None:
    stage = story.stage
    stage.chapter("Một quyết định cho cả danh sách: tất cả hoặc không (III.4)", "One decision on the list: all or none")
    members = [story.certificates[code] for code in TRANSFORMED if code != CHAU_DIEN]
    drafted = _draft(stage, members)
    story.hotspots.relapse("2025-12-03", VINH_KIM, "tip_off")
    stage.on("2025-12-04")
    stage.tell(
        "UBND tỉnh thử ký quyết định. Tiêu chí được xét lại khi công nhận (III.3), và một xã không còn đạt:",
        "The committee tries to decide. The criteria are judged again at recognition (III.3), and one commune fails:",
    )
    stage.refused("ubnd-tinh.01", _decide(stage, drafted))
    _take_off(story, drafted, members)
    stage.on("2025-12-05")
    stage.tell(
        "Người đã thẩm định (ca-tinh.01) có thêm khóa của UBND tỉnh, thử ký: hệ thống xét theo người, không theo khóa:",
        "The appraiser (ca-tinh.01) also holds a committee key and tries: the person counts, not the key:",
    )
    stage.refused(SECOND_KEY, _decide(stage, drafted))
    stage.on("2025-12-08")
    decided = stage.fire("ubnd-tinh.01", drafted, "decide", _decide(stage, drafted).input)
    stage.tell(
        "Một người khác của UBND tỉnh ký quyết định: danh sách và mọi địa bàn trong đó cùng một giao dịch.",
        "The provincial committee, another person, decides: the list and all its communes in one transaction.",
    )
    stage.consequences(decided)


def _draft(stage: Stage, members: list[CaseId]) -> CaseId:
    stage.on("2025-12-01")
    title = "Công nhận xã, phường, thị trấn không ma túy, đợt 1 năm 2025"
    data: Data = {"action": "approve", "members": list(members)}
    opened = stage.open("ca-tinh.02", "list_decision", PROVINCE, title, data)
    stage.note("Công an tỉnh", f"dự thảo danh sách {len(members)} xã", f"a list of {len(members)} communes is drafted")
    return opened.events[0].case


def _decide(stage: Stage, drafted: CaseId) -> Fire:
    return Fire(case=drafted, trigger="decide", input={"decision": decision(stage, "04")})


def decision(stage: Stage, number: str) -> Data:
    return paper(stage, f"MH-{number}/QĐ-UBND", "UBND tỉnh Trà Vinh", "Quyết định (minh họa)")


def _take_off(story: Story, drafted: CaseId, members: list[CaseId]) -> None:
    stage = story.stage
    kept: Data = {"members": [case for case in members if case != story.certificates[VINH_KIM]]}
    reason = "Điểm trên địa bàn tái hình thành ngày 03/12/2025 (minh họa)."
    stage.fire("ca-tinh.02", drafted, "amend", kept, reason=reason)
    stage.tell(
        "Đưa xã này ra khỏi danh sách, có nêu lý do; danh sách trước và sau khi sửa đều được lưu.",
        "The commune is taken off the list with a reason; old and new value are kept.",
    )


def taken_off(story: Story) -> None:
    stage, case = story.stage, story.certificates[VINH_KIM]
    given: Data = {"missing": ["Triệt xóa điểm đã tái hình thành và theo dõi kết quả"]}
    for day, person in (("2025-12-08", "ubnd-tinh.01"), ("2025-12-09", "ca-tinh.02"), ("2025-12-10", "ubnd-848.01")):
        stage.on(day)
        stage.fire(person, case, "return", given)
    stage.tell(
        f"{stage.place(VINH_KIM)}: trả lại từng cấp một, về bước đề nghị, để bổ sung.",
        "Returned one level at a time to the proposal, to be completed.",
    )
