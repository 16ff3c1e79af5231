"""What is no request that can be used: keys, content types, JSON, sizes; and what the log tells of requests."""

import json
import time
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from tests.api.conftest import COMMUNE, JSON, NOW, SUPPRESS, Api, check_problem, hotspot, new_key, paths
from workflows.core.documents import Role
from workflows.services import reading
from workflows.store import keys
from workflows.store.database import Database

NESTED = b'{"a":' * 40 + b"1" + b"}" * 40
LEVEL_32 = b"[" * 31 + b"]" * 31


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer nobody", "wfk_x", f"Bearer {'x' * 500}"]
)
def test_a_key_is_needed(sqlite_api: Api, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = sqlite_api.client.get("/api/v1/me", headers=headers)
    check_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_key_stands_for_its_holder_until_it_is_revoked(api: Api) -> None:
    me = api.get("/me").json()
    assert (me["person"], me["role"], me["unit"]) == ("police", "commune_police", COMMUNE)
    with Database(api.engine.database.url) as database:
        assert keys.revoke(database, me["key"], now=NOW)
    time.sleep(1)
    check_problem(api.get("/me"), 401, "unauthorized")
    assert api.get("/me", who="province").status_code == 200


def test_a_grant_ends_on_its_day(api: Api) -> None:
    with Database(api.engine.database.url) as database:
        secret = keys.create(
            database,
            keys.Grant(role=Role.AUDITOR, unit="VN", person="a", name="a", valid_to=NOW.date().replace(day=6)),
            now=NOW,
        ).secret
    headers = {"authorization": f"bearer {secret}"}
    assert api.client.get("/api/v1/me", headers=headers).status_code == 200
    api.clock.now = api.clock.now.replace(hour=17)  # the sixth has begun in Việt Nam
    check_problem(api.client.get("/api/v1/me", headers=headers), 401, "unauthorized")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"{} {}", 400, "not_json"),
        (b'{"trigger": "a", "trigger": "b"}', 400, "not_json"),
        (b'{"trigger": "a", "input": {"x": 1, "x": 2}}', 400, "not_json"),
        (b'{"trigger": "\xff"}', 400, "not_json"),
        (b'\xef\xbb\xbf{"trigger": "a"}', 400, "not_json"),
        ('{"trigger": "a"}'.encode("utf-16"), 400, "not_json"),
        (b"[" * 200_000, 400, "too_deep"),
        (NESTED, 400, "too_deep"),
        (b'{"trigger": "a", "input": {"x": ' + LEVEL_32 + b"}}", 400, "too_deep"),
    ],
)
def test_what_is_not_json_is_refused(sqlite_api: Api, content: bytes, status: int, code: str) -> None:
    case = sqlite_api.open()["id"]
    check_problem(sqlite_api.raw(f"/cases/{case}/transitions", content), status, code)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"[]", ""),
        (b"null", ""),
        (b'"text"', ""),
        (b"{}", "/trigger"),
        (b'{"trigger": 1}', "/trigger"),
        (b'{"trigger": null}', "/trigger"),
        (b'{"trigger": "suppress", "dry_run": 0}', "/dry_run"),
        (b'{"trigger": "suppress", "dry_run": "true"}', "/dry_run"),
        (b'{"trigger": "suppress", "input": null}', "/input"),
        (b'{"trigger": "suppress", "input": []}', "/input"),
        (b'{"trigger": "suppress", "reason": 5}', "/reason"),
        (b'{"trigger": "suppress", "actor": "somebody"}', "/actor"),
        (b'{"trigger": "suppress", "input": {"x": 1.0}}', "/input/x"),
        (b'{"trigger": "suppress", "input": {"x": 1e400}}', "/input/x"),
        (b'{"trigger": "suppress", "input": {"x": NaN}}', "/input/x"),
        (b'{"trigger": "suppress", "input": {"x": -Infinity}}', "/input/x"),
        (b'{"trigger": "suppress", "input": {"x": 9007199254740992}}', "/input/x"),
        (b'{"trigger": "suppress", "input": {"x": ' + b"9" * 5000 + b"}}", ""),
        (b'{"trigger": "suppress", "input": {"x": "\\u0000"}}', "/input/x"),
        (b'{"trigger": "suppress", "input": {"x": "\\ud800"}}', "/input/x"),
        (b'{"trigger": "\\ud800"}', "/trigger"),
        (b'{"trigger": "suppress", "\\ud800": {"y": 1.5}}', "/\\ud800/y"),
    ],
)
def test_values_beyond_the_profile_are_refused(sqlite_api: Api, content: bytes, path: str) -> None:
    case = sqlite_api.open()["id"]
    answer = sqlite_api.raw(f"/cases/{case}/transitions", content)
    assert path in paths(check_problem(answer, 422, "invalid"))


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("dry_run", "yes", "must be true or false"),
        ("input", [], "must be an object"),
        ("reason", 5, "must be text"),
        ("trigger", "x" * 201, "at most 200 characters"),
    ],
)
def test_a_member_of_another_type_is_told_in_words_of_json(
    sqlite_api: Api, member: str, value: object, said: str
) -> None:
    case = sqlite_api.open()["id"]
    answer = sqlite_api.post(f"/cases/{case}/transitions", {**SUPPRESS, member: value})
    (error,) = check_problem(answer, 422, "invalid")["errors"]
    assert (error["path"], said in error["message"]) == (f"/{member}", True), error


