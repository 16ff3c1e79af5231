"""The story of the demonstration: Trà Vinh in 2025, chapter by chapter.

The three tiers of the plan are played to the end of its year, as if the districts had not ended on 01/07/2025. Real
are the plan with its dates and sections, and the names of the units. Invented, and told to be, are the places,
figures, documents and decisions; persons are ids of offices.
"""

from workflows.core.case import Data, Open
from workflows.services import demo_certification as certification
from workflows.services import demo_phases as phases
from workflows.services import demo_reviews as reviews
from workflows.services import demo_year_end as year_end
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import (
    CANG_LONG,
    DUYEN_HAI_1,
    FORMER_WARD_2,
    HUYEN_HOI,
    TRA_CU,
    VINH_KIM,
    WARD_1,
    WARD_3,
    cast,
)
from workflows.services.demo_hotspots import Hotspots
from workflows.services.demo_plan import opening
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
        opening,
        phases.lists,
        phases.phase_1,
        phases.phase_2,
        phases.phase_3,
        certification.proposals,
        certification.opinions,
        certification.appraisal,
        certification.list_decision,
        certification.taken_off,
        reviews.proposed_again,
        year_end.end_of_phase_3,
        reviews.new_hotspot,
        year_end.reports_of_phase_3,
        reviews.monitoring,
        reviews.revocation,
        reviews.certified_later,
        year_end.causes,
        reviews.left_open,
        year_end.closing,
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
        "BA CẤP ĐƯỢC DIỄN ĐẾN HẾT NĂM, như thể cấp huyện không chấm dứt ngày 01/07/2025: danh sách đơn vị và quy trình "
        "là của ngày 30/06/2025.",
        "THREE TIERS ARE PLAYED TO THE YEAR'S END, as if the districts had not ended on 01/07/2025: units and "
        "processes are those of 30/06/2025.",
    )
    for person, role, unit, agency in cast(stage):
        stage.appoint(person, role, unit, agency=agency)
    stage.tell(
        f"{len(stage.officers)} khóa được cấp: mỗi khóa một người, một vai trò, một địa bàn.",
        f"{len(stage.officers)} keys are made: each one person, one role, one area.",
    )


def _winter(story: Story) -> None:
    story.stage.chapter(
        "Trước kế hoạch: rà soát, triệt xóa điểm, tụ điểm", "Before the plan: hotspots found and suppressed"
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
    spots.suppress("2025-02-14", VINH_KIM)
    spots.monitor("2025-02-17", CANG_LONG)
    spots.monitor("2025-02-17", VINH_KIM)


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
    stage.note(
        stage.place(TRA_CU),
        "công an huyện, không phải người mở hồ sơ, loại khỏi danh sách, có nêu lý do",
        "dismissed with a reason, by another person than the one who opened it",
    )
