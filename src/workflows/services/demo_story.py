"""The story of the demonstration: Trà Vinh in the first half of 2025, chapter by chapter.

It ends before the districts do, on 01/07/2025, so that new cases can be opened when its result is served. Real are
the plan with its dates and sections, and the names of the units. Invented, and told to be, are the places, figures,
documents and decisions; persons are ids of offices.
"""

from workflows.core.case import Data, Fire, Open
from workflows.services import demo_certification as certification
from workflows.services.demo_cast import (
    CANG_LONG,
    DUYEN_HAI_1,
    FORMER_WARD_2,
    HOA_LOI,
    HUYEN_HOI,
    LONG_DUC,
    ROUND,
    TAKEN_IN,
    TRA_CU,
    VINH_KIM,
    WARD_1,
    WARD_3,
    cast,
    officer,
)
from workflows.services.demo_certification import Story, answer, ask, decision, endorse, propose
from workflows.services.demo_hotspots import Hotspots
from workflows.services.demo_stage import Stage


def play(stage: Stage) -> Story:
    """Play the half-year from the first day to the last; the officers are appointed by it.

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
        _proposed_again,
        _monitoring,
        _revocation,
        _certified_later,
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
    stage.tell(
        "Kế hoạch đánh giá, công nhận ở giai đoạn 3 (III.2, từ 01/11 đến trước 14/12); bản trình diễn đưa một đợt vào "
        "nửa đầu năm, khi các đơn vị ba cấp của kế hoạch còn hiệu lực, và không diễn việc sáp nhập ngày 01/07/2025.",
        "The plan certifies in its last phase (III.2, from 01/11 to before 14/12); here a round of it is played in the "
        "first half-year, while the plan's three-tier units are in force; the merger of 01/07/2025 is not played.",
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
    _try_former_ward(story)
    spots.find("2025-01-09", WARD_3, "point", "tip_off")
    spots.find("2025-01-14", CANG_LONG, "retail_point", "survey")
    spots.find("2025-01-15", TRA_CU, "point", "tip_off")
    spots.find("2025-01-16", DUYEN_HAI_1, "point_of_use", "other", complaint=True)
    spots.suppress("2025-01-20", WARD_1)
    spots.find("2025-01-21", VINH_KIM, "point", "survey")
    spots.find("2025-01-22", HUYEN_HOI, "retail_point", "tip_off")
    spots.monitor("2025-01-22", WARD_1)
    spots.suppress("2025-01-23", WARD_3)
    _dismiss(story)
    spots.monitor("2025-02-03", WARD_3)
    spots.suppress("2025-02-10", DUYEN_HAI_1)
    spots.suppress("2025-02-12", CANG_LONG)
    spots.suppress("2025-02-14", HUYEN_HOI)
    spots.suppress("2025-02-17", VINH_KIM)
    spots.monitor("2025-02-20", CANG_LONG)
    spots.monitor("2025-02-24", VINH_KIM)


def _try_former_ward(story: Story) -> None:
    stage = story.stage
    stage.on("2025-01-09")
    stage.tell(
        "Thử mở hồ sơ theo tên cũ: Phường 2, Thành phố Trà Vinh đã nhập vào Phường 3, nên bị từ chối:",
        "Trying to open a case under a former name: Ward 2 is part of Ward 3 by now, so it is refused:",
    )
    data: Data = {"kind": "point", "found_by": "tip_off"}
    act = Open(workflow="hotspot", unit=FORMER_WARD_2, title="Mở theo tên cũ (minh họa)", data=data)
    stage.refused("ca-842.01", act)


def _dismiss(story: Story) -> None:
    stage = story.stage
    stage.on("2025-01-24")
    reason = "Xác minh không có hoạt động về ma túy (minh họa)."
    stage.fire("ca-849.01", story.hotspots.cases[TRA_CU], "dismiss", reason=reason)
    stage.tell(
        f"{stage.place(TRA_CU)}: công an huyện, không phải người mở hồ sơ, loại khỏi danh sách, có nêu lý do",
        "dismissed with a reason, by another person than the one who opened the case",
    )


def _selection(story: Story) -> None:
    stage = story.stage
    stage.chapter("Lựa chọn địa bàn (kế hoạch III.2)", "Communes are selected")
    stage.on("2025-02-26")
    stage.tell(
        "Hạn cuối cấp huyện gửi danh sách đến Công an tỉnh. Bản trình diễn không mở hồ sơ cho bước lập danh sách.",
        "Last day for the districts' lists. Drawing up the lists is not a case of this demonstration.",
    )
    story.hotspots.monitor("2025-03-03", HUYEN_HOI)
    story.hotspots.find("2025-03-05", HOA_LOI, "conditional_business", "survey")
    stage.on(TAKEN_IN.isoformat())
    for code in ROUND:
        propose(story, code)
    stage.tell(
        f"{len(ROUND)} trong số 104 đơn vị cấp xã được đưa vào diện xây dựng; kế hoạch yêu cầu chọn xong trước 30/03.",
        f"{len(ROUND)} of the 104 communes are taken in; the plan wants the selection done before 30/03.",
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
    stage.chapter("Tái hình thành và triệt xóa lại (giai đoạn 1, III.2)", "Relapsed and suppressed again (phase 1)")
    spots.relapse("2025-03-17", WARD_1, "tip_off")
    stage.tell(
        "Một nơi tái hình thành vẫn là hồ sơ cũ, không phải điểm mới.",
        "A place that comes back is a relapse of its case, never a new one.",
    )
    spots.suppress("2025-03-21", WARD_1)
    spots.monitor("2025-03-25", WARD_1)
    spots.suppress("2025-03-27", HOA_LOI)
    spots.monitor("2025-03-31", HOA_LOI)
    spots.relapse("2025-04-08", WARD_1, "survey", complaint=True)
    spots.relapse("2025-04-10", CANG_LONG, "survey")
    spots.suppress("2025-04-14", WARD_1)
    spots.monitor("2025-04-16", WARD_1)


def _new_hotspot(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Điểm mới trên địa bàn đã công nhận", "A new hotspot in a certified commune")
    spots.find("2025-05-22", LONG_DUC, "point", "tip_off")
    stage.tell(
        "Hồ sơ công nhận chuyển sang xem xét lại ngay trong giao dịch ghi nhận điểm (quy định của hệ thống).",
        "The certificate goes under review with the place being recorded (our own rule); it is not lost by itself.",
    )
    spots.suppress("2025-05-23", VINH_KIM)
    spots.suppress("2025-05-26", LONG_DUC)
    spots.monitor("2025-05-27", VINH_KIM)
    stage.on("2025-05-28")
    reason = "Điểm đã được triệt xóa trong 4 ngày (minh họa)."
    stage.fire("ubnd-tinh.02", story.certificates[LONG_DUC], "reinstate", reason=reason)
    stage.tell(
        f"{stage.place(LONG_DUC)}: giữ nguyên công nhận, vì không còn điểm, tụ điểm chưa triệt xóa (III.3).",
        "Reinstated, as no hotspot is left unsuppressed; decided by another person than the one who recorded it.",
    )


def _proposed_again(story: Story) -> None:
    stage, case = story.stage, story.certificates[VINH_KIM]
    stage.chapter("Địa bàn bị trả lại được đề nghị lại", "The returned commune is proposed again")
    stage.on("2025-05-28")
    stage.fire(officer(VINH_KIM), case, "submit")
    stage.on("2025-05-29")
    endorse(story, VINH_KIM)
    stage.on("2025-05-30")
    opinions = ask(story, VINH_KIM, ("department_of_health", "department_of_justice"))
    stage.on("2025-06-02")
    answer(story, VINH_KIM, "department_of_health", opinions["department_of_health"])
    stage.tell(
        f"{stage.place(VINH_KIM)}: xã gửi lại, cấp huyện đề nghị lại; Sở Y tế đồng ý, Sở Tư pháp chưa trả lời.",
        "Submitted and endorsed again; Health agrees, Justice has not answered.",
    )


def _monitoring(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter("Theo dõi, và một bước quá sớm", "Monitoring, and a step too early")
    spots.monitor("2025-06-02", LONG_DUC)
    spots.relapse("2025-06-03", HOA_LOI, "survey")
    stage.tell(
        "Cơ sở kinh doanh có điều kiện không phải điểm, tụ điểm: việc công nhận xã không bị ảnh hưởng.",
        "A conditional business is no hotspot: the certificate of the commune stays.",
    )
    stage.on("2025-06-04")
    stage.tell(
        f"{stage.place(WARD_3)}: thử kết thúc theo dõi; cần đủ 12 tháng và do người khác (quy định của hệ thống):",
        "Trying to end the monitoring; it takes twelve months and another person (our own rules):",
    )
    stage.refused("ca-tinh.02", Fire(case=spots.cases[WARD_3], trigger="resolve"))


def _revocation(story: Story) -> None:
    stage, spots = story.stage, story.hotspots
    stage.chapter(
        "Tái hình thành trên địa bàn đã công nhận, và thu hồi", "A relapse in a certified commune, and revocation"
    )
    spots.relapse("2025-06-05", HUYEN_HOI, "tip_off", complaint=True)
    spots.suppress("2025-06-10", HUYEN_HOI)
    spots.suppress("2025-06-11", HOA_LOI)
    spots.relapse("2025-06-12", HUYEN_HOI, "tip_off", complaint=True)
    stage.tell(
        "Hồ sơ công nhận đang được xem xét lại nên không đổi; lần tái hình thành này vẫn được ghi ngày riêng.",
        "The certificate is under review already and stays so; this relapse keeps a date of its own.",
    )
    stage.on("2025-06-13")
    given: Data = {"decision": decision(stage, "02")}
    stage.fire("ubnd-tinh.02", story.certificates[HUYEN_HOI], "revoke", given)
    stage.tell(
        f"{stage.place(HUYEN_HOI)}: UBND tỉnh thu hồi công nhận, trong hạn xem xét 30 ngày.",
        "The provincial committee revokes the certificate, within the 30 days of the review.",
    )
    spots.suppress("2025-06-16", HUYEN_HOI)


def _certified_later(story: Story) -> None:
    stage, case = story.stage, story.certificates[VINH_KIM]
    stage.chapter("Thẩm định không chờ ý kiến quá hạn", "Appraised without waiting for an overdue opinion")
    stage.on("2025-06-16")
    stage.fire("ca-tinh.01", case, "appraise", {"proceed_without_overdue": True})
    stage.tell(
        f"{stage.place(VINH_KIM)}: Sở Tư pháp đã quá hạn trả lời; thẩm định đạt, nêu rõ là không chờ ý kiến này.",
        "Justice is overdue; the appraisal says so and proceeds.",
    )
    stage.on("2025-06-18")
    stage.fire("ubnd-tinh.02", case, "approve", {"decision": decision(stage, "03")})
    stage.tell(f"{stage.place(VINH_KIM)}: được công nhận bằng quyết định riêng.", "Certified by its own decision.")


def _left_open(story: Story) -> None:
    stage = story.stage
    stage.chapter("Một hồ sơ để ngỏ cho người xem", "One case left open for whoever looks")
    story.hotspots.relapse("2025-06-19", LONG_DUC, "survey")
    stage.tell(
        "Chưa thể giữ nguyên công nhận khi điểm chưa triệt xóa; thu hồi thì được.",
        "Reinstating is blocked while the place is active, revoking is not.",
    )
