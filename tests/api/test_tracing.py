"""Traces: which spans there are, how they hang together, what they never say, and that none are made unasked."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from litestar.testing import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from api.observation import Observation
from api.server import application
from tests.api.conftest import JSON, PEOPLE, SUPPRESS, Api, Clock, hotspot, new_key
from tests.cli.test_serving import served
from workflows.services import tracing
from workflows.services.engine import Engine
from workflows.services.spans import Spans
from workflows.services.tracing import TracingError
from workflows.store.database import Database

PARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """An application whose spans are kept."""

    api: Api
    kept: InMemorySpanExporter
    spans_of: Spans

    def spans(self, name: str, count: int = 1) -> list[ReadableSpan]:
        """Those of a name, once there are so many: the batch's comes after the answer."""
        deadline = time.monotonic() + 30
        while True:
            found = [span for span in self.kept.get_finished_spans() if span.name == name]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, [span.name for span in self.kept.get_finished_spans()]
            time.sleep(0.01)


@pytest.fixture
def traced(sqlite_url: str) -> Iterator[Traced]:
    with Database(sqlite_url) as database:
        secrets = {name: new_key(database, name, *grant) for name, grant in PEOPLE.items()}
    clock = Clock()
    engine = Engine.start(sqlite_url, clock=clock)
    kept = InMemorySpanExporter()
    spans = Spans(SimpleSpanProcessor(kept))
    with TestClient(application(engine, observation=Observation(engine, spans))) as client:
        yield Traced(api=Api(client=client, engine=engine, clock=clock, secrets=secrets), kept=kept, spans_of=spans)
    engine.stop()
    spans.stop()


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    found: int = span.context.trace_id
    return found


def test_a_request_continues_the_trace_of_its_caller_down_to_its_command(traced: Traced) -> None:
    answer = traced.api.post("/cases", hotspot(), headers={"traceparent": PARENT})
    body = answer.json()
    (request,) = traced.spans("POST /api/v1/cases")
    (command,) = traced.spans("command")
    (batch,) = traced.spans("writer batch")
    assert request.kind is SpanKind.SERVER
    assert f"{trace_of(request):032x}" in PARENT
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" in PARENT
    assert said(request) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/cases",
        "http.response.status_code": 201,
        "workflows.request.id": answer.headers["x-request-id"],
    }
    assert command.parent == request.context
    assert said(command) == {
        "workflows.command.id": answer.headers["x-request-id"],
        "workflows.case.id": body["case"]["id"],
        "workflows.workflow": "hotspot",
        "workflows.trigger": "open",
        "workflows.outcome": "accepted",
    }
    assert [link.context for link in batch.links] == [command.context]
    assert batch.parent is None
    assert said(batch)["workflows.batch.size"] == 1
    assert command.start_time <= batch.start_time + 1_000_000_000  # type: ignore[operator]  # both have ended


def test_a_refusal_names_its_blockers_and_is_no_error(traced: Traced) -> None:
    case = traced.api.open()["id"]
    traced.api.fire(case, SUPPRESS, version=1, who="neighbour")
    traced.api.fire(case, SUPPRESS, version=1)
    traced.api.fire(case, SUPPRESS, version=2)
    by_outcome = {said(span)["workflows.outcome"]: span for span in traced.spans("command", 4)[1:]}
    assert by_outcome.keys() == {"not_found", "accepted", "refused"}
    assert said(by_outcome["refused"])["workflows.blockers"] == ("state",)
    assert all(span.status.status_code is StatusCode.UNSET for span in by_outcome.values())


def test_what_the_server_cannot_do_is_an_error(traced: Traced) -> None:
    traced.api.engine.writer.stop()
    assert traced.api.post("/cases", hotspot()).status_code == 503
    for span in (*traced.spans("POST /api/v1/cases"), *traced.spans("command")):
        assert span.status.status_code is StatusCode.ERROR


def test_an_unknown_address_does_not_become_a_name(traced: Traced) -> None:
    traced.api.client.get("/so/many/different?key=1")
    (span,) = traced.spans("GET")
    assert "http.route" not in said(span)


def test_spans_say_nothing_that_was_sent(traced: Traced) -> None:
    traced.api.post("/cases", hotspot(title="Bí mật"), headers={"idempotency-key": "khoa-1"})
    traced.api.post("/cases", {**hotspot(), "workflow": "Nguyễn Văn A"})
    traced.api.raw("/cases", b'{"bi mat": ', JSON)
    traced.api.get("/cases", q="bi mat")
    with pytest.raises(ValueError, match="Bí mật"), traced.spans_of.request("GET", {}):
        raise ValueError("Bí mật")  # what a database or a library says in an error is theirs, too
    traced.spans("writer batch", 2)
    text = json.dumps([json.loads(span.to_json()) for span in traced.kept.get_finished_spans()], ensure_ascii=False)
    secrets = ("Bí mật", "bi mat", "khoa-1", "Nguyễn", "police", traced.api.secrets["police"])
    assert [secret for secret in secrets if secret in text] == []


def test_nothing_of_opentelemetry_is_loaded_unasked() -> None:
    program = """
import sys, api.server
from workflows.services.tracing import spans

def loaded():
    return any(name.startswith("opentelemetry") for name in sys.modules)

assert spans({}) is None
assert not loaded()
spans({"OTEL_TRACES_EXPORTER": "otlp"}).stop()
assert loaded(), "controls the one above"
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({ENDPOINT: "http://localhost:4318"}, True),
        ({ENDPOINT: ""}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://localhost:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", ENDPOINT: "http://localhost:4318"}, False),
    ],
)
def test_what_turns_traces_on(environment: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert tracing.wanted(environment) is expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'; allowed: otlp, none"),
        (
            {ENDPOINT: "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; allowed: http/protobuf",
        ),
    ],
)
def test_what_cannot_be_is_told(environment: dict[str, str], message: str) -> None:
    with pytest.raises(TracingError, match=message):
        tracing.wanted(environment)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """The address of a receiver on this machine, and what it got."""
    got: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


def test_a_server_sends_its_spans(
    collector: tuple[str, list[ExportTraceServiceRequest]],
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, got = collector
    monkeypatch.setenv(ENDPOINT, address)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    with served(sqlite_url, tmp_path) as server:
        assert server.client.get("/healthz").status_code == 200
        assert got == [], "sent at the end at the latest"
    spans = [
        (resource.resource.attributes, span)
        for request in got
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    names = {span.name for _, span in spans}
    assert "GET /healthz" in names
    lines = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/healthz"]
    service = {item.key: item.value.string_value for attributes, _ in spans for item in attributes}["service.name"]
    assert service == "workflows"
