"""Proves that what is stored is what was decided: every case follows from its ledger, and no ledger was touched.

Every event has one place in the feed, after the earlier ones of its case, or waits for one. Everything is read in one
transaction, a batch of cases at a time, so that memory does not grow with the database. It cannot know of a whole case
that was removed together with its ledger, nor in which order events of different cases came into the feed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, or_, select, tuple_, type_coerce
from sqlalchemy.types import NULLTYPE

from workflows.core.canonical import digest
from workflows.core.case import Case, Event, apply
from workflows.core.documents import Words
from workflows.core.ledger import BrokenEntryError
from workflows.core.overdue import read_notice
from workflows.store import rows
from workflows.store.database import Database
from workflows.store.notices import notice_row
from workflows.store.tables import (
    case_link,
    case_word,
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

BATCH: Final = 200
"""Cases that are held in memory at a time; their events are streamed."""
_STREAMED: Final = 500
_SHOWN: Final = 100
"""Characters of a value that a report shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first thing that is not as it must be."""

    case: str | None
    """None: it belongs to no case."""
    seq: int | None
    """Position of the event in the case's ledger; None: it is not about one event."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """How much was checked, up to the first finding."""

    cases: int
    events: int
    first_bad: Finding | None

    @property
    def summary(self) -> Words:
        """One sentence for a person; plain about it when there was nothing to check."""
        vi, en = f"{self.cases} hồ sơ, {self.events} sự kiện", f"{self.cases} cases, {self.events} events"
        if self.first_bad is not None:
            bad = self.first_bad
            where = f"{bad.case or '-'} / {bad.seq or '-'}"
            return Words(
                vi=f"Phát hiện sai lệch sau khi kiểm tra {vi}: {where}: {bad.message}"[:500],
                en=f"Not intact, found after checking {en}: {where}: {bad.message}"[:500],
            )
        if not self.events:
            return Words(
                vi="Không có gì để kiểm tra: 0 hồ sơ, 0 sự kiện; không chứng minh được điều gì",
                en="Nothing to check: 0 cases, 0 events; nothing is proved",
            )
        return Words(vi=f"Đã kiểm tra {vi}: toàn vẹn", en=f"Checked {en}: intact")


class _Bad(Exception):  # noqa: N818 - a finding on its way up, not an error of the program
    def __init__(self, message: str, *, case: str | None = None, seq: int | None = None) -> None:
        super().__init__(message)
        self.finding = Finding(case=case, seq=seq, message=message)


def check(database: Database) -> FsckReport:
    """Checks all of one state of the database; stops at the first finding."""
    with database.read() as connection:
        return check_state(connection)


def check_state(connection: Connection) -> FsckReport:
    """Checks what the transaction of the connection sees."""
    checker = _Checker(connection)
    found = None
    try:
        checker.run()
    except _Bad as bad:
        found = bad.finding
    return FsckReport(cases=checker.cases, events=checker.events, first_bad=found)


