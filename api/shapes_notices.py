"""What answers about passed deadlines look like; see `api.shapes`."""

from typing import Literal

from api.shapes import Day, Id, Instant, Shape


class Addressed(Shape):
    """Who is told."""

    roles: list[str]
    """Empty where a trigger was fired."""
    unit: str
    """Code of the unit at which they act: that of the case, or the one above it."""


class Notice(Shape):
    """That a deadline has passed, and one thing that was done about it; never changed."""

    id: Id
    case: Id
    seq: int
    """Version of the case after it."""
    workflow: str
    workflow_version: int
    unit: str
    state: str
    """Whose deadline it was."""
    due: Day
    """The last day that was in time."""
    does: Literal["notify", "escalate", "fire"]
    to: Addressed
    trigger: str | None
    """That was fired, or refused."""
    outcome: Literal["told", "fired", "refused"]
    event: Id | None
    """Of the trigger that was fired."""
    codes: list[str]
    """Of what stood against it."""
    recorded_at: Instant


class NoticeList(Shape):
    """A page of notices."""

    items: list[Notice]
    next: str | None
    """Cursor of the next page; null at the end."""
