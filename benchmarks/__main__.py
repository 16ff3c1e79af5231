"""`python -m benchmarks`: measures, prints a table per figure, keeps all of it as JSON, ends with 1 if a bar is missed.

Within a run everything is measured once, one thing after the other, so that a machine that slows down slows all of it;
every other run goes the other way round.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar

import psycopg

from benchmarks import lists as listing
from benchmarks import targets as reaching
from benchmarks.bulk import TOGETHER, bulk_speed, single_speed
from benchmarks.callers import CALLERS, engine_speed
from benchmarks.figures import BARS, BULK, CALLS, ENGINE, FLOOR, HTTP, POISONED, SINGLE, Bar, Figure, table
from benchmarks.floor import floor_speed
from benchmarks.load_client import http_speed, requests
from benchmarks.poison import poisoned_speed
from benchmarks.recording import Recording, record
from benchmarks.server import served
from benchmarks.starting import Kind, Start, started
from benchmarks.workload import Lane, lanes, transitions
from workflows.core.civil import civil_date
from workflows.services import logs
from workflows.services.clock import utc_now
from workflows.services.garbage import settle
from workflows.store.database import driver

RESULTS: Final = Path("var/bench")
PARTS: Final = ("engine", "http", "bulk", "poison")
LISTS: Final = "lists"
"""A part that takes an hour, so that it is measured only when it is named."""
TARGETS: Final = "targets"
"""As the lists, for minutes."""
_ALL: Final = (*PARTS, LISTS, TARGETS)
KINDS: Final[tuple[Kind, ...]] = ("sqlite", "postgresql")

Measure: TypeAlias = Callable[[], float]


def main() -> int:
    """Exit code."""
    options = _options()
    if LISTS in options.only:
        return _apart(LISTS, options, partial(listing.measure, quick=options.quick), listing.table, listing.met)
    if TARGETS in options.only:
        return _apart(TARGETS, options, partial(reaching.measure, quick=options.quick), reaching.table, reaching.met)
    work = lanes(2 * CALLERS if options.quick else 4 * CALLERS, civil_date(utc_now()))
    RESULTS.mkdir(parents=True, exist_ok=True)
    log = RESULTS / "log.jsonl"
    kinds = [kind for kind in KINDS if options.database in {kind, "both"}]
    figures: list[Figure] = []
    with log.open("w", encoding="utf-8") as out, contextlib.redirect_stderr(out):
        logs.configure()
        for kind in kinds:
            with _place() as place, started(kind, work, Path(place)) as start:
                figures += _measured(start, work, options.only, 2 if options.quick else 5, log)
    print(f"\n{table(figures)}")
    _keep(figures, work, quick=options.quick)
    return 0 if all(figure.met for figure in figures) else 1


class _Timed(Protocol):
    def data(self) -> Mapping[str, object]: ...


_T = TypeVar("_T", bound=_Timed)


def _apart(
    name: str,
    options: argparse.Namespace,
    measure: Callable[[Kind], list[_T]],
    show: Callable[[Kind, Sequence[_T]], str],
    met: Callable[[Sequence[_T]], bool],
) -> int:
    """Measures one part, and nothing else; exit code."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    found = {}
    for kind in (kind for kind in KINDS if options.database in {kind, "both"}):
        found[kind] = measure(kind)
        print(f"\n{show(kind, found[kind])}", flush=True)
    kept = {kind: [timing.data() for timing in timings] for kind, timings in found.items()}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0 if all(met(timings) for timings in found.values()) else 1


def _place() -> "tempfile.TemporaryDirectory[str]":
    """On the disk that results go to: a temporary directory may lie in memory, where a commit costs nothing."""
    return tempfile.TemporaryDirectory(prefix="run-", dir=RESULTS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against a plain driver loop.")
    parser.add_argument("--quick", action="store_true", help="2 runs with half of the work; for a first impression")
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,…", help=f"of {', '.join(_ALL)}")
    parser.add_argument("--database", choices=(*KINDS, "both"), default="both")
    return parser.parse_args()


def _parts(text: str) -> Sequence[str]:
    parts = text.split(",")
    if unknown := set(parts) - {*_ALL}:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(_ALL)}")
    return parts


def _measured(start: Start, work: Sequence[Lane], parts: Sequence[str], runs: int, log: Path) -> list[Figure]:
    bars = [bar for part in parts for bar in BARS[start.kind][part]]
    wanted = {name for bar in bars for name in (bar.of, bar.over)}
    recording = record(start, work)
    print(f"{start.kind}: {recording.transitions} transitions, {recording.statements:.1f} statements each", flush=True)
    # As the server does; the recording is no garbage, and walking through it would slow the engine alone.
    settle()
    measures = {name: each for name, each in _measures(start, work, recording, log).items() if name in wanted}
    speeds: dict[str, list[float]] = {name: [] for name in measures}
    for run in range(runs):
        for name in list(measures) if run % 2 == 0 else reversed(measures):
            speeds[name].append(measures[name]())
            print(f"  run {run + 1}: {name}: {speeds[name][-1]:.0f}/s", flush=True)
    return [_figure(start.kind, bar, speeds) for bar in bars]


def _figure(kind: str, bar: Bar, speeds: Mapping[str, Sequence[float]]) -> Figure:
    return Figure(database=kind, bar=bar, of=speeds[bar.of], over=speeds[bar.over])


def _measures(start: Start, work: Sequence[Lane], recording: Recording, log: Path) -> dict[str, Measure]:
    prepared = requests(start, work)
    many = lanes(TOGETHER, civil_date(utc_now()))

    def http() -> float:
        with start.fresh() as url, served(url, log) as port:
            return http_speed(port, prepared)

    return {
        FLOOR: lambda: floor_speed(start, recording),
        ENGINE: lambda: engine_speed(start, work, batch_limit=64),
        HTTP: http,
        POISONED: lambda: poisoned_speed(start, work),
        # As many lanes as callers are enough for what has no batches to fill.
        BULK: lambda: bulk_speed(start, many, log),
        CALLS: lambda: single_speed(start, many, log),
        SINGLE: lambda: engine_speed(start, work[:CALLERS], batch_limit=1),
    }


def _keep(figures: Sequence[Figure], work: Sequence[Lane], *, quick: bool) -> None:
    found = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {"system": platform.platform(), "processors": os.cpu_count()},
        "versions": {
            "python": platform.python_version(),
            "sqlite": driver.sqlite_version,
            "psycopg": psycopg.__version__,
        },
        "transitions_per_run": transitions(work),
        "callers": CALLERS,
        "figures": [figure.data() for figure in figures],
    }
    path = RESULTS / "latest.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"\n{path}")


if __name__ == "__main__":
    sys.exit(main())
