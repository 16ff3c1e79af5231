"""What is asked of subscriptions: made, read, changed, given new secrets, replayed, and who may do so.

A `system` key whose scope names it manages what its own person made, an administrator whatever was made at or below
its unit. What is sent is `webhooks`'s affair.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_bytes
from typing import Final

from sqlalchemy import Connection

from workflows.core.authority import covers, has_role, in_force
from workflows.core.case import Actor, Blocker, InputError
from workflows.core.civil import civil_date
from workflows.core.documents import RESERVED_TRIGGERS, UNFIRED_TRIGGERS, Role
from workflows.core.fields import unknown_name
from workflows.core.ids import is_id, uuid7
from workflows.core.nearest import nearest
from workflows.core.overdue import DEADLINE_PASSED
from workflows.core.wording import wrong_role, wrong_unit
from workflows.services.engine import Engine
from workflows.services.reading import InvalidError, MissingError, Slice
from workflows.services.webhook_targets import Network, TargetError, check_url
from workflows.store import subscriptions, webhooks
from workflows.store.paging import Page
from workflows.store.subscriptions import REQUESTED, Subscription
from workflows.store.webhooks import Delivery, State

MANAGING: Final = ("subscriptions", "manage")
"""What a `system` key names in its scope, as `subscriptions.manage`."""
MANAGING_ROLES: Final = frozenset({Role.ADMINISTRATOR})
LONGEST_OVERLAP: Final = 168
"""Hours that an old secret may go on signing."""
LONGEST_FILTER: Final = 100
"""Members of one filter."""
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - of a secret, as Standard Webhooks has it
_SECRET_BYTES: Final = 32


class ManagingRefusedError(Exception):
    """The actor may not do this with subscriptions."""

    def __init__(self, blockers: Iterable[Blocker]) -> None:
        self.blockers = tuple(blockers)
        super().__init__("; ".join(blocker.message.en for blocker in self.blockers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a subscription should be; None leaves it as it is."""

    name: str | None = None
    url: str | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of `workflows`, `triggers` and `units`, those that are wished for; empty ones mean all."""
    active: bool | None = None


def create(engine: Engine, actor: Actor, wish: Wish, networks: tuple[Network, ...]) -> Subscription:
    """The subscription with its secret.

    Raises:
        ManagingRefusedError: the actor's role or unit does not allow it.
        InvalidError: with everything that is wrong with the wish.
    """
    _require_manager(actor)
    now = engine.clock()
    made = Subscription(
        id=uuid7(now, token_bytes(10)),
        name="",
        url="",
        secret=_new_secret(),
        old_secret=None,
        old_secret_until=None,
        workflows=(),
        triggers=(),
        units=(),
        unit_paths=(),
        grant_id=actor.grant,
        person=actor.person,
        unit_path=actor.unit_path,
        active=True,
        paused_because=None,
        created_at=now,
    )
    with engine.database.write() as connection:
        wished = _wished(connection, engine, actor, made, wish, networks)
        subscriptions.create(connection, wished)
    return wished


def get(engine: Engine, actor: Actor, subscription_id: str) -> Subscription:
    """Raises ManagingRefusedError, and MissingError for one that the actor does not manage, too."""
    with engine.database.read() as connection:
        return _managed(connection, actor, subscription_id)


def list_subscriptions(engine: Engine, actor: Actor, part: Slice) -> Page[Subscription]:
    """Those that the actor manages, newest first; raises ManagingRefusedError and BadCursorError."""
    _require_manager(actor)
    with engine.database.read() as connection:
        return subscriptions.list_subscriptions(
            connection,
            person=actor.person,
            top=actor.unit_path if actor.role is Role.ADMINISTRATOR else None,
            cursor=part.cursor,
            limit=part.limit,
        )


def change(
    engine: Engine, actor: Actor, subscription_id: str, wish: Wish, networks: tuple[Network, ...]
) -> Subscription:
    """The subscription as it is now. Changed by its own person, it acts for the key that changed it.

    What waits or was given up is dropped if that key may not see it.

    Raises:
        ManagingRefusedError: the actor's role or unit does not allow it.
        MissingError: there is none that the actor manages.
        InvalidError: with everything that is wrong with the wish.
    """
    with engine.database.write() as connection:
        found = _managed(connection, actor, subscription_id, lock=True)
        acting = replace(found, grant_id=actor.grant, unit_path=actor.unit_path)
        before = acting if found.person == actor.person else found
        changed = _wished(connection, engine, actor, before, wish, networks)
        subscriptions.replace(connection, changed)
        if changed.grant_id != found.grant_id:
            webhooks.forget_hidden(connection, changed, engine.clock())
    return changed


def remove(engine: Engine, actor: Actor, subscription_id: str) -> None:
    """With all that waits for it; raises ManagingRefusedError and MissingError."""
    with engine.database.write() as connection:
        found = _managed(connection, actor, subscription_id, lock=True)
        subscriptions.remove(connection, found.id)


def rotate_secret(engine: Engine, actor: Actor, subscription_id: str, overlap_hours: int) -> Subscription:
    """The subscription with its new secret; the old one goes on signing, beside it, for some hours.

    Raises:
        ManagingRefusedError, MissingError: as for `get`.
        InvalidError: the overlap is out of range.
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP:
        message = f"{overlap_hours} is not between 0 and {LONGEST_OVERLAP}"
        raise InvalidError([InputError(path="/overlap_hours", message=message)])
    until = engine.clock() + timedelta(hours=overlap_hours)
    with engine.database.write() as connection:
        found = _managed(connection, actor, subscription_id, lock=True)
        kept = (found.secret, until) if overlap_hours else (None, None)
        changed = replace(found, secret=_new_secret(), old_secret=kept[0], old_secret_until=kept[1])
        subscriptions.replace(connection, changed)
    return changed


