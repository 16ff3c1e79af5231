"""Administrative units as they were on the day whose units a plan counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from workflows.core.documents import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitThen:
    level: Level
    parent: str | None
    """Code of the unit above; a commune's is a district, or a province where there are no districts."""


UnitsThen: TypeAlias = Mapping[str, UnitThen]
"""By code; all those in force on one day."""


def units_of(province: str, level: Level, units: UnitsThen) -> tuple[str, ...]:
    """Codes of the units of a level within a province, the province itself among those of its own level."""
    return tuple(code for code, unit in units.items() if unit.level is level and _lies_in(code, province, units))


def _lies_in(code: str, province: str, units: UnitsThen) -> bool:
    above: str | None = code
    while above is not None and above != province:
        unit = units.get(above)
        above = unit.parent if unit else None
    return above == province
