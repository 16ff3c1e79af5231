"""Who may do what: one pure decision over grant, unit, date and trigger.

`store.visibility` compiles the reading rule to SQL; the two are tested against each other.
"""

from collections.abc import Collection
from datetime import date

from workflows.core.case import Actor
from workflows.core.documents import Role


def in_force(actor: Actor, today: date) -> bool:
    """Whether the grant is valid on a civil date and not revoked."""
    started = actor.valid_from is None or actor.valid_from <= today
    ended = actor.valid_to is not None and actor.valid_to <= today
    return started and not ended and not actor.revoked


def covers(actor: Actor, unit_path: str) -> bool:
    """Whether the unit lies at or below the unit of the grant."""
    return unit_path == actor.unit_path or unit_path.startswith(actor.unit_path + "/")


def may_see(actor: Actor, unit_path: str, today: date) -> bool:
    """Whether the actor may know that a case of this unit exists."""
    return in_force(actor, today) and covers(actor, unit_path)


def has_role(actor: Actor, roles: Collection[Role], workflow: str, trigger: str) -> bool:
    """Whether the grant's role may fire the trigger; a `system` grant fires what its scope names."""
    if actor.role is Role.SYSTEM:
        return f"{workflow}.{trigger}" in actor.scope or f"{workflow}.*" in actor.scope
    return actor.role in roles
