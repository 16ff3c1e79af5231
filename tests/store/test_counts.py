"""Counts: the newest of the latest date counts, and impossible ones are refused with all their faults."""

from datetime import date, timedelta

import pytest

from tests.store import samples
from workflows.core.case import Actor
from workflows.core.documents import Role
from workflows.store import counts, origins, queries
from workflows.store.counts import CountError, Figure
from workflows.store.database import Database
from workflows.store.queries import UnknownUnitError

NOW = samples.START
ACTOR = Actor(grant="g", person="an", role=Role.PROVINCIAL_POLICE, unit="84", unit_path="VN/84")


def figure(value: int = 1, as_of: date = date(2025, 1, 1), **other: str) -> Figure:
    return Figure(**{"unit": "84", "key": "population", "source": "Niên giám", **other}, value=value, as_of=as_of)


def test_the_newest_of_the_latest_date_counts(database_url: str) -> None:
    with Database(database_url) as database:
        for value, as_of in (
            (1, date(2025, 1, 1)),
            (2, date(2025, 2, 1)),
            (3, date(2025, 1, 1)),
            (4, date(2025, 1, 1)),
        ):
            counts.record(database, ACTOR, figure(value, as_of), now=NOW)
        with database.read() as connection:
            days = (date(2025, 1, 31), date(2025, 2, 1), date(2024, 12, 31))
            known = [origins.figures(connection, "84", ["population"], on)["population"] for on in days]
            listed = queries.list_counts(connection, "84", cursor=None, limit=10)
    assert [(found.value, found.missing) for found in known] == [(4, ()), (2, ()), (None, ("84",))]
    assert [count.value for count in listed.items] == [4, 3, 2, 1]
    assert len({count.recorded_at for count in listed.items}) == 4, "one instant, yet in order"


def test_what_was_entered_is_kept(database_url: str) -> None:
    with Database(database_url) as database:
        made = counts.record(database, ACTOR, figure(7), now=NOW)
        with database.read() as connection:
            assert queries.list_counts(connection, "84", cursor=None, limit=10).items == (made,)
    assert (made.person, made.source, made.recorded_at) == ("an", "Niên giám", NOW)


def test_all_faults_are_told(database_url: str) -> None:
    wrong = figure(-1, date(2025, 3, 2), source="a\x00")
    with Database(database_url) as database:
        with pytest.raises(CountError) as raised:
            counts.record(database, ACTOR, wrong, now=NOW)
        with database.read() as connection:
            assert queries.list_counts(connection, "84", cursor=None, limit=10).items == ()
    assert [error.path for error in raised.value.errors] == ["/value", "/as_of", "/source"]


@pytest.mark.parametrize("wrong", [figure(2**31), figure(source=" "), figure(source="x" * 301)])
def test_limits(sqlite_url: str, wrong: Figure) -> None:
    with Database(sqlite_url) as database, pytest.raises(CountError):
        counts.record(database, ACTOR, wrong, now=NOW)


def test_limits_are_inclusive(sqlite_url: str) -> None:
    today = date(2025, 3, 1)
    with Database(sqlite_url) as database:
        for right in (figure(0, today), figure(2**31 - 1, today), figure(source="x" * 300)):
            counts.record(database, ACTOR, right, now=NOW)


def test_the_unit_must_be_there_on_that_date(database_url: str) -> None:
    """Trà Vinh ended with the reform of 01/07/2025."""
    later = NOW + timedelta(days=300)
    with Database(database_url) as database:
        counts.record(database, ACTOR, figure(as_of=date(2025, 6, 30)), now=later)
        with pytest.raises(UnknownUnitError, match="01/07/2025"):
            counts.record(database, ACTOR, figure(as_of=date(2025, 7, 1)), now=later)