def deliveries(engine: Engine, actor: Actor, subscription_id: str, state: State | None, part: Slice) -> Page[Delivery]:
    """What is not delivered; raises ManagingRefusedError, MissingError and BadCursorError."""
    with engine.database.read() as connection:
        found = _managed(connection, actor, subscription_id)
        return webhooks.list_deliveries(connection, found.id, state, cursor=part.cursor, limit=part.limit)


def replay(engine: Engine, actor: Actor, subscription_id: str, after: int | None) -> int:
    """How many are delivered again: all after a position of the feed, or with None the oldest that were given up.

    Raises:
        ManagingRefusedError, MissingError: as for `get`.
    """
    now = engine.clock()
    with engine.database.read() as connection:
        found = _managed(connection, actor, subscription_id)
        count = 0 if after is None else webhooks.count_after(connection, found, after, now)
    with engine.database.write() as connection:
        if after is None:
            return webhooks.revive(connection, found.id, now)
        if count:
            webhooks.replay(connection, found.id, after=after)
    return count


def _require_manager(actor: Actor) -> None:
    if not has_role(actor, MANAGING_ROLES, *MANAGING):
        raise ManagingRefusedError([wrong_role(actor.role, sorted({*MANAGING_ROLES, Role.SYSTEM}))])


def _managed(connection: Connection, actor: Actor, subscription_id: str, *, lock: bool = False) -> Subscription:
    _require_manager(actor)
    found = subscriptions.get(connection, subscription_id, lock=lock) if is_id(subscription_id) else None
    if found is None or not _manages(actor, found):
        raise MissingError("subscription", subscription_id)
    return found


def _manages(actor: Actor, found: Subscription) -> bool:
    below = actor.role is Role.ADMINISTRATOR and covers(actor, found.unit_path)
    return below or found.person == actor.person


def _new_secret() -> str:
    return _SECRET_PREFIX + b64encode(token_bytes(_SECRET_BYTES)).decode()


