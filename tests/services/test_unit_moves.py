"""The reform of 01/07/2025 on running cases and grants: nothing is lost, nothing is widened, and twice is once."""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import pytest
from sqlalchemy import func, insert, select

from tests.factories import Clock, shipped
from tests.invariants import require_intact
from tests.sizes import size
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Act, Actor, Case, CaseId, Event, Fire, MoveUnit, Open
from workflows.core.civil import civil_date
from workflows.core.documents import Role
from workflows.core.lineage import Figure
from workflows.core.unit_acts import UnitActDocument
from workflows.loader import find_definitions
from workflows.services import reading, unit_moves
from workflows.services.engine import Engine
from workflows.services.unit_moves import ActError, apply, outlook
from workflows.store import keys
from workflows.store.counts import Figure as Entered
from workflows.store.counts import record
from workflows.store.database import Database
from workflows.store.lists import EventFilter, list_events
from workflows.store.loading import load_case
from workflows.store.queries import CaseFilter
from workflows.store.rows import actor_of, case_of
from workflows.store.submissions import Submission
from workflows.store.tables import api_key, cases, event, unit
from workflows.store.visibility import visible
from workflows.unit_act_files import read_act

CASES: Final = size(200, 10_000)
BEFORE: Final = datetime(2025, 6, 20, 2, 0, tzinfo=UTC)
AFTER: Final = datetime(2025, 7, 2, 2, 0, tzinfo=UTC)
ROOT: Final = find_definitions(None)
REFORM: Final = ("ninh-binh-2025", "quang-ninh-2025", "vinh-long-2025", "nghe-an-2025", "khanh-hoa-2025")
PROVINCE_OF: Final = dict(zip(REFORM, ("37", "22", "86", "40", "56"), strict=True))
PROVINCES: Final = ("37", "22", "84", "40", "56")
"""Of the plans, as they were."""
TEN: Final = (*PROVINCES, "35", "36", "58", "83", "86")
"""And those that became one with them."""
DATA: Final[Mapping[str, Mapping[str, Json]]] = {
    "hotspot": {"kind": "point", "found_by": "survey"},
    "periodic_report": {"obligation": "annual", "kind": "annual", "agency": "provincial_police"},
    "certification": {"taken_in_on": "2025-03-01"},
}


@dataclass(frozen=True, kw_only=True)
class Place:
    code: str
    level: str
    path: str


@pytest.fixture(scope="module")
def acts() -> Mapping[str, UnitActDocument]:
    return {key: read_act(ROOT, key) for key in REFORM}


