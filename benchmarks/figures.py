"""What was measured: pairs of speeds taken one after the other, their ratios, and the bars they are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The least that the median of a ratio must be."""

    name: str
    of: str
    over: str
    """Names of the two speeds."""
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One bar on one kind of database, with all runs."""

    database: str
    bar: Bar
    of: Sequence[float]
    over: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        return [of / over for of, over in zip(self.of, self.over, strict=True)]

    @property
    def median(self) -> float:
        return median(self.ratios)

    @property
    def met(self) -> bool:
        return self.median >= self.bar.least

    def data(self) -> dict[str, object]:
        return {
            "database": self.database,
            "figure": self.bar.name,
            self.bar.of: [round(speed, 1) for speed in self.of],
            self.bar.over: [round(speed, 1) for speed in self.over],
            "ratios": [round(ratio, 3) for ratio in self.ratios],
            "median": round(self.median, 3),
            "bar": self.bar.least,
            "met": self.met,
        }


FLOOR: Final = "driver loop"
ENGINE: Final = "engine"
SINGLE: Final = "engine, one a batch"
HTTP: Final = "HTTP"
POISONED: Final = "engine, poisoned"
BULK: Final = "one request"
CALLS: Final = "call by call"

BARS: Final[Mapping[str, Mapping[str, tuple[Bar, ...]]]] = {
    kind: {
        "engine": (
            Bar(name="engine over driver loop", of=ENGINE, over=FLOOR, least=loop),
            Bar(name="group commit over one a batch", of=ENGINE, over=SINGLE, least=3.0),
        ),
        "http": (Bar(name="HTTP over driver loop", of=HTTP, over=FLOOR, least=0.4),),
        "bulk": (Bar(name="a thousand in one request over call by call", of=BULK, over=CALLS, least=10.0),),
        "poison": (Bar(name="one failing in 64 over none", of=POISONED, over=ENGINE, least=0.3),),
    }
    for kind, loop in (("sqlite", 0.7), ("postgresql", 1.0))
}
"""By kind of database and part of the benchmark."""


def table(figures: Sequence[Figure]) -> str:
    """For people: per figure both speeds of each run, the ratios, the median and whether the bar is met."""
    return "\n\n".join(_lines(figure) for figure in figures)


def _lines(figure: Figure) -> str:
    verdict = "met" if figure.met else "NOT MET"
    return "\n".join(
        (
            f"{figure.database}: {figure.bar.name}",
            _row(f"{figure.bar.of}, per second", [f"{speed:.0f}" for speed in figure.of]),
            _row(f"{figure.bar.over}, per second", [f"{speed:.0f}" for speed in figure.over]),
            _row("ratio", [f"{ratio:.2f}" for ratio in figure.ratios]),
            f"  median {figure.median:.2f}, bar {figure.bar.least:.1f}: {verdict}",
        )
    )


def _row(label: str, values: Sequence[str]) -> str:
    return f"  {label:<32}" + "".join(f"{value:>8}" for value in values)
