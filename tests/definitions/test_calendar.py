"""The shipped calendar beside the library's, how the file of a calendar is found, and what a missing one means.

What one bad calendar gives is told by the corpus in `bad/calendar`.
"""

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from holidays.countries.vietnam import Vietnam
from jsonschema import Draft202012Validator

from workflows.core.calendar_documents import CalendarDocument, Holiday, IssuedDocument, Notice, Swap
from workflows.core.calendars import Calendar, days
from workflows.core.public_holidays import public_holidays
from workflows.core.shape import read_shape
from workflows.loader import check, load
from workflows.yaml_tree import read_tree

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "definitions"
CALENDAR = "calendars/mau.yaml"
NOT_IN_SCHEMA = {
    "shape_holiday_of_a_misprint",
    "shape_holiday_reversed",
    "shape_notice_of_nothing",
    "shape_settled_reversed",
    "shape_swap_of_a_misprint",
    "shape_swap_with_itself",
    "shape_year_unknown",
}
"""Rules over two values, and bounds of dates."""


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(HERE / "good", "definitions")
    return Path("definitions")


def messages(definitions: Path) -> list[str]:
    return [str(problem) for problem in check([definitions])]


def in_working_days(definitions: Path) -> None:
    file = definitions / "workflows/dossier.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count("unit: days") == 1
    file.write_text(text.replace("unit: days", "unit: working_days"), encoding="utf-8")


def shipped() -> Calendar:
    found = load(SHIPPED).calendar
    assert found is not None
    return found


def test_every_swap_that_the_library_knows_of_stands_in_a_notice() -> None:
    """A newer library that knows of more asks for a notice, and never moves a deadline by itself."""
    settled = shipped().document.settled
    library = Vietnam(years=range(2021, 2028))  # type: ignore[no-untyped-call]  # typed but for its constructor
    known = {each for each in library.weekend_workdays if each >= settled.from_}
    assert known
    assert known <= {swap.worked for notice in shipped().document.notices for swap in notice.swaps}


def test_the_holidays_of_notices_are_those_that_the_library_reckons() -> None:
    """What an authority chose is what the usual reckoning gives: neither a misprint of ours nor a surprise."""
    swapped = {swap.off for notice in shipped().document.notices for swap in notice.swaps}
    chosen = [holiday for notice in shipped().document.notices for holiday in notice.holidays]
    assert len(chosen) == 8
    for holiday in chosen:
        weekdays = {day for day in days(holiday.first, holiday.last) if day.weekday() < 5} - swapped
        assert weekdays
        assert weekdays <= public_holidays(holiday.first.year).keys(), holiday.title.en


def test_no_weekday_beside_a_chosen_holiday_is_off_by_the_library_alone() -> None:
    """The control of the test before: a notice that leaves out a day of Tết would be seen here."""
    for notice in shipped().document.notices:
        for holiday in notice.holidays:
            around = {date.fromordinal(holiday.first.toordinal() - 1), date.fromordinal(holiday.last.toordinal() + 1)}
            assert around.isdisjoint(public_holidays(holiday.first.year)), holiday.title.en


def test_a_directory_without_a_calendar_has_none(definitions: Path) -> None:
    shutil.rmtree(definitions / "calendars")
    assert messages(definitions) == []
    assert load(definitions).calendar is None


def test_working_days_ask_for_a_calendar(definitions: Path) -> None:
    in_working_days(definitions)
    assert messages(definitions) == []
    (definitions / CALENDAR).unlink()
    (message,) = messages(definitions)
    place = "definitions/workflows/dossier.yaml:25: states.drafted.due"
    assert message == f"{place}: there is no calendar to tell which days are worked: no file calendars/*.yaml"


def test_a_calendar_that_cannot_be_read_is_the_only_problem(definitions: Path) -> None:
    in_working_days(definitions)
    (definitions / CALENDAR).write_text("calendar: mau\n", encoding="utf-8")
    assert {message.partition(":")[0] for message in messages(definitions)} == {f"definitions/{CALENDAR}"}


def test_the_example_of_the_guide_is_proved_and_every_key_explained(tmp_path: Path) -> None:
    guide = (SHIPPED.parent / "docs/authors/calendar.md").read_text(encoding="utf-8")
    ((name, text),) = re.findall(r"^```yaml (\S+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    file = tmp_path / name
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    (tmp_path / "workflows").mkdir()
    shutil.copyfile(HERE / "good/workflows/review.yaml", tmp_path / "workflows/review.yaml")
    assert [str(problem) for problem in check([file])] == []
    models = (CalendarDocument, IssuedDocument, Notice, Holiday, Swap)
    keys = {name for model in models for name in model.model_fields} - {"basis"}
    assert {key for key in keys if f"`{key}`" not in guide and f"`{key}:" not in guide} == set()


def test_there_is_one_calendar(definitions: Path) -> None:
    text = (definitions / CALENDAR).read_text(encoding="utf-8")
    (definitions / "calendars/nua.yaml").write_text(text.replace("calendar: mau", "calendar: nua"), encoding="utf-8")
    (message,) = messages(definitions)
    place = "definitions/calendars/nua.yaml:1: calendar"
    assert message == f"{place}: deadlines are reckoned by one calendar, which is definitions/{CALENDAR}"


def test_a_calendar_that_is_not_read_is_told(definitions: Path) -> None:
    shutil.move(definitions / CALENDAR, definitions / "calendars/mau.yml")
    (message,) = messages(definitions)
    said = "is not read: a calendar stands directly in definitions/calendars and ends in .yaml"
    assert message == f"definitions/calendars/mau.yml:1: {said}"


def test_a_calendar_is_known_by_its_content_where_its_place_tells_nothing(tmp_path: Path) -> None:
    shutil.copyfile(HERE / "good" / CALENDAR, tmp_path / "mau.yaml")
    assert check([tmp_path / "mau.yaml"]) == []


def test_the_schema_tells_good_shapes_from_bad_ones() -> None:
    validator = Draft202012Validator(json.loads((SHIPPED / "calendar.schema.json").read_text(encoding="utf-8")))
    for file in (SHIPPED / "calendars/viet_nam.yaml", HERE / "good" / CALENDAR):
        assert list(validator.iter_errors(read_tree(file.read_bytes()).data)) == []
    bad = {file: read_tree(file.read_bytes()) for file in sorted((HERE / "bad/calendar").glob("*.yaml"))}
    misshapen = {
        file: tree for file, tree in bad.items() if not tree.faults and not read_shape(CalendarDocument, tree.data)[0]
    }
    assert len(misshapen) >= 12
    assert {file.stem for file, tree in misshapen.items() if validator.is_valid(tree.data)} == NOT_IN_SCHEMA
