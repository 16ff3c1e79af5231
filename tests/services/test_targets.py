"""Targets of the plans that ship: the table of Quảng Ninh as printed, and what each unit is told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from tests.factories import Clock, running
from workflows.core.case import Actor
from workflows.core.documents import Level, Role
from workflows.core.ids import uuid7
from workflows.services.engine import Engine
from workflows.services.plan_json import plan_json, targets_json
from workflows.services.reading import MissingError
from workflows.services.targets import View, plan, targets
from workflows.store import counts
from workflows.store.counts import Figure
from workflows.store.territory import territory

ACTOR: Final = Actor(
    grant=uuid7(datetime(2025, 1, 1, tzinfo=UTC), bytes(10)),
    person="an",
    role=Role.AUDITOR,
    unit="VN",
    unit_path="VN",
)
QUANG_NINH: Final = "quang-ninh-2023"
TABLE: Final = "drug_free_communes_by_district"
PRINTED: Final = """
Hạ Long     33  2  6 %  10  30,3 %  16  48,5 %
Cẩm Phả     16  1  6 %   5  31,3 %   8  50,0 %
Móng Cái    17  4  24 %  7  41,2 %   9  52,9 %
Uông Bí     10  0  0 %   3  30,0 %   5  50,0 %
Đông Triều  21  1  5 %   5  23,8 %  11  52,4 %
Quảng Yên   19  2  11 %  5  26,3 %  10  52,6 %
Vân Đồn     12  6  50 %  7  58,3 %   8  66,7 %
Tiên Yên    11  5  45 %  6  54,5 %   7  63,6 %
Hải Hà      11  4  36 %  5  45,5 %   6  54,5 %
Đầm Hà       9  5  56 %  6  66,7 %   7  77,8 %
Bình Liêu    7  6  86 %  7  100,0 %  7  100,0 %
Ba Chẽ       8  6  75 %  7  87,5 %   8  100,0 %
Cô Tô        3  3  100 %  3  100,0 %  3  100,0 %
"""
TOGETHER: Final = (177, (45, "25 %"), (76, "42,9 %"), (105, "59,3 %"))
LEVELS: Final = ("Thành phố ", "Thị xã ", "Huyện ")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with running(database_url, Clock(now=datetime(2025, 1, 20, 3, tzinfo=UTC))) as started:
        yield started


def asked(
    engine: Engine, key: str, unit: str | None = None, as_of: date | None = None, actor: Actor = ACTOR
) -> dict[str, Any]:
    return targets_json(targets(engine, actor, View(key=key, as_of=as_of, unit=unit)))


def item(answer: dict[str, Any], key: str) -> dict[str, Any]:
    return next(each for each in answer["items"] if each["key"] == key)


def cells(row: dict[str, Any]) -> tuple[tuple[int, str], ...]:
    return tuple((cell["level"], cell["printed"]["vi"]) for cell in row["cells"].values())


def enter(engine: Engine, key: str, value: int, day: date, units: list[str]) -> None:
    for unit in units:
        figure = Figure(unit=unit, key=key, value=value, as_of=day, source="Sổ theo dõi")
        counts.record(engine.database, ACTOR, figure, now=engine.clock())


def test_the_table_of_quang_ninh_is_as_printed(engine: Engine) -> None:
    found = item(asked(engine, QUANG_NINH), TABLE)["table"]
    printed = [line for line in PRINTED.splitlines() if line]
    assert len(found["rows"]) == len(printed) == 13
    for row, line in zip(found["rows"], printed, strict=True):
        name = row["unit"]["name"]
        for level in LEVELS:
            name = name.removeprefix(level)
        levels = [each for column in cells(row) for each in column]
        assert " ".join([name, str(row["total"]), *map(str, levels)]) == " ".join(line.split())
    assert (found["together"]["total"], *cells(found["together"])) == TOGETHER
    assert [column["by"] for column in found["columns"]] == ["2022-12-31", "2024-12-31", "2025-12-31"]


def test_what_is_reached_stands_beside_the_table(engine: Engine) -> None:
    """Bình Liêu: all 7 communes are known for the end of 2024, of Cô Tô's 3 only two."""
    day = date(2024, 12, 31)
    of_binh_lieu = _communes(engine, "198")
    enter(engine, "drug_evils_present", 0, day, of_binh_lieu[1:])
    enter(engine, "drug_evils_present", 1, day, of_binh_lieu[:1])
    enter(engine, "drug_evils_present", 0, day, _communes(engine, "207")[:2])
    rows = {row["unit"]["code"]: row["cells"] for row in item(asked(engine, QUANG_NINH), TABLE)["table"]["rows"]}
    assert (rows["198"]["end_2024"]["figure"], rows["198"]["end_2024"]["met"]) == (6, False)
    assert rows["198"]["baseline"]["figure"] is None
    lacking = rows["207"]["end_2024"]
    assert (lacking["figure"], lacking["met"]) == (None, None)
    assert lacking["unknown"][0]["en"].startswith("missing “")
    assert lacking["unknown"][0]["en"].endswith("of 1 commune: Xã Thanh Lân")
    before = item(asked(engine, QUANG_NINH, as_of=date(2025, 1, 19)), TABLE)["table"]["rows"]
    assert all(cell["figure"] is None for row in before for cell in row["cells"].values()), "entered a day later"


