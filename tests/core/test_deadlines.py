"""Deadlines of cases in working days: how they come about, what is recorded, and how they move with the calendar."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import pytest

from tests.errands import SWAP, errand_catalogue, errand_document
from tests.factories import Clock, Desk, opened
from workflows.core.calendars import Calendar
from workflows.core.case import Accepted, Case, CaseId, Decision, Event, Kind, MoveDeadline, NotFound, Refused, apply
from workflows.core.deadline_words import told
from workflows.core.deadlines import deadline_of
from workflows.core.definition import Definitions, compile_definition
from workflows.core.documents import Role
from workflows.core.ledger import read

MORNING = datetime(2025, 3, 5, 2, tzinfo=UTC)


@cache
def definitions(notices: str = "") -> Definitions:
    return Definitions([compile_definition(errand_document(), errand_catalogue(notices))])


@pytest.fixture
def desk() -> Desk:
    return Desk(definitions=definitions())


@pytest.fixture
def police(desk: Desk) -> str:
    return desk.actor(Role.COMMUNE_POLICE, "an")


@pytest.fixture
def administrator(desk: Desk) -> str:
    return desk.actor(Role.ADMINISTRATOR, "quản trị", path="VN")


def calendar_of(desk: Desk) -> Calendar:
    found = desk.definitions.versions("errand")[0].calendar
    assert found is not None
    return found


def issue_swap(desk: Desk) -> None:
    """The calendar is another one from now on; definitions and cases are the same."""
    before = desk.definitions.versions("errand")[0].hash
    desk.definitions = definitions(SWAP)
    assert desk.definitions.versions("errand")[0].hash == before


def case_of(desk: Desk, decision: Decision) -> Case:
    return desk.cases[opened(decision)]


def event_of(decision: Decision) -> Event:
    assert isinstance(decision, Accepted), decision
    return decision.events[0]


def move(desk: Desk, grant: str, case: CaseId) -> Decision:
    return desk.decide(desk.command(grant, MoveDeadline(case=case), reason="Theo 77/TB-BNV"))


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision, Refused), decision
    return [blocker.code for blocker in decision.blockers]


class TestReckoning:
    def test_working_days_from_the_day_of_opening(self, desk: Desk, police: str) -> None:
        assert case_of(desk, desk.open(police, "errand", {})).due == date(2025, 3, 12)

    @pytest.mark.parametrize(
        ("instant", "due"),
        [
            (datetime(2025, 3, 5, 16, 59, tzinfo=UTC), date(2025, 3, 12)),
            (datetime(2025, 3, 5, 23, 30, tzinfo=UTC), date(2025, 3, 13)),
            (datetime(2025, 1, 23, 23, 30, tzinfo=UTC), date(2025, 2, 7)),
            (datetime(2025, 4, 24, 23, 30, tzinfo=UTC), date(2025, 5, 6)),
        ],
    )
    def test_the_day_is_that_of_viet_nam(self, instant: datetime, due: date) -> None:
        desk = Desk(definitions=definitions(), clock=Clock(now=instant))
        assert case_of(desk, desk.open(desk.actor(Role.COMMUNE_POLICE), "errand", {})).due == due

    def test_a_month_that_ends_on_a_day_off_rolls(self, police: str, desk: Desk) -> None:
        desk.clock.now = datetime(2025, 3, 30, 2, tzinfo=UTC)
        case = opened(desk.open(police, "errand", {}))
        desk.fire(police, case, "wait")
        assert desk.cases[case].due == date(2025, 5, 5)

    def test_a_named_day_does_not(self, police: str, desk: Desk) -> None:
        case = opened(desk.open(police, "errand", {"promised": "2025-05-02"}))
        desk.fire(police, case, "wait")
        desk.fire(police, case, "promise")
        assert desk.cases[case].due == date(2025, 5, 2)

    def test_a_step_that_keeps_the_state_keeps_the_deadline(self, police: str, desk: Desk) -> None:
        case = opened(desk.open(police, "errand", {}))
        desk.clock.advance(days=3)
        noted = event_of(desk.fire(police, case, "note"))
        assert desk.cases[case].due == date(2025, 3, 12)
        assert "due" not in noted.changes

    def test_an_event_that_gives_a_deadline_records_the_calendar(self, police: str, desk: Desk) -> None:
        first = event_of(desk.open(police, "errand", {}))
        version = calendar_of(desk).version
        fact = {"value": version, "source": "viet_nam", "as_of": "2025-03-05"}
        assert first.facts == {"calendar.viet_nam": fact}
        assert event_of(desk.fire(police, first.case, "wait")).facts == {"calendar.viet_nam": fact}
        assert event_of(desk.fire(police, first.case, "promise")).facts == {}
        assert event_of(desk.fire(police, first.case, "finish")).facts == {}


class TestMoving:
    def test_a_new_swap_moves_the_deadline_of_a_running_case(self, desk: Desk, police: str, administrator: str) -> None:
        before = case_of(desk, desk.open(police, "errand", {}))
        issue_swap(desk)
        desk.clock.advance(hours=1)
        event = event_of(move(desk, administrator, before.id))
        after = desk.cases[before.id]
        assert (before.due, after.due) == (date(2025, 3, 12), date(2025, 3, 13))
        assert event.kind is Kind.DEADLINE_MOVED
        assert event.changes == {"due": "2025-03-13"}
        assert (event.trigger, event.source, event.target) == ("move_deadline", "planned", "planned")
        assert event.facts["due"] == {"value": "2025-03-12", "source": "case", "as_of": "2025-03-05"}
        assert event.facts["notices"] == {
            "value": [{"number": "77/TB-BNV", "date": "2025-03-04"}],
            "source": "viet_nam",
            "as_of": "2025-03-05",
        }
        assert event.facts["calendar.viet_nam"] == {
            "value": calendar_of(desk).version,
            "source": "viet_nam",
            "as_of": "2025-03-05",
        }
        assert event.reason == "Theo 77/TB-BNV"
        assert replace(after, acts=before.acts) == replace(
            before, due=after.due, version=2, head=event.hash, occurred_at=desk.clock(), recorded_at=desk.clock()
        )

    def test_the_case_is_the_fold_of_its_entries(self, desk: Desk, police: str, administrator: str) -> None:
        first = event_of(desk.open(police, "errand", {}))
        issue_swap(desk)
        second = event_of(move(desk, administrator, first.case))
        folded = None
        for event in (first, second):
            folded = apply(folded, read(event.entry, salt=event.salt, payload=event.payload))
        assert folded == desk.cases[first.case]
        assert second.prev_hash == first.hash

    def test_it_moves_once(self, desk: Desk, police: str, administrator: str) -> None:
        case = opened(desk.open(police, "errand", {}))
        issue_swap(desk)
        assert isinstance(move(desk, administrator, case), Accepted)
        assert codes(move(desk, administrator, case)) == ["deadline_stands"]
        assert desk.cases[case].version == 2

    def test_without_a_new_calendar_it_stands(self, desk: Desk, police: str, administrator: str) -> None:
        assert codes(move(desk, administrator, opened(desk.open(police, "errand", {})))) == ["deadline_stands"]

    def test_a_case_that_ended_stands(self, desk: Desk, police: str, administrator: str) -> None:
        case = opened(desk.open(police, "errand", {}))
        desk.fire(police, case, "finish")
        issue_swap(desk)
        assert codes(move(desk, administrator, case)) == ["deadline_stands"]

    def test_a_named_day_stands(self, desk: Desk, police: str, administrator: str) -> None:
        case = opened(desk.open(police, "errand", {"promised": "2025-03-10"}))
        desk.fire(police, case, "wait")
        desk.fire(police, case, "promise")
        issue_swap(desk)
        assert codes(move(desk, administrator, case)) == ["deadline_stands"]

    @pytest.mark.parametrize("role", [Role.COMMUNE_POLICE, Role.PROVINCIAL_POLICE, Role.AUDITOR])
    def test_others_do_not_move_deadlines(self, desk: Desk, police: str, role: Role) -> None:
        case = opened(desk.open(police, "errand", {}))
        issue_swap(desk)
        assert codes(move(desk, desk.actor(role, "bình"), case)) == ["role"]

    def test_a_connected_system_needs_the_scope(self, desk: Desk, police: str) -> None:
        case = opened(desk.open(police, "errand", {}))
        issue_swap(desk)
        without = desk.actor(Role.SYSTEM, "cổng", path="VN", scope=frozenset({"errand.*"}))
        assert codes(move(desk, without, case)) == ["role"]
        having = desk.actor(Role.SYSTEM, "cổng", path="VN", scope=frozenset({"deadlines.move"}))
        assert isinstance(move(desk, having, case), Accepted)

    def test_who_may_not_see_the_case_does_not_learn_of_it(self, desk: Desk, police: str) -> None:
        case = opened(desk.open(police, "errand", {}))
        issue_swap(desk)
        elsewhere = desk.actor(Role.ADMINISTRATOR, "xa", path="VN/22")
        assert isinstance(move(desk, elsewhere, case), NotFound)
        expired = desk.actor(Role.ADMINISTRATOR, "cũ", path="VN", valid_to=date(2025, 3, 5))
        assert isinstance(move(desk, expired, case), NotFound)

    def test_nobody_fires_it_by_name(self, desk: Desk, police: str, administrator: str) -> None:
        case = opened(desk.open(police, "errand", {}))
        issue_swap(desk)
        assert not isinstance(desk.fire(administrator, case, "move_deadline"), Accepted)
        offers = desk.explain(administrator, case)
        assert isinstance(offers, tuple)
        assert "move_deadline" not in {offer.trigger for offer in offers}


class TestWords:
    def said(self, desk: Desk, case: CaseId) -> Iterator[str]:
        found = desk.cases[case]
        definition = desk.definitions.by_hash(found.definition)
        words = told(definition, found, deadline_of(definition, found))
        yield words.vi
        yield words.en

    def test_every_form_of_deadline_is_told_in_two_languages(self, desk: Desk, police: str) -> None:
        desk.clock.now = datetime(2025, 4, 25, 2, tzinfo=UTC)
        case = opened(desk.open(police, "errand", {}))
        assert list(self.said(desk, case)) == [
            (
                "5 ngày làm việc kể từ ngày 25/04/2025, là ngày chuyển sang trạng thái “Đã lên kế hoạch” và không được "
                "tính; hạn cuối là hết ngày 06/05/2025. Không tính 6 ngày nghỉ. Có tính ngày làm bù: 26/04/2025."
            ),
            (
                "5 working days after 25/04/2025, the day of entering state “Planned”, which is not counted; the last "
                "day in time is 06/05/2025. Days off not counted: 6. Days of rest that were worked and count: "
                "26/04/2025."
            ),
        ]
        desk.clock.now = datetime(2025, 10, 31, 2, tzinfo=UTC)
        desk.fire(police, case, "wait")
        vi, en = self.said(desk, case)
        assert vi.endswith(
            "Ngày 30/11/2025 là ngày nghỉ nên hạn dời đến ngày làm việc kế tiếp. "
            "Tháng 11/2025 không có ngày 31, nên lấy ngày cuối tháng."
        )
        assert en.endswith(
            "30/11/2025 is a day off, so that the deadline is the next working day. "
            "11/2025 has no day 31: its last day counts."
        )
        desk.fire(police, case, "promise")
        assert list(self.said(desk, case)) == [
            "Thời hạn là ngày ghi tại “Ngày hẹn”, hiện chưa có.",
            "The deadline is the day given as “Promised for”, not known yet.",
        ]
        desk.fire(police, case, "release")
        assert list(self.said(desk, case)) == [
            "Hồ sơ ở trạng thái “Không hạn” không có thời hạn.",
            "A case in state “Free” has no deadline.",
        ]

    def test_a_named_day_says_that_it_does_not_move(self, desk: Desk, police: str) -> None:
        case = opened(desk.open(police, "errand", {"promised": "2025-05-02"}))
        desk.fire(police, case, "wait")
        desk.fire(police, case, "promise")
        vi, en = self.said(desk, case)
        assert vi.startswith("Hạn cuối là hết ngày 02/05/2025, ghi tại “Ngày hẹn”")
        assert en.startswith("The last day in time is 02/05/2025, given as “Promised for”")

    def test_a_deadline_that_is_not_moved_yet_says_so(self, desk: Desk, police: str, administrator: str) -> None:
        case = opened(desk.open(police, "errand", {}))
        assert "12/03/2025" in next(self.said(desk, case))
        issue_swap(desk)
        vi, en = self.said(desk, case)
        assert vi.endswith("Hồ sơ còn ghi hạn 12/03/2025, tính theo lịch trước đây; cần dời sang hạn mới.")
        assert en.endswith("The case still has 12/03/2025, as reckoned by an earlier calendar; it is to be moved.")
        move(desk, administrator, case)
        assert "12/03/2025" not in next(self.said(desk, case))

    @pytest.mark.parametrize(("month", "open_end"), [(11, False), (12, True)])
    def test_a_deadline_beyond_what_was_issued_says_that_it_may_move(
        self, desk: Desk, police: str, month: int, *, open_end: bool
    ) -> None:
        case = opened(desk.open(police, "errand", {}))
        desk.clock.now = datetime(2026, month, 10, 2, tzinfo=UTC)
        desk.fire(police, case, "wait")
        vi, en = self.said(desk, case)
        assert ("chưa được ban hành đủ" in vi, "may still move" in en) == (open_end, open_end)
