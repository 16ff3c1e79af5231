"""The same over HTTP: the list of what can be done, the dry run and the real call never contradict one another."""

from collections import Counter
from random import Random
from typing import Any, Final

import httpx
import pytest
from litestar.testing import TestClient

from api.access_log import AccessLog
from api.app import create_app
from tests.factories import Clock, running
from tests.invariants import require_intact
from tests.property.playground import Playground
from tests.sizes import size
from workflows.core.case import CaseId, Command, Fire, Open
from workflows.core.civil import format_instant
from workflows.services.engine import Engine
from workflows.store.loading import fetch

REQUESTS: Final = size(60, 1_000)
"""Triggers fired on each database; each is asked about three times before."""
BEGIN: Final = Clock().now.replace(year=2025, month=1, day=2)


@pytest.mark.either_database
def test_what_is_said_over_http_is_what_happens(database_url: str) -> None:
    chance, clock, seen = Random(31), Clock(), Counter[int]()
    with running(database_url, clock) as engine, TestClient(AccessLog(create_app(engine))) as client:
        while seen.total() < REQUESTS:
            clock.now = BEGIN
            ground = Playground.found(engine, clock, chance)
            for _ in range(100):
                command = ground.propose().command
                status = _compare(_Caller(client, ground.secrets[command.grant], ground), command)
                if isinstance(command.act, Fire):
                    seen[status] += 1
                _learn(engine, ground)
                ground.pass_time()
        require_intact(engine)
    assert {200, 409, 422} <= seen.keys(), seen
    assert not [status for status in seen if status >= 500 or status == 400], seen


class _Caller:
    """One person's requests about one command."""

    def __init__(self, client: TestClient[Any], secret: str, ground: Playground) -> None:
        self._client = client
        self._secret = secret
        self._ground = ground

    def get(self, case: CaseId) -> httpx.Response:
        return self._client.get(f"/api/v1/cases/{case}/transitions", headers=self._headers())

    def ask(self, case: CaseId, trigger: str) -> httpx.Response:
        body = {"trigger": trigger, "dry_run": True}
        return self._client.post(f"/api/v1/cases/{case}/transitions", json=body, headers=self._headers())

    def send(self, command: Command, *, dry_run: bool) -> httpx.Response:
        act = command.act
        claimed = format_instant(command.occurred_at) if command.occurred_at else None
        common = {"reason": command.reason, "occurred_at": claimed, "dry_run": dry_run}
        if isinstance(act, Fire):
            body: dict[str, object] = {"trigger": act.trigger, "input": act.input, **common}
            version = act.expected_version
            version = self._ground.cases[act.case].version if version is None else version
            headers = self._headers() | {"if-match": f'"{version}"'}
            return self._client.post(f"/api/v1/cases/{act.case}/transitions", json=body, headers=headers)
        assert isinstance(act, Open)
        fields = {"workflow": act.workflow, "unit": act.unit, "title": act.title, "data": act.data}
        body = {**fields, "parent": act.parent, **common}
        return self._client.post("/api/v1/cases", json=body, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._secret}"}


def _compare(caller: _Caller, command: Command) -> int:
    act = command.act
    offer = _offer(caller, act) if isinstance(act, Fire) else None
    foretold = caller.send(command, dry_run=True)
    real = caller.send(command, dry_run=False)
    if foretold.status_code != 200:
        assert _problem(foretold) == _problem(real)
    elif foretold.json()["allowed"]:
        assert real.status_code in (200, 201), (foretold.json(), real.json())
        assert real.json()["event"]["target"] == foretold.json()["to"]
        assert foretold.json()["blockers"] == []
    else:
        assert real.status_code in (403, 409)
        assert real.json()["blockers"] == foretold.json()["blockers"] != []
    if offer and offer["allowed"] is False:
        assert real.status_code not in (200, 201)
    if offer and real.status_code == 200:
        assert real.json()["event"]["target"] == offer["to"]
    return real.status_code


def _offer(caller: _Caller, act: Fire) -> dict[str, Any] | None:
    """The item of the list, which the dry run without input repeats."""
    listed, alone = caller.get(act.case), caller.ask(act.case, act.trigger)
    if listed.status_code != 200:
        assert _problem(listed) == _problem(alone)
        return None
    item: dict[str, Any] | None = next(
        (each for each in listed.json()["items"] if each["trigger"] == act.trigger), None
    )
    assert alone.status_code == (200 if item else 422)
    assert item is None or alone.json() == item
    return item


def _problem(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    body = answer.json()
    return answer.status_code, {name: body[name] for name in body if name not in {"request_id", "instance"}}


def _learn(engine: Engine, ground: Playground) -> None:
    """What the playground has now, read back: over HTTP no decision is seen."""
    with engine.database.read() as connection:
        ids = connection.exec_driver_sql(f"SELECT id FROM cases WHERE unit_path LIKE '{ground.province.path}%%'")
        ground.cases = fetch(connection, [CaseId(row.id) for row in ids])
