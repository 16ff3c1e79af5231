"""`GET /metrics`: who may read it, and that whichever process is asked answers for all."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import NOW, Api, check_problem, hotspot
from tests.cli.test_serving import eventually, served
from workflows.core.documents import Role
from workflows.loader import find_definitions, load
from workflows.services.grants import GrantError, check_grant
from workflows.services.metrics import DIRECTORY_VARIABLE
from workflows.store import keys
from workflows.store.database import Database

ROUTE = 'workflows_http_requests_total{method="GET",route="/api/v1/me",status="200"}'


def made(url: str, role: Role, *scope: str) -> str:
    grant = keys.Grant(role=role, unit="VN", person=role.value, name=role.value, scope=frozenset(scope))
    check_grant(grant, lambda: load(find_definitions(None)))
    with Database(url) as database:
        return keys.create(database, grant, now=NOW).secret


def read(api: Api, secret: str | None) -> httpx.Response:
    return api.client.get("/metrics", headers={"authorization": f"Bearer {secret}"} if secret else {})


def test_needs_an_administrator_or_the_scope(api: Api) -> None:
    url = api.engine.database.url.render_as_string(hide_password=False)
    check_problem(read(api, None), 401, "unauthorized")
    check_problem(read(api, api.secrets["auditor"]), 403, "forbidden")
    check_problem(read(api, made(url, Role.SYSTEM, "hotspot.*")), 403, "forbidden")
    for secret in (made(url, Role.ADMINISTRATOR), made(url, Role.SYSTEM, "metrics.read")):
        answer = read(api, secret)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_a_misspelt_scope_is_refused(sqlite_url: str) -> None:
    with pytest.raises(GrantError, match=re.escape('did you mean "metrics.read"?')):
        made(sqlite_url, Role.SYSTEM, "metrics.raed")


def test_routes_are_templates_and_values_are_nobodys_words(api: Api) -> None:
    case = api.open(title="Bí mật")["id"]
    api.get(f"/cases/{case}")
    api.client.get("/some/where/wfk_secret")
    text = read(api, made(api.engine.database.url.render_as_string(hide_password=False), Role.ADMINISTRATOR)).text
    assert 'route="/api/v1/cases/{case_id}",status="200"} 1.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert 'workflows_commands_total{outcome="accepted"} 1.0' in text
    assert not any(word in text for word in (case, "Bí mật", "wfk_secret", api.secrets["police"]))


def test_every_figure_has_its_help_and_its_prefix(sqlite_api: Api) -> None:
    url = sqlite_api.engine.database.url.render_as_string(hide_password=False)
    text = read(sqlite_api, made(url, Role.ADMINISTRATOR)).text
    helped = set(re.findall(r"^# HELP (\S+) \S.*\.$", text, re.MULTILINE))
    typed = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    assert helped == typed
    assert all(name.startswith("workflows_") for name in typed)


def total(text: str, sample: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(sample))


def test_several_processes_answer_together(postgresql_url: str, tmp_path: Path) -> None:
    secret = made(postgresql_url, Role.ADMINISTRATOR)
    headers = {"authorization": f"Bearer {secret}", "connection": "close"}
    """A connection for each request, so that both processes answer."""
    police = made(postgresql_url, Role.PROVINCIAL_POLICE)

    with served(postgresql_url, tmp_path, "--workers", "2") as server:
        client = server.client

        def ask(_number: int) -> int:
            return client.get("/api/v1/me", headers=headers).status_code

        def metrics() -> str:
            return client.get("/metrics", headers=headers).raise_for_status().text

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(40))) == {200}
        opened = client.post("/api/v1/cases", json=hotspot("29242"), headers={"authorization": f"Bearer {police}"})
        assert opened.status_code == 201, opened.text
        eventually(lambda: all(total(metrics(), 'workflows_commands_total{outcome="accepted"}') == 1 for _ in range(4)))
        seen = [total(metrics(), ROUTE) for _ in range(8)]
        assert seen == [40] * 8
        Path(server.children()[0].environ()[DIRECTORY_VARIABLE], "counter_0.db").touch()
        assert total(metrics(), ROUTE) == 40, "a process that begins has made its file, and written nothing yet"

        def children() -> set[int]:
            return {child.pid for child in server.children()}

        before = children()
        server.children()[0].kill()
        eventually(lambda: len(children()) == 2 and children() != before)
        eventually(lambda: "workflows_queue_length 0.0" in metrics())
        assert total(metrics(), ROUTE) == 40, "what a dead process counted stays counted"
