"""Who and what the demonstration has: its communes, its officers, its invented figures.

Codes of units are the official ones; whoever acts is the id of an office, never a name.
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
"""The communes that are proposed for certification."""
WARD_1, WARD_3, CANG_LONG, TRA_CU, DUYEN_HAI_1 = "29239", "29242", "29266", "29461", "29512"
FORMER_WARD_2: Final = "29245"
"""Part of Ward 3 since before the story begins."""
PLACES: Final = (LONG_DUC, WARD_1, WARD_3, CANG_LONG, TRA_CU, DUYEN_HAI_1, VINH_KIM, HUYEN_HOI, HOA_LOI)
"""The communes with a hotspot."""
AGENCIES: Final = {
    "department_of_health": "so-y-te.01",
    "department_of_home_affairs": "so-noi-vu.01",
    "department_of_justice": "so-tu-phap.01",
}
SECOND_KEY: Final = f"ca-tinh.01+{Role.PROVINCIAL_COMMITTEE}"
TAKEN_IN: Final = date(2025, 3, 14)
FIGURES_ON: Final = date(2025, 4, 15)


def police(code: str) -> str:
    """The officer of a commune's police."""
    return f"ca-{code}.01"


def officer(code: str) -> str:
    """The officer of a commune's People's Committee."""
    return f"xa-{code}.01"


def cast(stage: Stage) -> Iterable[tuple[str, Role, str, str | None]]:
    """Person, role, unit and agency of every key."""
    communes = sorted({*ROUND, *PLACES})
    yield from ((officer(code), Role.COMMUNE_OFFICER, code, None) for code in ROUND)
    yield from ((police(code), Role.COMMUNE_POLICE, code, None) for code in PLACES)
    for district in sorted({stage.district(code) for code in communes}):
        yield f"ubnd-{district}.01", Role.DISTRICT_COMMITTEE, district, None
        yield f"ca-{district}.01", Role.DISTRICT_POLICE, district, None
    yield from ((person, Role.DEPARTMENT, PROVINCE, agency) for agency, person in AGENCIES.items())
    for number in ("01", "02"):
        yield f"ca-tinh.{number}", Role.PROVINCIAL_POLICE, PROVINCE, None
        yield f"ubnd-tinh.{number}", Role.PROVINCIAL_COMMITTEE, PROVINCE, None
    # The same person with a second key: separation of duties looks at the person.
    yield "ca-tinh.01", Role.PROVINCIAL_COMMITTEE, PROVINCE, None
    yield "kiem-tra.01", Role.AUDITOR, PROVINCE, None


def figures_of(code: str) -> dict[str, int]:
    """Invented figures of a commune on the day it was taken in."""
    size = ROUND.index(code) + 1
    addicts, users, households, hamlets = 4 + size, 3 + size, 2400 + 130 * size, 7 + size % 4
    return {
        "addicts": addicts,
        "addicts_on_file": addicts,
        "addicts_in_treatment": addicts,
        "users": users,
        "users_on_file": users,
        "post_treatment": size % 3,
        "post_treatment_on_file": size % 3,
        "with_grounds": 6 + size,
        "with_grounds_tested": 6 + size,
        "drug_crimes_since_taken_in": 0,
        "households": households,
        "households_committed": households,
        "hamlets": hamlets,
        "hamlets_with_hotline": hamlets,
        "prevention_models": 1 + size % 2,
    }


def figures_later(code: str) -> dict[str, int]:
    """Invented figures of a commune when it is proposed: fewer addicts, but more in the one that is refused."""
    figures = figures_of(code)
    addicts = figures["addicts"] + (2 if code == CHAU_DIEN else -1)
    return figures | dict.fromkeys(("addicts", "addicts_on_file", "addicts_in_treatment"), addicts)


def figures_reported(code: str) -> dict[str, int]:
    """What a commune reports at first: one figure is forgotten."""
    figures = figures_later(code)
    if code == HOA_LOI:
        del figures["with_grounds_tested"]
    return figures
