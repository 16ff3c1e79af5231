"""Who may do what: validity dates, unit coverage, roles and scopes."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import START
from workflows.core.authority import covers, has_role, in_force, may_see
from workflows.core.case import Actor
from workflows.core.documents import Role

TODAY = date(2025, 3, 5)
ACTOR = Actor(grant="g", person="an", role=Role.COMMUNE_POLICE, unit="84", unit_path="VN/84")
CODES = st.sampled_from(["8", "84", "842", "29401", "844"])
PATHS = st.lists(CODES, max_size=3).map(lambda codes: "/".join(["VN", *codes]))


@given(st.none() | st.integers(-3, 3), st.none() | st.integers(-3, 3), st.booleans())
def test_a_grant_holds_from_its_first_day_to_the_day_before_its_end(
    start: int | None,
    end: int | None,
    revoked: bool,  # noqa: FBT001 - drawn
) -> None:
    days = [None if offset is None else TODAY + timedelta(days=offset) for offset in (start, end)]
    actor = replace(ACTOR, valid_from=days[0], valid_to=days[1], revoked=revoked)
    expected = not revoked and (start is None or start <= 0) and (end is None or end > 0)
    assert in_force(actor, TODAY) is expected
    assert may_see(actor, "VN/84/842", TODAY) is expected


@given(PATHS, PATHS)
def test_a_grant_covers_its_unit_and_all_below_by_whole_codes(own: str, other: str) -> None:
    below = other.split("/")[: len(own.split("/"))] == own.split("/")
    assert covers(replace(ACTOR, unit_path=own), other) is below


def test_roles_are_those_named() -> None:
    assert has_role(ACTOR, {Role.COMMUNE_POLICE}, "hotspot", "suppress")
    assert not has_role(ACTOR, {Role.DEPARTMENT}, "hotspot", "suppress")
    assert not has_role(ACTOR, set(), "hotspot", "suppress")


def test_a_system_fires_what_its_scope_names_and_nothing_else() -> None:
    system = replace(ACTOR, role=Role.SYSTEM, scope=frozenset({"hotspot.suppress", "opinion.*"}))
    assert has_role(system, {Role.COMMUNE_POLICE}, "hotspot", "suppress")
    assert has_role(system, set(), "opinion", "give")
    assert not has_role(system, {Role.SYSTEM}, "hotspot", "monitor")
    assert not has_role(system, set(), "hotspot", "*")
    assert not has_role(replace(ACTOR, scope=frozenset({"opinion.*"})), {Role.DEPARTMENT}, "opinion", "give")


def test_today_is_the_date_in_viet_nam() -> None:
    assert START.date() == TODAY
