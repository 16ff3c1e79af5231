"""How long pages of lists take with a hundred times as many cases: the bar is twice as long at the 99th percentile.

Both databases are asked for the same kind of page in turn, so that a machine that slows down slows both. Each page is
asked for twice, and measured the second time, when what it needs lies in memory: the disk is not the question. Of four
hundred kinds some meet something else on the machine: those that miss the bar are measured three times more when all
have been measured, in turn, over four times as many pages, of each the median of three times. Of the three figures the
median counts, whatever the first one was; a page that is slow by itself is so each time. What the databases hold is
`list_worlds`'s, which pages there are `list_pages`'s.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psycopg
from psycopg import sql

from benchmarks.list_pages import Ask, World, kinds, world
from benchmarks.list_templates import Template, templates
from benchmarks.list_worlds import fill
from benchmarks.starting import Kind
from tests.postgres import Cluster, private_cluster
from workflows.services.engine import Engine
from workflows.services.garbage import settle

BAR: Final = 2.0
SIZES: Final = (10_000, 1_000_000)
QUICK: Final = (2_000, 20_000)
_AGAIN: Final = 3
_MORE: Final = 4
_EACH: Final = 3
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enough:
    """How long a kind of page is asked for, and how often at least, in each database."""

    seconds: float
    """In both together."""
    times: int
    """Pages."""
    each: int
    """Times that each page is measured; the median counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One kind of page: milliseconds and items in the small and in the large database."""

    name: str
    small: Sequence[float]
    large: Sequence[float]
    items: tuple[float, float]
    """On the average."""

    def ratio(self, share: float) -> float:
        return _quantile(self.large, share) / _quantile(self.small, share)

    def data(self) -> Mapping[str, object]:
        quantiles = {f"p{share:.0%}"[:-1]: share for share in (0.5, 0.99)}
        return {"page": self.name, "items": [round(each, 1) for each in self.items]} | {
            name: [round(_quantile(each, share), 2) for each in (self.small, self.large)]
            + [round(self.ratio(share), 2)]
            for name, share in quantiles.items()
        }


def measure(kind: Kind, *, quick: bool) -> list[Timing]:
    """Makes both databases in a directory of its own, measures every kind of page, and removes them."""
    sizes = QUICK if quick else SIZES
    enough = _Enough(seconds=0.3, times=20, each=1) if quick else _Enough(seconds=1.0, times=100, each=1)
    place = Path(tempfile.mkdtemp(prefix="lists-bench-"))
    print(f"{kind}: {sizes[0]} and {sizes[1]} cases in {place}", flush=True)
    try:
        (place / "first").mkdir()
        known = templates(place / "first")
        with _databases(kind, place, known, sizes) as (small, large):
            return _measured(small, large, enough)
    finally:
        shutil.rmtree(place)


@contextlib.contextmanager
def _databases(kind: Kind, place: Path, known: Sequence[Template], sizes: Sequence[int]) -> Iterator[list[str]]:
    cluster = private_cluster() if kind == "postgresql" else None
    try:
        if cluster is not None:
            cluster.start()
        urls = [_made(cluster, place, size) for size in sizes]
        for url, size in zip(urls, sizes, strict=True):
            begun = time.monotonic()
            fill(url, known, cases=size, everywhere=size == sizes[-1])
            print(f"  {size} cases made in {time.monotonic() - begun:.0f} s", flush=True)
        yield urls
    finally:
        if cluster is not None:
            cluster.stop()
            shutil.rmtree(cluster.directory, ignore_errors=True)


def _made(cluster: Cluster | None, place: Path, size: int) -> str:
    if cluster is None:
        return f"sqlite:///{place / f'{size}.sqlite3'}"
    name = f"lists_{size}"
    with psycopg.connect(host=str(cluster.directory), user="postgres", dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return cluster.url(name)


def _measured(small: str, large: str, enough: _Enough) -> list[Timing]:
    engines = [Engine.start(url) for url in (small, large)]
    try:
        worlds = [world(engine, everywhere=index == 1) for index, engine in enumerate(engines)]
        settle()
        asks = kinds()
        found = {name: _timing(name, ask, worlds, enough) for name, ask in asks.items()}
        missing = [name for name, timing in found.items() if timing.ratio(0.99) > BAR]
        more = _Enough(seconds=_MORE * enough.seconds, times=_MORE * enough.times, each=_EACH)
        again = [{name: _timing(name, asks[name], worlds, more) for name in missing} for _ in range(_AGAIN)]
        return [*(found | {name: _middle([each[name] for each in again]) for name in missing}).values()]
    finally:
        for engine in engines:
            engine.stop()


def _middle(found: Sequence[Timing]) -> Timing:
    return sorted(found, key=lambda each: each.ratio(0.99))[len(found) // 2]


def _timing(name: str, ask: Ask, worlds: Sequence[World], enough: _Enough) -> Timing:
    spent: tuple[list[float], list[float]] = ([], [])
    items = [0, 0]
    until = time.monotonic() + enough.seconds
    while len(spent[0]) < enough.times or time.monotonic() < until:
        for index in (0, 1) if len(spent[0]) % 2 else (1, 0):
            took, number = _page(ask, worlds[index], enough.each)
            spent[index].append(took)
            items[index] += number
    return Timing(name=name, small=spent[0], large=spent[1], items=(items[0] / len(spent[0]), items[1] / len(spent[1])))


def _page(ask: Ask, world: World, times: int) -> tuple[float, int]:
    """Milliseconds and items of one page."""
    again = world.chance.getstate()
    number, spent = ask(world), []
    for _ in range(times):
        world.chance.setstate(again)
        begun = time.perf_counter()
        ask(world)
        spent.append((time.perf_counter() - begun) * 1e3)
    return median(spent), number


def _quantile(spent: Sequence[float], share: float) -> float:
    return sorted(spent)[min(len(spent) - 1, int(len(spent) * share))]


def table(kind: Kind, found: Sequence[Timing]) -> str:
    """The slowest kinds first: milliseconds at both sizes, their ratio, items of a page."""
    ranked = sorted(found, key=lambda each: each.ratio(0.99), reverse=True)
    head = f"{'p50':>16}{'p99':>24}{'items':>20}"
    lines = [f"{kind}: pages whose 99th percentile grows most, milliseconds small, large, ratio", head]
    lines += [_line(each) for each in ranked[:_SHOWN]]
    whole = Timing(
        name="all pages together",
        small=[each for timing in found for each in timing.small],
        large=[each for timing in found for each in timing.large],
        items=(0, 0),
    )
    missed = sum(each.ratio(0.99) > BAR for each in found)
    verdict = "met" if not missed else "NOT MET"
    lines += [_line(whole), f"  {missed} of {len(found)} kinds of page above {BAR:.1f}: {verdict}"]
    return "\n".join(lines)


def _line(timing: Timing) -> str:
    parts = [
        f"{_quantile(timing.small, share):>8.2f}{_quantile(timing.large, share):>8.2f}{timing.ratio(share):>7.2f}"
        for share in (0.5, 0.99)
    ]
    return "".join(parts) + f"{timing.items[0]:>8.1f}{timing.items[1]:>6.1f}  {timing.name}"


def met(found: Sequence[Timing]) -> bool:
    """Whether no kind of page misses the bar."""
    return all(each.ratio(0.99) <= BAR for each in found)
