"""Nothing inside a case can be changed, removed, inserted or swapped without `fsck` finding it."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, RowMapping, Table, create_engine, delete, func, insert, select, text, update
from sqlalchemy.pool import NullPool

from tests.sizes import size
from tests.store import samples
from workflows.core.canonical import canonical_bytes, digest
from workflows.store import fsck
from workflows.store.database import Database, driver, sqlite_path
from workflows.store.feed import sequence
from workflows.store.tables import (
    case_link,
    cases,
    count_entry,
    count_newest,
    definition,
    event,
    event_text,
    feed,
    notice,
    outbox,
)

CASES = 12
Value = str | int | bytes | None


def test_clean_ledgers_raise_no_alarm(database_url: str) -> None:
    with Database(database_url) as database:
        with database.write() as connection:
            samples.store_definitions(connection)
        for seed in range(size(10, 1000)):
            found = samples.histories(seed, 5)
            with database.write() as connection:
                samples.store(connection, found)
                sequence(connection, limit=7)
            report = fsck.check(database)
            assert report.first_bad is None, report
            assert (report.cases, report.events) == (5 * (seed + 1), report.events)
        assert report.events > report.cases


def test_more_cases_than_a_batch(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsck, "BATCH", 3)
    found = fill(sqlite_url)
    with Database(sqlite_url) as database:
        report = fsck.check(database)
    assert (report.cases, report.events) == (CASES, sum(len(events) for _, events in found))


def test_an_empty_database_proves_nothing(database_url: str) -> None:
    with Database(database_url) as database:
        report = fsck.check(database)
    assert (report.cases, report.events, report.first_bad) == (0, 0, None)
    assert "nothing is proved" in report.summary.en
    assert "0 hồ sơ" in report.summary.vi


def test_the_summary_names_the_place(sqlite_url: str) -> None:
    fill(sqlite_url)
    with unguarded(sqlite_url).begin() as connection:
        first = connection.execute(select(cases.c.id).order_by(cases.c.id).limit(1)).scalar_one()
        connection.execute(update(cases).where(cases.c.id == first).values(state="forged"))
    with Database(sqlite_url) as database:
        report = fsck.check(database)
    assert report.first_bad is not None
    assert report.first_bad.case == first
    assert "'forged'" in report.summary.en
    assert first in report.summary.vi


def test_every_tampering_is_found(database_url: str) -> None:
    """Each is made on the same clean database, checked, and undone."""
    fill(database_url)
    chance = Random(7)
    engine = unguarded(database_url)
    kinds = list(TAMPERINGS)
    missed = []
    for number in range(size(2 * len(kinds), 1000)):
        kind = kinds[number % len(kinds)]
        with engine.connect() as connection:
            assert fsck.check_state(connection).first_bad is None, "the control: clean before"
            what = TAMPERINGS[kind](connection, chance)
            if fsck.check_state(connection).first_bad is None:
                missed.append((kind, what))
            connection.rollback()
    assert missed == []


def unguarded(url: str) -> Engine:
    """Whoever has the file or owns the tables, after switching every guard off."""
    if not url.startswith("sqlite"):
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            for table in ("event", "event_text", "cases", "case_link", "count_entry", "definition", "feed", "notice"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return engine
    with Database(url) as database:
        path = sqlite_path(database.url)
    engine = create_engine(f"sqlite:///{path}", module=driver, poolclass=NullPool)
    with engine.begin() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))
    return engine


def fill(url: str) -> list[samples.History]:
    """Most events are in the feed, some still wait."""
    found = samples.histories(3, CASES)
    with Database(url) as database, database.write() as connection:
        samples.store_definitions(connection)
        samples.store(connection, found)
        samples.store_notices(connection, [case for case, _ in found])
        samples.store_figures(connection)
        sequence(connection, limit=sum(len(events) for _, events in found) * 2 // 3)
    return found


def change_column(table: Table) -> Callable[[Connection, Random], str]:
    """Any column of any row, to a value of its type that it does not have."""

    def tamper(connection: Connection, chance: Random) -> str:
        row = any_row(connection, table, chance)
        column = chance.choice([column for column in table.c if not column.primary_key])
        value = other_value(row[column.name], chance)
        connection.execute(update(table).where(*same(table, row)).values({column.name: value}))
        return f"{table.name}.{column.name} to {value!r}"

    return tamper


def other_value(value: Value, chance: Random) -> Value:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1000  # a neighbour's number would be refused as taken
    if isinstance(value, bytes):
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]
    if value is None:
        return "2025-01-01"
    at = chance.randrange(len(value))
    return value[:at] + chance.choice([other for other in "a0 " if other != value[at]]) + value[at + 1 :]


def rewrite_entry(connection: Connection, chance: Random) -> str:
    """The entry is forged and its own hash made to fit."""
    row = any_row(connection, event, chance)
    entry = row["entry"].replace(row["person"].encode(), b"eve")
    assert entry != row["entry"]
    forged = {"entry": entry, "hash": digest(entry), "person": "eve"}
    connection.execute(update(event).where(*same(event, row)).values(forged))
    return "an entry with a fitting hash"


def entry_of_nothing(connection: Connection, chance: Random) -> str:
    row = any_row(connection, event, chance)
    entry = canonical_bytes({"v": 1, "payload": None, "changes": None})
    connection.execute(update(event).where(*same(event, row)).values(entry=entry, hash=digest(entry)))
    return "an entry without its parts"


def remove(table: Table) -> Callable[[Connection, Random], str]:
    def tamper(connection: Connection, chance: Random) -> str:
        row = any_row(connection, table, chance)
        connection.execute(delete(table).where(*same(table, row)))
        return f"{table.name} {row}"

    return tamper


def remove_tail(connection: Connection, chance: Random) -> str:
    case = any_row(connection, cases, chance)
    connection.execute(delete(event).where(event.c.case_id == case["id"], event.c.seq == case["version"]))
    return "the newest event of a case"


def insert_event(connection: Connection, chance: Random) -> str:
    """A well-formed event that continues the chain, without the case row following."""
    row = any_row(connection, cases, chance)
    entry = canonical_bytes({"v": 1})
    added = {
        "id": f"0{chance.randbytes(16).hex()}",
        "case_id": row["id"],
        "seq": row["version"] + 1,
        "prev_hash": row["head"],
        "hash": digest(entry),
        "entry": entry,
        "kind": "transitioned",
        "workflow": row["workflow"],
        "trigger": "resolve",
        "unit_path": row["unit_path"],
        "person": "eve",
        "recorded_at": row["recorded_at"],
    }
    connection.execute(insert(event), added)
    return "an event at the end"


def repeat_event(connection: Connection, chance: Random) -> str:
    row = dict(any_row(connection, event, chance))
    version = select(cases.c.version).where(cases.c.id == row["case_id"])
    added = {
        "id": f"0{chance.randbytes(16).hex()}",
        "seq": connection.execute(version).scalar_one() + 1,
        "hash": "0" * 64,
        "prev_hash": "1" * 64,
    }
    connection.execute(insert(event), {**row, **added})
    return "a copy of an event at the end"


def insert_link(connection: Connection, chance: Random) -> str:
    row = any_row(connection, cases, chance)
    connection.execute(insert(case_link), {"case_id": row["id"], "field": "members", "other_id": "x"})
    return "a link"


def swap(table: Table, column: str, key: str) -> Callable[[Connection, Random], str]:
    """Two rows exchange what they hold."""

    def tamper(connection: Connection, chance: Random) -> str:
        found = connection.execute(select(table).order_by(table.c[key])).mappings().all()
        first, second = chance.sample(found, 2)
        while first[column] == second[column]:
            first, second = chance.sample(found, 2)
        for target, source in ((first, second), (second, first)):
            connection.execute(update(table).where(table.c[key] == target[key]).values({column: source[column]}))
        return f"{table.name}.{column} of {first[key]} and {second[key]}"

    return tamper


def swap_sequence(connection: Connection, chance: Random) -> str:
    """Two events of one case change places."""
    long = connection.execute(select(cases.c.id).where(cases.c.version > 1)).scalars().all()
    case_id = chance.choice(sorted(long))
    ids = connection.execute(select(event.c.id, event.c.seq).where(event.c.case_id == case_id)).all()
    (first, one), (second, other) = chance.sample([tuple(row) for row in ids], 2)
    for event_id, seq in ((first, -1), (second, one), (first, other)):
        connection.execute(update(event).where(event.c.id == event_id).values(seq=seq))
    return "two events of a case"


def swap_places(connection: Connection, chance: Random) -> str:
    """Two events of one case change places in the feed."""
    listed = select(feed.c.position, feed.c.event_id, event.c.case_id).join(event, event.c.id == feed.c.event_id)
    places: dict[str, list[tuple[int, str]]] = {}
    for row in connection.execute(listed.order_by(feed.c.position)):
        places.setdefault(row.case_id, []).append((row.position, row.event_id))
    several = [found for found in places.values() if len(found) > 1]
    (one, first), (other, second) = chance.sample(chance.choice(several), 2)
    for position, event_id in ((one, "-"), (other, first), (one, second)):
        connection.execute(update(feed).where(feed.c.position == position).values(event_id=event_id))
    return f"places {one} and {other}"


def insert_place(connection: Connection, chance: Random) -> str:
    """At the end of the feed: an event that waits, or one that was never there."""
    last = connection.execute(select(func.max(feed.c.position))).scalar_one()
    event_id = chance.choice([any_row(connection, outbox, chance)["event_id"], "0"])
    connection.execute(insert(feed), {"position": last + 1, "event_id": event_id})
    return f"{event_id} at {last + 1}"


def replace_place(connection: Connection, chance: Random) -> str:
    """An event that waits drives another out of the feed."""
    waiting = any_row(connection, outbox, chance)["event_id"]
    row = any_row(connection, feed, chance)
    connection.execute(update(feed).where(*same(feed, row)).values(event_id=waiting))
    return f"{waiting} at {row['position']}"


def move_place(connection: Connection, chance: Random) -> str:
    row = any_row(connection, feed, chance)
    to = chance.choice([0, -1, 10**6])
    connection.execute(update(feed).where(*same(feed, row)).values(position=to))
    return f"{row['position']} to {to}"


def insert_waiting(connection: Connection, chance: Random) -> str:
    """One that has its place already, or one that was never there."""
    event_id = chance.choice([any_row(connection, feed, chance)["event_id"], "0"])
    connection.execute(insert(outbox), {"event_id": event_id})
    return f"{event_id} in the outbox"


def forge_definition(connection: Connection, chance: Random) -> str:
    used = definition.c.hash.in_(select(cases.c.definition))
    row = chance.choice(connection.execute(select(definition).where(used)).mappings().all())
    connection.execute(update(definition).where(*same(definition, row)).values(document=b"{}"))
    return "the document of a definition"


def remove_newest_entry(connection: Connection, chance: Random) -> str:
    found = any_row(connection, count_newest, chance)["id"]
    connection.execute(delete(count_entry).where(count_entry.c.id == found))
    return str(found)


def insert_entry(connection: Connection, chance: Random) -> str:
    """A newer one, around the trigger."""
    row = dict(any_row(connection, count_entry, chance))
    connection.execute(insert(count_entry), {**row, "id": "forged", "as_of": "2025-02-28"})
    return str(row)


def any_row(connection: Connection, table: Table, chance: Random) -> RowMapping:
    order = tuple(table.primary_key)
    return chance.choice(connection.execute(select(table).order_by(*order)).mappings().all())


def same(table: Table, row: RowMapping) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key]


TAMPERINGS: dict[str, Callable[[Connection, Random], str]] = {
    "changed event": change_column(event),
    "changed case": change_column(cases),
    "changed text": change_column(event_text),
    "changed entry": rewrite_entry,
    "emptied entry": entry_of_nothing,
    "changed definition": forge_definition,
    "removed event": remove(event),
    "removed last event": remove_tail,
    "removed text": remove(event_text),
    "removed case": remove(cases),
    "removed link": remove(case_link),
    "inserted event": insert_event,
    "repeated event": repeat_event,
    "inserted link": insert_link,
    "swapped entries": swap(event, "entry", "id"),
    "swapped texts": swap(event_text, "payload", "event_id"),
    "swapped titles": swap(cases, "title", "id"),
    "swapped data": swap(cases, "data", "id"),
    "swapped events": swap_sequence,
    "changed place": change_column(feed),
    "moved place": move_place,
    "removed place": remove(feed),
    "inserted place": insert_place,
    "replaced place": replace_place,
    "swapped places": swap_places,
    "removed from the outbox": remove(outbox),
    "inserted into the outbox": insert_waiting,
    "changed notice": change_column(notice),
    "removed notice": remove(notice),
    "changed figure": change_column(count_newest),
    "removed figure": remove(count_newest),
    "removed entry": remove_newest_entry,
    "inserted entry": insert_entry,
}
