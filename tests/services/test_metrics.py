"""What the figures count, how many series there can be, and that who counts cannot stop the writer."""

import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tests.faults import stage
from tests.faults.injection import held
from workflows.core.case import Accepted, CaseId, Decision, Fire, Open, Refused
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.services.metrics import Metrics, refusal_codes
from workflows.store.observing import Batch
from workflows.store.submissions import QueueFull, Submission

POLICE = Role.PROVINCIAL_POLICE


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    stage.populate(sqlite_url)
    with stage.running(sqlite_url) as engine:
        yield engine


def figures(metrics: Metrics) -> dict[str, float]:
    """By the name of the sample and its labels."""
    found = text_string_to_metric_families(metrics.exposition().decode())
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in found
        for sample in family.samples
    }


def settled(metrics: Metrics, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The figures once they say so: a batch is counted after its answers are given."""
    deadline = time.monotonic() + stage.PATIENCE
    while not holds(found := figures(metrics)):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def test_commands_are_counted_by_what_came_of_them(engine: Engine) -> None:
    metrics = Metrics(engine)
    commune = stage.communes(str(engine.database.url), 1)[0]
    case = stage.accepted(stage.send(engine, POLICE, stage.hotspot(commune), key="once")).events[0].case
    stage.answer(stage.send(engine, POLICE, stage.hotspot(commune), key="once"))
    for act in (
        stage.relapse(case),
        stage.suppress(case, expected_version=7),
        stage.suppress(CaseId(stage.NOBODYS)),
        Open(workflow="hotspot", unit=commune, title=""),
    ):
        stage.answer(stage.send(engine, POLICE, act))
    found = settled(metrics, lambda found: found["workflows_batch_size_count"] == 6)
    commands = {name.split()[1]: value for name, value in found.items() if name.startswith("workflows_commands_total")}
    assert {outcome: value for outcome, value in commands.items() if value} == {
        "accepted": 1,
        "refused": 1,
        "stale": 1,
        "not_found": 1,
        "invalid": 1,
    }
    assert {"failed", "expired", "queue_full"} <= commands.keys(), "a series that does not begin at 0 is seen too late"
    assert found["workflows_refusals_total state"] == 1
    assert found["workflows_idempotent_replays_total"] == 1
    assert found["workflows_commit_seconds_count"] == 6
    assert found["workflows_batch_seconds_sum"] >= found["workflows_commit_seconds_sum"] > 0


def test_a_batch_is_one_observation_and_a_full_queue_is_counted(sqlite_url: str) -> None:
    stage.populate(sqlite_url)
    communes = stage.communes(sqlite_url, 3)
    with stage.running(sqlite_url, queue_limit=2) as engine:
        metrics = Metrics(engine)
        with held(engine):
            waiting = [stage.send(engine, POLICE, stage.hotspot(commune)) for commune in communes[:2]]
            with pytest.raises(QueueFull):
                stage.send(engine, POLICE, stage.hotspot(communes[2]))
            group = tuple(engine.command(grant=stage.GRANTS[POLICE], act=stage.hotspot(communes[2])) for _ in range(3))
            with pytest.raises(QueueFull):
                engine.submit(Submission(commands=group))
            assert figures(metrics)["workflows_queue_length"] == 2
        assert all(isinstance(stage.decision(future), Accepted) for future in waiting)
        found = settled(metrics, lambda found: found["workflows_batch_size_sum"] == 3)
    assert found["workflows_batch_size_count"] == 2
    assert found["workflows_commands_total queue_full"] == 4
    assert found["workflows_queue_length"] == 0


def test_what_waits_for_its_place_in_the_feed_is_counted(engine: Engine) -> None:
    metrics = Metrics(engine)
    before = figures(metrics)
    stage.accepted(stage.send(engine, POLICE, stage.hotspot(stage.communes(str(engine.database.url), 1)[0])))
    after = figures(metrics)
    assert (before["workflows_outbox_length"], after["workflows_outbox_length"]) == (0, 1)
    assert after["workflows_feed_lag_seconds"] == 0, "the clock of this engine stands still"
    assert after["workflows_webhook_deliveries waiting"] == 0


def test_only_codes_of_the_program_and_the_documents_become_labels(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(engine)
    codes = refusal_codes(engine.definitions)
    assert {"state", "four_eyes", "not_in_future"} <= codes
    monkeypatch.setattr(metrics, "_codes", codes - {"state"})
    case = (
        stage.accepted(stage.send(engine, POLICE, stage.hotspot(stage.communes(str(engine.database.url), 1)[0])))
        .events[0]
        .case
    )
    assert isinstance(stage.decision(stage.send(engine, POLICE, stage.relapse(case))), Refused)
    found = settled(metrics, lambda found: found["workflows_batch_size_count"] == 2)
    assert found["workflows_refusals_total other"] == 1
    assert "workflows_refusals_total state" not in found


def test_requests_are_counted_by_their_route(engine: Engine) -> None:
    metrics = Metrics(engine)
    metrics.request("GET", "/api/v1/cases/{case_id}", 200, 0.004)
    metrics.request("BREW", None, 404, 0.001)
    found = figures(metrics)
    assert found["workflows_http_requests_total GET /api/v1/cases/{case_id} 200"] == 1
    assert found["workflows_http_requests_total other unmatched 404"] == 1
    assert found["workflows_http_request_seconds_bucket 0.005 GET /api/v1/cases/{case_id}"] == 1
    assert found["workflows_http_request_seconds_bucket 0.0025 GET /api/v1/cases/{case_id}"] == 0


def test_an_observer_that_fails_stops_nothing(engine: Engine) -> None:
    seen: list[Batch] = []

    def fail(_batch: Batch) -> None:
        raise ZeroDivisionError

    engine.writer.watch(fail)
    engine.writer.watch(seen.append)
    with capture_logs() as lines:
        decided: list[Decision] = [
            stage.decision(stage.send(engine, POLICE, Fire(case=stage.NOBODYS, trigger="suppress"))) for _ in range(2)
        ]
        engine.stop()
    assert len(decided) == len(seen) == 2
    assert [line["event"] for line in lines] == ["writer.observer_failed"] * 2


@pytest.mark.parametrize("mode", ["queued", "refused"])
def test_who_watches_submissions_is_told_the_answer_before_the_caller(sqlite_url: str, mode: str) -> None:
    stage.populate(sqlite_url)
    told: list[object] = []
    with stage.running(sqlite_url, queue_limit=int(mode == "queued")) as engine:
        engine.watch(lambda submission: lambda answer: told.append((submission.commands[0].act, answer)))
        act = Fire(case=stage.NOBODYS, trigger="suppress")
        try:
            answer: object = (stage.answer(stage.send(engine, POLICE, act)),)
        except QueueFull as error:
            answer = error
    assert told == [(act, answer)]
