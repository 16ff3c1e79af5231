"""What the server's logs look like, and what never gets into them."""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from workflows.services import logs
from workflows.store.database import Database
from workflows.store.tables import setting

SECRET = "wfk_never-to-be-seen"  # noqa: S105 - stands for one


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    """The logs of the server, taken back at the end."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = root.level, root.handlers[:], access.disabled
    yield
    root.level, root.handlers, access.disabled = before
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_is_one_json_object_whoever_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("own").info("request", path="/api/v1/cases", note="Trà Vinh\nsecond line")
    logging.getLogger("some.package").warning("careful: %s", "đã xóa")
    own, library = lines(capsys)
    assert (own["event"], own["level"], own["note"]) == ("request", "info", "Trà Vinh\nsecond line")
    assert (library["event"], library["logger"]) == ("careful: đã xóa", "some.package")


def test_what_was_logged_before_holds_no_logger_to_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    used = structlog.get_logger("own")
    used.info("first")
    logs.configure(logging.WARNING)
    used.info("second")
    with structlog.testing.capture_logs() as seen:
        used.warning("third")
    assert [each["event"] for each in lines(capsys)] == ["first"]
    assert [each["event"] for each in seen] == ["third"]


@pytest.mark.parametrize(
    "field", ["authorization", "Authorization", "cookie", "Set-Cookie", "body", "headers", "token"]
)
def test_fields_that_carry_secrets_are_left_out(capsys: pytest.CaptureFixture[str], field: str) -> None:
    logs.configure()
    structlog.get_logger("own").info("request", **{field: SECRET}, status=200)
    (line,) = lines(capsys)
    assert line["status"] == 200
    assert SECRET not in json.dumps(line)


def test_a_traceback_shows_no_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    def fail(secret: str) -> None:
        raise ValueError(len(secret))

    try:
        fail(SECRET)
    except ValueError:
        structlog.get_logger("own").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError" in str(line["exception"])
    assert SECRET not in json.dumps(line)


def test_a_failed_statement_shows_no_values(capsys: pytest.CaptureFixture[str], database_url: str) -> None:
    logs.configure()
    row = {"key": "taken", "value": SECRET}
    with Database(database_url) as database:
        try:
            with database.write() as connection:
                connection.execute(insert(setting), [row, row])
        except IntegrityError:
            structlog.get_logger("own").exception("failed")
    (line,) = lines(capsys)
    assert "INSERT INTO setting" in str(line["exception"])
    assert SECRET not in json.dumps(line)


def test_transitions_stay_quiet_when_a_framework_turns_the_root_up(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("transitions.core").info("Finished processing state")
    logging.getLogger("uvicorn.access").info("GET /?key=1")
    assert lines(capsys) == []
    logging.getLogger("other").info("heard")
    assert [line["event"] for line in lines(capsys)] == ["heard"]


def test_a_log_without_room_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no file that is always full")
    file = full.open("w")
    try:
        with pytest.raises(OSError, match="No space left"):
            structlog.WriteLoggerFactory(file)().msg("the control")
        monkeypatch.setattr("sys.stderr", file)
        logs.configure()
        structlog.get_logger("own").info("request")
    finally:
        with suppress(OSError):
            file.close()
