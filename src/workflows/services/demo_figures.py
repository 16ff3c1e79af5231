"""The figures of the demonstration, all of them invented: totals of communes and of the province.

Each follows from the place of the commune in the list of all communes, so that every play tells the same. When they
are entered is the affair of the chapters.
"""

from typing import Final

from workflows.services.demo_cast import CHAU_DIEN, HOA_LOI, SELECTED, TRANSFORMED

LACKING: Final = 40
"""Of so many communes one has an addict who is not on file, until the last figures of the year."""
PROVINCE_FIGURES: Final = {
    "drug_growth_held_back": 1,
    "weekly_broadcast_kept": 1,
    "offenders_found_in_time": 1,
    "lawful_drug_activities_controlled": 1,
    "communication_models": 2,
    "reintegration_models": 1,
    "drug_cases_detected": 96,
    "drug_cases_investigated": 96,
    "schools": 400,
    "schools_reached": 391,
}
"""Of the province, at the end of the year."""


def at_start(place: int) -> dict[str, int]:
    """Of a commune on the plan's first day, and when it was taken in."""
    return {"addicts": 4 + place % 9, "users": 3 + place % 7}


def on_file_at_start(place: int) -> dict[str, int]:
    """Of a commune in the first phase."""
    return _on_file(at_start(place), lacking=place % LACKING == 0)


def later(code: str, place: int, *, lacking: bool) -> dict[str, int]:
    """Of a commune in the last phase: one addict less where it was transformed, more users in some others."""
    return _on_file(_people_later(code, place), lacking=lacking and place % LACKING == 0)


def proposed(code: str, place: int) -> dict[str, int]:
    """With what a commune is proposed; two more addicts in the one that is refused."""
    people = _on_file(_people_later(code, place), lacking=False)
    households, hamlets = 2400 + 13 * place, 6 + place % 5
    return people | {
        "addicts_in_treatment": people["addicts"],
        "post_treatment": place % 3,
        "post_treatment_on_file": place % 3,
        "with_grounds": 6 + place % 4,
        "with_grounds_tested": 6 + place % 4,
        "drug_crimes_since_taken_in": 0,
        "households": households,
        "households_committed": households,
        "hamlets": hamlets,
        "hamlets_with_hotline": hamlets,
        "prevention_models": 1 + place % 2,
    }


def reported(code: str, place: int) -> dict[str, int]:
    """What a commune reports at first: one figure is forgotten."""
    figures = proposed(code, place)
    if code == HOA_LOI:
        del figures["with_grounds_tested"]
    return figures


def _people_later(code: str, place: int) -> dict[str, int]:
    people = at_start(place)
    if code == CHAU_DIEN:
        return people | {"addicts": people["addicts"] + 2}
    if code in TRANSFORMED:
        return people | {"addicts": people["addicts"] - 1}
    more = code not in SELECTED and place % 8 == 0
    return people | {"users": people["users"] + more}


def _on_file(people: dict[str, int], *, lacking: bool) -> dict[str, int]:
    return people | {"addicts_on_file": people["addicts"] - lacking, "users_on_file": people["users"]}
