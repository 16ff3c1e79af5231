"""What answers about subscriptions look like; see `api.shapes`."""

from typing import Literal

from api.shapes import Id, Instant, Shape


class Subscription(Shape):
    """What is sent where."""

    id: Id
    name: str
    url: str
    workflows: list[str]
    """Empty: all."""
    triggers: list[str]
    """Empty: all."""
    units: list[str]
    """Empty: all that the key may see."""
    active: bool
    paused_because: str | None
    """Why nothing is sent, when it was not paused by hand."""
    person: str
    key: Id
    """Id of the key on whose sight it rests."""
    created_at: Instant
    old_secret_until: Instant | None
    """Until then deliveries are signed with the old secret, too."""
    replaying: bool
    """Whether what was asked for again is still being put in line."""


class NewSubscription(Subscription):
    """A subscription with its secret, which is shown this once."""

    secret: str


class SubscriptionList(Shape):
    """A page of subscriptions."""

    items: list[Subscription]
    next: str | None
    """Cursor of the next page; null at the end."""


class Delivery(Shape):
    """An event that is not delivered yet, or was given up."""

    position: int
    """Of the event in the feed."""
    event: Id
    case: Id
    state: Literal["waiting", "dead"]
    attempts: int
    next_at: Instant | None
    """Null: given up, or behind an earlier event of its case."""
    last_status: int | None
    last_error: str | None
    created_at: Instant


class DeliveryList(Shape):
    """A page of deliveries."""

    items: list[Delivery]
    next: str | None
    """Cursor of the next page; null at the end."""


class Replay(Shape):
    """What will be delivered again."""

    deliveries: int
