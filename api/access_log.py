"""One line of JSON per request, and the id under which a request is found again.

Logs who asked what and how it ended; never a body, a query string, a header or a key.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from os import urandom
from typing import Final, cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from workflows.core.ids import is_id
from workflows.services.metrics import Metrics
from workflows.services.outcomes import Told, answers, told
from workflows.store.submissions import Answer, Submission

_TRACE: Final = "workflows.trace"
_PROCESS: Final = urandom(8).hex()
_numbers: Final = itertools.count(1)
_LISTED: Final = 20
"""Ids of one kind on one line; a request may hold a thousand commands, and the ledger has them all."""
_log: Final = structlog.get_logger("http")


@dataclass(slots=True, kw_only=True)
class Trace:
    """What is known of one request while it is answered."""

    request_id: str
    """Becomes the command's id once there is a command, so that one id leads from the log to the ledger."""
    key_id: str | None = None
    """Of the API key; never its secret."""
    submitted: list[tuple[Submission, Answer]] = field(default_factory=list)
    """What the request had decided, as far as it is answered."""


_current: Final[ContextVar[Trace | None]] = ContextVar("workflows.trace", default=None)


def note_submission(submission: Submission) -> Callable[[Answer], None]:
    """Keeps what comes of a submission for the line of the request that brought it; for `Engine.watch`."""
    found = _current.get()
    if found is None:
        return _nobody
    return lambda answer: found.submitted.append((submission, answer))


def _nobody(_answer: Answer) -> None:
    """No request brought it."""


def new_request_id() -> str:
    return f"{_PROCESS}-{next(_numbers):x}"


def trace(scope: Scope) -> Trace:
    """The trace of a request; one is begun where the application runs without the log around it."""
    extended = cast("dict[str, object]", scope)
    found = extended.get(_TRACE)
    if not isinstance(found, Trace):
        found = extended[_TRACE] = Trace(request_id=new_request_id())
    return found


def request_id(scope: Scope) -> str:
    return trace(scope).request_id


def route_of(scope: Scope) -> str | None:
    """The template of the route that took a request, such as `/api/v1/cases/{case_id}`; None: none did."""
    return cast("dict[str, str]", scope).get("path_template") or None


class AccessLog:
    """Wraps the whole application, so that requests which no route takes are logged, too."""

    def __init__(self, app: ASGIApp, metrics: Metrics | None = None) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        found = trace(scope)
        _current.set(found)
        status = 500  # where no answer begins, the server makes one of this

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", found.request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - begun
            if self._metrics is not None:
                self._metrics.request(scope["method"], route_of(scope), status, seconds)
            _log.info(
                "request",
                method=scope["method"],
                route=route_of(scope),
                status=status,
                duration_ms=round(seconds * 1000, 1),
                request_id=found.request_id,
                key_id=found.key_id,
                **(_decided(found) or _looked_at(scope)),
            )


def _looked_at(scope: Scope) -> Mapping[str, object]:
    """The case that a request names in its address."""
    case = scope.get("path_params", {}).get("case_id")
    return {"case": case} if isinstance(case, str) and is_id(case) else {}


def _decided(found: Trace) -> Mapping[str, object]:
    """What became of the commands of a request; nothing where it brought none."""
    said = [
        told(command, each)
        for submission, answer in found.submitted
        for command, each in zip(submission.commands, answers(answer, len(submission.commands)), strict=True)
    ]
    return _one(said[0]) if len(said) == 1 else _many(said) if said else {}


def _one(said: Told) -> Mapping[str, object]:
    line = {
        "command": said.command,
        "case": said.case,
        "workflow": said.workflow,
        "trigger": said.trigger,
        "outcome": said.outcome,
    }
    return {**line, "blockers": said.codes} if said.codes else line


def _many(said: list[Told]) -> Mapping[str, object]:
    cases = dict.fromkeys(each.case for each in said if each.case)
    return {
        "commands": [each.command for each in said][:_LISTED],
        "cases": list(cases)[:_LISTED],
        "commands_total": len(said),
        "outcomes": Counter(each.outcome for each in said),
        "blockers": Counter(code for each in said for code in each.codes),
    }