class _Checker:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._definitions: dict[str, tuple[str, int]] = {}
        self._words = 0
        self.cases = 0
        self.events = 0

    def run(self) -> None:
        self._read_definitions()
        self._refuse_orphans()
        self._refuse_gaps()
        batch = self._batch(None)
        while batch:
            self._check_batch(batch)
            batch = self._batch(list(batch)[-1])
        self._compare_words()
        self._check_notices()
        self._refuse_stale_figures()

    def _read_definitions(self) -> None:
        for row in self._connection.execute(select(*_raw(definition))):
            if not isinstance(row.document, bytes) or digest(row.document) != row.hash:
                raise _Bad(f"definition {row.key} {row.version}: its bytes have not the hash {row.hash}")
            self._definitions[row.hash] = (row.key, row.version)

    def _refuse_orphans(self) -> None:
        """Rows that no batch of cases would come upon."""
        self._refuse_without(event, event.c.case_id, "event of a case that is not there", cases.c.id)
        self._refuse_without(case_link, case_link.c.case_id, "link of a case that is not there", cases.c.id)
        self._refuse_without(event_text, event_text.c.event_id, "free text of an event that is not there", event.c.id)
        self._refuse_without(notice, notice.c.case_id, "notice about a case that is not there", cases.c.id)
        here = event.c.id, notice.c.id
        self._refuse_without(feed, feed.c.event_id, "place in the feed of an event that is not there", *here)
        self._refuse_without(outbox, outbox.c.event_id, "an event waits for its place that is not there", *here)

    def _refuse_without(
        self, table: Table, pointer: ColumnElement[str], message: str, *targets: ColumnElement[str]
    ) -> None:
        there = [exists().where(target == pointer) for target in targets]
        alone = select(pointer).select_from(table).where(*(~each for each in there)).limit(1)
        found = self._connection.execute(alone).scalar()
        if found is not None:
            raise _Bad(f"{message}: {found}", case=found if pointer.name == "case_id" else None)

    def _refuse_gaps(self) -> None:
        """No two rows share a position, so that their number tells whether one is missing."""
        statement = select(func.count(), func.min(feed.c.position), func.max(feed.c.position))
        count, first, last = self._connection.execute(statement).one()
        if count and (first, last) != (1, count):
            raise _Bad(f"{count} events stand in the feed at positions {first} to {last}, with a gap")

    def _batch(self, after: str | None) -> dict[str, rows.Row]:
        statement = select(*_raw(cases)).order_by(cases.c.id).limit(BATCH)
        if after is not None:
            statement = statement.where(cases.c.id > after)
        return {row["id"]: row for row in self._connection.execute(statement).mappings()}

    def _check_batch(self, batch: Mapping[str, rows.Row]) -> None:
        folded: dict[str, Case] = {}
        places: dict[str, int | None] = {}
        for row in self._ledger(list(batch)):
            case_id = row["case_id"]
            folded[case_id] = self._checked(row, folded.get(case_id))
            places[case_id] = _place(row, places.get(case_id, 0))
            self.events += 1
        links = self._links(list(batch))
        for case_id, row in batch.items():
            _compare_case(row, folded.get(case_id), links.get(case_id, set()))
            for word in rows.word_rows(folded[case_id]):
                self._words ^= _print(*word.values())
            self.cases += 1

    def _compare_words(self) -> None:
        """By a sum of prints, which needs no order: the table has none that goes by case."""
        statement = select(case_word).execution_options(yield_per=_STREAMED)
        with self._connection.execute(statement) as result:
            for word in result:
                self._words ^= _print(*word)
        if self._words:
            raise _Bad("the words by which cases are found are not those of their titles")

    def _ledger(self, ids: Sequence[str]) -> Iterator[rows.Row]:
        statement = (
            select(*_raw(event), *_raw(event_text), feed.c.position, outbox.c.event_id.label("waiting"))
            .outerjoin_from(event, event_text)
            .outerjoin(feed, feed.c.event_id == event.c.id)
            .outerjoin(outbox, outbox.c.event_id == event.c.id)
            .where(event.c.case_id.in_(ids))
            .order_by(event.c.case_id, event.c.seq)
            .execution_options(yield_per=_STREAMED)
        )
        with self._connection.execute(statement) as result:
            yield from result.mappings()

    def _check_notices(self) -> None:
        """Their columns are projections of their entries; each has one place in the feed, or waits for one."""
        statement = (
            select(*_raw(notice), feed.c.position, outbox.c.event_id.label("waiting"))
            .outerjoin(feed, feed.c.event_id == notice.c.id)
            .outerjoin(outbox, outbox.c.event_id == notice.c.id)
            .execution_options(yield_per=_STREAMED)
        )
        with self._connection.execute(statement) as result:
            for row in result.mappings():
                for problem in _problems_of_notice(row):
                    raise _Bad(f"notice {row['id']}: {problem}", case=row["case_id"])

    def _refuse_stale_figures(self) -> None:
        """`count_newest` is a projection of the entries: each has its newest there, and nothing else is."""
        same = and_(count_newest.c.key == count_entry.c.key, count_newest.c.unit == count_entry.c.unit)
        newer = tuple_(count_entry.c.as_of, count_entry.c.recorded_at) > tuple_(
            count_newest.c.as_of, count_newest.c.recorded_at
        )
        unseen = select(count_entry.c.id).outerjoin(count_newest, same).where(or_(count_newest.c.key.is_(None), newer))
        columns = ("id", "key", "unit", "as_of", "recorded_at", "value")
        entry = exists().where(*(count_entry.c[name] == count_newest.c[name] for name in columns))
        for statement in (unseen, select(count_newest.c.id).where(~entry)):
            found = self._connection.execute(statement.limit(1)).scalar()
            if found is not None:
                raise _Bad(f"the newest figure of a unit is not that of its entries: {found}")

    def _links(self, ids: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        for row in self._connection.execute(select(case_link).where(case_link.c.case_id.in_(ids))):
            found.setdefault(row.case_id, set()).add((row.field, row.other_id))
        return found

    def _checked(self, row: rows.Row, before: Case | None) -> Case:
        """The case after the event of this row."""
        try:
            read = rows.event_of(row)
            after = apply(before, read)
        except BrokenEntryError as error:
            raise _Bad(str(error), case=row["case_id"], seq=row["seq"]) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _Bad(f"the event cannot be applied: {error!r}", case=row["case_id"], seq=row["seq"]) from error
        for problem in self._problems(row, read, before, after):
            raise _Bad(problem, case=row["case_id"], seq=row["seq"])
        return after

    def _problems(self, row: rows.Row, read: Event, before: Case | None, after: Case) -> Iterator[str]:
        projected, _ = rows.event_rows(read, after.unit_path)
        yield from _differences(row, projected, "the entry")
        if read.prev_hash != (before.head if before else None):
            yield f"it follows {read.prev_hash}, but the event before it is {before.head if before else None}"
        if before and read.recorded_at < before.recorded_at:
            yield "it was recorded before the event before it"
        known = self._definitions.get(read.definition)
        if known is None:
            yield f"definition {read.definition} is not stored"
        elif known != (read.workflow, read.version):
            yield f"definition {read.definition} is {known[0]} {known[1]}, not {read.workflow} {read.version}"


def _raw(table: Table) -> list[ColumnElement[Any]]:
    """The columns as the driver gives them: SQLAlchemy would take 7 for true, and fail on text in place of bytes."""
    return [type_coerce(column, NULLTYPE).label(column.name) for column in table.c]


def _place(row: rows.Row, before: int | None) -> int | None:
    """The event's position in the feed, None while it waits; `before` is that of the event before it."""
    position: int | None = row["position"]
    if (position is None) == (row["waiting"] is None):
        problem = "has no place in the feed and waits for none" if position is None else "has a place and waits for one"
    elif position is not None and (before is None or position < before):
        problem = "stands in the feed ahead of the event before it"
    else:
        return position
    raise _Bad(f"the event {problem}", case=row["case_id"], seq=row["seq"])


def _problems_of_notice(row: rows.Row) -> Iterator[str]:
    try:
        expected = notice_row(read_notice(row["entry"]))
    except (ValueError, KeyError, TypeError) as error:
        yield f"it cannot be read: {error!r}"
        return
    yield from _differences(row, expected, "the entry")
    if (row["position"] is None) == (row["waiting"] is None):
        yield "it has no place in the feed and waits for none, or both"


def _compare_case(row: rows.Row, folded: Case | None, links: set[tuple[str, str]]) -> None:
    case_id = row["id"]
    if folded is None:
        raise _Bad("a case without events", case=case_id)
    for problem in _differences(row, rows.case_row(folded), "the fold of its events"):
        raise _Bad(problem, case=case_id)
    expected = {(str(link["field"]), str(link["other_id"])) for link in rows.link_rows(folded)}
    if links != expected:
        raise _Bad(f"its links are not those of its events: {min(links ^ expected)}", case=case_id)


def _differences(row: rows.Row, expected: Mapping[str, Any], source: str) -> Iterator[str]:
    for column, value in expected.items():
        if row[column] != value:
            yield f"column {column} is {_short(row[column])}, but {source} has {_short(value)}"


def _print(*row: object) -> int:
    return int.from_bytes(blake2b(repr(row).encode(), digest_size=16).digest(), "big")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
