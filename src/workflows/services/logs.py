"""Logs of the running server: one JSON object per line on standard error.

Owns the format and what may never appear in it. What is worth a line is decided where it happens.
"""

import io
import logging
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

_NEVER: Final = frozenset(
    {"authorization", "body", "cookie", "headers", "idempotency_key", "password", "secret", "set_cookie", "token"}
)
"""Fields that would carry keys, cookies or what a person wrote."""


class _Unfailing(io.TextIOBase):
    """A log that has no room left must not stop whoever has something to say."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._file.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()


def configure(level: int = logging.INFO) -> None:
    """Sends the logs of this program and of its libraries to standard error.

    May be called again, and holds then for loggers that were used before, too: none is cached.

    Args:
        level: Of this program's own lines; libraries speak from WARNING on.
    """
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_COMMON, *_RENDER],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_COMMON],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDER],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # Set by name, because a framework that lowers the root's level would make it log every transition.
    logging.getLogger("transitions").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(level)
    # Names whole addresses with their queries; the application logs its requests itself.
    logging.getLogger("uvicorn.access").disabled = True


def _without_secrets(_logger: object, _method: str, fields: EventDict) -> EventDict:
    for name in [name for name in fields if name.lower().replace("-", "_") in _NEVER]:
        del fields[name]
    return fields


_COMMON: Final[tuple[Processor, ...]] = (
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_secrets,
    structlog.processors.format_exc_info,
)
_RENDER: Final[tuple[Processor, ...]] = (structlog.processors.JSONRenderer(ensure_ascii=False),)
