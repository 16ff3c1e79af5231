"""A random year of one district, day by day, written past the engine; and what its figures must be, told plainly.

The district is a real one, whose seven communes went into five on 1 July 2025, one of which took in another district's,
so that cases are opened and figures entered before and after a merger.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection, insert, update

from workflows.core.canonical import Json
from workflows.core.case import NOTHING, Case, CaseId, Changes, CommandId, Event, EventId, Kind, apply
from workflows.core.catalogue_documents import CountKind
from workflows.core.civil import civil_date, format_instant, start_of_day
from workflows.core.documents import Words
from workflows.core.ids import uuid7
from workflows.core.indicators import day_of, days_of, first_day
from workflows.core.ledger import FreeText, seal
from workflows.core.plan_documents import ActsMeasure, CasesMeasure, CountMeasure, Measure, PlanDocument, UnitsMeasure
from workflows.store import rows
from workflows.store.tables import case_word, cases, count_entry, event, event_text

REFORM: Final = date(2025, 7, 1)
OLD: Final = ("29497", "29500", "29513", "29521", "29530", "29533", "29536")
HEIRS: Final[Mapping[str, frozenset[str]]] = {
    "29497": frozenset({"29497", "29500"}),
    "29513": frozenset({"29513", "29521"}),
    "29530": frozenset({"29530", "29458"}),
    "29533": frozenset({"29533"}),
    "29536": frozenset({"29536"}),
}
AREAS: Final[Mapping[str, frozenset[str]]] = {
    "850": frozenset(OLD),
    "29533": frozenset({"29533"}),
    "29497": frozenset({"29497"}),
}
ELSEWHERE: Final = ("VN/84/842/29242", "VN/86/29242", "VN/22/193/06652")
DAYS: Final = tuple(
    map(
        date.fromisoformat,
        ("2024-11-30", "2024-12-31", "2025-01-01", "2025-02-17", "2025-06-30", "2025-07-01", "2025-09-02"),
    )
)
KINDS: Final = ("point", "retail_point", "conditional_business")
STATES: Final = {"suppress": "suppressed", "relapse": "relapsed", "resolve": "resolved"}
KEYS: Final = ("addicts", "users")
COUNTS: Final = {key: CountKind(title=Words(vi=f"Số {key}", en=key.title()), basis="design") for key in KEYS}
_TEXT: Final = {"vi": "x", "en": "x"}
PLAN: Final = PlanDocument.model_validate({
    "plan": "tra-vinh-2025", "title": _TEXT, "issuer": "provincial_police", "province": "84",
    "units_as_of": date(2025, 2, 17), "period": {"from": date(2025, 1, 1), "to": date(2026, 1, 1)},
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    unit: str
    key: str
    value: int
    as_of: date
    recorded: datetime


@dataclass(slots=True)
class Past:
    """What was written, and the chance that decides what is written next."""

    chance: Random
    histories: dict[CaseId, list[Event]] = field(default_factory=dict)
    stored: dict[CaseId, Case] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def live(self, connection: Connection, day: date) -> None:
        """One civil day, its first and last instants among those at which something is recorded."""
        begin = start_of_day(day)
        inside = sorted(self.chance.randrange(1, 86_399_999_999) for _ in range(self.chance.randrange(4, 9)))
        for micros in (0, *inside, 86_400_000_000 - 1):
            now = begin + timedelta(microseconds=micros)
            self.chance.choice((self._open, self._go_on, self._go_on, self._survey, self._enter))(connection, now)

    def _open(self, connection: Connection, now: datetime) -> None:
        after = civil_date(now) >= REFORM
        inside = [f"VN/86/{code}" for code in HEIRS] if after else [f"VN/84/850/{code}" for code in OLD]
        path = self.chance.choice([*inside, *inside, *ELSEWHERE])
        changes: Changes = {
            "unit_path": path, "plan": None, "parent": None, "title": "Điểm", "entered": civil_date(now).isoformat(),
            "set": {"kind": self.chance.choice(KINDS)}, "due": None, "final": False, "episode": 1,
        }  # fmt: skip
        self._write(connection, None, now, self._earlier(now, None), "open", "identified", changes)

    def _go_on(self, connection: Connection, now: datetime) -> None:
        running = [case for case in self.stored.values() if not case.final]
        if not running:
            return
        case = self.chance.choice(running)
        occurred = self._earlier(now, case)
        trigger = self.chance.choice(("suppress", "suppress", "relapse", "resolve", "amend", "annul"))
        if trigger == "amend":
            changes: Changes = {"set": {"kind": self.chance.choice(KINDS)}}
            self._write(connection, case, now, occurred, trigger, case.state, changes)
        elif trigger == "annul":
            self._write(connection, case, now, occurred, trigger, "annulled", {"entered": "2025-01-01", "final": True})
        else:
            self._write(connection, case, now, occurred, trigger, STATES[trigger], {"entered": "2025-01-01"})

    def _earlier(self, now: datetime, case: Case | None) -> datetime:
        if self.chance.random() < 0.5:
            return now
        claimed = now - timedelta(minutes=self.chance.randrange(100_000))
        return max(claimed, case.occurred_at) if case else claimed

    def _write(
        self,
        connection: Connection,
        case: Case | None,
        now: datetime,
        occurred: datetime,
        trigger: str,
        target: str,
        changes: Changes,
    ) -> None:
        made = self.event(case, now, occurred, trigger, target, changes)
        after = apply(case, made)
        self.stored[after.id] = after
        self.histories.setdefault(after.id, []).append(made)
        if case is None:
            connection.execute(insert(cases), rows.case_row(after))
            connection.execute(insert(case_word), rows.word_rows(after))
        else:
            connection.execute(update(cases).where(cases.c.id == after.id), rows.moving_columns(after))
        row, text = rows.event_rows(made, after.unit_path)
        connection.execute(insert(event), row)
        if text:
            connection.execute(insert(event_text), text)

    def event(
        self, case: Case | None, now: datetime, occurred: datetime, trigger: str, target: str, changes: Changes
    ) -> Event:
        """The next event of a case, or the first of a new one."""
        kinds = {"open": Kind.OPENED, "amend": Kind.AMENDED, "annul": Kind.ANNULLED}
        path = case.unit_path if case else changes["unit_path"]
        draft = Event(
            id=EventId(self._id(now)), command=CommandId(self._id(now)),
            case=case.id if case else CaseId(self._id(now)), seq=case.version + 1 if case else 1,
            kind=kinds.get(trigger, Kind.TRANSITIONED), workflow="hotspot", version=1, definition="0" * 64,
            unit=path.rpartition("/")[2], trigger=trigger, source=case.state if case else None, target=target,
            changes=changes, facts={}, input=NOTHING,
            actor={"person": "p", "role": "commune_police", "grant": "g", "unit": "84", "path": path, "agency": None},
            on_behalf_of=None, reason=None, occurred_at=occurred, recorded_at=now, cause=None, idempotency=None,
            prev_hash=case.head if case else None, hash="", entry=b"", salt=None, payload=None,
        )  # fmt: skip
        kept: dict[str, Json] = {name: value for name, value in changes.items() if name != "title"}  # type: ignore[misc]  # a TypedDict read by variable name
        texts = FreeText(title=changes.get("title"))
        return seal(draft, {"changes": kept, "input": {}, "documents": []}, texts, bytes(32))

    def _id(self, now: datetime) -> str:
        return uuid7(now, self.chance.randbytes(10))

    def _survey(self, connection: Connection, now: datetime) -> None:
        """Figures of all communes, for one day."""
        latest = civil_date(now)
        as_of = latest - timedelta(days=self.chance.randrange(40))
        key = self.chance.choice(KEYS)
        for unit in OLD if as_of < REFORM else HEIRS:
            self._record(connection, Entry(unit=unit, key=key, value=self._value(), as_of=as_of, recorded=now))

    def _enter(self, connection: Connection, now: datetime) -> None:
        as_of = civil_date(now) - timedelta(days=self.chance.randrange(400))
        unit = self.chance.choice(OLD if as_of < REFORM else list(HEIRS))
        key = self.chance.choice(KEYS)
        self._record(connection, Entry(unit=unit, key=key, value=self._value(), as_of=as_of, recorded=now))

    def _value(self) -> int:
        return self.chance.choice((0, 0, 1, 2, 7))

    def _record(self, connection: Connection, entry: Entry) -> None:
        last = max((each.recorded for each in self.entries if each.unit == entry.unit), default=None)
        if last is not None and last >= entry.recorded:
            entry = replace(entry, recorded=last + timedelta(microseconds=1))
        self.entries.append(entry)
        connection.execute(
            insert(count_entry),
            {
                "id": self._id(entry.recorded), "unit": entry.unit, "key": entry.key, "value": entry.value,
                "as_of": entry.as_of.isoformat(), "source": "Sổ", "person": "p", "grant_id": "g",
                "recorded_at": format_instant(entry.recorded),
            },
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Oracle:
    """Figures of one area on one day, from everything that was written, without SQL."""

    past: Past
    area: frozenset[str]
    day: date

    def figure(self, measure: Measure) -> int | None:
        """None: unknown."""
        match measure:
            case CountMeasure():
                return self._count(measure, self.area)
            case UnitsMeasure():
                return self._units(measure)
            case CasesMeasure():
                ahead = day_of(measure.at, PLAN, self.day) > self.day
                return None if ahead else self._number(measure, self._stock(measure))
            case ActsMeasure():
                return self._number(measure, self._flow(measure))

    def _units(self, measure: UnitsMeasure) -> int | None:
        having = measure.having
        if measure.units == "district":
            return len(self.area) // len(OLD)
        if having is None:
            return len(self.area)
        found = [replace(self, area=frozenset({code})).figure(having.measure) for code in self.area]
        if None in found:
            return None
        least, most = having.at_least, having.at_most
        return sum(
            (least is None or number >= least) and (most is None or number <= most)
            for number in found
            if number is not None
        )

    def _count(self, measure: CountMeasure, area: frozenset[str]) -> int | None:
        latest = day_of(measure.at, PLAN, self.day)
        first = first_day(measure.since, PLAN, self.day) or date.min
        if latest > self.day or measure.level == "province" or (measure.level == "district" and len(area) == 1):
            return None
        left, total = set(area), 0
        for heir, made_of in HEIRS.items():
            own = self._newest(measure.count, heir, max(first, REFORM), latest)
            if own is not None and made_of <= left:
                left -= made_of
                total += own
        rest = [self._newest(measure.count, code, first, min(latest, REFORM - timedelta(days=1))) for code in left]
        return None if None in rest else total + sum(value for value in rest if value is not None)

    def _newest(self, key: str, unit: str, first: date, last: date) -> int | None:
        found = [
            entry
            for entry in self.past.entries
            if (entry.key, entry.unit) == (key, unit)
            and first <= entry.as_of <= last
            and civil_date(entry.recorded) <= self.day
        ]
        return max(found, key=lambda entry: (entry.as_of, entry.recorded)).value if found else None

    def _known(self, until: date) -> Iterable[tuple[str, list[Event]]]:
        """Histories as they were known, of cases of the area that were not annulled by the day asked about."""
        for history in self.past.histories.values():
            path = history[0].changes["unit_path"]
            by_now = [each for each in history if civil_date(each.recorded_at) <= self.day]
            then = [each for each in by_now if civil_date(each.recorded_at) <= until]
            if then and by_now[-1].target != "annulled" and _lies_in(path, self.area):
                yield path, then

    def _stock(self, measure: CasesMeasure) -> list[tuple[str, str]]:
        day = day_of(measure.at, PLAN, self.day)
        return [
            (path, then[0].case)
            for path, then in self._known(day)
            if then[-1].target in measure.states and _kind(then) in measure.where.get("kind", KINDS)
        ]

    def _flow(self, measure: ActsMeasure) -> list[tuple[str, str]]:
        first, last = days_of(measure.during, PLAN, self.day)
        return [
            (path, each.case)
            for path, then in self._known(self.day)
            if _kind(then) in measure.where.get("kind", KINDS)
            and (measure.now_in is None or then[-1].target in measure.now_in)
            for each in then
            if each.trigger in measure.triggers and (first or date.min) <= civil_date(each.occurred_at) <= last
        ]

    def _number(self, measure: CasesMeasure | ActsMeasure, found: Sequence[tuple[str, str]]) -> int:
        if measure.of == "communes":
            return len({path for path, _ in found})
        return len({case for _, case in found}) if measure.of == "cases" else len(found)


def _kind(history: Sequence[Event]) -> Json:
    return [each.changes["set"]["kind"] for each in history if "kind" in each.changes.get("set", {})][-1]


def _lies_in(path: str, area: frozenset[str]) -> bool:
    code = path.rpartition("/")[2]
    if path.startswith("VN/84/850/"):
        return code in area
    return path.startswith("VN/86/") and code in HEIRS and HEIRS[code] <= area