@dataclass(kw_only=True)
class Office:
    """A database before the reform, with grants of every level, and cases of every kind."""

    engine: Engine
    clock: Clock
    administrator: Actor
    opener: Actor

    def grant(self, role: Role, code: str, person: str = "an", scope: Collection[str] = ()) -> Actor:
        wanted = keys.Grant(role=role, unit=code, person=person, name=code, scope=scope)
        made = keys.create(self.engine.database, wanted, now=self.clock())
        return next(each for each in self.grants() if each.grant == made.id)

    def grants(self) -> list[Actor]:
        with self.engine.database.read() as connection:
            return [actor_of(row) for row in connection.execute(select(api_key)).mappings()]

    def carry_out(self, acts: Sequence[Act], *, by: Actor | None = None, reason: str | None = None) -> list[Accepted]:
        found = []
        for start in range(0, len(acts), 500):
            commands = [
                self.engine.command(grant=(by or self.opener).grant, act=act, reason=reason)
                for act in acts[start : start + 500]
            ]
            futures = [self.engine.submit(Submission(commands=(each,), deadline_seconds=60)) for each in commands]
            found += [future.result(60)[0].decision for future in futures]
        assert all(isinstance(each, Accepted) for each in found), found
        return found  # type: ignore[return-value]  # as has been asserted

    def open(self, codes: Sequence[str], workflow: str = "hotspot") -> list[CaseId]:
        data = DATA[workflow]
        acts = [Open(workflow=workflow, unit=code, title=f"Điểm số {n}", data=data) for n, code in enumerate(codes)]
        by = self.grant(Role.COMMUNE_OFFICER, "VN") if workflow == "certification" else None
        return [each.events[0].case for each in self.carry_out(acts, by=by)]

    def annul(self, ids: Sequence[CaseId]) -> None:
        self.carry_out([Fire(case=each, trigger="annul") for each in ids], reason="mở nhầm")

    def cases(self) -> dict[str, Case]:
        with self.engine.database.read() as connection:
            return {row["id"]: case_of(row) for row in connection.execute(select(cases)).mappings()}

    def count(self, code: str, value: int, *, as_of: date = date(2025, 5, 1)) -> None:
        figure = Entered(unit=code, key="addicts", value=value, as_of=as_of, source="Báo cáo")
        record(self.engine.database, self.opener, figure, now=self.clock())

    def figures(self, case: CaseId) -> list[Figure]:
        """Of addicts, today: as a decision on the case has it, and as it is read."""
        today = civil_date(self.clock())
        with self.engine.database.read() as connection:
            world = load_case(connection, self.engine.definitions, self.opener.grant, case)
        there = world.case(case)
        assert there is not None
        shown = reading.figures(self.engine, self.administrator, there.unit, today)
        return [
            world.figure(there, "addicts", as_of=today, today=today),
            next(each.figure for each in shown if each.key == "addicts"),
        ]

    def seen(self) -> dict[str, set[str]]:
        """By grant: the cases that it may see today."""
        today = civil_date(self.clock())
        with self.engine.database.read() as connection:
            return {
                each.grant: set(
                    connection.execute(select(cases.c.id).where(visible(each, cases.c.unit_path, today))).scalars()
                )
                for each in self.grants()
            }

    def apply(self, act: UnitActDocument) -> unit_moves.Applied:
        *_, last = apply(self.engine, self.administrator, act)
        return last

    def places(self, level: str, province: str) -> list[Place]:
        """In force on the day before the reform."""
        statement = select(unit.c.code, unit.c.level, unit.c.path).where(
            unit.c.level == level,
            unit.c.valid_from < "2025-07-01",
            func.coalesce(unit.c.valid_to, "9999") >= "2025-07-01",
            unit.c.path.like(f"VN/{province}%"),
        )
        with self.engine.database.read() as connection:
            return [
                Place(code=r.code, level=r.level, path=r.path)
                for r in connection.execute(statement.order_by(unit.c.code))
            ]


@contextmanager
def office(url: str) -> Iterator[Office]:
    clock = Clock(BEFORE)
    engine = Engine(database=Database(url), catalogue=shipped(), clock=clock, batch_limit=256, queue_limit=1024)
    engine.writer.start()
    try:
        made = Office(engine=engine, clock=clock, administrator=None, opener=None)  # type: ignore[arg-type]  # set below
        made.administrator = made.grant(Role.ADMINISTRATOR, "VN", "quan-tri")
        made.opener = made.grant(Role.PROVINCIAL_POLICE, "VN", "mo")
        yield made
    finally:
        engine.stop()


def filled(made: Office, chance: Random) -> None:
    """Cases in communes and districts of all five provinces, some of them ended; grants on units of every level."""
    communes = {province: made.places("commune", province) for province in PROVINCES}
    districts = {province: made.places("district", province) for province in PROVINCES}
    for province in (*PROVINCES, "35", "58", "83", "86"):
        made.grant(Role.PROVINCIAL_POLICE, province)
    for province in PROVINCES:
        for place in (*chance.sample(districts[province], 3), *chance.sample(communes[province], 12)):
            made.grant(Role.COMMUNE_POLICE, place.code)
    for code in ("29410", "06967", "16804"):  # they go on with the same area
        made.grant(Role.COMMUNE_POLICE, code)
    places = [chance.choice(communes[PROVINCES[n % 5]]).code for n in range(CASES - 20)] + ["29410", "06967"]
    opened = made.open(places)
    made.annul(opened[::10])
    made.open([chance.choice(districts[province]).code for province in PROVINCES for _ in range(2)], "periodic_report")
    made.open([*PROVINCES, "207", "35", "58"], "periodic_report")


def moved_events(made: Office) -> int:
    with made.engine.database.read() as connection:
        return connection.execute(select(func.count()).where(event.c.kind == "unit_moved")).scalar_one()


