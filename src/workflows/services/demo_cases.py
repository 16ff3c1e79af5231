"""The cases that the chapters of the demonstration hand on to one another, and what they do with many at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workflows.core.case import NOTHING, Accepted, CaseId, Data, Fire
from workflows.services.demo_cast import committee
from workflows.services.demo_hotspots import Hotspots
from workflows.services.demo_stage import Stage, Step
from workflows.services.report_parts import Report


@dataclass(slots=True, kw_only=True)
class Story:
    stage: Stage
    hotspots: Hotspots
    communes: tuple[str, ...] = ()
    """Codes of all communes of the plan, ascending; a commune's place here makes its figures."""
    transformations: dict[str, CaseId] = field(default_factory=dict)
    """By code of the commune."""
    certificates: dict[str, CaseId] = field(default_factory=dict)
    """By code of the commune."""
    tasks: dict[str, CaseId] = field(default_factory=dict)
    """By key in the plan."""
    reports: dict[str, dict[str, CaseId]] = field(default_factory=dict)
    """By obligation; then by code of the district, or by key of the agency of the province."""

    report: Report | None = None
    """That of the province on the year, once it is filled."""

    def place(self, code: str) -> int:
        """Of a commune among all of them."""
        return self.communes.index(code)

    def by_district(self, codes: Iterable[str], trigger: str, given: Data = NOTHING) -> list[Accepted]:
        """Every commune's own district fires a trigger on its transformation."""
        return self.stage.together(
            Step(
                person=committee(self.stage.district(code)),
                act=Fire(case=self.transformations[code], trigger=trigger, input=given),
            )
            for code in codes
        )
