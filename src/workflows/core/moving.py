"""Moving a running case to the unit that took over its own: whether it may be done, and what it changes.

The change comes with the command, as an administrative act has it; which acts there are is the loader's affair. The
case keeps its state, deadline and history; events before the move keep the unit in which they happened.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from workflows.core.authority import covers, has_role
from workflows.core.canonical import Json
from workflows.core.case import Actor, Blocker, Case, Changes, Data, Kind, MoveUnit
from workflows.core.definition import Step
from workflows.core.documents import MOVE_UNIT, Role, Words
from workflows.core.drafting import Change
from workflows.core.ledger import FreeText
from workflows.core.wording import too_early, wrong_role, wrong_unit
from workflows.core.world import Unit, World

ROLES: Final = frozenset({Role.ADMINISTRATOR})
SCOPE: Final = ("units", "move")
"""What a `system` key names in its scope, as `units.move`, to move cases."""
STEP: Final = Step(
    trigger=MOVE_UNIT,
    kind=Kind.UNIT_MOVED,
    title=Words(vi="Chuyển sang đơn vị kế thừa", en="Move to the successor unit"),
    targets={},
    roles=ROLES,
    fields={},
    sets={},
)


def destination(world: World, act: MoveUnit) -> Unit | None:
    """The successor as it is from the day of the change; None when there is none of that code then."""
    return next((each for each in world.units.get(act.to, ()) if each.in_force(act.change.day)), None)


def move_blockers(
    world: World, actor: Actor, case: Case, act: MoveUnit, levels: Sequence[str], today: date
) -> list[Blocker]:
    """Everything that stands against the move; empty when it may be done.

    Args:
        world: With all periods of both units.
        actor: Whose grant must cover the unit that ended and the one that took it over.
        case: As it stands.
        act: What is wanted.
        levels: Of the units that cases of this workflow may belong to.
        today: The civil date of deciding.
    """
    blockers = []
    if not has_role(actor, ROLES, *SCOPE):
        blockers.append(wrong_role(actor.role, sorted(ROLES)))
    blockers += _of_units(world, actor, case, act, levels)
    if case.final:
        blockers.append(_final(case))
    if today < act.change.day:
        blockers.append(too_early(today, act.change.day))
    return blockers


def _of_units(world: World, actor: Actor, case: Case, act: MoveUnit, levels: Sequence[str]) -> list[Blocker]:
    blockers = []
    if not covers(actor, case.unit_path):
        blockers.append(wrong_unit(actor.unit, case.unit))
    target = destination(world, act)
    there = target is not None and target.path == case.unit_path
    if there or case.unit not in act.change.sources or not ended(world, case, act.change.day):
        blockers.append(_not_affected(case, act))
    if target is None or act.to not in act.change.successors:
        blockers.append(_no_successor(case, act))
    elif target.level not in levels:
        blockers.append(_wrong_level(case, target, levels))
    elif not covers(actor, target.path):
        blockers.append(wrong_unit(actor.unit, act.to))
    return blockers


def ended(world: World, case: Case, day: date) -> bool:
    """Whether the case stands at a unit that ended on that day."""
    return any(each.path == case.unit_path and each.valid_to == day for each in world.units.get(case.unit, ()))


def move_change(target: Unit) -> Change:
    """What the event changes."""
    fixed: Changes = {"unit_path": target.path}
    return Change(whole=fixed, public={"unit_path": target.path}, texts=FreeText())


def move_facts(world: World, case: Case, target: Unit, act: MoveUnit) -> Data:
    """What the move rests on: the act with its documents, and both units as they were called."""
    change = act.change
    left = next((each for each in world.units[case.unit] if each.path == case.unit_path and each.valid_to), None)
    documents: list[Json] = list(change.documents)
    return {
        "act": {"key": change.act, "kind": change.kind, "day": change.day.isoformat(), "documents": documents},
        "from": {"unit": case.unit, "path": case.unit_path, "name": left.name if left else None},
        "to": {"unit": act.to, "path": target.path, "name": target.name},
    }


def _final(case: Case) -> Blocker:
    message = Words(
        vi="Hồ sơ đã kết thúc, giữ nguyên đơn vị cũ", en="The case has ended and stays with the unit it ended in"
    )
    return Blocker(code="state", message=message, found=case.state, needed=[])


def _not_affected(case: Case, act: MoveUnit) -> Blocker:
    message = Words(
        vi=f"Hồ sơ không thuộc đơn vị kết thúc theo văn bản {act.change.act}",
        en=f"The case does not stand at a unit that ended by the act {act.change.act}",
    )
    return Blocker(code="not_affected", message=message, found=case.unit_path, needed=sorted(act.change.sources))


def _no_successor(case: Case, act: MoveUnit) -> Blocker:
    message = Words(
        vi=f"{act.to} không phải đơn vị kế thừa của {case.unit}", en=f"{act.to} is no successor of {case.unit}"
    )
    return Blocker(code="no_successor", message=message, found=act.to, needed=sorted(act.change.successors))


def _wrong_level(case: Case, target: Unit, levels: Sequence[str]) -> Blocker:
    message = Words(
        vi=f"{target.name} không cùng cấp với hồ sơ loại {case.workflow}",
        en=f"{target.name} is a {target.level}; cases of {case.workflow} belong to a {' or '.join(levels)}",
    )
    return Blocker(code="level", message=message, found=target.level.value, needed=list(levels))
