"""The server against its own document: whatever Schemathesis can think of.

On both databases at full size; on SQLite, and in fewer ways, where time is short.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.engine import Status, events, from_schema
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api.contract import OPERATIONS
from api.contract_terms import Schema
from tests.api.test_openapi import CLOSED
from tests.contract.director import Director, Keys
from tests.contract.server import bearer, prepare, serving
from tests.sizes import FULL, size
from workflows.core.documents import Role

pytestmark = pytest.mark.timeout(0 if FULL else 120)

PHASES: Final = ("examples", "coverage", "fuzzing", "stateful") if FULL else ("examples", "fuzzing")
"""All of them; where time is short, without those that vary every part of a request or follow links."""

COMMUNES: Final = size(6, 100)
CASES: Final = size(100, 5_000)
"""The least of one run, on one database."""
SUCCESSES: Final = size(1, 50)
"""The least of every operation in one run."""
EXAMPLES: Final = size(2, 200)
"""Made up for each operation."""
WITHOUT_INPUT: Final = frozenset({"healthz", "readyz", "metrics"})
"""One request is all there is of them, so that only repeating it makes more."""
_POSITIVE: Final = ("2xx", "3xx", "401", "403", "404", "409", "429", "5xx")
_NEGATIVE: Final = ("400", "401", "403", "404", "405", "406", "409", "415", "422", "428", "429", "5xx")
_MISSING_HEADER: Final = ("400", "401", "403", "406", "415", "422")
"""What Schemathesis expects by itself."""


@dataclass(slots=True)
class Outcome:
    """What came of a run."""

    cases: int = 0
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation and status."""
    failures: dict[str, str] = field(default_factory=dict)
    """By check and operation: the first of its kind."""
    errors: list[str] = field(default_factory=list)

    def successes(self, operation: str) -> int:
        return sum(many for (name, status), many in self.answers.items() if name == operation and status < 300)


def config(address: str, wanted: tuple[str, ...]) -> SchemathesisConfig:
    found: SchemathesisConfig = SchemathesisConfig.from_dict(
        {
            "base-url": address,
            "seed": 1,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "max-failures": 20,
            "phases": {name: {"enabled": name in wanted} for name in ("examples", "coverage", "fuzzing", "stateful")},
            "generation": {
                "deterministic": True,
                "max-examples": EXAMPLES,
                "no-shrink": True,
                "database": "none",
            },
            "checks": {
                "positive_data_acceptance": {"expected-statuses": [*_POSITIVE, "412", "422"]},
                "missing_required_header": {"expected-statuses": [*_MISSING_HEADER, "428"]},
                "negative_data_rejection": {"expected-statuses": [*_NEGATIVE, "412", "413"]},
            },
        }
    )
    return found


@contextmanager
def directed(director: Director) -> Iterator[None]:
    """Hooks that see a request just before it is sent can only be global ones."""

    @schemathesis.hook
    def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
        director.before_call(context, case, kwargs)

    try:
        yield
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister(before_call)


def schema_of(document: Schema, address: str, *wanted: str, only: str | None = None) -> OpenApiSchema:
    whole = schemathesis.openapi.from_dict(document, config=config(address, wanted))
    schema = cast("OpenApiSchema", whole.include(operation_id=only)) if only else whole
    schema.auth(refresh_interval=None)(Keys)
    return schema


def run(schema: OpenApiSchema, address: str, communes: list[str]) -> Outcome:
    headers = {"authorization": bearer(Role.ADMINISTRATOR)}
    outcome = Outcome()
    with httpx.Client(base_url=f"{address}/api/v1", headers=headers) as client, directed(Director(client, communes)):
        for event in from_schema(schema).execute():
            note(outcome, event)
    return outcome


def note(outcome: Outcome, event: events.EngineEvent) -> None:
    if isinstance(event, events.ScenarioFinished):
        note_scenario(outcome, event)
    elif isinstance(event, events.NonFatalError):
        outcome.errors.append(str(event.info.format()))
    elif isinstance(event, events.FatalError):
        raise event.exception


def note_scenario(outcome: Outcome, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    for key, interaction in recorder.interactions.items():
        operation = recorder.cases[key].value.operation
        outcome.cases += 1
        # Other methods than the operation's are tried, too, and are no success of it.
        if interaction.response is not None and interaction.request.method == operation.method.upper():
            outcome.answers[operation.definition.raw["operationId"], interaction.response.status_code] += 1
    for check in (each for checks in recorder.checks.values() for each in checks):
        if check.status is Status.FAILURE and check.failure_info is not None:
            told = f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
            outcome.failures.setdefault(f"{check.name} of {recorder.label}", told)


def repeat(schema: OpenApiSchema, outcome: Outcome) -> None:
    """Operations that take no input, until each was answered often enough."""
    headers = {"Authorization": bearer(Role.ADMINISTRATOR)}
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        while name in WITHOUT_INPUT and outcome.successes(name) < SUCCESSES:
            response = operation.Case().call_and_validate(headers=headers)
            outcome.cases += 1
            outcome.answers[name, response.status_code] += 1


@pytest.mark.either_database("sqlite")
def test_the_server_keeps_what_its_document_promises(database_url: str) -> None:
    communes = prepare(database_url, COMMUNES)
    with serving(database_url) as address:
        schema = schema_of(CLOSED, address, *PHASES)
        outcome = run(schema, address, communes)
        repeat(schema, outcome)
        noticed = run(schema_of(lying(), address, "examples", only="get_case"), address, communes)
    tell(outcome)
    assert outcome.errors == []
    assert outcome.failures == {}, "\n\n".join(f"{name}\n{told}" for name, told in outcome.failures.items())
    assert outcome.cases >= CASES
    assert {name: outcome.successes(name) for name in OPERATIONS if outcome.successes(name) < SUCCESSES} == {}
    # The control: a document that leaves out one member of the answers is found out.
    assert [name for name in noticed.failures if name.startswith("response_schema_conformance")]


def lying() -> Schema:
    document = copy.deepcopy(CLOSED)
    case = document["components"]["schemas"]["Case"]
    del case["properties"]["overdue"]
    case["required"].remove("overdue")
    return document


def tell(outcome: Outcome) -> None:
    """Shown with -s, and when the test fails."""
    print(f"{outcome.cases} cases")  # noqa: T201 - see above
    for name in sorted(OPERATIONS):
        told = {status: many for (each, status), many in sorted(outcome.answers.items()) if each == name}
        print(f"  {name}: {told}")  # noqa: T201 - see above
