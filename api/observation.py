"""Everything that watches over one process that serves: its figures, its health, its traces, and its log.

Made once per engine and told of all that the engine does; the layers around the application ask it.
"""

from typing import TYPE_CHECKING

from api.access_log import note_submission
from api.health import Health
from workflows.services.engine import Engine
from workflows.services.metrics import Metrics

if TYPE_CHECKING:
    from workflows.services.spans import Spans


class Observation:
    """What is known of one process beside its cases."""

    def __init__(self, engine: Engine, spans: "Spans | None" = None) -> None:
        self.metrics = Metrics(engine)
        self.health = Health(engine)
        self.spans = spans
        engine.watch(note_submission)
        if spans is not None:
            engine.watch(spans.submitted)
            engine.writer.watch(spans.batch)
