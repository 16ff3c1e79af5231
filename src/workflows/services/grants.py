"""What a new key may say: role, person, agency, scope and validity, checked before anything is stored.

Whether the unit exists is asked of the database when the key is made.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from secrets import token_hex
from typing import Final

from workflows.core.catalogue_documents import Agency
from workflows.core.documents import RESERVED_TRIGGERS, Catalogue, Role, WorkflowDocument
from workflows.core.nearest import nearest
from workflows.store.keys import Grant

SERVICE_SCOPES: Final = frozenset(
    {"counts.record", "deadlines.move", "metrics.read", "subscriptions.manage", "units.move"}
)
"""What a `system` grant may name besides triggers: entering figures, reading the server's own, webhooks, moving
cases to successor units and deadlines to other days."""
_PERSON: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,99}$")


class GrantError(ValueError):
    """A grant that cannot be; the message names what was given and what is allowed."""


def role_named(text: str) -> Role:
    """Raises GrantError."""
    return Role(_one_of(text, "a role", Role))


def person_id(text: str | None) -> str:
    """The id in the one form by which four-eyes rules compare persons; a new one for None.

    Raises:
        GrantError: it holds other characters than letters without marks, digits, dot, hyphen and underscore.
    """
    if text is None:
        return f"key-{token_hex(6)}"
    person = text.strip().casefold()
    if not _PERSON.match(person):
        raise GrantError(
            f'"{text}" is not a person id: 1 to 100 of a-z, 0-9, ".", "_" and "-", the first a letter or digit'
        )
    return person


def check_grant(grant: Grant, catalogue: Callable[[], Catalogue]) -> None:
    """Raises GrantError when the parts of the grant do not fit one another or name what no document has.

    The catalogue is asked for only where the grant has an agency or a scope.
    """
    if grant.role is Role.DEPARTMENT or grant.agency is not None:
        _check_agency(grant, catalogue().agencies)
    if grant.scope:
        _check_scope(grant, catalogue().workflows)
    if grant.valid_from and grant.valid_to and grant.valid_to <= grant.valid_from:
        raise GrantError(f"valid from {grant.valid_from} to {grant.valid_to}, exclusive, is no day at all")


def _check_agency(grant: Grant, agencies: Mapping[str, Agency]) -> None:
    if grant.role is not Role.DEPARTMENT or grant.agency is None:
        known = ", ".join(sorted(agencies))
        raise GrantError(f"role department, and no other, needs the agency it speaks for; agencies: {known}")
    _one_of(grant.agency, "an agency", agencies)


def _check_scope(grant: Grant, workflows: Mapping[str, Collection[WorkflowDocument]]) -> None:
    if grant.role is not Role.SYSTEM:
        raise GrantError(f"a scope belongs to role system only, not to {grant.role}")
    known = {f"{key}.{trigger}" for key, versions in workflows.items() for trigger in _triggers(versions)}
    known |= SERVICE_SCOPES
    for item in grant.scope:
        _one_of(item, "workflow.trigger or workflow.*", known)


def _triggers(versions: Iterable[WorkflowDocument]) -> set[str]:
    return {"*", *RESERVED_TRIGGERS}.union(*(version.transitions for version in versions))


def _one_of(text: str, what: str, allowed: Iterable[str]) -> str:
    names = sorted(str(name) for name in allowed)
    if text in names:
        return text
    close = nearest(text, names)
    hint = f'; did you mean "{close}"?' if close else ""
    raise GrantError(f'"{text}" is not {what}; allowed: {", ".join(names)}{hint}')
