"""Who and what the demonstration has: its communes and its officers.

Codes of units are the official ones; whoever acts is the id of an office, never a name. Figures are
`demo_figures`'.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from workflows.core.documents import Role
from workflows.services.demo_stage import Stage

PROVINCE: Final = "84"
LONG_DUC, HUYEN_HOI, BINH_PHU, AN_PHU_TAN, CHAU_DIEN = "29263", "29278", "29287", "29317", "29314"
LUONG_HOA_A, HOA_LOI, VINH_KIM = "29386", "29401", "29431"
ROUND: Final = (LONG_DUC, HUYEN_HOI, BINH_PHU, AN_PHU_TAN, CHAU_DIEN, LUONG_HOA_A, HOA_LOI, VINH_KIM)
"""The selected communes that have an officer of their own, and most of the events."""
WARD_1, WARD_3, CANG_LONG, TRA_CU, DUYEN_HAI_1, DUYEN_HAI_2 = "29239", "29242", "29266", "29461", "29512", "29516"
QUIET: Final = (
    *("29254", "29281", "29296", "29332", "29347", "29365", "29389", "29407"),
    *("29425", "29443", "29473", "29506", "29497", "29533", "29518"),
)
"""Selected communes in which nothing goes wrong; their districts act for them."""
SELECTED: Final = (*ROUND, CANG_LONG, *QUIET)
"""The communes that are taken in for transformation."""
TRANSFORMED: Final = (*ROUND, *QUIET)
"""Those of them that reach it, and are proposed for certification."""
FORMER_WARD_2: Final = "29245"
"""Part of Ward 3 since before the story begins."""
PLACES: Final = (LONG_DUC, WARD_1, WARD_3, CANG_LONG, TRA_CU, DUYEN_HAI_1, DUYEN_HAI_2, VINH_KIM, HUYEN_HOI, HOA_LOI)
"""The communes with a hotspot."""
TRA_CU_DISTRICT: Final = "849"
DISTRICTS: Final = ("842", "844", "845", "846", "847", "848", TRA_CU_DISTRICT, "850", "851")
AGENCIES: Final = {
    "department_of_health": "so-y-te.01",
    "department_of_home_affairs": "so-noi-vu.01",
    "department_of_justice": "so-tu-phap.01",
}
"""Those that are asked for opinions."""
REPORTERS: Final = AGENCIES | {
    "department_of_culture": "so-vhttdl.01",
    "department_of_finance": "so-tai-chinh.01",
    "military_command": "bch-quan-su.01",
    "border_guard": "bien-phong.01",
}
"""Those that report for themselves; for the others the provincial police enter what they sent on paper."""
SECOND_KEY: Final = f"ca-tinh.01+{Role.PROVINCIAL_COMMITTEE}"
TAKEN_IN: Final = date(2025, 3, 26)
FIGURES_ON: Final = date(2025, 10, 31)
"""As-of date of the figures with which communes are proposed."""


def police(code: str) -> str:
    """The officer of a commune's police."""
    return f"ca-{code}.01"


def officer(code: str) -> str:
    """The officer of a commune's People's Committee."""
    return f"xa-{code}.01"


def committee(district: str) -> str:
    """The officer of a district's People's Committee."""
    return f"ubnd-{district}.01"


def cast(stage: Stage) -> Iterable[tuple[str, Role, str, str | None]]:
    """Person, role, unit and agency of every key."""
    yield from ((officer(code), Role.COMMUNE_OFFICER, code, None) for code in ROUND)
    yield from ((police(code), Role.COMMUNE_POLICE, code, None) for code in PLACES)
    yield from ((committee(district), Role.DISTRICT_COMMITTEE, district, None) for district in DISTRICTS)
    for district in sorted({stage.district(code) for code in PLACES}):
        yield f"ca-{district}.01", Role.DISTRICT_POLICE, district, None
    yield from ((person, Role.DEPARTMENT, PROVINCE, agency) for agency, person in REPORTERS.items())
    for number in ("01", "02"):
        yield f"ca-tinh.{number}", Role.PROVINCIAL_POLICE, PROVINCE, None
        yield f"ubnd-tinh.{number}", Role.PROVINCIAL_COMMITTEE, PROVINCE, None
    # The same person with a second key: separation of duties looks at the person.
    yield "ca-tinh.01", Role.PROVINCIAL_COMMITTEE, PROVINCE, None
    yield "kiem-tra.01", Role.AUDITOR, PROVINCE, None
