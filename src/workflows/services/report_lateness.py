"""What is late in a report, and why: folded from what was recorded of each case up to the report's day.

A deadline is passed on the day after its last one; days are civil days of Việt Nam. A deadline that the calendar moved
counts as moved. Nobody is blamed: a cause is what was written down, or what the ledger shows.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from workflows.core.canonical import Json
from workflows.core.case import NOTHING, Case, CaseId, Event, Kind, apply
from workflows.core.civil import civil_date, show_date
from workflows.core.deadlines import last_in_time
from workflows.core.definition import Definitions
from workflows.core.documents import ANNULLED, ChoiceField, Words, WorkflowDocument
from workflows.core.wording import ROLES
from workflows.services.engine import Engine
from workflows.services.plan_cases import REPORT, TASK, body_name
from workflows.services.report_contents import agency_title, answering
from workflows.services.report_parts import Cause, LateItem
from workflows.store import report_rows
from workflows.store.report_rows import Scope
from workflows.store.standing import histories

LATE_BECAUSE: Final = "late_because"
LATE_NOTE: Final = "late_note"
"""Fields in which whoever answers for a case writes down why it is late."""
_RETURN: Final = "return"
_MISSING: Final = "missing"
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """An event, and the case before and after it."""

    before: Case | None
    event: Event
    after: Case

    @property
    def day(self) -> date:
        return civil_date(self.event.occurred_at)

    @property
    def episode(self) -> int:
        """That the event belongs to: it may begin another one."""
        return self.before.episode if self.before else self.after.episode


@dataclass(frozen=True, slots=True, kw_only=True)
class _Late:
    """A case in a state that was to be left in time."""

    case: Case
    """In that state."""
    due: date
    until: date
    """The day on which it was left, or the report's."""
    done: bool
    steps: Sequence[_Step]
    """Of its episode, up to the leaving."""
    after: Sequence[_Step]
    """Of its episode, all that are known."""


def late_items(
    engine: Engine, connection: Connection, scope: Scope, first: date, concerned: frozenset[CaseId] | None
) -> tuple[LateItem, ...]:
    """Longest first.

    Args:
        engine: Its definitions and agencies.
        connection: Of the report's transaction.
        scope: Which cases may be told of.
        first: Of the period, inclusive: what was left too late before it is not told.
        concerned: Of the tasks and reports, those that are told; None: all.
    """
    ids = report_rows.maybe_late(connection, scope, first, (TASK, REPORT))
    known = histories(connection, ids, scope.known)
    judge = _Judge(engine.definitions, first, scope.as_of)
    found = [late for events in known.values() if (late := judge.late(events)) is not None]
    told = [each for each in found if _is_told(each.case, concerned)]
    paths = {path for each in told for path in (each.case.unit_path, each.case.opened_path)}
    names = report_rows.unit_names(connection, paths, scope.as_of)
    items = [_Telling(engine, names).item(each) for each in told]
    return tuple(sorted(items, key=lambda item: (-item.days, item.due, item.title, item.case)))


def _is_told(case: Case, concerned: Collection[CaseId] | None) -> bool:
    return concerned is None or case.workflow not in {TASK, REPORT} or case.id in concerned


@dataclass(frozen=True, slots=True)
class _Judge:
    """What is late at the end of a day, or was left too late within a period."""

    definitions: Definitions
    first: date
    as_of: date

    def late(self, events: Sequence[Event]) -> _Late | None:
        """How a case is late that still is, else how it was when it was left too late last."""
        steps = list(_steps(events))
        case = steps[-1].after
        if case.state == ANNULLED:
            return None
        if not case.final and (due := self._missed(case, self.as_of)):
            return _lateness(steps, len(steps), case, due, self.as_of)
        for place in reversed(range(len(steps))):
            step = steps[place]
            if step.before and "entered" in step.event.changes and self.first <= step.day <= self.as_of:
                due = self._missed(step.before, step.day)
                if due:
                    return _lateness(steps, place, step.before, due, step.day)
        return None

    def _missed(self, case: Case, day: date) -> date | None:
        """The deadline, where it is over on a day."""
        if case.due is None or case.due >= day:
            return None
        last = last_in_time(self.definitions.by_hash(case.definition), case)
        return case.due if last is not None and last < day else None


def _steps(events: Sequence[Event]) -> Iterator[_Step]:
    case: Case | None = None
    for event in events:
        before, case = case, apply(case, event)
        yield _Step(before=before, event=event, after=case)