def _communes(engine: Engine, district: str) -> list[str]:
    with engine.database.read() as connection:
        units = territory(connection, "22", date(2023, 7, 7)).parts(district, Level.COMMUNE)
    return [each.code for each in units]


def test_a_part_is_told_of_itself_alone(engine: Engine) -> None:
    whole, district = asked(engine, QUANG_NINH), asked(engine, QUANG_NINH, "198")
    assert [row["unit"]["code"] for row in item(district, TABLE)["table"]["rows"]] == ["198"]
    assert item(district, TABLE)["table"]["together"] is None
    assert item(whole, "drug_free_communes_2024")["applies"] is True
    assert item(district, "drug_free_communes_2024")["applies"] is False, "76 communes are the province's"
    assert item(district, "drug_free_communes_share")["applies"] is True
    attested = item(district, "no_production") if "no_production" in plan(engine, QUANG_NINH).targets else None
    assert attested is None or attested["now"]["of"] is None


@pytest.mark.parametrize("key", ["khanh-hoa-2025", "nghe-an-2021", "ninh-binh-2022", QUANG_NINH, "tra-vinh-2025"])
def test_nothing_entered_is_unknown_and_never_zero_per_cent(sqlite_url: str, key: str) -> None:
    with running(sqlite_url, Clock(now=datetime(2025, 11, 20, tzinfo=UTC))) as engine:
        assert plan_json(plan(engine, key))["key"] == key
        found = asked(engine, key)
        for each in found["items"]:
            readings = [each["now"], *each["years"]]
            for reading in readings:
                ratio = each["bound"] is not None and each["bound"]["per_cent"]
                assert (reading["exact"] is None) == bool(reading["unknown"]), each["key"]
                if ratio and reading["exact"] == "0":
                    assert reading["base"], each["key"]
        assert sum(each["now"]["met"] is None for each in found["items"]) > len(found["items"]) // 2
        assert {each["year"] for one in found["items"] for each in one["years"]} <= set(range(2021, 2026))


def test_only_units_that_the_grant_covers_are_told(engine: Engine) -> None:
    police = replace(ACTOR, role=Role.COMMUNE_POLICE, unit="29242", unit_path="VN/84/842/29242")
    own = asked(engine, "tra-vinh-2025", actor=police)
    assert own["unit"]["code"] == "29242"
    for unit in ("84", "842", "29236", "22", "99999"):
        with pytest.raises(MissingError):
            asked(engine, "tra-vinh-2025", unit, actor=police)
    with pytest.raises(MissingError) as caught:
        asked(engine, "tra-vinh-2026")
    assert caught.value.nearest == "tra-vinh-2025"
    with pytest.raises(MissingError):
        asked(engine, QUANG_NINH, actor=police)
