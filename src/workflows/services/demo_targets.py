"""How far the plan of the demonstration is from its targets, told in a few lines at the end of each phase."""

from typing import Final

from workflows.core.indicators import Unknown, in_per_cent, shown
from workflows.services.demo_cases import Story
from workflows.services.demo_stage import PLAN
from workflows.services.targets import TargetState, View, targets

TOLD: Final = (
    "certified_communes",
    "addicts_trend",
    "addicts_on_file",
    "places_suppressed",
    "hotspots_relapsed",
    "transformation_mostly_done",
    "households_committed",
)
_MARKS: Final = {True: "✓", False: "✗", None: "?"}


def tell_targets(story: Story) -> None:
    """As known now: how many targets are met, and where some of them stand."""
    stage = story.stage
    auditor = stage.officers["kiem-tra.01"].actor
    states = targets(stage.engine, auditor, View(key=PLAN, as_of=None, unit=None)).targets
    met, missed, unknown = (sum(each.now.met is verdict for each in states) for verdict in (True, False, None))
    stage.tell(
        f"CHỈ TIÊU của kế hoạch hôm nay: {met} đạt, {missed} chưa đạt, {unknown} chưa rõ. Trong đó:",
        f"TARGETS of the plan today: {met} met, {missed} not met, {unknown} unknown. Among them:",
    )
    for state in states:
        if state.key in TOLD:
            title = state.target.title
            stage.line(f"{_MARKS[state.now.met]} {_value(state):<17} {title.vi} / {title.en}")
    _tell_what_is_missing(story, [each for each in states if each.key in TOLD])


def _tell_what_is_missing(story: Story, states: list[TargetState]) -> None:
    """Of the first unknown one: never taken for 0."""
    unknown = [each.now.value for each in states if isinstance(each.now.value, Unknown)]
    if unknown:
        reason = unknown[0].because[0]
        story.stage.line(f"? {reason.vi} / {reason.en}")


def _value(state: TargetState) -> str:
    reading = state.now
    if isinstance(reading.value, Unknown):
        return "chưa rõ/unknown"
    per_cent = in_per_cent(state.indicator)
    value = shown(reading.value, state.indicator.digits, per_cent=per_cent).vi
    return value if reading.base is None else f"{value} ({reading.of}/{reading.base})"
