"""Moving the deadline of a running case to where the calendar now has it: whether it may be done, and what it changes.

What is issued later moves deadlines that were reckoned before; which day is right follows from the definition and the
calendar, so that nobody names one. The case keeps its state, and events before keep the deadline that they gave.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from workflows.core.authority import has_role
from workflows.core.calendar_documents import Notice
from workflows.core.calendars import Calendar
from workflows.core.canonical import Json
from workflows.core.case import Actor, Blocker, Case, Changes, Data, Kind
from workflows.core.civil import show_date
from workflows.core.deadlines import calendar_fact, deadline_of
from workflows.core.definition import Definition, Step
from workflows.core.documents import MOVE_DEADLINE, Role, Words
from workflows.core.drafting import Change
from workflows.core.ledger import FreeText
from workflows.core.wording import wrong_role

ROLES: Final = frozenset({Role.ADMINISTRATOR})
SCOPE: Final = ("deadlines", "move")
"""What a `system` key names in its scope, as `deadlines.move`, to move deadlines."""
STANDS: Final = "deadline_stands"
"""Code of the blocker of a case whose deadline the calendar has where it is."""
STEP: Final = Step(
    trigger=MOVE_DEADLINE,
    kind=Kind.DEADLINE_MOVED,
    title=Words(vi="Dời hạn theo lịch làm việc", en="Move the deadline by the calendar"),
    targets={},
    roles=ROLES,
    fields={},
    sets={},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where the calendar now has a deadline."""

    last: date
    """The last day in time."""
    calendar: Calendar
    notices: tuple[Notice, ...]
    """Those about the days that were counted, then or now."""


def moved(definition: Definition, case: Case) -> Moved | None:
    """None where the case has ended, or the calendar has its deadline where it is."""
    deadline, calendar = deadline_of(definition, case), definition.calendar
    if case.final or calendar is None or deadline is None or not deadline.spec.by_calendar:
        return None
    if deadline.last is None or deadline.last == case.due:
        return None
    end = max(deadline.last, case.due or deadline.last)
    return Moved(last=deadline.last, calendar=calendar, notices=calendar.notices(deadline.start, end))


def deadline_blockers(actor: Actor, case: Case, found: Moved | None) -> list[Blocker]:
    """Everything that stands against the move; empty when it may be done."""
    blockers = [] if has_role(actor, ROLES, *SCOPE) else [wrong_role(actor.role, sorted(ROLES))]
    if found is None:
        blockers.append(_stands(case))
    return blockers


def deadline_change(last: date) -> Change:
    """What the event changes."""
    fixed: Changes = {"due": last.isoformat()}
    return Change(whole=fixed, public={"due": last.isoformat()}, texts=FreeText())


def deadline_facts(case: Case, found: Moved, today: date) -> Data:
    """What the move rests on: the calendar with the notices about its days, and the deadline before."""
    notices: list[Json] = [{"number": each.number, "date": each.date.isoformat()} for each in found.notices]
    return {
        **calendar_fact(found.calendar, today),
        "due": {"value": case.due.isoformat() if case.due else None, "source": "case", "as_of": today.isoformat()},
        "notices": {"value": notices, "source": found.calendar.document.calendar, "as_of": today.isoformat()},
    }


def _stands(case: Case) -> Blocker:
    day = show_date(case.due) if case.due else "–"
    message = Words(
        vi=f"Hạn của hồ sơ ({day}) không thay đổi theo lịch làm việc",
        en=f"The calendar gives the case no other deadline than it has ({day})",
    )
    return Blocker(code=STANDS, message=message, found=case.due.isoformat() if case.due else None)
