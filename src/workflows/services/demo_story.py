"""The story of the demonstration: Trà Vinh in 2025, chapter by chapter.

Real are the plan with its dates and sections, and the names of the units. Invented, and told to be, are the places,
figures, documents and decisions; persons are ids of offices.
"""

from workflows.core.case import Data, Fire, Open
from workflows.services import demo_certification as certification
from workflows.services.demo_cast import (
    CANG_LONG,
    DUYEN_HAI_1,
    HOA_LOI,
    HUYEN_HOI,
    LONG_DUC,
    ROUND,
    TAKEN_IN,
    TRA_CU,
    VINH_KIM,
    WARD_1,
    WARD_7,
    cast,
    officer,
    police,
)
from workflows.services.demo_certification import Story, answer, ask, decision, endorse, propose
from workflows.services.demo_hotspots import Hotspots
from workflows.services.demo_stage import Stage


def play(stage: Stage) -> Story:
    """Play the year from the first day to the last; the officers are appointed by it.

    Raises:
        DemoError: the engine did not do what the story tells.
    """
    story = Story(stage=stage, hotspots=Hotspots(stage=stage))
    for chapter in (
        _prologue,
        _winter,
        _selection,
        _spring,
        certification.proposals,
        certification.opinions,
        certification.appraisal,
        certification.list_decision,
        certification.taken_off,
        _new_hotspot,
        _merger,
        _autumn,
        _revocation,
        _third_phase,
        _left_open,
    ):
        chapter(story)
    return story


def _prologue(story: Story) -> None:
    stage = story.stage
    stage.chapter("Trà Vinh 2025: kế hoạch 16/KH-UBND, chạy trên đồng hồ giả định", "On an injected clock")
    stage.tell(
        "Thật: tên đơn vị hành chính, kế hoạch và các mốc ngày. Minh họa: điểm, tụ điểm, số liệu, văn bản, quyết định.",
        "Real: names of units, the plan, its dates. Invented: places, figures, documents, decisions; no person exists.",
    )
    for person, role, unit, agency in cast(stage):
        stage.appoint(person, role, unit, agency=agency)
    stage.tell(
        f"{len(stage.officers)} khóa được cấp: mỗi khóa một người, một vai trò, một địa bàn.",
        f"{len(stage.officers)} keys are made: each one person, one role, one area.",
    )


def _winter(story: Story) -> None:
    story.stage.chapter(
        "Rà soát và triệt xóa điểm, tụ điểm (kế hoạch II.2.3, IV.3)", "Hotspots surveyed and suppressed"
    )
    spots = story.hotspots
    spots.find("2025-01-08", WARD_1, "gathering_place", "survey")
    spots.find("2025-01-09", WARD_7, "point", "tip_off")
    spots.find("2025-01-14", CANG_LONG, "retail_point", "survey")
    spots.find("2025-01-15", TRA_CU, "point", "tip_off")
    spots.find("2025-01-16", DUYEN_HAI_1, "point_of_use", "other", complaint=True)
    spots.suppress("2025-01-20", WARD_1)
    spots.find("2025-01-21", VINH_KIM, "point", "survey")
    spots.find("2025-01-22", HUYEN_HOI, "retail_point", "tip_off")
    spots.monitor("2025-01-22", WARD_1)
    spots.suppress("2025-01-23", WARD_7)
    _dismiss(story)
    spots.monitor("2025-02-03", WARD_7)
    spots.suppress("2025-02-10", DUYEN_HAI_1)
    spots.suppress("2025-02-12", CANG_LONG)
    spots.suppress("2025-02-14", HUYEN_HOI)
    spots.suppress("2025-02-17", VINH_KIM)
    spots.monitor("2025-02-20", CANG_LONG)
    spots.monitor("2025-02-24", VINH_KIM)


def _dismiss(story: Story) -> None:
    stage = story.stage
    stage.on("2025-01-27")
    reason = "Xác minh không có hoạt động về ma túy (minh họa)."
    stage.fire("ca-849.01", story.hotspots.cases[TRA_CU], "dismiss", reason=reason)
    stage.tell(
        f"{stage.place(TRA_CU)}: loại khỏi danh sách, do công an huyện, không phải người đã mở hồ sơ",
        "dismissed with a reason, by another person than the one who opened the case",
    )


