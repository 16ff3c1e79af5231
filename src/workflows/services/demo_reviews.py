"""What becomes of communes after the list in the demonstration: proposed again, under review, reinstated, revoked.

The last chapter leaves one certificate under review, for whoever looks at the result.
"""

from workflows.core.case import Data, Fire
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import HOA_LOI, HUYEN_HOI, LONG_DUC, VINH_KIM, WARD_3, officer
from workflows.services.demo_certification import answer, ask, decision, endorse
from workflows.services.demo_plan import look_at_deadlines


def proposed_again(story: Story) -> None:
    stage, case = story.stage, story.certificates[VINH_KIM]
    story.hotspots.suppress("2025-12-11", VINH_KIM)
    stage.on("2025-12-12")
    stage.fire(officer(VINH_KIM), case, "submit")
    endorse(story, [VINH_KIM])
    health, _justice = ask(story, [VINH_KIM], ("department_of_health", "department_of_justice"))
    stage.together([answer(health)])
    stage.tell(
        f"{stage.place(VINH_KIM)}: xã gửi lại, cấp huyện đề nghị lại; Sở Y tế đồng ý, Sở Tư pháp chưa trả lời.",
        "Submitted and endorsed again; Health agrees, Justice has not answered.",
    )


def new_hotspot(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Điểm mới trên địa bàn đã công nhận", "A new hotspot in a certified commune")
    spots.find("2025-12-15", LONG_DUC, "point", "tip_off")
    stage.tell(
        "Hồ sơ công nhận chuyển sang xem xét lại ngay trong giao dịch ghi nhận điểm (quy định của hệ thống).",
        "The certificate goes under review with the place being recorded (our own rule); it is not lost by itself.",
    )
    spots.monitor("2025-12-15", VINH_KIM)
    spots.suppress("2025-12-17", LONG_DUC)
    stage.on("2025-12-18")
    reason = "Điểm đã được triệt xóa trong 2 ngày (minh họa)."
    stage.fire("ubnd-tinh.02", story.certificates[LONG_DUC], "reinstate", reason=reason)
    stage.tell(
        f"{stage.place(LONG_DUC)}: giữ nguyên công nhận, vì không còn điểm, tụ điểm chưa triệt xóa (III.3).",
        "Reinstated, as no hotspot is left unsuppressed; decided by another person than the one who recorded it.",
    )


def monitoring(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Theo dõi, tái hình thành, thu hồi công nhận", "Monitoring, a relapse, and revocation")
    spots.relapse("2025-12-19", HOA_LOI, "survey")
    stage.tell(
        "Cơ sở kinh doanh có điều kiện không phải điểm, tụ điểm: việc công nhận xã không bị ảnh hưởng.",
        "A conditional business is no hotspot: the certificate of the commune stays.",
    )
    stage.tell(
        f"{stage.place(WARD_3)}: thử kết thúc theo dõi; cần đủ 12 tháng và do người khác (quy định của hệ thống):",
        "Trying to end the monitoring; it takes twelve months and another person (our own rules):",
    )
    stage.refused("ca-tinh.02", Fire(case=spots.cases[WARD_3], trigger="resolve"))


def revocation(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    spots.relapse("2025-12-19", HUYEN_HOI, "tip_off", complaint=True)
    spots.suppress("2025-12-22", HUYEN_HOI)
    spots.suppress("2025-12-22", HOA_LOI)
    look_at_deadlines(story)
    spots.relapse("2025-12-23", HUYEN_HOI, "tip_off", complaint=True)
    stage.tell(
        "Hồ sơ công nhận đang được xem xét lại nên không đổi; lần tái hình thành này vẫn được ghi ngày riêng.",
        "The certificate is under review already and stays so; this relapse keeps a date of its own.",
    )
    _complex_again(story)
    stage.on("2025-12-24")
    given: Data = {"decision": decision(stage, "05")}
    stage.fire("ubnd-tinh.02", story.certificates[HUYEN_HOI], "revoke", given)
    stage.tell(
        f"{stage.place(HUYEN_HOI)}: UBND tỉnh thu hồi công nhận, trong hạn xem xét 30 ngày.",
        "The provincial committee revokes the certificate, within the 30 days of the review.",
    )
    spots.suppress("2025-12-25", HUYEN_HOI)


def _complex_again(story: Story) -> None:
    case, given = story.transformations[HUYEN_HOI], {"ground": "relapsed_hotspot"}
    reason = "Điểm tái hình thành hai lần trong tháng (minh họa)."
    story.stage.fire("ca-tinh.02", case, "relapse", given, reason=reason)
    story.stage.tell(
        "Hồ sơ chuyển hóa ghi nhận tái phức tạp, căn cứ vào điểm tái hình thành.",
        "The transformation is recorded as complex again, with the relapsed hotspot as its ground.",
    )


def certified_later(story: Story) -> None:
    stage, case = story.stage, story.certificates[VINH_KIM]
    stage.on("2025-12-26")
    stage.fire("ca-tinh.01", case, "appraise", {"proceed_without_overdue": True})
    stage.tell(
        f"{stage.place(VINH_KIM)}: Sở Tư pháp đã quá hạn trả lời; thẩm định đạt, nêu rõ là không chờ ý kiến này.",
        "Justice is overdue; the appraisal says so and proceeds.",
    )
    stage.on("2025-12-29")
    stage.fire("ubnd-tinh.02", case, "approve", {"decision": decision(stage, "06")})
    stage.note(stage.place(VINH_KIM), "được công nhận bằng quyết định riêng", "certified by its own decision")


def left_open(story: Story) -> None:
    stage = story.stage
    stage.chapter("Một hồ sơ để ngỏ cho người xem", "One case left open for whoever looks")
    story.hotspots.relapse("2025-12-30", LONG_DUC, "survey")
    stage.tell(
        "Chưa thể giữ nguyên công nhận khi điểm chưa triệt xóa; thu hồi thì được. Kế hoạch cần 21 xã, nay còn 20.",
        "Reinstating is blocked while the place is active, revoking is not. The plan needs 21 communes; 20 are left.",
    )