def _wished(
    connection: Connection,
    engine: Engine,
    actor: Actor,
    found: Subscription,
    wish: Wish,
    networks: tuple[Network, ...],
) -> Subscription:
    filters = {"workflows": found.workflows, "triggers": found.triggers, "units": found.units, **wish.filters}
    wished = replace(
        found,
        name=found.name if wish.name is None else wish.name.strip(),
        url=found.url if wish.url is None else wish.url,
        workflows=filters["workflows"],
        triggers=filters["triggers"],
        units=filters["units"],
    )
    errors = [*_text_errors(wished), *_filter_errors(engine, wished), *_unit_errors(connection, wished)]
    # What is to be paused may stand at an address that is no longer allowed.
    if wish.url is not None or wish.active is not False:
        errors += _address_errors(wished, networks)
    errors += _activity_errors(connection, engine, found, wish)
    if errors:
        raise InvalidError(errors)
    paths = subscriptions.paths_of(connection, wished.units)
    _require_covered(actor, wished, paths)
    return _switched(replace(wished, unit_paths=tuple(path for code in wished.units for path in paths[code])), wish)


def _switched(found: Subscription, wish: Wish) -> Subscription:
    if wish.active is None:
        return found
    return replace(found, active=wish.active, paused_because=None if wish.active else REQUESTED)


def _text_errors(wished: Subscription) -> Iterator[InputError]:
    if not wished.name:
        yield InputError(path="/name", message="must not be blank")


def _address_errors(wished: Subscription, networks: tuple[Network, ...]) -> Iterator[InputError]:
    try:
        check_url(wished.url, networks)
    except TargetError as error:
        yield InputError(path="/url", message=str(error))


def _filter_errors(engine: Engine, wished: Subscription) -> Iterator[InputError]:
    known = engine.definitions.keys
    yield from _unknown("workflows", "workflow", wished.workflows, known)
    chosen = [key for key in wished.workflows if key in known] or known
    versions = [each for key in chosen for each in engine.definitions.versions(key)]
    triggers = (RESERVED_TRIGGERS | UNFIRED_TRIGGERS | {DEADLINE_PASSED}).union(
        *(each.document.transitions for each in versions)
    )
    yield from _unknown("triggers", "trigger", wished.triggers, triggers)


def _unknown(name: str, what: str, given: tuple[str, ...], known: Iterable[str]) -> Iterator[InputError]:
    if len(given) > LONGEST_FILTER:
        yield InputError(path=f"/{name}", message=f"{len(given)} members are more than {LONGEST_FILTER}")
        return
    allowed = list(known)
    for index, each in enumerate(given):
        if each not in allowed:
            yield unknown_name(f"/{name}/{index}", what, each, allowed)


def _unit_errors(connection: Connection, wished: Subscription) -> Iterator[InputError]:
    if len(wished.units) > LONGEST_FILTER:
        yield InputError(path="/units", message=f"{len(wished.units)} members are more than {LONGEST_FILTER}")
        return
    known = subscriptions.paths_of(connection, wished.units)
    unknown = [(index, code) for index, code in enumerate(wished.units) if code not in known]
    for index, code in unknown:
        # Only once: all codes are compared, while others wait to write.
        near = nearest(code, subscriptions.unit_codes(connection)) if (index, code) == unknown[0] else None
        hint = f"; the nearest code is {near}" if near else ""
        yield InputError(path=f"/units/{index}", message=f"no unit {code!r}{hint}")


def _activity_errors(connection: Connection, engine: Engine, found: Subscription, wish: Wish) -> Iterator[InputError]:
    """Only an administrator can meet this: whoever changes one's own gives it one's own key."""
    if wish.active and not in_force(subscriptions.owner_of(connection, found), civil_date(engine.clock())):
        message = "the key that the subscription acts for has ended; its own person can give it another one"
        yield InputError(path="/active", message=message)


def _require_covered(actor: Actor, wished: Subscription, paths: Mapping[str, tuple[str, ...]]) -> None:
    outside = [code for code in wished.units if not any(covers(actor, path) for path in paths[code])]
    if outside:
        raise ManagingRefusedError([wrong_unit(actor.unit, code) for code in outside])