def _selection(story: Story) -> None:
    stage = story.stage
    stage.chapter("Lựa chọn địa bàn (kế hoạch III.2)", "Communes are selected")
    stage.on("2025-02-26")
    stage.tell(
        "Hạn cuối cấp huyện gửi danh sách đến Công an tỉnh. Bước lập danh sách không là hồ sơ trong bản trình diễn.",
        "Last day for the districts' lists. Drawing up the lists is not a case of this demonstration.",
    )
    story.hotspots.monitor("2025-03-03", HUYEN_HOI)
    story.hotspots.find("2025-03-05", HOA_LOI, "conditional_business", "survey")
    story.hotspots.suppress("2025-03-27", HOA_LOI)
    stage.on(TAKEN_IN.isoformat())
    for code in ROUND:
        propose(story, code)
    stage.tell(
        f"Chọn xong trước 30/03: {len(ROUND)} trong số 104 đơn vị cấp xã được đưa vào diện xây dựng.",
        f"Selection ends before 30/03: {len(ROUND)} of the 104 communes are taken in.",
    )
    stage.tell(
        "Chỉ tiêu là ít nhất 20 % của 104 đơn vị (II.2.4), tức 21; bản trình diễn chỉ có một phần.",
        "The target is at least 20 % of the 104 communes (II.2.4), which is 21; only a part of them is played.",
    )
    stage.tell(
        "Số người nghiện, người sử dụng hôm nay là mốc so sánh của tiêu chí d (III.3).",
        "Today's addicts and users are what criterion d compares with.",
    )


