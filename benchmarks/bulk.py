"""One client that sends transitions one by one, or a thousand in one request, over one connection that is kept.

The client is httpx, as a program of an office would use it: what a call costs on its side belongs to the comparison.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx

from benchmarks.server import served
from benchmarks.starting import Start
from benchmarks.workload import Lane
from workflows.core.civil import civil_date
from workflows.core.documents import Role
from workflows.store import keys
from workflows.store.database import Database

TOGETHER: Final = 1000
ALONE: Final = 300
"""Calls enough for a mean; nothing is gained from more."""
_FOUND: Final = {"found_by": "tip_off", "preceded_by_complaint": True}


def bulk_speed(start: Start, lanes: Sequence[Lane], log: Path) -> float:
    """Transitions per second in one request; raises RuntimeError when one of them is not accepted."""
    with start.fresh() as url, served(url, log) as port, _client(url, port) as client:
        cases = _opened(client, lanes[:TOGETHER])
        items = [{"case": case, "version": 1, **_suppression()} for case in cases]
        begun = time.perf_counter()
        answer = client.post("/transitions", json={"items": items}, headers={"idempotency-key": "bulk"}).json()
        seconds = time.perf_counter() - begun
        if answer["accepted"] != len(cases):
            message = f"{answer['not_accepted']} of {len(cases)} were not accepted"
            raise RuntimeError(message)
    return len(cases) / seconds


def single_speed(start: Start, lanes: Sequence[Lane], log: Path) -> float:
    """Transitions per second, one call after the other; raises HTTPStatusError when one is not accepted."""
    with start.fresh() as url, served(url, log) as port, _client(url, port) as client:
        cases = _opened(client, lanes[:ALONE])
        body = _suppression()
        begun = time.perf_counter()
        for case in cases:
            headers = {"if-match": '"1"', "idempotency-key": case}
            client.post(f"/cases/{case}/transitions", json=body, headers=headers).raise_for_status()
        seconds = time.perf_counter() - begun
    return len(cases) / seconds


def _client(url: str, port: int) -> httpx.Client:
    with Database(url) as database:
        grant = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="bulk", name="bulk")
        secret = keys.create(database, grant, now=datetime.now(UTC)).secret
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=60)


def _opened(client: httpx.Client, lanes: Sequence[Lane]) -> list[str]:
    """A hotspot in each commune."""
    found = []
    for lane in lanes:
        data = {**_FOUND, "kind": "retail_point"}
        body = {"workflow": "hotspot", "unit": lane.unit, "title": lane.title("hotspot"), "data": data}
        found.append(client.post("/cases", json=body).raise_for_status().json()["case"]["id"])
    return found


def _suppression() -> dict[str, object]:
    today = civil_date(datetime.now(UTC)).isoformat()
    decision = {"number": "74/QĐ-CAT", "date": today, "issuer": "Công an tỉnh", "title": "Quyết định triệt xóa"}
    return {"trigger": "suppress", "input": {"suppressed_on": today, "decision": decision}}
