"""What an actor may see, as a condition of SQL: the same rule as `core.authority.may_see`.

Units are compared by their path. A path below another is found by a range of texts, which an index serves.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, and_, false, or_

from workflows.core.authority import in_force
from workflows.core.case import Actor

_AFTER_SLASH = chr(ord("/") + 1)


def visible(actor: Actor, unit_path: ColumnElement[str], today: date) -> ColumnElement[bool]:
    """Whether the actor may know of a row that belongs to the unit of that path."""
    return below(unit_path, (actor.unit_path,)) if in_force(actor, today) else false()


def below(unit_path: ColumnElement[str], tops: Iterable[str]) -> ColumnElement[bool]:
    """Whether a path is one of `tops` or lies below one; never for none.

    The column must be compared by bytes: `tables.PATH`.
    """
    return or_(false(), *(_at_or_below(unit_path, top) for top in sorted(set(tops))))


def _at_or_below(unit_path: ColumnElement[str], top: str) -> ColumnElement[bool]:
    return or_(unit_path == top, and_(unit_path >= f"{top}/", unit_path < f"{top}{_AFTER_SLASH}"))