@pytest.mark.timeout(size(120, 600))
def test_the_reform_of_five_provinces(database_url: str, acts: Mapping[str, UnitActDocument]) -> None:
    with office(database_url) as made:
        filled(made, Random(5))
        before, seen = made.cases(), made.seen()
        assert len(before) >= CASES
        made.clock.now = AFTER
        done = {key: made.apply(act) for key, act in acts.items()}
        after = made.cases()

        assert before.keys() == after.keys()
        require_moved_as_told(made, before, after, {left.case for each in done.values() for left in each.left})
        assert sum(each.moved for each in done.values()) == moved_events(made) > CASES // 2
        require_not_widened(seen, made.seen())
        require_intact(made.engine)
        again = [made.apply(act) for act in acts.values()]
        assert [(each.moved, each.ended, each.followed) for each in again] == [(0, 0, 0)] * 5
        assert made.cases() == after


def require_moved_as_told(
    made: Office, before: Mapping[str, Case], after: Mapping[str, Case], left: set[CaseId]
) -> None:
    with made.engine.database.read() as connection:
        today = set(connection.execute(select(unit.c.path).where(unit.c.valid_to.is_(None))).scalars())
    for old, new in ((before[key], after[key]) for key in before):
        assert new.opened_path == old.opened_path
        if old.final or old.id in left:
            assert new == old
        else:
            assert new.unit_path in today
            assert new.unit_path.endswith(new.unit)
            assert (new.state, new.due, new.data, new.title, new.entered) == (
                old.state, old.due, old.data, old.title, old.entered
            )  # fmt: skip
    assert any(case.final for case in before.values())
    assert left


