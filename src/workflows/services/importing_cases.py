"""Importing cases: every row is read and decided on without writing, then each is opened through the writer.

A row has an idempotency key of its own, made from the workflow, what the row says and how many equal rows come before
it: a second run, of the same file or of a copy, opens nothing twice. Knows neither files nor terminals.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from sqlalchemy import Connection, select

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import Accepted, Actor, Case, CaseId, Command, Decision, Invalid, Open, Refused
from workflows.core.civil import civil_date, parse_instant, show_date
from workflows.core.decide import decide
from workflows.core.documents import OPEN
from workflows.core.world import Draft, World
from workflows.services.columns import ORIGIN, WORKFLOW, case_columns, field_columns, placed
from workflows.services.engine import Engine
from workflows.services.importing import Advance, Problems, Reader, Written, blocked
from workflows.services.reading import definition
from workflows.services.spool import Row, Spool
from workflows.services.tabular import Record
from workflows.services.unit_codes import UnitCodes
from workflows.store.among import among
from workflows.store.loading import load, roots
from workflows.store.submissions import Idempotency, Outcome, Submission, WriteError
from workflows.store.tables import api_key, cases
from workflows.store.visibility import visible
from workflows.store.writing import stored

EXPORT_ONLY: Final = ("workflow_version", "state", "version", "state_since", "due", "overdue", "final", "sheets")
"""Columns of an exported table that say what became of a case; an import opens cases anew, and leaves them unused."""
_FIXED: Final = (WORKFLOW, ORIGIN, "unit", "title", "plan", "parent", "occurred_at", "reason")
_PART: Final = 500
_AHEAD: Final = 512
"""Rows that wait for the writer at once."""
_PATIENCE_SECONDS: Final = 600.0
_REFUSED: Final = 400


class CaseImport:
    """One run of an import of cases; the steps are `read`, `check`, `write`, in this order."""

    def __init__(self, engine: Engine, actor: Actor, workflow: str, *, records: Iterator[Record], spool: Spool) -> None:
        """Reads the heads.

        Raises:
            MissingError: there is no such workflow.
            TableError: the table is empty or cannot be read.
        """
        self._engine = engine
        self._actor = actor
        self._workflow = definition(engine, workflow).key
        self._versions = engine.definitions.versions(self._workflow)
        self._spool = spool
        self._now = engine.clock()
        with engine.database.read() as connection:
            self._grants = _grants_of(connection, actor)
            self._units = UnitCodes(connection, self._versions[-1].document.levels)
        self.problems = Problems()
        columns = case_columns(self._versions, engine.catalogue, self._units.read)
        self._reader = Reader(records, columns, {ORIGIN: (*EXPORT_ONLY, *self._fields())}, self.problems)
        self.done = 0

    def _fields(self) -> Iterator[str]:
        """Names of the columns of all fields, those that are not asked for at opening included."""
        fields = {name: spec for each in self._versions for name, spec in each.document.fields.items()}
        for name, spec in fields.items():
            for column in field_columns(name, spec, self._engine.catalogue, required=False):
                yield column.name

    @property
    def rows(self) -> int:
        """Rows that could be read."""
        return self._spool.length

    @property
    def unused(self) -> Sequence[str]:
        """Heads of columns that an import does not use."""
        return self._reader.found.unused

    def read(self) -> None:
        """Read all rows; what is wrong with their cells goes to the problems."""
        for number, values in self._reader.rows():
            if values is not None and self._unit_is_there(number, values):
                self._keep(number, values)
        self._spool.seal()

    def _unit_is_there(self, number: int, values: Mapping[str, Json]) -> bool:
        """Whether the unit existed on the day of opening; the decision would not say which column is to blame."""
        code, at = values.get("unit"), values.get("occurred_at")
        if not isinstance(code, str):
            return False  # there is no such column, which has been told
        day = civil_date(parse_instant(at) if isinstance(at, str) else self._now)
        if day > civil_date(self._now) or self._units.on(code, day) is not None:
            return True  # of a day that is still to come the decision tells just that
        message = f"there is no unit {code!r} on {show_date(day)}, only in {self._units.periods(code)}"
        self.problems.add(number, self._reader.found.heads["unit"], message)
        return False

    def _keep(self, number: int, values: Mapping[str, Json]) -> None:
        said = {name: values[name] for name in _FIXED[2:] if name in values}
        data = placed({name: value for name, value in values.items() if name not in _FIXED})
        # Equal rows are equal whether or not one of them was exported.
        same = digest(canonical_bytes({**said, "data": data}))
        content = canonical_bytes({**said, "data": data, ORIGIN: values.get(ORIGIN)})
        self._spool.add(number, str(values["unit"]), same, content)

    def check(self, advance: Advance) -> None:
        """Decide every row that was read as if the rows before it had been written; nothing is written.

        Rows that an earlier run has written are passed over.
        """
        if self._reader.found.missing:
            return
        lasting = {workflow for workflow, _ in self._engine.definitions.footprint(self._workflow, OPEN).same_unit}
        unit, carried = "", dict[CaseId, Case]()
        for part in self._spool.by_unit(_PART):
            rows = self._still_to_do(part)
            commands = [self._command(row) for row in rows]
            world = self._world(commands)
            for row, command in zip(rows, commands, strict=True):
                if row.unit != unit:
                    unit, carried = row.unit, {}
                decision = self._decided(world, carried, command)
                if isinstance(decision, Accepted):
                    carried |= {key: case for key, case in decision.cases.items() if case.workflow in lasting}
                else:
                    self._tell(self.problems, row.number, decision)
            advance(len(part))

    def _world(self, commands: Sequence[Command]) -> World:
        definitions = self._engine.definitions
        with self._engine.database.read() as connection:
            return load(connection, definitions, roots(connection, definitions, commands))

    def _decided(self, world: World, carried: Mapping[CaseId, Case], command: Command) -> Decision:
        draft = Draft(world)
        draft.cases = dict(carried)
        return decide(draft, command, self._now)

    def _still_to_do(self, part: Sequence[Row]) -> list[Row]:
        """The rows that no earlier run has written; those it was refused get another key."""
        tries = {row.number: 0 for row in part}
        done = set[int]()
        with self._engine.database.read() as connection:
            done |= self._exported_from_here(connection, part)
            waiting = [row for row in part if row.number not in done]
            while waiting:
                found = self._statuses(connection, [(row, tries[row.number]) for row in waiting])
                done |= {number for number, status in found.items() if status < _REFUSED}
                waiting = [row for row in waiting if found.get(row.number, 0) >= _REFUSED]
                for row in waiting:
                    tries[row.number] += 1
        self._spool.mark_done(sorted(done))
        self._spool.mark_tries([(number, count) for number, count in tries.items() if count])
        self.done += len(done)
        return [row for row in part if row.number not in done]

    def _exported_from_here(self, connection: Connection, part: Sequence[Row]) -> set[int]:
        """Rows of cases that stand in this database, and that the actor may see; a row that says otherwise is told."""
        contents = {row.number: json.loads(row.content) for row in part}
        origins = [content[ORIGIN] for content in contents.values() if content[ORIGIN]]
        seen = visible(self._actor, cases.c.unit_path, civil_date(self._now))
        statement = select(cases.c.id, cases.c.unit, cases.c.title).where(among(cases.c.id, "ids"), seen)
        standing = {row.id: row for row in connection.execute(statement, {"ids": origins})} if origins else {}
        done = set()
        for number, content in contents.items():
            case = standing.get(content[ORIGIN])
            if case and (case.unit, case.title) == (content["unit"], content["title"]):
                done.add(number)
            elif case:
                message = f"{case.id} stands here with another unit or title; leave it empty to open a new case"
                self.problems.add(number, self._reader.found.heads[ORIGIN], message)
        return done

    def _statuses(self, connection: Connection, rows: Sequence[tuple[Row, int]]) -> dict[int, int]:
        """By row: the status that its key got before, from any key of the same person."""
        by_key = {self._key(row, tries): row.number for row, tries in rows}
        keys = [Idempotency(client=grant, key_hash=key, fingerprint="") for key in by_key for grant in self._grants]
        found = stored(connection, keys)
        return {by_key[key]: kept.replies[0].status for (_, key), kept in found.items()}

    def _key(self, row: Row, tries: int) -> str:
        return digest(canonical_bytes(["import", self._workflow, row.digest, row.occurrence, tries]))

    def _command(self, row: Row) -> Command:
        content: Mapping[str, Any] = json.loads(row.content)
        act = Open(
            workflow=self._workflow,
            unit=content["unit"],
            title=content["title"],
            data=content["data"],
            plan=content.get("plan"),
            parent=CaseId(content["parent"]) if "parent" in content else None,
        )
        at = content.get("occurred_at")
        # The key is made from texts that an event only commits to, so that no event may hold it.
        return self._engine.command(
            grant=self._actor.grant,
            act=act,
            reason=content.get("reason"),
            occurred_at=parse_instant(at) if at else None,
        )

    def write(self, advance: Advance) -> Written:
        """Open a case for every row that is still to do; Ctrl-C ends it after the rows that are on their way."""
        written = Written(done=self.done)
        waiting: deque[tuple[Row, Future[tuple[Outcome, ...]]]] = deque()
        try:
            for row in self._spool.by_turn():
                waiting.append((row, self._engine.submit(self._submission(row))))
                if len(waiting) >= _AHEAD:
                    self._settle(*waiting[0], written)  # taken away only then, so that Ctrl-C while waiting loses none
                    waiting.popleft()
                    advance(1)
        except KeyboardInterrupt:
            written.interrupted = True
        for row, future in waiting:
            self._settle(row, future, written)
        advance(len(waiting))
        return written

    def _submission(self, row: Row) -> Submission:
        idempotency = Idempotency(
            client=self._actor.grant, key_hash=self._key(row, row.tries), fingerprint=self._key(row, 0)
        )
        return Submission(commands=(self._command(row),), idempotency=idempotency, deadline_seconds=_PATIENCE_SECONDS)

    def _tell(self, problems: Problems, row: int, decision: Decision) -> None:
        if isinstance(decision, Invalid):
            for error in decision.errors:
                problems.add(row, self._reader.head_of(error), error.message)
        elif isinstance(decision, Refused):
            for blocker in decision.blockers:
                problems.add(row, None, blocked(blocker))
        else:
            problems.add(row, None, f"came to {type(decision).__name__.lower()}")

    def _settle(self, row: Row, future: "Future[tuple[Outcome, ...]]", written: Written) -> None:
        """Wait for what became of a row."""
        try:
            (outcome,) = future.result()
        except WriteError as error:
            written.problems.add(row.number, None, str(error))
            return
        if isinstance(outcome.decision, Accepted):
            written.new += 1
        elif outcome.decision is not None:
            self._tell(written.problems, row.number, outcome.decision)
        elif outcome.reply.status < _REFUSED:
            written.done += 1
        else:
            written.problems.add(row.number, None, "another run of this import was just refused the same row")


def _grants_of(connection: Connection, actor: Actor) -> list[str]:
    """All keys that the person ever had: an import may be taken up again with another one."""
    return list(connection.execute(select(api_key.c.id).where(api_key.c.person == actor.person)).scalars())