def test_a_misspelt_member_is_told_its_name(sqlite_api: Api) -> None:
    answer = sqlite_api.post("/cases", {**hotspot(), "titel": "Chợ"})
    (error,) = check_problem(answer, 422, "invalid")["errors"]
    assert error["path"] == "/titel"
    assert "did you mean 'title'" in error["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/problem+json"},
        {"content-type": "application/json; charset=utf-16"},
        {},
    ],
)
def test_only_json_is_taken(sqlite_api: Api, headers: Mapping[str, str]) -> None:
    content = json.dumps(hotspot()).encode()
    check_problem(sqlite_api.raw("/cases", content, headers), 415, "content_type")
    charset = {"content-type": "application/json; charset=UTF-8"}
    assert sqlite_api.raw("/cases", content, charset).status_code == 201


def test_compressed_bodies_are_not_taken(sqlite_api: Api) -> None:
    check_problem(sqlite_api.raw("/cases", b"x", {**JSON, "content-encoding": "gzip"}), 415, "content_encoding")


def test_a_body_has_its_limit(sqlite_api: Api) -> None:
    large = json.dumps({**hotspot(), "reason": "x" * 2**20}).encode()
    check_problem(sqlite_api.raw("/cases", large), 413, "too_large")
    within = json.dumps({**hotspot(), "reason": "x" * (2**20 - 500)}).encode()
    assert paths(check_problem(sqlite_api.raw("/cases", within), 422, "invalid")) == ["/reason"]


def test_routes_that_are_not_there_answer_with_problems_too(sqlite_api: Api) -> None:
    check_problem(sqlite_api.get("/nowhere"), 404, "not_found")
    check_problem(sqlite_api.send("DELETE", "/cases", who="police"), 405, "method_not_allowed")


def test_a_dead_writer_is_told(api: Api) -> None:
    case = api.open()["id"]
    assert api.client.get("/readyz").status_code == 200
    api.engine.writer.stop()
    assert api.client.get("/readyz").status_code == 503
    assert api.client.get("/healthz").status_code == 200
    answer = api.fire(case, SUPPRESS, version=1)
    check_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert api.get(f"/cases/{case}").status_code == 200


def test_a_failure_is_logged_under_its_id_and_not_shown(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("hidden detail")

    monkeypatch.setattr(reading, "cases", fail)
    with capture_logs() as lines:
        answer = sqlite_api.get("/cases")
    problem = check_problem(answer, 500, "internal")
    assert "hidden" not in answer.text
    (failed,) = (line for line in lines if line["event"] == "http.failed")
    assert failed["request_id"] == problem["request_id"] == answer.headers["x-request-id"]


def test_the_log_names_requests_and_nothing_that_was_sent(sqlite_api: Api) -> None:
    with capture_logs() as lines:
        opened = sqlite_api.post("/cases", hotspot(title="Bí mật"), headers={"idempotency-key": "khoa-1"})
        sqlite_api.get("/cases", q="bi mat")
        sqlite_api.client.get("/nowhere")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/api/v1/cases", 201),
        ("GET", "/api/v1/cases", 200),
        ("GET", None, 404),
    ]
    members = {"event", "log_level", "method", "route", "status", "duration_ms", "request_id", "key_id"}
    assert all(line.keys() == members for line in requests[1:])
    assert requests[0].keys() == members | {"command", "case", "workflow", "trigger", "outcome"}
    assert requests[0]["request_id"] == opened.headers["x-request-id"]
    assert requests[0]["key_id"] == sqlite_api.get("/me").json()["key"]
    said = json.dumps(lines, default=str, ensure_ascii=False)
    assert not any(text in said for text in ("Bí mật", "bi mat", "khoa-1", sqlite_api.secrets["police"]))


def test_revoked_between_requests_of_one_second_is_decided_by_the_writer(api: Api) -> None:
    """The key is still remembered; the grant is read again where it counts."""
    with Database(api.engine.database.url) as database:
        secret = new_key(database, "leaving", Role.COMMUNE_POLICE, COMMUNE)
        headers = {"authorization": f"Bearer {secret}"}
        me = api.client.get("/api/v1/me", headers=headers).json()
        assert keys.revoke(database, me["key"], now=NOW)
    answer = api.client.post("/api/v1/cases", json=hotspot(), headers=headers)
    refused = answer.json()
    assert refused["code"] == "unauthorized" or "not_in_force" in {blocker["code"] for blocker in refused["blockers"]}
    assert api.get("/cases").json()["items"] == []
