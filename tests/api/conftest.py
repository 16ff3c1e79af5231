"""The application around an engine on a fresh database, with a key for everybody a test needs."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from litestar.testing import TestClient

from api.server import application
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store import keys
from workflows.store.database import Database

NOW: Final = datetime(2025, 3, 5, 2, tzinfo=UTC)
TODAY: Final = "2025-03-05"
COMMUNE: Final = "29242"
NEIGHBOUR: Final = "29236"
PEOPLE: Final[Mapping[str, tuple[Role, str]]] = {
    "police": (Role.COMMUNE_POLICE, COMMUNE),
    "neighbour": (Role.COMMUNE_POLICE, NEIGHBOUR),
    "district": (Role.DISTRICT_POLICE, "842"),
    "province": (Role.PROVINCIAL_POLICE, "84"),
    "auditor": (Role.AUDITOR, "VN"),
    "administrator": (Role.ADMINISTRATOR, "VN"),
}
DOCUMENT: Final = {"number": "12/QĐ-UBND", "date": "2025-02-20", "issuer": "UBND", "title": "Quyết định"}
SUPPRESS: Final = {"trigger": "suppress", "input": {"suppressed_on": TODAY, "decision": DOCUMENT}}
JSON: Final = {"content-type": "application/json"}


@dataclass(slots=True, kw_only=True)
class Clock:
    """Stands still until it is set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A client that can speak for everybody."""

    client: TestClient[Any]
    engine: Engine
    clock: Clock
    secrets: Mapping[str, str]

    def get(self, path: str, *, who: str = "police", **query: object) -> httpx.Response:
        return self.send("GET", path, who=who, params=query)

    def post(
        self, path: str, body: object, *, who: str = "police", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.send("POST", path, who=who, json=body, headers=headers)

    def raw(self, path: str, content: bytes, headers: Mapping[str, str] = JSON) -> httpx.Response:
        return self.send("POST", path, who="police", content=content, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        who: str,
        headers: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - as httpx takes it
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.secrets[who]}", **(headers or {})}
        return self.client.request(method, f"/api/v1{path}", headers=sent, **more)

    def open(self, *, who: str = "police", unit: str = COMMUNE, title: str = "Điểm phức tạp ở chợ") -> dict[str, Any]:
        self.clock.now += timedelta(seconds=1)  # ids are as new as their instant
        answer = self.post("/cases", hotspot(unit, title), who=who)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()["case"]
        return found

    def fire(
        self, case: str, body: object, *, version: int | None, who: str = "police", key: str | None = None
    ) -> httpx.Response:
        headers = {"if-match": f'"{version}"'} if version is not None else {}
        if key is not None:
            headers["idempotency-key"] = key
        return self.post(f"/cases/{case}/transitions", body, who=who, headers=headers)


def hotspot(unit: str = COMMUNE, title: str = "Điểm phức tạp ở chợ", **more: object) -> dict[str, object]:
    data = {"kind": "gathering_place", "found_by": "survey"}
    return {"workflow": "hotspot", "unit": unit, "title": title, "data": data, **more}


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    yield from served(database_url)


@pytest.fixture(scope="module")
def sqlite_api(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """For what no database has a part in: shared by tests that each open a case of their own and leave the clock."""
    database = tmp_path_factory.mktemp("api") / "workflows.sqlite"
    shutil.copyfile(sqlite_template, database)
    yield from served(f"sqlite:///{database}")


def served(url: str) -> Iterator[Api]:
    with Database(url) as database:
        secrets = {name: new_key(database, name, *grant) for name, grant in PEOPLE.items()}
    clock = Clock()
    engine = Engine.start(url, clock=clock)
    with TestClient(application(engine)) as client:
        yield Api(client=client, engine=engine, clock=clock, secrets=secrets)
    engine.stop()


def new_key(database: Database, name: str, role: Role, unit: str) -> str:
    return keys.create(database, keys.Grant(role=role, unit=unit, person=name, name=name), now=NOW).secret


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a problem, after a look at all that every problem has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.keys() >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (body["status"], body["code"]) == (status, code)
    return body


def paths(problem: Mapping[str, Any]) -> list[str]:
    return [error["path"] for error in problem["errors"]]
