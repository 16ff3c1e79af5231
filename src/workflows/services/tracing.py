"""Whether traces are sent, and where to: decided by the environment variables of OpenTelemetry.

The one place that loads OpenTelemetry, and only when it is wanted. What a span says stands in `services.spans`.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workflows.services.spans import Spans

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_EXPORT: Final = "opentelemetry.exporter.otlp.proto.http"


class TracingError(Exception):
    """Traces are wanted in a way that cannot be; one line that says what to change."""


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether traces are to be sent.

    Raises:
        TracingError: in a way that cannot be, or without what it takes.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    named = next((name for name in (EXPORTER, *ENDPOINTS) if environment.get(name)), None)
    if named is None or environment.get(EXPORTER) == "none":
        return False
    _require(environment, EXPORTER, ("otlp", "none"))
    for name in _PROTOCOLS:
        _require(environment, name, (_PROTOCOL,))
    if not _installed():
        raise TracingError(
            f"{named} is set, but OpenTelemetry is not installed: install workflows[otel], or unset {named}"
        )
    return True


def _require(environment: Mapping[str, str], name: str, allowed: Sequence[str]) -> None:
    given = environment.get(name)
    if given and given not in allowed:
        raise TracingError(f"{name} is {given!r}; allowed: {', '.join(allowed)}")


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.sdk") is not None and find_spec(_EXPORT) is not None
    except ModuleNotFoundError:  # of a package around it
        return False


def spans(environment: Mapping[str, str]) -> "Spans | None":
    """What sends traces, to be stopped at the end; None when none are wanted.

    Raises:
        TracingError: as `wanted` raises it.
    """
    if not wanted(environment):
        return None
    from workflows.services.spans import sending_spans  # noqa: PLC0415 - slow to load, and seldom wanted

    return sending_spans()
