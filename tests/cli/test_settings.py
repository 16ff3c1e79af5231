"""Settings that only the server reads: what they do, and that a wrong one is told before anything is served."""

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_serving import served
from workflows.services.settings import LOG_LEVEL_VARIABLE

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_traces_without_opentelemetry_are_refused_in_one_line(
    run_program: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://localhost:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)  # as where it is not installed
    ended = run_program("serve", "--port", "0", "--database", sqlite_url)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert f"{ENDPOINT} is set, but OpenTelemetry is not installed: install workflows[otel]" in ended.err


def test_an_unknown_log_level_is_refused(run_program: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOG_LEVEL_VARIABLE, "loud")
    ended = run_program("serve", "--port", "0", "--database", sqlite_url)
    assert ended.code == 2
    assert "WORKFLOWS_LOG_LEVEL is 'loud'; allowed: debug, info, warning, error" in ended.err


def test_the_log_level_decides_whether_requests_are_logged(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That they are at the usual level is seen where a server sends its spans."""
    monkeypatch.setenv(LOG_LEVEL_VARIABLE, "WARNING")
    with served(sqlite_url, tmp_path) as server:
        assert server.client.get("/healthz").status_code == 200
    assert (tmp_path / "log").read_text(encoding="utf-8") == ""
