"""Spans of OpenTelemetry: one per request, one per submission from queueing to answer, one per batch of the writer.

Owns their names and attributes: ids, names and codes, never a body, a title, a person or a key. Loaded only when traces
are sent; whether they are is decided in `services.tracing`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from workflows.services.outcomes import answers, outcome_code, told
from workflows.store.observing import Batch
from workflows.store.submissions import Answer, QueueFull, Submission, WriterStopped

_NANOSECONDS: Final = 1_000_000_000
_FAILED: Final = frozenset({"expired", "failed", "outcome_unknown", "queue_full", "stopped", "unwritable"})
_SERVER_ERROR: Final = 500
_parents: Final = TraceContextTextMapPropagator()


def sending_spans() -> "Spans":
    """Spans sent by OTLP over HTTP, to where the environment says; `OTEL_SERVICE_NAME` names the service."""
    return Spans(BatchSpanProcessor(OTLPSpanExporter()))


class Spans:
    """The spans of one process."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("workflows", version("workflows"))
        self._queued: dict[int, SpanContext] = {}
        """By identity of the submission, until the batch that answers it has ended."""

    def stop(self) -> None:
        """Send what was gathered."""
        self._provider.shutdown()

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """The span of a request, within which those of its commands are; continues the trace that the headers name."""
        parent = _parents.extract(headers)
        with self._tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            # The text of an error may hold anything; the log has it, under the id of the request.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    @staticmethod
    def answered(span: Span, *, method: str, route: str | None, status: int, request_id: str) -> None:
        """What is known of a request at its end; the route is a template."""
        if route is not None:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("workflows.request.id", request_id)
        if status >= _SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))

    def submitted(self, submission: Submission) -> Callable[[Answer], None]:
        """Begin the span of a submission; what is returned ends it with the answer."""
        span = self._tracer.start_span("command")
        self._queued[id(submission)] = span.get_span_context()

        def answered(answer: Answer) -> None:
            if isinstance(answer, QueueFull | WriterStopped):  # never seen by a batch
                self._queued.pop(id(submission), None)
            _describe(span, submission, answer)
            span.end()

        return answered

    def batch(self, batch: Batch) -> None:
        """The span of a batch, which belongs to no single request and is linked to all submissions in it."""
        begun = int(batch.begun * _NANOSECONDS)
        links = [Link(context) for submission, _ in batch.answers if (context := self._queued.get(id(submission)))]
        for submission, answer in batch.answers:
            if answer is not None:
                self._queued.pop(id(submission), None)
        span = self._tracer.start_span("writer batch", links=links, start_time=begun)
        span.set_attribute("workflows.batch.size", len(batch.answers))
        span.set_attribute("workflows.batch.deferred", sum(answer is None for _, answer in batch.answers))
        span.set_attribute("workflows.batch.lost_transactions", batch.lost)
        span.set_attribute("workflows.batch.commit_seconds", sum(batch.commits))
        span.end(begun + int(batch.seconds * _NANOSECONDS))


def _resource() -> Resource:
    """What the environment says, with the name of the program where that names no service."""
    found = Resource.create()
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: "workflows"}))
    return found


def _describe(span: Span, submission: Submission, answer: Answer) -> None:
    listed = answers(answer, len(submission.commands))
    failed = {outcome_code(each) for each in listed} & _FAILED
    if failed:
        span.set_status(Status(StatusCode.ERROR, ", ".join(sorted(failed))))
    if len(submission.commands) != 1:
        span.update_name("commands")
        span.set_attribute("workflows.commands", len(submission.commands))
        span.set_attribute("workflows.outcomes", sorted({outcome_code(each) for each in listed}))
        return
    said = told(submission.commands[0], listed[0])
    named = {
        "workflows.command.id": said.command,
        "workflows.case.id": said.case,
        "workflows.workflow": said.workflow,
        "workflows.trigger": said.trigger,
        "workflows.outcome": said.outcome,
        "workflows.blockers": said.codes or None,
    }
    span.set_attributes({name: value for name, value in named.items() if value is not None})
