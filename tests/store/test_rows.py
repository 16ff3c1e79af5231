"""What is stored is what is read back, on both databases, through a real round trip."""

from datetime import date
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from tests.sizes import size
from tests.store import samples
from workflows.core.case import Actor, Case
from workflows.core.documents import Role
from workflows.core.ledger import BrokenEntryError
from workflows.store import rows
from workflows.store.database import Database
from workflows.store.tables import api_key, case_link, cases, event, event_text

SAME_DATABASE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=size(20, 1000),
    deadline=None,
    phases=[Phase.generate],
)
NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
IDS = st.uuids().map(str)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
INSTANTS = st.datetimes(
    min_value=samples.START.replace(year=1900, tzinfo=None), max_value=samples.START.replace(year=9998, tzinfo=None)
).map(lambda naive: naive.replace(tzinfo=samples.START.tzinfo))
CASES = st.builds(
    Case,
    id=IDS,
    workflow=NAMES,
    workflow_version=st.integers(1, 2**31 - 1),
    definition=st.just("d" * 64),
    state=NAMES,
    version=st.integers(1, 2**31 - 1),
    unit=st.just("29236"),
    unit_path=st.sampled_from(samples.PATHS),
    opened_path=st.sampled_from(samples.PATHS),
    plan=st.none() | NAMES,
    parent=st.none() | IDS,
    title=TEXTS,
    data=st.dictionaries(NAMES, JSON, max_size=4),
    links=st.dictionaries(NAMES, st.lists(IDS, max_size=3, unique=True).map(tuple), max_size=2),
    sheets=st.dictionaries(NAMES, st.dictionaries(NAMES, st.dictionaries(NAMES, JSON, max_size=2), max_size=2)),
    entered=st.dictionaries(NAMES, st.dates().map(date.isoformat), max_size=3),
    acts=st.dictionaries(NAMES, st.dictionaries(TEXTS, st.integers(1, 99), max_size=2), max_size=2),
    episode=st.integers(1, 2**31 - 1),
    opened_at=INSTANTS,
    state_since=INSTANTS,
    due=st.none() | st.dates(),
    final=st.booleans(),
    occurred_at=INSTANTS,
    recorded_at=INSTANTS,
    head=st.just("a" * 64),
)


@SAME_DATABASE
@given(found=st.lists(CASES, min_size=1, max_size=5, unique_by=lambda case: case.id))
def test_cases_return(database_url: str, found: list[Case]) -> None:
    with Database(database_url) as database, database.write() as connection:
        connection.execute(delete(cases))
        connection.execute(insert(cases), [rows.case_row(case) for case in found])
        read = [rows.case_of(row) for row in connection.execute(select(cases)).mappings()]
    assert {case.id: case for case in read} == {case.id: case for case in found}


def test_events_and_links_return(database_url: str) -> None:
    found = samples.histories(1, 20)
    with Database(database_url) as database, database.write() as connection:
        samples.store(connection, found)
        joined = select(event, event_text.c.salt, event_text.c.payload).outerjoin(event_text)
        ordered = connection.execute(joined.order_by(event.c.case_id, event.c.seq)).mappings().all()
        links = connection.execute(select(case_link)).mappings().all()
    read = [rows.event_of(row) for row in ordered]
    written = sorted((one for _, events in found for one in events), key=lambda one: (one.case, one.seq))
    assert read == written
    assert {tuple(row.values()) for row in links} == {
        (case.id, "members", other) for case, _ in found for other in case.links["members"]
    }


def test_an_event_with_another_text_is_broken() -> None:
    ((_, (first, *_)),) = samples.histories(2, 1)
    row, text = rows.event_rows(first, "VN")
    assert text is not None
    with pytest.raises(BrokenEntryError, match="commits"):
        rows.event_of({**row, "salt": text["salt"], "payload": b'{"reason":"x"}'})
    assert rows.event_of({**row, **text}) == first


@pytest.mark.parametrize("revoked", [False, True])
def test_grants_return(database_url: str, *, revoked: bool) -> None:
    actor = Actor(
        grant="key-1",
        person="an",
        role=Role.SYSTEM,
        unit="84",
        unit_path="VN/84",
        agency="health",
        scope=frozenset({"hotspot.*", "opinion.give"}),
        valid_from=date(2025, 1, 1),
        valid_to=date(2026, 1, 1),
        revoked=revoked,
    )
    row = {
        "id": "key-1",
        "secret_hash": "0" * 64,
        "name": "n",
        "person": "an",
        "role": "system",
        "unit": "84",
        "unit_path": "VN/84",
        "agency": "health",
        "scope": "hotspot.* opinion.give",
        "valid_from": "2025-01-01",
        "valid_to": "2026-01-01",
        "created_at": samples.instant(),
        "revoked_at": samples.instant() if revoked else None,
    }
    with Database(database_url) as database, database.write() as connection:
        connection.execute(insert(api_key), row)
        assert rows.actor_of(connection.execute(select(api_key)).mappings().one()) == actor


def test_samples_differ() -> None:
    """Controls the others: equal samples would make their comparisons empty."""
    assert samples.history(Random(1), 3) != samples.history(Random(2), 3)
