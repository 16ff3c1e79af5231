"""What stands at a place of the feed: an event, or a notice that a deadline has passed, seen alike.

Each is looked up by its id, so that whoever reads goes by the places; what else they hold differs.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, func, literal

from workflows.core.overdue import DEADLINE_PASSED
from workflows.store.tables import event, notice

_TRIGGER: Final = func.coalesce(event.c.trigger, literal(DEADLINE_PASSED))


def happened(name: str) -> ColumnElement[Any]:
    """The column of the one or of the other; notices go by one name where events go by their triggers."""
    return _TRIGGER if name == "trigger" else func.coalesce(event.c[name], notice.c[name])


def with_happened(places: FromClause, pointer: ColumnElement[str]) -> FromClause:
    """The places with what their ids mean."""
    return places.outerjoin(event, event.c.id == pointer).outerjoin(notice, notice.c.id == pointer)
