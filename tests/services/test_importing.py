"""Importing: everything wrong is told before anything is written, and nothing is ever written twice."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from secrets import token_hex
from typing import Final

import pytest
from sqlalchemy import func, insert, select, update

from tests.faults import stage
from workflows.core.case import Actor, Fire, Open
from workflows.core.civil import format_instant
from workflows.core.documents import Level, Role
from workflows.services.cells import CellError
from workflows.services.engine import Engine
from workflows.services.importing import SHOWN, Problems, Written
from workflows.services.importing_cases import CaseImport
from workflows.services.importing_counts import CountImport
from workflows.services.reading import MissingError
from workflows.services.spool import Spool
from workflows.services.tabular import Cell, Record, TableError
from workflows.services.unit_codes import UnitCodes
from workflows.store import rows
from workflows.store.tables import api_key, cases, count_entry, event

HEADS: Final = ("unit", "title", "kind", "found_by")
FIGURES: Final = ("unit", "key", "value", "as_of", "source")
COMMUNE: Final = "29239"
"""A commune of Trà Vinh, in force in March 2025."""
Table = Sequence[Sequence[Cell]]


def table(*found: Sequence[Cell]) -> Iterator[Record]:
    for number, values in enumerate(found, start=1):
        yield Record(row=number, cells=tuple(values))


def holder(engine: Engine, role: Role) -> Actor:
    with engine.database.read() as connection:
        statement = select(api_key).where(api_key.c.id == stage.GRANTS[role])
        return rows.actor_of(connection.execute(statement).mappings().one())


@contextmanager
def importing(
    engine: Engine, found: Table, *, workflow: str = "hotspot", role: Role = Role.PROVINCIAL_POLICE
) -> Iterator[CaseImport]:
    """An import of cases that has been checked."""
    with Spool() as spool:
        job = CaseImport(engine, holder(engine, role), workflow, records=table(*found), spool=spool)
        job.read()
        job.check(ignored)
        yield job


def imported(
    engine: Engine, found: Table, *, workflow: str = "hotspot", role: Role = Role.PROVINCIAL_POLICE
) -> Written:
    with importing(engine, found, workflow=workflow, role=role) as job:
        assert told(job.problems) == []
        return job.write(ignored)


def counted(engine: Engine, found: Table, role: Role = Role.PROVINCIAL_POLICE) -> tuple[CountImport, Written | None]:
    with Spool() as spool:
        job = CountImport(engine, holder(engine, role), records=table(FIGURES, *found), spool=spool)
        job.read()
        return job, None if job.problems.total else job.write(ignored)


def ignored(_rows: int) -> None:
    pass


def told(problems: Problems) -> list[str]:
    return [str(problem) for problem in problems.shown]


def hotspots(units: Sequence[str], count: int) -> list[Sequence[Cell]]:
    return [HEADS, *((units[n % len(units)], f"Tụ điểm {n}", "point", "survey") for n in range(count))]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    stage.populate(database_url)
    with stage.running(database_url) as started:
        yield started


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    stage.populate(sqlite_url)
    with stage.running(sqlite_url) as started:
        yield started


def number_of_cases(engine: Engine) -> int:
    with engine.database.read() as connection:
        return connection.execute(select(func.count()).select_from(cases)).scalar_one()


def test_every_row_opens_one_case_however_often_it_is_imported(engine: Engine) -> None:
    found = [*hotspots(stage.communes(str(engine.database.url.render_as_string(hide_password=False)), 3), 40)]
    found += found[1:3]  # equal rows are rows of their own
    first = imported(engine, found)
    assert (first.new, first.done, first.problems.total) == (42, 0, 0)
    again = imported(engine, found)
    assert (again.new, again.done) == (0, 42)
    more = imported(engine, [*found, found[1]])
    assert (more.new, more.done) == (1, 42)
    assert number_of_cases(engine) == 43


def test_without_its_keys_a_second_run_would_open_everything_again(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(CaseImport, "_key", lambda *_: token_hex(32))
    found = hotspots([COMMUNE], 5)
    imported(sqlite_engine, found)
    assert imported(sqlite_engine, found).new == 5
    assert number_of_cases(sqlite_engine) == 10


def test_another_key_of_the_same_person_goes_on(sqlite_engine: Engine) -> None:
    found = hotspots([COMMUNE], 5)
    imported(sqlite_engine, found)
    police, district = stage.GRANTS[Role.PROVINCIAL_POLICE], stage.GRANTS[Role.DISTRICT_POLICE]
    assert imported(sqlite_engine, found, role=Role.DISTRICT_POLICE).new == 5, "another person's rows are their own"
    with sqlite_engine.database.write() as connection:
        person = select(api_key.c.person).where(api_key.c.id == police).scalar_subquery()
        commune = stage.GRANTS[Role.COMMUNE_POLICE]
        connection.execute(update(api_key).where(api_key.c.id == commune).values(person=person))
    assert district != police
    assert imported(sqlite_engine, found, role=Role.COMMUNE_POLICE).done == 5


def test_a_row_of_a_case_that_stands_is_passed_over_unless_it_says_otherwise(sqlite_engine: Engine) -> None:
    (case,) = stage.all_accepted(sqlite_engine, Role.COMMUNE_POLICE, [stage.hotspot(COMMUNE, "Chợ")])
    heads = ("id", *HEADS, "state")
    same, other = ((case, COMMUNE, title, "point", "survey", "identified") for title in ("Chợ", "Bến xe"))
    with importing(sqlite_engine, [heads, same]) as job:
        assert (told(job.problems), job.done, list(job.unused)) == ([], 1, ["state"])
    with importing(sqlite_engine, [heads, same, other]) as job:
        (line,) = told(job.problems)
        assert line.startswith('row 3, column "id": ')
    fresh = (stage.NOBODYS, *same[1:])
    assert imported(sqlite_engine, [heads, fresh]).new == 1


def test_no_event_holds_a_key_that_is_made_from_its_texts(sqlite_engine: Engine) -> None:
    """Texts can be destroyed; a plain hash of them in the ledger would let anybody who guesses them prove it."""
    imported(sqlite_engine, hotspots([COMMUNE], 1))
    with sqlite_engine.database.read() as connection:
        entry = bytes(connection.execute(select(event.c.entry)).scalar_one())
    assert b'"idempotency":null' in entry


def test_an_interrupted_import_is_taken_up_again(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.services.importing_cases._AHEAD", 4)
    found = hotspots([COMMUNE], 30)
    calls = []

    def interrupt(count: int) -> None:
        calls.append(count)
        if len(calls) == 7:
            raise KeyboardInterrupt

    with importing(sqlite_engine, found) as job:
        stopped = job.write(interrupt)
    assert stopped.interrupted
    assert 7 <= stopped.new == number_of_cases(sqlite_engine) < 30
    resumed = imported(sqlite_engine, found)
    assert (resumed.done, resumed.new) == (stopped.new, 30 - stopped.new)
    assert number_of_cases(sqlite_engine) == 30


def test_every_problem_of_every_row_is_told_and_nothing_written(sqlite_engine: Engine) -> None:
    found: Table = [
        ("Mã đơn vị", "Tiêu đề", "kind", "found_by", "occurred_at", "parent"),
        ("99999", "a", "piont", "survey", None, None),
        (COMMUNE, "b" * 301, "point", "survey", "01/01/2031", None),
        (1, "c", "point", None, "32/01/2025", "x"),
        (COMMUNE, "d\x00", "point", "survey", None, None),
        ("84", "e", "point", "survey", None, None),
        (COMMUNE, "f", "point", "survey", "01/12/2020", None),
        (COMMUNE, "g", "point", "survey", None, stage.NOBODYS, "h"),
        (COMMUNE, "right", "Điểm", "Survey", date(2025, 3, 1), None),
    ]
    with importing(sqlite_engine, found) as job:
        lines = told(job.problems)
    expected = [
        ("row 2, column \"Mã đơn vị\": '99999' is no unit", "nearest"),
        ("row 2, column \"kind\": 'piont' is no choice", "nearest point"),
        ('row 3, column "Tiêu đề": has 301 characters', ""),
        ('row 3, column "occurred_at":', "is in the future"),
        ("row 4, column \"Mã đơn vị\": '1' is no unit", "without its leading zeros"),
        ('row 4, column "found_by": is required', ""),
        ("row 4, column \"occurred_at\": '32/01/2025' is not a day of the calendar", ""),
        ("row 4, column \"parent\": 'x' is not a case id", ""),
        ('row 5, column "Tiêu đề":', ""),
        ("row 6, column \"Mã đơn vị\": '84' is", "a province"),
        ('row 7, column "Mã đơn vị": there is no unit', "01/12/2020"),
        ("row 8: there is a value in column 7, which has no head", ""),
    ]
    for (start, part), line in zip(sorted(expected), sorted(lines), strict=True):
        assert line.startswith(start), (line, start)
        assert part in line
    assert number_of_cases(sqlite_engine) == 0


def test_no_more_problems_are_shown_than_can_be_read(sqlite_engine: Engine) -> None:
    found = [HEADS, *((COMMUNE, "a", "?", "survey") for _ in range(1000))]
    with importing(sqlite_engine, found) as job:
        assert job.problems.total == 1000
        assert [problem.row for problem in job.problems.shown] == list(range(2, 2 + SHOWN))


def test_a_missing_column_is_told_once(sqlite_engine: Engine) -> None:
    with importing(sqlite_engine, [("unit", "title", "kind", "founded_by"), *hotspots([COMMUNE], 3)[1:]]) as job:
        lines = told(job.problems)
    assert [line for line in lines if "nearest 'found_by'" in line] == lines[:1]
    assert lines[1:] == ["row 1: there is no column 'found_by'"]


def test_what_the_engine_would_refuse_is_told_within_the_table_too(engine: Engine) -> None:
    """A commune has one running certification: of two rows for it the second is refused, even far below."""
    heads = ("unit", "title", "taken_in_on")
    others = stage.communes(engine.database.url.render_as_string(hide_password=False), 3)
    lines: list[Sequence[Cell]] = [(unit, f"Xã {unit}", "01/02/2025") for unit in others]
    with importing(engine, [heads, *lines, lines[0]], workflow="certification", role=Role.COMMUNE_OFFICER) as job:
        (problem,) = told(job.problems)
    assert problem.startswith("row 5: one_at_a_time: ")
    assert "Xã này đã có hồ sơ công nhận chưa kết thúc." in problem
    assert number_of_cases(engine) == 0
    assert imported(engine, [heads, *lines], workflow="certification", role=Role.COMMUNE_OFFICER).new == 3
    again = imported(engine, [heads, *lines], workflow="certification", role=Role.COMMUNE_OFFICER)
    assert (again.new, again.done) == (0, 3), "what stands already does not block itself"


def test_the_key_may_do_no_more_than_over_http(sqlite_engine: Engine) -> None:
    with importing(sqlite_engine, hotspots([COMMUNE], 2), role=Role.COMMUNE_OFFICER) as job:
        lines = told(job.problems)
    assert len(lines) == 2
    assert all(": role: " in line for line in lines)
    with sqlite_engine.database.write() as connection:
        police = api_key.c.id == stage.GRANTS[Role.PROVINCIAL_POLICE]
        connection.execute(update(api_key).where(police).values(unit="22", unit_path="VN/22"))
    with importing(sqlite_engine, hotspots([COMMUNE], 1)) as job:
        assert ": unit: " in told(job.problems)[0]


def test_who_was_quicker_is_told_and_the_rest_goes_on(sqlite_engine: Engine) -> None:
    heads = ("unit", "title", "taken_in_on")
    first, second = stage.communes(sqlite_engine.database.url.render_as_string(hide_password=False), 2)
    found: Table = [heads, (first, "a", "01/02/2025"), (second, "b", "01/02/2025")]
    officer = Role.COMMUNE_OFFICER
    with importing(sqlite_engine, found, workflow="certification", role=officer) as job:
        assert job.problems.total == 0
        rival = stage.send(sqlite_engine, officer, opening(first))
        case = stage.accepted(rival).events[0].case
        written = job.write(ignored)
    assert written.new == 1
    (line,) = told(written.problems)
    assert line.startswith("row 2: one_at_a_time: ")
    stage.accepted(
        stage.send(sqlite_engine, Role.PROVINCIAL_POLICE, Fire(case=case, trigger="annul"), reason="Mở nhầm")
    )
    assert imported(sqlite_engine, found, workflow="certification", role=officer).new == 1, "the refusal is not kept"


def opening(unit: str) -> Open:
    return Open(workflow="certification", unit=unit, title="Xã", data={"taken_in_on": "2025-02-01"})


def test_an_unknown_workflow_and_an_empty_table_are_told(sqlite_engine: Engine) -> None:
    with pytest.raises(MissingError) as raised, importing(sqlite_engine, [HEADS], workflow="hotspots"):
        pass
    assert raised.value.nearest == "hotspot"
    with pytest.raises(TableError, match="empty"), importing(sqlite_engine, []):
        pass


def test_codes_that_lost_their_zeros_are_told_and_not_guessed(sqlite_engine: Engine) -> None:
    with sqlite_engine.database.read() as connection:
        any_level, communes = UnitCodes(connection), UnitCodes(connection, (Level.COMMUNE,))
    assert any_level.read("01") == "01"
    assert any_level.read("84") == "84"
    assert communes.read(29239.0) == COMMUNE
    for codes, given, meant in ((any_level, 1, "'01'"), (communes, "4", "'00004'"), (any_level, 4.0, "'00004'")):
        with pytest.raises(CellError, match=meant):
            codes.read(given)
    with pytest.raises(CellError, match=r"is a number: '84' .* or '084'"):
        any_level.read(84)
    with pytest.raises(CellError, match=r"give its code; of that name: 26389, 29263, 31651"):
        any_level.read("Xã Long Đức")


CORRECTED: Final = "was entered before, and corrected to {} since, which stands; to enter it again, give another source"
FIGURE: Final[Mapping[str, Cell]] = {
    "unit": COMMUNE,
    "key": "addicts",
    "value": 5,
    "as_of": "01/03/2025",
    "source": "Báo cáo",
}


def figure(**changed: Cell) -> Sequence[Cell]:
    return tuple({**FIGURE, **changed}[name] for name in FIGURES)


def test_figures_are_entered_once(engine: Engine) -> None:
    found = [figure(), figure(value=6), figure(key="Addicts on file"), figure()]
    _, first = counted(engine, found)
    assert first is not None
    assert (first.new, first.done) == (3, 1)
    assert told(first.notes) == ["row 5: " + CORRECTED.format(6)]
    _, again = counted(engine, found)
    assert again is not None
    assert (again.new, again.done) == (0, 4)
    with engine.database.read() as connection:
        statement = select(count_entry).where(count_entry.c.key == "addicts").order_by(count_entry.c.recorded_at)
        entered = connection.execute(statement).all()
    assert [row.value for row in entered] == [5, 6]
    assert entered[0].recorded_at < entered[1].recorded_at, "of one instant, neither would be the newer"


def test_figures_of_others_are_not_ones_own(sqlite_engine: Engine) -> None:
    counted(sqlite_engine, [figure()])
    _, other = counted(sqlite_engine, [figure()], Role.DISTRICT_POLICE)
    assert other is not None
    assert other.new == 1


def test_a_figure_that_was_corrected_since_is_pointed_out(sqlite_engine: Engine) -> None:
    counted(sqlite_engine, [figure()])
    counted(sqlite_engine, [figure(value=7, source="Rà soát")], Role.DISTRICT_POLICE)
    _, again = counted(sqlite_engine, [figure()])
    assert again is not None
    assert (again.new, again.done) == (0, 1)
    assert told(again.notes) == ["row 2: " + CORRECTED.format(7)]


def test_entries_come_after_the_last_one(sqlite_engine: Engine) -> None:
    last = format_instant(stage.NOW + timedelta(seconds=5))
    with sqlite_engine.database.write() as connection:
        row = {"id": "x", "unit": COMMUNE, "key": "addicts", "value": 1, "as_of": "2025-01-01", "source": "a"}
        connection.execute(insert(count_entry), {**row, "person": "p", "grant_id": "g", "recorded_at": last})
    counted(sqlite_engine, [figure(), figure(value=6)])
    with sqlite_engine.database.read() as connection:
        statement = select(count_entry.c.recorded_at, count_entry.c.value).order_by(count_entry.c.recorded_at)
        assert [row.value for row in connection.execute(statement)] == [1, 5, 6]


@pytest.mark.parametrize(
    ("changed", "told_of"),
    [
        ({"unit": "99999"}, 'row 2, column "unit"'),
        ({"key": "addict"}, "nearest addicts"),
        ({"value": -1}, 'row 2, column "value": -1 is not between'),
        ({"as_of": "06/03/2025"}, 'row 2, column "as_of": 06/03/2025 is in the future'),
        ({"as_of": "06/03/2020"}, "there is no unit '29239' on 06/03/2020"),
        ({"source": None}, 'row 2, column "source": is required'),
    ],
    ids=["unit", "key", "value", "future", "past", "source"],
)
def test_what_is_wrong_with_a_figure_is_told(sqlite_engine: Engine, changed: Mapping[str, Cell], told_of: str) -> None:
    job, written = counted(sqlite_engine, [figure(**changed), figure()])
    assert written is None
    (line,) = told(job.problems)
    assert told_of in line


def test_who_may_not_enter_figures_is_told(sqlite_engine: Engine) -> None:
    job, written = counted(sqlite_engine, [figure()], Role.AUDITOR)
    assert written is None
    assert ": role: " in told(job.problems)[0]


def test_a_key_that_is_revoked_meanwhile_enters_nothing(sqlite_engine: Engine) -> None:
    with Spool() as spool:
        actor = holder(sqlite_engine, Role.PROVINCIAL_POLICE)
        job = CountImport(sqlite_engine, actor, records=table(FIGURES, figure()), spool=spool)
        job.read()
        with sqlite_engine.database.write() as connection:
            revoked = update(api_key).where(api_key.c.id == actor.grant)
            connection.execute(revoked.values(revoked_at=format_instant(stage.NOW)))
        written = job.write(ignored)
    assert written.new == 0
    assert "no longer in force" in told(written.problems)[0]


def test_rows_come_in_turns_of_their_units() -> None:
    """Side by side in one transaction can only stand rows of different units."""
    with Spool() as spool:
        for number, unit in enumerate("aaabbc", start=2):
            spool.add(number, unit, f"{number}", b"{}")
        spool.seal()
        assert [row.unit for row in spool.by_turn()] == list("abcaba")
        assert [[row.number for row in part] for part in spool.by_unit(4)] == [[2, 3, 4, 5], [6, 7]]
        spool.mark_done([2, 5])
        assert [row.number for part in spool.by_number(2) for row in part] == [3, 4, 6, 7]