def _spring(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Giai đoạn 1 đến hết tháng 4, giai đoạn 2 từ 01/05 (III.2)", "Phase 1 to 30/04, phase 2 from 01/05")
    spots.relapse("2025-04-10", WARD_1, "tip_off")
    spots.suppress("2025-04-18", WARD_1)
    spots.monitor("2025-04-22", WARD_1)
    spots.monitor("2025-04-28", HOA_LOI)
    stage.on("2025-04-30")
    stage.tell(
        "Hết giai đoạn 1. Một nơi tái hình thành vẫn là hồ sơ cũ, không phải điểm mới.",
        "Phase 1 ends. A place that comes back is a relapse of its case, never a new one.",
    )
    spots.relapse("2025-05-16", CANG_LONG, "survey")


def _new_hotspot(story: Story) -> None:
    stage = story.stage
    stage.chapter("Điểm mới trên địa bàn đã công nhận", "A new hotspot in a certified commune")
    story.hotspots.find("2025-06-27", LONG_DUC, "point", "tip_off")
    stage.tell(
        "Chứng nhận chuyển sang xem xét lại ngay trong giao dịch ghi nhận điểm (quy tắc của hệ thống), không tự mất.",
        "The certificate goes under review with the place being recorded (our own rule); it is not lost by itself.",
    )


def _merger(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("01/07/2025: bỏ cấp huyện, sáp nhập tỉnh và xã", "Districts end, provinces and communes are merged")
    stage.on("2025-07-01")
    stage.tell(
        "Bản trình diễn giữ cơ cấu ba cấp đầu năm 2025 đến hết năm: việc sáp nhập không được áp dụng cho hồ sơ đã mở.",
        "This demonstration keeps the three tiers to the year's end: the merger is not applied to open cases.",
    )
    spots.suppress("2025-07-04", VINH_KIM)
    spots.suppress("2025-07-07", LONG_DUC)
    spots.monitor("2025-07-11", VINH_KIM)
    stage.on("2025-07-14")
    stage.tell(
        "Mở hồ sơ mới cho đơn vị đã hết hiệu lực thì bị từ chối:", "A new case for a unit not in force is refused:"
    )
    data: Data = {"kind": "point", "found_by": "survey"}
    stage.refused(police(HOA_LOI), Open(workflow="hotspot", unit=HOA_LOI, title="Mở muộn (minh họa)", data=data))
    stage.on("2025-07-21")
    reason = "Điểm đã được triệt xóa trong 10 ngày (minh họa)."
    stage.fire("ubnd-tinh.02", story.certificates[LONG_DUC], "reinstate", reason=reason)
    stage.tell(
        f"{stage.place(LONG_DUC)}: giữ nguyên công nhận, vì không còn điểm, tụ điểm chưa triệt xóa (III.3).",
        "Reinstated, as no hotspot is left unsuppressed; decided by another person than the one who recorded it.",
    )


def _autumn(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Theo dõi, tái hình thành, và một bước quá sớm", "Monitoring, relapses, and a step too early")
    spots.monitor("2025-07-28", LONG_DUC)
    spots.relapse("2025-08-05", WARD_1, "survey", complaint=True)
    spots.suppress("2025-08-12", WARD_1)
    spots.monitor("2025-08-18", WARD_1)
    spots.relapse("2025-08-20", HOA_LOI, "survey")
    stage.tell(
        "Cơ sở kinh doanh có điều kiện không phải điểm, tụ điểm: chứng nhận của xã giữ nguyên.",
        "A conditional business is no hotspot: the certificate of the commune stays.",
    )
    spots.suppress("2025-08-29", HOA_LOI)
    stage.on("2025-09-03")
    stage.tell(
        f"{stage.place(WARD_7)}: thử kết thúc theo dõi; cần đủ 12 tháng và một người khác (quy định của hệ thống):",
        "Trying to end the monitoring; it takes twelve months and another person (our own rules):",
    )
    stage.refused("ca-842.01", Fire(case=spots.cases[WARD_7], trigger="resolve"))


def _revocation(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter(
        "Tái hình thành trên địa bàn đã công nhận, và thu hồi", "A relapse in a certified commune, and revocation"
    )
    spots.relapse("2025-09-09", HUYEN_HOI, "tip_off", complaint=True)
    spots.suppress("2025-09-19", HUYEN_HOI)
    spots.relapse("2025-10-06", HUYEN_HOI, "tip_off", complaint=True)
    stage.tell(
        "Chứng nhận đang được xem xét lại nên không đổi thêm; lần tái hình thành này vẫn có ngày riêng.",
        "The certificate is under review already and stays so; this relapse keeps a date of its own.",
    )
    stage.on("2025-10-08")
    given: Data = {"decision": decision(stage, "02")}
    stage.fire("ubnd-tinh.02", story.certificates[HUYEN_HOI], "revoke", given)
    stage.tell(
        f"{stage.place(HUYEN_HOI)}: UBND tỉnh thu hồi công nhận, trong hạn xem xét 30 ngày.",
        "The provincial committee revokes the certificate, within the 30 days of the review.",
    )
    spots.suppress("2025-10-20", HUYEN_HOI)
    stage.on("2025-10-31")
    stage.tell("Hết giai đoạn 2 (III.2).", "Phase 2 ends.")


def _third_phase(story: Story) -> None:
    stage, case = story.stage, story.certificates[VINH_KIM]
    stage.chapter("Giai đoạn 3: từ 01/11 đến trước 14/12 (III.2)", "Phase 3: from 01/11 to before 14/12")
    stage.on("2025-11-03")
    stage.fire(officer(VINH_KIM), case, "submit")
    stage.on("2025-11-10")
    endorse(story, VINH_KIM)
    stage.on("2025-11-12")
    opinions = ask(story, VINH_KIM, ("department_of_health", "department_of_justice"))
    stage.on("2025-11-18")
    answer(story, VINH_KIM, "department_of_health", opinions["department_of_health"])
    stage.tell(
        f"{stage.place(VINH_KIM)}: gửi lại, cấp huyện đề nghị lại, Sở Y tế đồng ý, Sở Tư pháp chưa trả lời.",
        "Submitted and endorsed again; Health agrees, Justice has not answered.",
    )
    stage.on("2025-11-26")
    stage.fire("ca-tinh.01", case, "appraise", {"proceed_without_overdue": True})
    stage.tell(
        "Ý kiến quá hạn: thẩm định nêu rõ là không chờ. Số liệu vẫn là số liệu ngày 15/05/2025 của đơn vị cũ.",
        "The opinion is overdue: the appraisal says so and proceeds. The figures are still those of 15/05/2025.",
    )
    stage.on("2025-12-10")
    stage.fire("ubnd-tinh.02", case, "approve", {"decision": decision(stage, "03")})
    stage.tell(f"{stage.place(VINH_KIM)}: được công nhận, trước 14/12.", "Certified, before 14/12.")


def _left_open(story: Story) -> None:
    stage = story.stage
    story.hotspots.relapse("2025-12-11", LONG_DUC, "survey")
    stage.tell(
        "Hồ sơ này để ngỏ cho người xem: giữ nguyên bị chặn khi điểm chưa triệt xóa, thu hồi thì không.",
        "Left open for whoever looks: reinstating is blocked while the place is active, revoking is not.",
    )