def _lateness(steps: Sequence[_Step], place: int, case: Case, due: date, until: date) -> _Late:
    """`place`: of the leaving, or the end."""
    return _Late(
        case=case,
        due=due,
        until=until,
        done=place < len(steps),
        steps=[each for each in steps[:place] if each.episode == case.episode],
        after=[each for each in steps if each.episode == case.episode],
    )


class _Telling:
    """Puts what is late into words."""

    def __init__(self, engine: Engine, names: Mapping[str, str]) -> None:
        self._definitions = engine.definitions
        self._agencies = engine.catalogue.agencies
        self._names = names

    def item(self, late: _Late) -> LateItem:
        case, document = late.case, self._definitions.by_hash(late.case.definition).document
        return LateItem(
            case=case.id,
            workflow=document.title,
            title=case.title,
            unit=self._names[case.unit_path],
            bodies=self._bodies(case, document),
            state=document.states[case.state].title,
            due=late.due,
            days=(late.until - late.due).days,
            done=late.until if late.done else None,
            causes=tuple(_causes(late, document)),
        )

    def _bodies(self, case: Case, document: WorkflowDocument) -> tuple[Words, ...]:
        asked = document.fields.get("agency")
        if asked is not None and asked.type == "agency" and isinstance(case.data.get("agency"), str):
            return (body_name(self._agencies, str(case.data["agency"]), self._names[case.opened_path]),)
        if case.workflow == TASK:
            return tuple(agency_title(self._agencies, each) for each in answering(case))
        return tuple(ROLES[role] for role in document.states[case.state].owner or ())


def _causes(late: _Late, document: WorkflowDocument) -> Iterator[Cause]:
    yield from _recorded(late, document)
    yield from _returned(late)
    since = civil_date(late.case.state_since)
    if not late.done and not any(each.event.kind is Kind.TRANSITIONED for each in late.steps):
        day = show_date(since)
        yield Cause(
            kind="not_begun",
            text=Words(vi=f"Chưa bắt đầu kể từ ngày {day}", en=f"Not begun since {day}"),
            on=since,
        )
    yield _waiting(late, document, since)


def _recorded(late: _Late, document: WorkflowDocument) -> Iterator[Cause]:
    """What was written down last in this episode, also after it was done."""
    field, step, noted = document.fields.get(LATE_BECAUSE), _set_last(late, LATE_BECAUSE), _set_last(late, LATE_NOTE)
    if step is None or not isinstance(field, ChoiceField):
        return
    title = field.options[str(step.after.data[LATE_BECAUSE])]
    note = noted.after.data[LATE_NOTE] if noted else None
    yield Cause(kind="recorded", text=_followed(title, note), on=step.day)


def _set_last(late: _Late, field: str) -> _Step | None:
    return next((each for each in reversed(late.after) if field in each.event.changes.get("set", NOTHING)), None)


def _followed(title: Words, note: Json) -> Words:
    return _words(f"{title.vi}: {note}", f"{title.en}: {note}") if note else title


def _returned(late: _Late) -> Iterator[Cause]:
    """By the newest return in this episode, with what it says is missing."""
    step = next((each for each in reversed(late.steps) if each.event.trigger == _RETURN), None)
    if step is None:
        return
    day, items = show_date(step.day), step.event.input.get(_MISSING)
    missing = "; ".join(map(str, items)) if isinstance(items, list | tuple) else ""
    vi, en = f"Bị trả lại ngày {day}", f"Sent back on {day}"
    yield Cause(
        kind="returned",
        text=_words(f"{vi}, còn thiếu: {missing}", f"{en}, missing: {missing}") if missing else Words(vi=vi, en=en),
        on=step.day,
    )


def _waiting(late: _Late, document: WorkflowDocument, since: date) -> Cause:
    title, day = document.states[late.case.state].title, show_date(since)
    vi, en = f"Ở trạng thái “{title.vi}” từ ngày {day}", f"In state “{title.en}” since {day}"
    if late.done:
        end = show_date(late.until)
        vi, en = f"{vi} đến ngày {end}", f"In state “{title.en}” from {day} to {end}"
    return Cause(kind="waiting", text=_words(vi, en), on=since)


def _words(vi: str, en: str) -> Words:
    return Words(vi=_cut(vi), en=_cut(en))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
