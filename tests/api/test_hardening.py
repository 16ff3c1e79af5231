"""What every operation that takes a body refuses, and that nothing is written meanwhile; beside what Litestar does.

The operations are those of the application itself: one that is added has to be named here before the tests pass.
"""

import gzip
import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.routes import HTTPRoute
from litestar.testing import TestClient
from pydantic import BaseModel
from sqlalchemy import text

from api.app import outline
from api.headers import HEADERS
from tests.api.conftest import COMMUNE, JSON, SUPPRESS, TODAY, Api, check_problem, hotspot, new_key, served
from workflows.core.documents import Role
from workflows.services.sequencing import Sequencer
from workflows.store.tables import metadata

WITH_BODY: Final = {"POST", "PUT", "PATCH"}
CODES: Final = {
    "content_encoding",
    "content_type",
    "if_match_required",
    "invalid",
    "not_json",
    "too_deep",
    "too_large",
}
"""What a client may be told of a body; once published, they stay."""
TAKES: Final = "takes it"
FAILS: Final = "fails"
REFUSES: Final = "refuses it, too"
HOOK: Final = {"name": "Sở Y tế", "url": "https://192.0.66.1/hook"}
STATIC: Final = {"unit", "unit_lock", "definition", "alembic_version"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request that is carried out as it stands."""

    who: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An application with something in it to act on."""

    api: Api
    case: str
    subscription: str

    def valid(self, operation: str) -> Sent:
        fire = {**SUPPRESS, "reason": "Theo báo cáo"}
        item = {"case": self.case, "version": 1, **SUPPRESS}
        figure = {"unit": COMMUNE, "key": "addicts", "value": 3, "as_of": TODAY, "source": "Sổ"}
        hook = f"/subscriptions/{self.subscription}"
        found = {
            "POST /api/v1/cases": Sent(who="police", path="/cases", body=hotspot(dry_run=False)),
            "POST /api/v1/cases/{case_id}/transitions": Sent(
                who="police", path=f"/cases/{self.case}/transitions", body={**fire, "dry_run": False}
            ),
            "POST /api/v1/transitions": Sent(
                who="police", path="/transitions", body={"items": [item], "atomic": False}
            ),
            "POST /api/v1/plans/{plan}/openings": Sent(
                who="province", path="/plans/tra-vinh-2025/openings", body={"year": 2025, "dry_run": False}
            ),
            "POST /api/v1/counts": Sent(who="police", path="/counts", body=figure),
            "POST /api/v1/subscriptions": Sent(who="admin", path="/subscriptions", body={**HOOK, "active": True}),
            "PATCH /api/v1/subscriptions/{subscription_id}": Sent(who="admin", path=hook, body={"name": "Khác"}),
            "POST /api/v1/subscriptions/{subscription_id}/secret": Sent(
                who="admin", path=f"{hook}/secret", body={"overlap_hours": 1}
            ),
            "POST /api/v1/subscriptions/{subscription_id}/replay": Sent(
                who="admin", path=f"{hook}/replay", body={"after": 0}
            ),
        }
        return found[operation]

    def send(self, operation: str, content: bytes, headers: Mapping[str, str] = JSON) -> httpx.Response:
        sent = self.valid(operation)
        method = operation.partition(" ")[0]
        own = {"if-match": '"1"', **headers}
        return self.api.send(method, sent.path, who=sent.who, content=content, headers=own)

    def written(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything in the database that a request could have written."""
        names = [table.name for table in metadata.sorted_tables if table.name not in STATIC]
        with self.api.engine.database.read() as connection:
            return {
                name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))), key=repr)
                for name in names
            }

    def refuses(self, operation: str, content: bytes, headers: Mapping[str, str] = JSON) -> dict[str, Any]:
        answer = self.send(operation, content, headers)
        problem: dict[str, Any] = answer.json()
        if answer.status_code == 200 and operation.endswith("/api/v1/transitions"):
            (item,) = problem["items"]  # each of many is answered for itself
            problem = item["problem"]
        else:
            check_problem(answer, answer.status_code, problem["code"])
        assert 400 <= problem["status"] < 500, (operation, content[:200], problem)
        assert problem["code"] in CODES, operation
        return problem


def operations() -> list[str]:
    """Method and path of all that take a body."""
    routes = (route for route in outline().routes if isinstance(route, HTTPRoute))
    return sorted(
        f"{method} {route.path_format}"
        for route in routes
        for handler in route.route_handlers
        for method in handler.http_methods & WITH_BODY
    )


OPERATIONS: Final = operations()


@pytest.fixture(scope="module")
def stage(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    database = tmp_path_factory.mktemp("hardening") / "workflows.sqlite"
    shutil.copyfile(sqlite_template, database)
    for begun in served(f"sqlite:///{database}"):
        secret = new_key(begun.engine.database, "admin", Role.ADMINISTRATOR, "VN")
        api = replace(begun, secrets={**begun.secrets, "admin": secret})
        subscription = api.post("/subscriptions", HOOK, who="admin")
        assert subscription.status_code == 201, subscription.text
        yield Stage(api=api, case=api.open()["id"], subscription=subscription.json()["id"])


class Naive(BaseModel):
    """A body as it is usually declared."""

    value: int = 0
    flag: bool = False
    text: str = ""


@post("/", status_code=200)
async def take(data: JSONBody[Naive]) -> dict[str, str]:
    return {"text": data.text}


@pytest.fixture(scope="module")
def naive() -> Iterator[TestClient[Litestar]]:
    """The control: Litestar as it comes."""
    with TestClient(Litestar([take], logging_config=None), raise_server_exceptions=False) as client:
        yield client


def check_control(naive: TestClient[Litestar], content: bytes, headers: Mapping[str, str], does: str) -> None:
    status = naive.post("/", content=content, headers=headers).status_code
    assert (TAKES if status == 200 else FAILS if status >= 500 else REFUSES) == does


def with_first(body: Mapping[str, Any], value: str) -> bytes:
    """The body with this as the text of the value of its first member."""
    first = next(iter(body))
    return json.dumps({**body, first: "@@"}).replace('"@@"', value).encode()


def whole(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def in_text(body: Mapping[str, Any], content: bytes) -> bytes:
    return with_first(body, '"##"').replace(b"##", content)


DEEP: Final = "[" * 100_000 + "]" * 100_000
Break: Final = Callable[[Mapping[str, Any]], bytes]
BROKEN: Final[Mapping[str, tuple[Callable[[Mapping[str, Any]], bytes], bytes, str]]] = {
    "duplicate member": (
        lambda body: whole(body)[:-1] + b", " + whole({next(iter(body)): None})[1:],
        b'{"value": 1, "value": 2}',
        TAKES,
    ),
    "duplicate member within": (lambda body: with_first(body, '{"a": 1, "a": 2}'), b'{"x": {"a": 1, "a": 2}}', TAKES),
    "NaN": (lambda body: with_first(body, "NaN"), b'{"value": NaN}', REFUSES),
    "Infinity": (lambda body: with_first(body, "Infinity"), b'{"value": Infinity}', REFUSES),
    "-Infinity": (lambda body: with_first(body, "-Infinity"), b'{"value": -Infinity}', REFUSES),
    "1e400": (lambda body: with_first(body, "1e400"), b'{"value": 1e400}', REFUSES),
    "1.0": (lambda body: with_first(body, "1.0"), b'{"value": 1.0}', TAKES),
    "2^53+1": (lambda body: with_first(body, "9007199254740993"), b'{"value": 9007199254740993}', TAKES),
    "5000 digits": (lambda body: with_first(body, "9" * 5000), b'{"value": %s}' % (b"9" * 5000), REFUSES),
    "U+0000": (lambda body: with_first(body, '"\\u0000"'), b'{"text": "\\u0000"}', TAKES),
    "lone surrogate": (lambda body: with_first(body, '"\\ud800"'), b'{"text": "\\ud800"}', REFUSES),
    "lone surrogate as a name": (lambda body: whole(body)[:-1] + b', "\\udfff": 1}', b'{"\\udfff": 1}', REFUSES),
    "100 000 levels": (lambda body: with_first(body, DEEP), f'{{"x": {DEEP}}}'.encode(), FAILS),
    "100 000 levels without end": (lambda _: b"[" * 100_000, b"[" * 100_000, FAILS),
    "invalid UTF-8": (lambda body: in_text(body, b"\xff"), b'{"text": "\xff"}', FAILS),
    "overlong UTF-8": (lambda body: in_text(body, b"\xc0\xaf"), b'{"text": "\xc0\xaf"}', FAILS),
    "a surrogate in UTF-8": (lambda body: in_text(body, b"\xed\xa0\x80"), b'{"text": "\xed\xa0\x80"}', FAILS),
    "byte order mark": (lambda body: b"\xef\xbb\xbf" + whole(body), b"\xef\xbb\xbf{}", REFUSES),
    "UTF-16": (lambda body: json.dumps(body).encode("utf-16"), "{}".encode("utf-16"), REFUSES),
    "UTF-32": (lambda body: json.dumps(body).encode("utf-32-le"), "{}".encode("utf-32-le"), REFUSES),
    "trailing data": (lambda body: whole(body) + b"{}", b"{}{}", REFUSES),
    "trailing zero": (lambda body: whole(body) + b"\x00", b"{}\x00", REFUSES),
    "cut off": (lambda body: whole(body)[:-1], b"{", REFUSES),
    "empty": (lambda _: b"", b"", REFUSES),
    "null": (lambda _: b"null", b"null", REFUSES),
    "a list": (lambda body: b"[" + whole(body) + b"]", b"[{}]", REFUSES),
    "a text": (lambda _: b'"x"', b'"x"', REFUSES),
    "raw control character": (lambda body: in_text(body, b"\x1b[31m"), b'{"text": "\x1b"}', REFUSES),
    "single quotes": (lambda _: b"{'a': 1}", b"{'a': 1}", REFUSES),
    "comment": (lambda body: b"/**/" + whole(body), b"/**/{}", REFUSES),
}
"""What becomes of a valid body; and for the control a body with the same defect, and what Litestar does with it."""


def test_every_operation_is_known_and_its_request_works(stage: Stage) -> None:
    """Controls all others here: what they change is a request that is carried out."""
    sequencer = Sequencer(stage.api.engine)
    sequencer.start()
    sequencer.stop()
    for operation in OPERATIONS:
        sent = stage.valid(operation)
        fresh = stage.api.open()["id"]
        method = operation.partition(" ")[0]
        path, body = sent.path.replace(stage.case, fresh), whole(sent.body).replace(stage.case.encode(), fresh.encode())
        before = stage.written()
        answer = stage.api.send(method, path, who=sent.who, content=body, headers={**JSON, "if-match": '"1"'})
        assert answer.is_success, (operation, answer.text)
        assert stage.written() != before, operation


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_bodies_are_refused(stage: Stage, naive: TestClient[Litestar], kind: str) -> None:
    broken, control, does = BROKEN[kind]
    before = stage.written()
    for operation in OPERATIONS:
        stage.refuses(operation, broken(stage.valid(operation).body))
    assert stage.written() == before
    check_control(naive, control, JSON, does)


TYPES: Final[Mapping[str, tuple[Mapping[str, str], int, str]]] = {
    "none": ({}, 415, TAKES),
    "text/plain": ({"content-type": "text/plain"}, 415, TAKES),
    "form": ({"content-type": "application/x-www-form-urlencoded"}, 415, TAKES),
    "multipart": ({"content-type": "multipart/form-data; boundary=x"}, 415, TAKES),
    "XML": ({"content-type": "application/xml"}, 415, TAKES),
    "other JSON": ({"content-type": "application/problem+json"}, 415, TAKES),
    "UTF-16": ({"content-type": "application/json; charset=utf-16"}, 415, TAKES),
    "two": ({"content-type": "application/json, text/plain"}, 415, TAKES),
    "gzip": ({**JSON, "content-encoding": "gzip"}, 415, TAKES),
    "deflate": ({**JSON, "content-encoding": "deflate"}, 415, TAKES),
}


@pytest.mark.parametrize("kind", TYPES)
def test_only_plain_json_is_read(stage: Stage, naive: TestClient[Litestar], kind: str) -> None:
    """A browser sends the first four to any server without asking it."""
    headers, status, does = TYPES[kind]
    before = stage.written()
    for operation in OPERATIONS:
        problem = stage.refuses(operation, whole(stage.valid(operation).body), headers)
        assert problem["status"] == status
    assert stage.written() == before
    check_control(naive, b'{"value": 1}', headers, does)


def test_large_bodies_are_refused(stage: Stage) -> None:
    """Announced or not; and what would become large is not unpacked."""
    large = b'{"x": "' + b"x" * (10 * 2**20) + b'"}'
    before = stage.written()
    for operation in OPERATIONS:
        assert stage.refuses(operation, large)["code"] == "too_large"
        sent = stage.valid(operation)
        parts = (large[start : start + 2**18] for start in range(0, len(large), 2**18))
        chunked = stage.api.send(operation.partition(" ")[0], sent.path, who=sent.who, content=parts, headers=JSON)
        check_problem(chunked, 413, "too_large")
        packed = stage.refuses(operation, gzip.compress(large), {**JSON, "content-encoding": "gzip"})
        assert packed["code"] == "content_encoding"
    assert stage.written() == before


NOT_THEIRS: Final = (
    "actor",
    "unit_id",
    "unit_path",
    "state",
    "recorded_at",
    "expected_version",
    "person",
    "role",
    "grant",
    "grant_id",
    "id",
    "seq",
    "hash",
    "prev_hash",
    "definition",
    "workflow_version",
    "opened_at",
    "due",
    "final",
    "created_at",
    "secret",
    "is_admin",
    "__proto__",
    "constructor",
    "Trigger",
    "",
)


def objects(value: object, path: str = "") -> Iterator[str]:
    """Where in a body there are objects."""
    if isinstance(value, Mapping):
        yield path
        for name, member in value.items():
            yield from objects(member, f"{path}/{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from objects(member, f"{path}/{index}")


def changed(body: Mapping[str, Any], path: str, value: object) -> bytes:
    """The body with another value at a path, added where nothing stands."""
    copy = json.loads(json.dumps(body))
    *above, last = path.split("/")[1:]
    part = copy
    for step in above:
        part = part[int(step)] if isinstance(part, list) else part[step]
    part[int(last) if isinstance(part, list) else last] = value
    return whole(copy)


@pytest.mark.parametrize("name", NOT_THEIRS)
def test_no_member_is_ignored(stage: Stage, naive: TestClient[Litestar], name: str) -> None:
    before = stage.written()
    for operation in OPERATIONS:
        body = stage.valid(operation).body
        for place in objects(body):
            path = f"{place}/{name}"
            problem = stage.refuses(operation, changed(body, path, "x"))
            assert any(path.endswith(error["path"]) for error in problem["errors"]), (operation, problem)
    assert stage.written() == before
    check_control(naive, json.dumps({name: "x"}).encode(), JSON, TAKES)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from leaves(member, f"{path}/{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, f"{path}/{index}")
    else:
        yield path, value


def look_alikes(value: object) -> list[object]:
    if isinstance(value, bool):
        return [int(value), str(value).lower(), "", [], {}]
    if isinstance(value, int):
        return [str(value), float(value), True, False, "", [value], {}]
    return [1, 0, True, [value], {"x": value}]


def test_nothing_passes_for_another_type(stage: Stage, naive: TestClient[Litestar]) -> None:
    """`false` is not 0, and "1" is not 1."""
    before = stage.written()
    tried = 0
    for operation in OPERATIONS:
        body = stage.valid(operation).body
        for path, value in leaves(body):
            for other in look_alikes(value):
                stage.refuses(operation, changed(body, path, other))
                tried += 1
    assert stage.written() == before
    assert tried > 100
    for content in (b'{"value": "1"}', b'{"value": true}', b'{"flag": 0}', b'{"flag": "true"}', b'{"value": 1.0}'):
        check_control(naive, content, JSON, TAKES)


def test_texts_are_kept_as_they_were_sent(stage: Stage) -> None:
    """Composed and decomposed letters are two texts; marks of direction are part of one: nobody's name is changed."""
    composed, decomposed = (unicodedata.normalize(form, "Hòa Lợi") for form in ("NFC", "NFD"))
    assert composed != decomposed
    for title in (composed, decomposed, "abc\u202exyz", "a\u200bb", "a\u2028b", "𠮷", "a\r\nb"):
        found = stage.api.open(title=title)
        assert stage.api.get(f"/cases/{found['id']}").json()["title"] == title


def test_minus_nought_is_nought(stage: Stage) -> None:
    sent = stage.valid("POST /api/v1/counts")
    answer = stage.send("POST /api/v1/counts", whole({**sent.body, "value": 987}).replace(b"987", b"-0"))
    assert b'"value":0,' in answer.content


def test_cookies_are_neither_set_nor_read(stage: Stage) -> None:
    secret = stage.api.secrets["police"]
    client = stage.api.client
    for cookie in (f"authorization=Bearer {secret}", f"session={secret}", f"api_key={secret}; token={secret}"):
        answer = client.get("/api/v1/me", headers={"cookie": cookie})
        check_problem(answer, 401, "unauthorized")
        assert "set-cookie" not in answer.headers
    for address in (f"/api/v1/me?key={secret}", f"/api/v1/me?access_token={secret}"):
        check_problem(client.get(address), 401, "unauthorized")
    for answer in everything(stage):
        assert "set-cookie" not in answer.headers
    assert not client.cookies


def everything(stage: Stage) -> Iterator[httpx.Response]:
    """An answer of every route, of unknown ones, and of every kind of error."""
    routes = [route for route in outline().routes if isinstance(route, HTTPRoute)]
    client = stage.api.client
    for key in (stage.api.secrets["admin"], "nobody's"):
        headers = {"authorization": f"Bearer {key}"}
        for route in routes:
            path = route.path_format.replace("{case_id}", stage.case).replace("{subscription_id}", stage.subscription)
            for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD", "TRACE"):
                if (method, path) != ("DELETE", f"/api/v1/subscriptions/{stage.subscription}"):
                    yield client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
        yield client.get("/nowhere", headers=headers)
        yield client.get("/api/v1/cases/../../etc/passwd", headers=headers)


def test_every_answer_has_its_headers(stage: Stage, naive: TestClient[Litestar]) -> None:
    required = {name.decode() for name, _ in HEADERS}
    seen = set()
    for answer in everything(stage):
        seen.add(answer.status_code)
        missing = required - answer.headers.keys()
        assert not missing, (answer.request.method, answer.request.url, answer.status_code)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert len(answer.headers.get_list("content-security-policy")) == 1
        assert "server" not in answer.headers
    assert seen >= {200, 400, 401, 404, 405, 415} - {400}
    assert required - naive.get("/").headers.keys() == required, "the control has none"


def test_a_handlers_own_word_stands() -> None:
    from api.headers import completed  # noqa: PLC0415 - only here

    own = [(b"Cache-Control", b"max-age=60"), (b"content-security-policy", b"default-src 'self'")]
    found = completed(own)
    assert found[:2] == own
    assert [name for name, _ in found].count(b"cache-control") == 0
    assert len(found) == len(HEADERS)
