"""Builds `definitions/units/acts/*.yaml`: the administrative acts of the plans' provinces, from `units.csv`.

What became of which unit is read from the validity dates and successors there; titles and legal documents stand here.
A number is given only where it is certain: the acts between 2023 and 2025 have none, and their day is a convention.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNITS: Final = Path(__file__).resolve().parent.parent / "definitions" / "units"
TARGET: Final = UNITS / "acts"
TWO_TIERS: Final = "2025-07-01"
SECOND_STATE: Final = "2025-01-01"

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What an act is called, and the province whose units it is about."""

    key: str
    day: str
    province: str
    """Code of the province on that day."""
    name: str
    resolution: str | None = None
    """Number of the resolution on the units of the commune level of 2025."""


ACTS: Final = (
    Act(key="ninh-binh-2025", day=TWO_TIERS, province="37", name="Ninh Bình", resolution="1674/NQ-UBTVQH15"),
    Act(key="quang-ninh-2025", day=TWO_TIERS, province="22", name="Quảng Ninh", resolution="1679/NQ-UBTVQH15"),
    Act(key="vinh-long-2025", day=TWO_TIERS, province="86", name="Vĩnh Long", resolution="1687/NQ-UBTVQH15"),
    Act(key="nghe-an-2025", day=TWO_TIERS, province="40", name="Nghệ An", resolution="1678/NQ-UBTVQH15"),
    Act(key="khanh-hoa-2025", day=TWO_TIERS, province="56", name="Khánh Hòa", resolution="1667/NQ-UBTVQH15"),
    Act(key="ninh-binh-before-2025", day=SECOND_STATE, province="37", name="Ninh Bình"),
    Act(key="quang-ninh-before-2025", day=SECOND_STATE, province="22", name="Quảng Ninh"),
    Act(key="tra-vinh-before-2025", day=SECOND_STATE, province="84", name="Trà Vinh"),
    Act(key="nghe-an-before-2025", day=SECOND_STATE, province="40", name="Nghệ An"),
    Act(key="khanh-hoa-before-2025", day=SECOND_STATE, province="56", name="Khánh Hòa"),
)
_HEAD: Final = """\
# yaml-language-server: $schema=../../unit_act.schema.json
# Made by `python -m scripts.build_unit_acts` from units.csv, and not edited by hand.
"""
_ASSEMBLY: Final = "{vi: Quốc hội, en: National Assembly}"
_COMMITTEE: Final = "{vi: Ủy ban Thường vụ Quốc hội, en: Standing Committee of the National Assembly}"


class Units:
    """All rows, and what can be asked of them on a day."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._by_code: dict[str, list[Row]] = {}
        for row in rows:
            self._by_code.setdefault(row["code"], []).append(row)

    def on(self, code: str, day: str) -> Row:
        """The unit of that code in force on a day."""
        return next(
            row
            for row in self._by_code[code]
            if row["valid_from"] <= day and (not row["valid_to"] or day < row["valid_to"])
        )

    def ended(self, day: str) -> list[Row]:
        """Units that ended with the beginning of a day."""
        return [row for row in self.rows if row["valid_to"] == day]

    def province_then(self, row: Row) -> str:
        """The province that a unit lay in while it was in force."""
        while row["level"] != "province":
            row = self.on(row["parent"], row["valid_from"])
        return row["code"]


def main() -> None:
    with (UNITS / "units.csv").open(encoding="utf-8", newline="") as file:
        units = Units([row for row in csv.DictReader(file) if row["level"] != "country"])
    TARGET.mkdir(exist_ok=True)
    for act in ACTS:
        (TARGET / f"{act.key}.yaml").write_text(document(act, units), encoding="utf-8", newline="\n")


def document(act: Act, units: Units) -> str:
    """The text of one act's file."""
    return "\n".join([_HEAD + f"act: {act.key}", *_titles(act), "changes:", *_changes(act, units), ""])


def _titles(act: Act) -> Iterator[str]:
    if act.resolution is None:
        yield "title:"
        yield f"  vi: Sắp xếp đơn vị hành chính {act.name} giai đoạn 2023–2025"
        yield f"  en: Rearrangement of units of {act.name} between 2023 and 2025"
        yield f"day: {act.day}"
        yield "note:"
        yield "  vi: Có hiệu lực vào nhiều ngày khác nhau; ngày ghi ở đây là quy ước, số nghị quyết chưa được xác định."
        yield "  en: Took effect on several days; the day given is a convention, numbers of resolutions are not known."
        return
    yield "title:"
    yield f"  vi: Sắp xếp đơn vị hành chính tỉnh {act.name} năm 2025, bỏ cấp huyện"
    yield f"  en: Rearrangement of units of {act.name} in 2025; the level of districts ends"
    yield f"day: {act.day}"
    yield "documents:"
    yield from _legal("203/2025/QH15", "2025-06-16", _ASSEMBLY, "Sửa đổi Hiến pháp", "Amendment of the Constitution")
    yield from _legal(
        "202/2025/QH15", "2025-06-12", _ASSEMBLY, "Sắp xếp đơn vị hành chính cấp tỉnh", "Rearrangement of provinces"
    )
    yield from _legal(
        act.resolution,
        "2025-06-16",
        _COMMITTEE,
        f"Sắp xếp đơn vị hành chính cấp xã của tỉnh {act.name}",
        f"Rearrangement of communes of {act.name}",
    )


def _legal(number: str, issued: str, issuer: str, vi: str, en: str) -> Iterator[str]:
    yield f"  - number: {number}"
    yield f"    issued: {issued}"
    yield f"    issuer: {issuer}"
    yield f"    title: {{vi: {vi}, en: {en}}}"


def _changes(act: Act, units: Units) -> Iterator[str]:
    ended = [row for row in units.ended(act.day) if _concerns(row, act, units)]
    yield from _mergers(ended, act.day, units)
    for row in ended:
        into = row["successors"].split()
        if len(into) > 1:
            yield f'  - {{split: "{row["code"]}", into: {json.dumps(into)}}}'
    lost = [row["code"] for row in ended if not row["successors"]]
    if lost:
        yield f"  - abolish: {json.dumps(lost)}"


def _concerns(row: Row, act: Act, units: Units) -> bool:
    """Whether the unit, or its part, came to lie in the act's province."""
    if row["successors"]:
        return units.province_then(units.on(row["successors"].split()[0], act.day)) == act.province
    province = units.on(units.province_then(row), row["valid_from"])
    return act.province in (province["successors"].split() if province["valid_to"] == act.day else [province["code"]])


def _mergers(ended: Sequence[Row], day: str, units: Units) -> Iterator[str]:
    """By successor and level: the units that went into it undivided."""
    whole: dict[tuple[str, str], list[str]] = {}
    for row in ended:
        into = row["successors"].split()
        if len(into) == 1:
            whole.setdefault((into[0], row["level"]), []).append(row["code"])
    shared = {code for row in ended if len(into := row["successors"].split()) > 1 for code in into}
    for (code, level), sources in sorted(whole.items()):
        successor = units.on(code, day)
        goes_on = [code] if successor["valid_from"] < day else []
        alone = len(sources) == 1 and not goes_on and code not in shared and successor["level"] == level
        if alone:
            yield f'  - {{rename: "{sources[0]}", into: "{code}"}}'
        else:
            yield f'  - {{merge: {json.dumps([*goes_on, *sources])}, into: "{code}"}}'


if __name__ == "__main__":
    main()
