"""The figures that Prometheus collects: their names, what they mean, and where they come from.

Counts what the writer and the application tell it and reads the rest from the database when it is asked. The processes
of one server share a directory, so that whichever is asked answers for all. Every label has few values: a route is its
template, a code one of the program's or of the documents'.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from workflows.core.case import Refused
from workflows.core.civil import civil_date
from workflows.core.definition import Definitions, SheetRules
from workflows.core.overdue import Notice, rules_of
from workflows.core.overdue import Outcome as NoticeOutcome
from workflows.services.engine import Engine
from workflows.services.outcomes import OUTCOMES, QUEUE_FULL, REPLAYED, outcome_code
from workflows.store.figures import Figures, figures
from workflows.store.notices import count_waiting
from workflows.store.observing import Batch
from workflows.store.submissions import Outcome, WriteError
from workflows.store.webhooks import Verdict

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported first, hence set before a process that serves begins."""
UNMATCHED: Final = "unmatched"
"""The route of a request that no route takes."""

_BUILT_IN_CODES: Final = frozenset(
    {"four_eyes", "guard_error", "not_in_force", "reason", "role", "state", "too_early", "unit", "unknown"}
)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128)
# A second series for each, which several processes cannot tell anyway.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has types for its metrics only
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@contextmanager
def shared_directory() -> Iterator[None]:
    """Where the processes started within keep their figures, for one answer of them all; removed at the end."""
    with TemporaryDirectory(prefix="workflows-metrics-") as directory:
        before = os.environ.get(DIRECTORY_VARIABLE)
        os.environ[DIRECTORY_VARIABLE] = directory
        try:
            yield
        finally:
            if before is None:
                del os.environ[DIRECTORY_VARIABLE]
            else:
                os.environ[DIRECTORY_VARIABLE] = before


def process_ended(pid: int) -> None:
    """Drops what was true only of a process that is no more, such as its queue; its counts stay in the sums."""
    mark_process_dead(pid, os.environ[DIRECTORY_VARIABLE])  # type: ignore[no-untyped-call]  # the library has types for its metrics only


class Metrics:
    """The figures of one engine, counted from its making on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._codes = refusal_codes(engine.definitions)
        self._shared = DIRECTORY_VARIABLE in os.environ
        self._own = CollectorRegistry()
        self._make_writer_metrics(None if self._shared else self._own)
        self._make_http_metrics(None if self._shared else self._own)
        self._attempts = Counter(
            "workflows_webhook_attempts",
            "Deliveries to subscribers, by what came of the attempt.",
            ["result"],
            registry=None if self._shared else self._own,
        )
        for verdict in Verdict:
            self._attempts.labels(verdict.value)
        self._rules = tuple(chain(*rules_of(engine.definitions).values()))
        self._notices = Counter(
            "workflows_deadline_actions",
            "What was done because a deadline has passed, by what came of it.",
            ["outcome"],
            registry=None if self._shared else self._own,
        )
        for outcome in NoticeOutcome:
            self._notices.labels(outcome.value)
        engine.writer.watch(self.batch)

    def _make_writer_metrics(self, registry: CollectorRegistry | None) -> None:
        self._queue = Gauge(
            "workflows_queue_length",
            "Submissions that wait for the writer.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._batch_size = Histogram(
            "workflows_batch_size", "Submissions in one batch of the writer.", registry=registry, buckets=_SIZES
        )
        self._batch_seconds = Histogram(
            "workflows_batch_seconds",
            "From taking a batch out of the queue to its last answer.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._commit_seconds = Histogram(
            "workflows_commit_seconds", "Committing one transaction of the writer.", registry=registry, buckets=_SECONDS
        )
        self._commands = Counter("workflows_commands", "Commands by what came of them.", ["outcome"], registry=registry)
        self._refusals = Counter(
            "workflows_refusals", "Blockers of refused commands, by code.", ["code"], registry=registry
        )
        self._lost = Counter(
            "workflows_lost_transactions",
            "Transactions of the writer that ended by no fault of a command and were tried again.",
            registry=registry,
        )
        self._deferred = Counter(
            "workflows_deferred_submissions",
            "Submissions put back into the queue, because another process held their units or all tries were lost.",
            registry=registry,
        )
        self._replays = Counter(
            "workflows_idempotent_replays",
            "Commands answered by what their idempotency key got before.",
            registry=registry,
        )
        # All at once: a series that begins with its first failure is seen too late.
        self._by_outcome = {each: self._commands.labels(each) for each in OUTCOMES if each != REPLAYED}
        self._by_outcome[REPLAYED] = self._replays

    def _make_http_metrics(self, registry: CollectorRegistry | None) -> None:
        self._requests = Counter(
            "workflows_http_requests",
            "Requests answered, by method, route template and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "workflows_http_request_seconds",
            "From the end of a request's head to the end of its answer, by method and route template.",
            ["method", "route"],
            registry=registry,
            buckets=_SECONDS,
        )

    def batch(self, batch: Batch) -> None:
        """Count a batch of the writer."""
        self._batch_size.observe(len(batch.answers))
        self._batch_seconds.observe(batch.seconds)
        for seconds in batch.commits:
            self._commit_seconds.observe(seconds)
        self._count_answers(batch)
        if batch.lost:
            self._lost.inc(batch.lost)
        if batch.turned_away:
            self._by_outcome[QUEUE_FULL].inc(batch.turned_away)

    def _count_answers(self, batch: Batch) -> None:
        found: dict[str, int] = {}
        deferred = 0
        for submission, answer in batch.answers:
            if answer is None:
                deferred += 1
            elif isinstance(answer, WriteError):
                outcome = outcome_code(answer)
                found[outcome] = found.get(outcome, 0) + len(submission.commands)
            else:
                for each in answer:
                    outcome = outcome_code(each)
                    found[outcome] = found.get(outcome, 0) + 1
                    self._count_blockers(each)
        for outcome, count in found.items():
            self._by_outcome[outcome].inc(count)
        if deferred:
            self._deferred.inc(deferred)

    def _count_blockers(self, answered: Outcome) -> None:
        if isinstance(answered.decision, Refused):
            for blocker in answered.decision.blockers:
                self._refusals.labels(blocker.code if blocker.code in self._codes else _OTHER).inc()

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered; the route is a template, None where none took it."""
        method = method if method in _METHODS else _OTHER
        route = route or UNMATCHED
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def attempt(self, verdict: Verdict) -> None:
        """Count an attempt to deliver an event to a subscriber."""
        self._attempts.labels(verdict.value).inc()

    def notice(self, notice: Notice) -> None:
        """Count an action of a deadline."""
        self._notices.labels(notice.outcome.value).inc()

    def refresh(self) -> None:
        """Take note of what only this process knows of itself; to be called a few times a second."""
        self._queue.set(self._engine.writer.queue_length)

    def exposition(self) -> bytes:
        """All figures as Prometheus reads them, of all processes that share a directory; reads the database."""
        self.refresh()
        with self._engine.database.read() as connection:
            now = self._engine.clock()
            late = count_waiting(connection, self._rules, civil_date(now)) if self._rules else 0
            stored = _Stored(figures(connection), late, now)
        gathered = CollectorRegistry()
        gathered.register(stored)
        gathered.register(_Shared() if self._shared else self._own)
        return generate_latest(gathered)


