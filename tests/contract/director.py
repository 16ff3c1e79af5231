"""Gives generated requests what no schema can: ids that exist, versions that are current, steps that are possible.

Only what was meant to be valid is replaced; what was broken on purpose stays broken. Every third request keeps all that
was made up but the ids, so that nonsense in the right shape is tried, too.
"""

from collections.abc import Callable, Mapping, MutableMapping
from itertools import count, cycle
from typing import Any, Final, TypeAlias, cast

import httpx
import schemathesis
from schemathesis import AuthContext, HookContext
from schemathesis.core.parameters import ParameterLocation as Place

from tests.contract.server import HOOK, bearer
from tests.faults import stage
from workflows.core.documents import Role

Body: TypeAlias = dict[str, Any]
Case: TypeAlias = schemathesis.Case[Any]
_AUTHORIZATION: Final = "Authorization"
_POLICE: Final = Role.PROVINCIAL_POLICE
_READERS: Final = (_POLICE, Role.AUDITOR, Role.ADMINISTRATOR, Role.COMMUNE_OFFICER, Role.SYSTEM)
_KNOWN: Final = frozenset(map(bearer, Role))
_NEXT: Final[Mapping[str, Body]] = {
    "identified": {"trigger": "suppress", "input": {"suppressed_on": stage.TODAY, "decision": dict(stage.DOCUMENT)}},
    "suppressed": {"trigger": "monitor", "input": {}},
    "monitored": {
        "trigger": "relapse",
        "input": {"relapsed_on": stage.TODAY, "found_by": "survey", "preceded_by_complaint": False},
    },
}
_ALWAYS: Final[Body] = {"trigger": "amend", "reason": "Sửa tên"}
"""What can be done in any state."""


class Keys:
    """Signs every request with the key of one role after the other."""

    def __init__(self) -> None:
        self._roles = cycle(_READERS)

    def get(self, _case: Case, _context: AuthContext) -> str:
        return bearer(next(self._roles))

    def set(self, case: Case, data: str, _context: AuthContext) -> None:
        case.headers[_AUTHORIZATION] = data


