"""Applying an administrative act: what would happen first, then grants, then running cases, each moved by the writer.

Grants go first, in one transaction, so that at no moment one of them covers more than before. What was done stays done
when a run is interrupted, and another run goes on where it stopped.
"""

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection

from workflows.core.authority import covers, has_role, in_force
from workflows.core.case import Accepted, Actor, CaseId, Command, MoveUnit, Refused, UnitChange
from workflows.core.civil import civil_date
from workflows.core.documents import Words
from workflows.core.moving import ROLES, SCOPE
from workflows.core.unit_acts import UnitActDocument
from workflows.core.world import Unit
from workflows.services.engine import Engine
from workflows.store.concerned import Held, Standing, end_grants, held, move_grants, standing
from workflows.store.loading import periods
from workflows.store.submissions import Outcome, Submission

_TOGETHER: Final = 64
"""Cases that are moved in one submission, at most; all are of one successor."""
_AHEAD: Final = 8
"""Submissions that wait for the writer at once."""
_PATIENCE_SECONDS: Final = 600.0

Fate: TypeAlias = Literal["follows", "ends"]


class ActError(Exception):
    """An act that cannot be applied, or not by this actor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A running case that goes to a successor."""

    case: CaseId
    workflow: str
    unit: str
    to: str
    change: UnitChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A running case that stays where it is, because nobody can tell where it belongs."""

    case: CaseId
    workflow: str
    unit: str
    why: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFate:
    """What becomes of a grant on a unit that the act concerns."""

    grant: Held
    fate: Fate
    why: Words
    successors: tuple[Unit, ...]
    """The unit that it follows to; of one that ends, those on which new grants may be wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What applying an act comes to."""

    act: UnitActDocument
    moves: tuple[Move, ...]
    left: tuple[Left, ...]
    grants: tuple[GrantFate, ...]
    paths: frozenset[str]
    """Of all units that end or take in others."""


@dataclass(slots=True, kw_only=True)
class Applied:
    """What was done so far."""

    moved: int = 0
    ended: int = 0
    followed: int = 0
    left: list[Left] = field(default_factory=list)


def outlook(engine: Engine, act: UnitActDocument) -> Outlook:
    """What would happen now; nothing is changed.

    Raises:
        ActError: the database holds other units than the act names.
    """
    with engine.database.read() as connection:
        return _Looking(connection, engine, act).outlook()


def apply(engine: Engine, actor: Actor, act: UnitActDocument) -> Generator[Applied, None, None]:
    """Do it: after the grants, and after each group of cases, tells how far it is.

    Raises:
        ActError: the actor may not, or the act's day has not come.
        WriteError: the writer could not; what was told is done, and a further run goes on.
    """
    done = Applied()
    now = engine.clock()
    with engine.database.write() as connection:
        found = _Looking(connection, engine, act).outlook()
        _require_right(actor, found, civil_date(now))
        ended = [each.grant.id for each in found.grants if each.fate == "ends"]
        followed = {
            each.grant.id: (each.grant.path, each.successors[0]) for each in found.grants if each.fate == "follows"
        }
        end_grants(connection, ended, now)
        move_grants(connection, followed)
    done.ended, done.followed, done.left = len(ended), len(followed), list(found.left)
    yield done
    yield from _move_all(engine, actor, found.moves, done)


def _require_right(actor: Actor, found: Outlook, today: date) -> None:
    day = found.act.day
    if today < day:
        raise ActError(f"the act takes effect on {day:%d/%m/%Y}; before that day it can only be looked at")
    if not has_role(actor, ROLES, *SCOPE) or not in_force(actor, today):
        raise ActError(f"applying an act is for an administrator, or a system with the scope {'.'.join(SCOPE)}")
    if any(each.grant.id == actor.grant for each in found.grants):
        raise ActError("this grant itself ends or moves by the act: use one on a unit above, such as the country")
    outside = sorted(path for path in found.paths if not covers(actor, path))
    if outside:
        raise ActError(
            f"the act concerns units outside {actor.unit}, such as {outside[0]}: use a grant on a unit above"
        )


class _Looking:
    """One look at all that an act concerns, in one transaction."""

    def __init__(self, connection: Connection, engine: Engine, act: UnitActDocument) -> None:
        self._connection = connection
        self._definitions = engine.definitions
        self._act = act
        self._changes = act.by_source()
        codes = {code for change in act.changes for code in (*change.sources, *change.successors)}
        self._periods = periods(connection, codes)
        self._codes = codes

    def outlook(self) -> Outlook:
        moves, left = self._cases()
        paths = self._ended_paths() | {self._successor(code).path for code in self._act.enlarged()}
        return Outlook(
            act=self._act, moves=tuple(moves), left=tuple(left), grants=tuple(self._grants()), paths=frozenset(paths)
        )

    def _ended_paths(self) -> set[str]:
        day = self._act.day
        return {each.path for code in self._changes for each in self._periods.get(code, ()) if each.valid_to == day}

    def _ended(self, code: str, path: str) -> bool:
        """Whether the path is that of a unit that ended on the day of the act."""
        return any(each.path == path and each.valid_to == self._act.day for each in self._periods.get(code, ()))

    def _successor(self, code: str) -> Unit:
        day = self._act.day
        for each in self._periods.get(code, ()):
            if each.valid_from <= day and (each.valid_to is None or day < each.valid_to):
                return each
        raise ActError(f"there is no unit {code} on {day:%d/%m/%Y} in the database: run `workflows init`")

    def _cases(self) -> tuple[list[Move], list[Left]]:
        moves: list[Move] = []
        left: list[Left] = []
        for case in standing(self._connection, self._ended_paths()):
            placed = self._placed(case)
            if isinstance(placed, Left):
                left.append(placed)
            elif placed is not None:
                moves.append(placed)
        return sorted(moves, key=lambda each: (each.to, each.case)), left

    def _placed(self, case: Standing) -> Move | Left | None:
        """Where the case goes; None: it stands there already."""
        change = self._changes[case.unit]
        named = self._act.cases.get(case.id)
        code = named if change.kind == "split" else next(iter(change.successors), None)
        if code is None or code not in change.successors:
            return _left(case, _unplaced(change))
        target = self._successor(code)
        levels = self._definitions.by_hash(case.definition).document.levels
        if target.level not in levels:
            return _left(case, _wrong_level(target, levels))
        if target.path == case.path:
            return None
        return Move(case=case.id, workflow=case.workflow, unit=case.unit, to=code, change=change)

    def _grants(self) -> Iterator[GrantFate]:
        for grant in held(self._connection, self._codes):
            if grant.created_on < self._act.day and (grant.valid_to is None or grant.valid_to > self._act.day):
                fate = self._fate(grant)
                if fate is not None:
                    yield fate

    def _fate(self, grant: Held) -> GrantFate | None:
        """None: it covers what it covered."""
        change = self._changes.get(grant.unit)
        if change is not None and self._ended(grant.unit, grant.path):
            return self._of_ended(grant, change)
        if grant.unit in self._act.enlarged() and self._successor(grant.unit).path == grant.path:
            return GrantFate(grant=grant, fate="ends", why=_ENLARGED, successors=(self._successor(grant.unit),))
        return None

    def _of_ended(self, grant: Held, change: UnitChange) -> GrantFate | None:
        successors = tuple(self._successor(code) for code in sorted(change.successors))
        if change.kind != "renamed":
            return GrantFate(grant=grant, fate="ends", why=_ENDED[change.kind], successors=successors)
        if successors[0].path == grant.path:
            return None
        return GrantFate(grant=grant, fate="follows", why=_ENDED[change.kind], successors=successors)


_ENLARGED: Final = Words(vi="Đơn vị nhận thêm địa bàn", en="the unit took in others")
_ENDED: Final[Mapping[str, Words]] = {
    "merged": Words(vi="Đơn vị nhập với đơn vị khác", en="the unit was merged with others"),
    "renamed": Words(vi="Đơn vị giữ nguyên địa bàn", en="the unit goes on with the same area"),
    "split": Words(vi="Đơn vị được chia cho nhiều đơn vị", en="the unit was divided"),
    "abolished": Words(vi="Cấp hành chính được bãi bỏ", en="the unit ended without a successor"),
}


def _left(case: Standing, why: Words) -> Left:
    return Left(case=case.id, workflow=case.workflow, unit=case.unit, why=why)


def _unplaced(change: UnitChange) -> Words:
    if not change.successors:
        return Words(vi="Đơn vị không có đơn vị kế thừa", en="its unit has no successor")
    named = ", ".join(sorted(change.successors))
    return Words(
        vi=f"Đơn vị được chia: cần chỉ rõ một trong {named}", en=f"its unit was divided: name one of {named} for it"
    )


def _wrong_level(target: Unit, levels: Sequence[str]) -> Words:
    wanted = " or ".join(levels)
    return Words(
        vi=f"Đơn vị kế thừa {target.name} khác cấp của loại hồ sơ",
        en=f"the successor {target.name} is a {target.level}, and the case belongs to a {wanted}",
    )


_Waiting: TypeAlias = tuple[Sequence[Move], "Future[tuple[Outcome, ...]]"]


def _move_all(engine: Engine, actor: Actor, moves: Sequence[Move], done: Applied) -> Iterator[Applied]:
    """A few groups ahead of the writer: the units of one are others than those of the next, as a rule."""
    waiting: deque[_Waiting] = deque()
    for group in _groups(moves):
        if len(waiting) >= _AHEAD:
            yield _settled(engine, actor, waiting.popleft(), done)
        waiting.append((group, _submitted(engine, actor, group)))
    while waiting:
        yield _settled(engine, actor, waiting.popleft(), done)


def _groups(moves: Sequence[Move]) -> Iterator[Sequence[Move]]:
    for _, grouped in groupby(moves, key=lambda each: each.to):
        of_one = list(grouped)
        yield from (of_one[start : start + _TOGETHER] for start in range(0, len(of_one), _TOGETHER))


def _submitted(engine: Engine, actor: Actor, group: Sequence[Move]) -> "Future[tuple[Outcome, ...]]":
    commands = tuple(_command(engine, actor, each) for each in group)
    return engine.submit(Submission(commands=commands, deadline_seconds=_PATIENCE_SECONDS))


def _command(engine: Engine, actor: Actor, move: Move) -> Command:
    return engine.command(grant=actor.grant, act=MoveUnit(case=move.case, to=move.to, change=move.change))


def _settled(engine: Engine, actor: Actor, waiting: _Waiting, done: Applied) -> Applied:
    """One refused move undoes its whole group: then each is tried alone."""
    group, future = waiting
    decisions = [outcome.decision for outcome in future.result()]
    if all(isinstance(each, Accepted) for each in decisions):
        done.moved += len(group)
        return done
    for move in group:
        decision = _submitted(engine, actor, [move]).result()[0].decision
        if isinstance(decision, Accepted):
            done.moved += 1
        elif isinstance(decision, Refused) and any(each.code in _OTHERWISE for each in decision.blockers):
            done.left.append(Left(case=move.case, workflow=move.workflow, unit=move.unit, why=_told(decision)))
    return done


_OTHERWISE: Final = frozenset({"role", "unit", "no_successor", "level", "too_early"})
"""Why a move is refused that is still to be made; a case that has ended or moved meanwhile needs none."""


def _told(refused: Refused) -> Words:
    return refused.blockers[0].message