class _Shared(Collector):
    """What all processes of the server have counted.

    One that begins has made a file and not yet filled it, which the library takes for a broken one.
    """

    def collect(self) -> Iterator[Metric]:
        files = Path(os.environ[DIRECTORY_VARIABLE]).glob("*.db")
        yield from MultiProcessCollector.merge([str(file) for file in files if _is_begun(file)])  # type: ignore[no-untyped-call]  # the library has types for its metrics only


def _is_begun(file: Path) -> bool:
    """Whether anything is in it; what an ended process leaves behind may be removed at any time."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


class _Stored(Collector):
    """What the database knows, the same for all processes."""

    def __init__(self, found: Figures, late: int, now: datetime) -> None:
        self._found = found
        self._late = late
        self._now = now

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("workflows_build_info", "The version that runs; always 1.", labels=["version"])
        build.add_metric([version("workflows")], 1)
        yield build
        yield GaugeMetricFamily(
            "workflows_outbox_length", "Accepted events that have no place in the feed yet.", value=self._found.outbox
        )
        oldest = self._found.oldest_waiting
        yield GaugeMetricFamily(
            "workflows_feed_lag_seconds",
            "Age of the oldest accepted event that has no place in the feed yet; 0 when there is none.",
            value=max(0.0, (self._now - oldest).total_seconds()) if oldest else 0,
        )
        deliveries = GaugeMetricFamily(
            "workflows_webhook_deliveries", "Events that a subscriber has not got, by state.", labels=["state"]
        )
        deliveries.add_metric(["waiting"], self._found.deliveries_waiting)
        deliveries.add_metric(["dead"], self._found.deliveries_dead)
        yield deliveries
        yield GaugeMetricFamily(
            "workflows_deadlines_waiting",
            "Cases whose deadline has passed and that are still to be acted upon.",
            value=self._late,
        )


def refusal_codes(definitions: Definitions) -> frozenset[str]:
    """Every code that a blocker may have: the program's own and those of all documents."""
    steps = [
        step
        for key in definitions.keys
        for each in definitions.versions(key)
        for step in (each.opening, *each.steps.values())
    ]
    rules = [rule for step in steps for rule in step.rules]
    roots = [root for rule in rules for root in (rule.criteria if isinstance(rule, SheetRules) else (rule,))]
    return _BUILT_IN_CODES.union(each.code for root in roots for each in root.walk())
