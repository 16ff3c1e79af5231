"""Entity tags of reads: an answer that still holds is not sent again, and one that does not is."""

from datetime import timedelta

import pytest

from tests.api.conftest import COMMUNE, SUPPRESS, Api

PATHS = ("/me", "/workflows", "/workflows/hotspot", "/cases", "/units", "/events", f"/units/{COMMUNE}")


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_holds_is_not_sent_again(sqlite_api: Api, path: str) -> None:
    first = sqlite_api.get(path)
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = sqlite_api.send("GET", path, who="police", headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in again.headers or again.headers["content-length"] == "0"
    other = sqlite_api.send("GET", path, who="police", headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_an_answer_that_changed_is_sent(api: Api) -> None:
    case = api.open()["id"]
    before = {path: api.get(path).headers["etag"] for path in ("/cases", f"/cases/{case}", f"/cases/{case}/events")}
    assert before[f"/cases/{case}"] == '"1"'
    assert api.fire(case, SUPPRESS, version=1).status_code == 200
    for path, tag in before.items():
        assert api.send("GET", path, who="police", headers={"if-none-match": tag}).status_code == 200, path


def test_a_case_that_became_overdue_is_sent_though_its_version_is_the_same(api: Api) -> None:
    case = api.open()
    path, seen = f"/cases/{case['id']}", {"if-none-match": '"1"'}
    assert api.send("GET", path, who="police", headers=seen).status_code == 304
    api.clock.now += timedelta(days=31)
    late = api.send("GET", path, who="police", headers=seen)
    assert (late.status_code, late.headers["etag"], late.json()["overdue"]) == (200, '"1"', True)


def test_errors_and_writes_have_no_tag_of_their_bytes(api: Api) -> None:
    missing = api.send("GET", "/cases/nothing", who="police", headers={"if-none-match": "*"})
    assert (missing.status_code, "etag" in missing.headers) == (404, False)
    tried = api.post("/cases", {"workflow": "hotspot"}, headers={"if-none-match": "*"})
    assert (tried.status_code, "etag" in tried.headers) == (422, False)