def require_not_widened(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> None:
    wider = {grant: after[grant] - before[grant] for grant in before if not after[grant] <= before[grant]}
    assert not wider
    assert any(after[grant] and after[grant] == before[grant] for grant in before)


def test_a_grant_that_did_not_end_would_be_widened(
    sqlite_url: str, acts: Mapping[str, UnitActDocument], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_moves, "end_grants", lambda *_: None)
    with office(sqlite_url) as made:
        made.grant(Role.PROVINCIAL_POLICE, "86")
        made.open(["29410"])
        seen = made.seen()
        made.clock.now = AFTER
        made.apply(acts["vinh-long-2025"])
        with pytest.raises(AssertionError):
            require_not_widened(seen, made.seen())


def test_an_interrupted_run_is_simply_repeated(
    database_url: str, acts: Mapping[str, UnitActDocument], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_moves, "_AHEAD", 1)
    act = acts["quang-ninh-2025"]
    with office(database_url) as made:
        made.open([place.code for place in made.places("commune", "22")[:40]])
        made.clock.now = AFTER
        wanted = len(outlook(made.engine, act).moves)
        run = apply(made.engine, made.administrator, act)
        progress = [next(run).moved, next(run).moved, next(run).moved]
        run.close()
        assert 0 < progress[-1] < wanted
        rest = made.apply(act).moved
        assert progress[-1] + rest <= wanted == moved_events(made)
        require_intact(made.engine)


def test_a_case_of_a_divided_unit_waits_until_its_successor_is_named(
    sqlite_url: str, acts: Mapping[str, UnitActDocument]
) -> None:
    act = acts["quang-ninh-2025"]
    with office(sqlite_url) as made:
        (case,) = made.open(["06655"])
        made.clock.now = AFTER
        done = made.apply(act)
        assert done.moved == 0
        assert [(each.case, each.why.en) for each in done.left] == [
            (case, "its unit was divided: name one of 06661, 06706 for it")
        ]
        named = act.model_copy(update={"cases": {case: "06706"}})
        assert made.apply(named).moved == 1
        assert made.cases()[case].unit_path == "VN/22/06706"


def test_history_keeps_the_old_unit(sqlite_url: str, acts: Mapping[str, UnitActDocument]) -> None:
    with office(sqlite_url) as made:
        (case,) = made.open(["29386"])
        made.clock.now = AFTER
        made.apply(acts["vinh-long-2025"])
        with made.engine.database.read() as connection:
            found = list_events(
                connection, made.administrator, date(2025, 7, 2), EventFilter(), cursor=None, limit=10
            ).items
            of_old = list_events(
                connection, made.administrator, date(2025, 7, 2), EventFilter(unit="847"), cursor=None, limit=10
            ).items
        moved, opened = found
        assert isinstance(moved, Event)
        assert isinstance(opened, Event)
        assert (opened.unit, moved.unit) == ("29386", made.cases()[case].unit)
        assert (moved.trigger, moved.source, moved.target) == ("move_unit", "identified", "identified")
        assert [each.id for each in of_old] == [opened.id]
        told = cast("Mapping[str, Any]", moved.facts)
        assert told["from"]["name"] == "Xã Lương Hòa A"
        assert told["act"]["documents"][-1]["number"] == "1687/NQ-UBTVQH15"


def test_grants_follow_only_where_the_area_is_the_same(sqlite_url: str, acts: Mapping[str, UnitActDocument]) -> None:
    with office(sqlite_url) as made:
        same, merged = made.grant(Role.COMMUNE_POLICE, "06967"), made.grant(Role.COMMUNE_POLICE, "06652")
        district, province = made.grant(Role.DISTRICT_POLICE, "193"), made.grant(Role.PROVINCIAL_POLICE, "22")
        made.clock.now = AFTER
        later = made.grant(Role.COMMUNE_POLICE, "06652")
        fates = {each.grant.id: each.fate for each in outlook(made.engine, acts["quang-ninh-2025"]).grants}
        assert fates == {same.grant: "follows", merged.grant: "ends", district.grant: "ends"}
        made.apply(acts["quang-ninh-2025"])
        now = {each.grant: each for each in made.grants()}
        assert now[same.grant].unit_path == "VN/22/06967"
        assert [now[each.grant].revoked for each in (same, merged, district, province, later)] == [
            False, True, True, False, False
        ]  # fmt: skip


def test_no_grant_on_any_unit_covers_a_commune_that_it_did_not_cover(
    sqlite_url: str, acts: Mapping[str, UnitActDocument]
) -> None:
    """All units of the ten provinces, each with a grant, and every commune that went into one successor."""
    with office(sqlite_url) as made:
        wanted = [(level, province) for level in ("province", "district", "commune") for province in TEN]
        places = [each for level, province in wanted for each in made.places(level, province)]
        first = {"person": "an", "role": "commune_police", "scope": "", "created_at": "2025-01-01T00:00:00.000000Z"}
        rows = [
            {**first, "id": each.path, "secret_hash": each.path, "name": "", "unit": each.code, "unit_path": each.path}
            for each in places
        ]
        with made.engine.database.write() as connection:
            connection.execute(insert(api_key), rows)
        made.clock.now = AFTER
        done = [made.apply(act) for act in acts.values()]
        assert all(each.ended > 100 for each in done)
        kept = {each.grant: each.unit_path for each in made.grants() if not each.revoked}
        followed = {before: after for before, after in kept.items() if before != after and before.startswith("VN/")}
        paths = {each.code: each.path for each in places}
        communes = [
            (paths[source], f"VN/{PROVINCE_OF[key]}/{change.into}")
            for key, act in acts.items()
            for change in act.changes
            if isinstance(change.into, str)
            for source in change.sources
            if len(source) == 5
        ]
        wider = [
            (before, old)
            for before, after in kept.items()
            for old, new in communes
            if below(new, after) and not below(old, before) and before.startswith("VN/")
        ]
        assert not wider
        assert len(followed) == sum(each.followed for each in done) == 14
        assert {"VN/22", "VN/40"} <= kept.keys()
        assert kept.keys().isdisjoint({"VN/37", "VN/56", "VN/86", "VN/84"})


def below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def test_only_an_administrator_of_all_of_it_and_not_before_the_day(
    sqlite_url: str, acts: Mapping[str, UnitActDocument]
) -> None:
    act = acts["vinh-long-2025"]
    with office(sqlite_url) as made:
        of_one = made.grant(Role.ADMINISTRATOR, "84", "quan-tri-tinh")
        with pytest.raises(ActError, match="takes effect on 01/07/2025"):
            made.apply(act)
        made.clock.now = AFTER
        with pytest.raises(ActError, match="administrator"):
            list(apply(made.engine, made.opener, act))
        with pytest.raises(ActError, match="this grant itself"):
            list(apply(made.engine, of_one, act))


def test_a_move_is_refused_where_it_has_nothing_to_move(sqlite_url: str, acts: Mapping[str, UnitActDocument]) -> None:
    """Deciding does not trust the caller: another successor, another person, an ended case, a second time."""
    with office(sqlite_url) as made:
        running_case, ended = made.open(["29410", "29410"])
        made.annul([ended])
        change = acts["vinh-long-2025"].by_source()["29410"]

        def codes(actor: Actor, case: CaseId, to: str = "29410") -> list[str]:
            command = made.engine.command(grant=actor.grant, act=MoveUnit(case=case, to=to, change=change))
            decision = made.engine.submit(Submission(commands=(command,))).result(30)[0].decision
            return [] if isinstance(decision, Accepted) else [each.code for each in decision.blockers]  # type: ignore[union-attr]  # refused

        assert codes(made.administrator, running_case) == ["too_early"]
        made.clock.now = AFTER
        assert codes(made.opener, running_case) == ["role"]
        assert codes(made.administrator, ended) == ["state"]
        assert codes(made.administrator, running_case, "29413") == ["no_successor"]
        system = made.grant(Role.SYSTEM, "VN", "cong-ket-noi", scope={"units.move"})
        assert codes(made.grant(Role.SYSTEM, "VN", "khac", scope={"hotspot.*"}), running_case) == ["role"]
        assert codes(system, running_case) == []
        assert codes(made.administrator, running_case) == ["not_affected"]


def test_old_codes_resolve(sqlite_url: str) -> None:
    with (ROOT / "units" / "units.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["valid_to"]]
    today = {row["code"] for row in rows}
    chosen = size(Random(1).sample(rows, 60), rows)
    with office(sqlite_url) as made:
        made.clock.now = AFTER
        for row in chosen:
            found = reading.unit(made.engine, row["code"], date.fromisoformat(row["valid_from"]))
            assert (found.name, " ".join(found.successors)) == (row["name"], row["successors"])
            assert reading.unit(made.engine, row["code"]).code == row["code"]
        with pytest.raises(reading.MissingError):
            reading.unit(made.engine, "207", date(2025, 7, 2))
        assert reading.unit(made.engine, "207").successors == ("07192",)
    assert today


def test_lists_find_moved_cases_by_old_and_new_code(database_url: str, acts: Mapping[str, UnitActDocument]) -> None:
    with office(database_url) as made:
        moved, other, ended = made.open(["29260", "29260", "29257"])
        made.annul([ended])
        made.clock.now = AFTER
        made.apply(acts["vinh-long-2025"])
        new = made.cases()[moved].unit
        by_code = {
            code: {
                each.id
                for each in reading.cases(
                    made.engine, made.administrator, CaseFilter(unit=code), reading.Slice(cursor=None, limit=50)
                ).items
            }
            for code in (new, "29260", "29257", "84", "86")
        }
        assert new == "29242"
        assert by_code[new] >= {moved, other}
        assert by_code["29260"] >= {moved, other}
        assert by_code["84"] == {moved, other, ended}
        assert by_code["86"] == {moved, other}
        assert ended in by_code["29257"]


def test_figures_of_merged_communes_add_up_for_decisions_and_readers(
    database_url: str, acts: Mapping[str, UnitActDocument]
) -> None:
    """Xã Hòa Bình goes into Phường Long Đức with others: criteria read what all of them reported, or nothing."""
    change = acts["vinh-long-2025"].by_source()["29260"]
    with office(database_url) as made:
        (case,) = made.open(["29260"], "certification")
        for code in sorted(change.sources)[:-1]:
            made.count(code, 3)
        made.clock.now = AFTER
        made.apply(acts["vinh-long-2025"])
        last = max(change.sources)
        unknown = made.figures(case)
        assert [(each.value, each.missing) for each in unknown] == [(None, (last,))] * 2
        made.count(last, 4, as_of=date(2025, 5, 2))
        total = 3 * (len(change.sources) - 1) + 4
        assert [(each.value, each.as_of) for each in made.figures(case)] == [(total, date(2025, 5, 1))] * 2
        made.count("29242", 5, as_of=date(2025, 7, 1))
        assert [each.value for each in made.figures(case)] == [5, 5]


def test_the_committed_acts_are_those_of_the_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts import build_unit_acts  # noqa: PLC0415 - a program, needed here alone

    monkeypatch.setattr(build_unit_acts, "TARGET", tmp_path)
    build_unit_acts.main()
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text() for file in (ROOT / "units" / "acts").iterdir()}
    assert len(made) == len(build_unit_acts.ACTS)


def test_a_database_with_other_units_is_told(sqlite_url: str, acts: Mapping[str, UnitActDocument]) -> None:
    with office(sqlite_url) as made:
        change = acts["nghe-an-2025"].changes[0].model_copy(update={"into": "99999"})
        act = acts["nghe-an-2025"].model_copy(update={"changes": (change,)})
        made.open([change.sources[0]])
        made.clock.now = AFTER
        with pytest.raises(ActError, match="no unit 99999"):
            outlook(made.engine, act)