class Director:
    """Changes requests just before they are sent."""

    def __init__(self, client: httpx.Client, communes: list[str]) -> None:
        self._client = client
        self._communes = cycle(communes)
        self._numbers = count(1)
        self._hotspots = cycle(self._listed(workflow="hotspot"))
        self._cases = cycle(self._listed())
        self._keys = cycle(("hotspot", "certification", "opinion", "list_decision"))
        self._bodies: Mapping[str, Callable[[Case, int], None]] = {
            "open_case": self._open,
            "fire": self._fire,
            "fire_many": self._fire_many,
            "enter_count": self._count,
            "create_subscription": self._subscribe,
            "change_subscription": self._change,
        }

    def before_call(self, context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
        assert context.operation is not None
        operation = context.operation.definition.raw["operationId"]
        number = next(self._numbers)
        if operation == "metrics" or "subscription" in context.operation.path:
            _sign(case, Role.ADMINISTRATOR)
        if operation == "open_plan":
            _sign(case, _POLICE)
        if not _is_linked(case):
            self._place(case, operation)
        self._ask(case, number)
        if operation == "fire" and "If-Match" not in case.headers and isinstance(case.body, dict):
            # The document asks for the version always; that a dry run may leave it out is more than it promises.
            cast("Body", case.body).pop("dry_run", None)
        if operation in self._bodies and number % 3 and _is_sound(case):
            _sign(case, Role.ADMINISTRATOR if "subscription" in operation else _POLICE)
            case.headers.pop("Idempotency-Key", None)  # made up before, it would replay the answer to another request
            self._bodies[operation](case, number)

    def _place(self, case: Case, operation: str) -> None:
        """Ids in the path."""
        if _is_broken(case, Place.PATH):
            return
        ids: Mapping[str, Callable[[], str]] = {
            "case_id": lambda: next(self._hotspots if operation == "fire" else self._cases),
            "key": lambda: next(self._keys),
            "code": lambda: next(self._communes),
            "table": lambda: "commune_classification",
            "plan": lambda: "tra-vinh-2025",
            "obligation": lambda: "consolidated_report",
            "subscription_id": lambda: self._subscription(operation),
        }
        given = cast("MutableMapping[str, str]", case.path_parameters)
        given.update({name: ids[name]() for name in given if name in ids})

    def _ask(self, case: Case, number: int) -> None:
        """What stands in the query by chance finds nothing, or is no cursor."""
        if _is_broken(case, Place.QUERY) or not number % 3 or not case.query:
            return
        for name in ("cursor", "on", "as_of", "version", "after", "unit", "table", "agency", "due"):
            case.query.pop(name, None)

    def _open(self, case: Case, number: int) -> None:
        case.body = {
            "workflow": "hotspot",
            "unit": next(self._communes),
            "data": {"kind": "gathering_place", "found_by": "survey"},
            "title": _text(case, "title", f"Điểm {number}"),
            "dry_run": _body(case).get("dry_run", False),
        }

    def _fire(self, case: Case, number: int) -> None:
        if not number % 11:
            _sign(case, Role.COMMUNE_OFFICER)
        found = self._read(f"/cases/{case.path_parameters['case_id']}")
        if "version" not in found:
            return
        case.headers["If-Match"] = f'"{found["version"]}"'
        case.body = {**self._step(found["state"], number), "dry_run": _body(case).get("dry_run", False)}

    def _step(self, state: str, number: int) -> Body:
        """One that the state allows; now and then one that it may not."""
        amend = {**_ALWAYS, "input": {"title": f"Điểm {number}"}}
        return dict(_NEXT.get(state if number % 7 else "identified", amend))

    def _fire_many(self, case: Case, number: int) -> None:
        wanted = [next(self._hotspots) for _ in _body(case)["items"][:3]]
        items = []
        for each in dict.fromkeys(wanted):
            found = self._read(f"/cases/{each}")
            items.append({"case": each, "version": found["version"], **self._step(found["state"], number)})
        case.body = cast("Body", {**_body(case), "items": items})

    def _count(self, case: Case, number: int) -> None:
        case.body = {
            "unit": next(self._communes),
            "key": "households",
            "value": _body(case)["value"],
            "as_of": stage.TODAY,
            "source": _text(case, "source", f"Báo cáo {number}"),
        }

    def _subscribe(self, case: Case, number: int) -> None:
        case.body = {"name": f"Đăng ký {number}", "url": HOOK, "active": _body(case).get("active", True)}

    def _change(self, case: Case, number: int) -> None:
        case.body = {"name": f"Đăng ký {number}", "active": _body(case).get("active", True)}

    def _subscription(self, operation: str) -> str:
        """A new one for what ends it, else the newest."""
        listed = self._read("/subscriptions", limit=1)["items"]
        if operation != "delete_subscription" and listed:
            return str(listed[0]["id"])
        made = self._client.post("/subscriptions", json={"name": "Đăng ký", "url": HOOK})
        return str(made.json()["id"])

    def _listed(self, **query: str) -> list[str]:
        return [case["id"] for case in self._read("/cases", limit=200, **query)["items"]]

    def _read(self, path: str, **query: str | int) -> Body:
        found: Body = self._client.get(path, params=query).json()
        return found


def _sign(case: Case, role: Role) -> None:
    """With another key; a request that comes without one, or with a wrong one, is meant to."""
    if case.headers.get(_AUTHORIZATION) in _KNOWN:
        case.headers[_AUTHORIZATION] = bearer(role)


def _body(case: Case) -> Body:
    return cast("Body", case.body)


def _text(case: Case, member: str, otherwise: str) -> str:
    """A member as it was made up, where it is a text that can be kept."""
    text: str = _body(case).get(member, "")
    return text if text.strip() and "\x00" not in text else otherwise


def _is_broken(case: Case, place: Place) -> bool:
    return case.meta is not None and case.meta.is_negative_at(place)


def _is_sound(case: Case) -> bool:
    """Whether nothing of it is broken on purpose."""
    broken = case.meta is not None and case.meta.generation.mode.is_negative
    return not broken and isinstance(case.body, dict)


def _is_linked(case: Case) -> bool:
    """Whether its ids may come from the answer to an earlier request."""
    return case.meta is not None and case.meta.phase.name.value == "stateful"
