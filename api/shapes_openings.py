"""What answers about the opening of plans look like; see `api.shapes`."""

from typing import Any, Literal

from api.shapes import Day, Hash, Id, Shape


class OpeningCounts(Shape):
    """Cases that the plan asks for in the year, as against those that are there."""

    wanted: int
    """All that it asks for: new, changed, same, kept and annulled together."""
    new: int
    changed: int
    same: int
    kept: int
    """Amended by hand; they stay so until the plan itself changes there."""
    annulled: int
    """Found to be opened in error; they are not opened again."""
    gone: int
    """No longer in the plan; nothing is done about them."""


class OpeningDone(Shape):
    """What became of those that were new or changed."""

    opened: int
    amended: int
    already: int
    """Opened by another run meanwhile."""
    failed: int
    left: int
    """Changed in a way that no amendment brings about."""


class OpeningField(Shape):
    """A value that is not what the plan asks for."""

    name: str
    """`title`, or a field."""
    before: Any
    after: Any
    """Null: the plan has none any more."""
    amendable: bool


class OpeningItem(Shape):
    """A case that is not as the plan asks for."""

    change: Literal["new", "changed", "gone", "annulled"]
    workflow: str
    element: str | None
    """Key of the task, obligation or process."""
    unit: str
    agency: str | None
    """Who owes a report."""
    title: str
    deadline: Day | None
    case: Id | None
    fields: list[OpeningField]
    outcome: Literal["opened", "amended", "already", "failed", "left"] | None
    message: str | None
    """Why it failed or was left."""


class PlanOpening(Shape):
    """What opening a plan does."""

    plan: str
    year: int
    hash: Hash
    """Of the plan as it is now."""
    dry_run: bool
    counts: OpeningCounts
    done: OpeningDone | None
    """Null for a dry run."""
    items: list[OpeningItem]
    """At most 1,000; what failed stands first."""
    not_listed: int
    """How many more there are."""
