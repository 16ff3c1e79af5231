"""What units were made of, as the table `unit_origin` holds it, and the figures of a unit that follow from it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from workflows.core.lineage import Count, Figure, Formation, Lineage, Origin, figure
from workflows.store.among import among
from workflows.store.tables import count_entry, unit_origin
from workflows.unit_files import OPEN_END

_NAMED: Final = select(unit_origin).where(among(unit_origin.c.code, "codes")).cte(recursive=True)
_LINEAGE: Final = select(
    _NAMED.union(select(unit_origin).join(_NAMED, unit_origin.c.code == _NAMED.c.source))
).order_by("code", "day", "source")
"""Of the units named, and of all that they were made of."""
_ENTRIES: Final = select(count_entry).where(among(count_entry.c.unit, "codes"))


def of(connection: Connection, codes: Collection[str]) -> Lineage:
    """The lineage of some units, and of all that they were made of."""
    formations: dict[tuple[str, str], list[Origin]] = {}
    for row in connection.execute(_LINEAGE, {"codes": sorted(codes)}) if codes else ():
        formations.setdefault((row.code, row.day), []).append(Origin(source=row.source or None, whole=row.whole))
    found: dict[str, tuple[Formation, ...]] = {}
    for (code, day), made_of in formations.items():
        formation = Formation(day=date.fromisoformat(day), origins=tuple(made_of))
        found[code] = (*found.get(code, ()), formation)
    return found


def sources(lineage: Lineage) -> Iterable[str]:
    """The codes of everything that units were made of."""
    made_of = (origin for formations in lineage.values() for each in formations for origin in each.origins)
    return (origin.source for origin in made_of if origin.source)


def figures(connection: Connection, code: str, keys: Iterable[str], as_of: date) -> Mapping[str, Figure]:
    """By key: what is known of the unit as it was on a civil date, for that date."""
    lineage = of(connection, {code})
    codes = {code, *sources(lineage)}
    found: dict[tuple[str, str], list[Count]] = {}
    for row in connection.execute(_ENTRIES, {"codes": sorted(codes)}):
        found.setdefault((row.unit, row.key), []).append(count_of(row))

    def of_key(key: str) -> Figure:
        return figure(lineage, lambda each: found.get((each, key), ()), code, area_on=as_of, as_of=as_of)

    return {key: of_key(key) for key in keys}


def count_of(row: Any) -> Count:  # noqa: ANN401 - a row has no narrower type
    """From a row of `count_entry`."""
    return Count(
        id=row.id,
        value=row.value,
        as_of=date.fromisoformat(row.as_of),
        source=row.source,
        recorded_at=row.recorded_at,
    )


def origin_rows(units: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows of `unit_origin` from all rows of `unit`, in the order of its key.

    A unit is made of those of its own level that name it as a successor, and of itself where it goes on beside them.
    One that began with a code that another had before, and of which nothing is known, has one without a source.
    """
    periods: dict[str, list[Mapping[str, object]]] = {}
    for row in units:
        periods.setdefault(str(row["code"]), []).append(row)
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for row in (row for row in units if row["valid_to"]):
        parts = str(row["successors"]).split()
        for code in parts:
            taken = _in_force(periods.get(code, ()), str(row["valid_to"]))
            if taken is not None and taken["level"] == row["level"]:
                made_of = found.setdefault((code, str(row["valid_to"])), _going_on(taken, str(row["valid_to"])))
                made_of[str(row["code"])] = len(parts) == 1
    for later in (row for rows in periods.values() for row in rows[1:]):
        found.setdefault((str(later["code"]), str(later["valid_from"])), {"": False})
    return [
        {"code": code, "day": day, "source": source, "whole": whole}
        for (code, day), made_of in sorted(found.items())
        for source, whole in sorted(made_of.items())
    ]


def _in_force(periods: Iterable[Mapping[str, object]], day: str) -> Mapping[str, object] | None:
    return next(
        (row for row in periods if str(row["valid_from"]) <= day < str(row["valid_to"] or OPEN_END)),
        None,
    )


def _going_on(taken: Mapping[str, object], day: str) -> dict[str, bool]:
    return {str(taken["code"]): True} if str(taken["valid_from"]) < day else {}
