"""An engine with somebody in every role, communes with their figures, and cases brought where a test needs them.

The ids of the grants are fixed, so that engines in other processes act for the same people.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import Connection, bindparam, insert, select, text

from tests.sizes import size
from workflows.core.canonical import Json
from workflows.core.case import Accepted, CaseId, Decision, Fire, Open
from workflows.core.documents import Catalogue, Role
from workflows.loader import find_definitions, load
from workflows.services.engine import Engine
from workflows.store.database import Database
from workflows.store.fsck import check
from workflows.store.submissions import Idempotency, Outcome, Submission
from workflows.store.tables import api_key, cases, count_entry, event, metadata, unit

NOW: Final = datetime(2025, 3, 5, 2, tzinfo=UTC)
TODAY: Final = "2025-03-05"
PATIENCE: Final = 100.0
"""Seconds that an answer may take; a test that waits longer has found a lost one."""
GRANTS: Final = {role: f"00000000-0000-7000-8000-{number:012d}" for number, role in enumerate(Role)}
NOBODYS: Final = CaseId("00000000-0000-7000-8000-ffffffffffff")
"""A case that is not there."""
DOCUMENT: Final[Mapping[str, Json]] = {
    "number": "12/QĐ-UBND",
    "date": "2025-02-20",
    "issuer": "UBND tỉnh Trà Vinh",
    "title": "Quyết định",
}
_FIGURES: Final = {"drug_crimes_since_taken_in": 0, "prevention_models": 1}
_SAME_FIGURES: Final = (
    "addicts",
    "addicts_on_file",
    "addicts_in_treatment",
    "users",
    "users_on_file",
    "post_treatment",
    "post_treatment_on_file",
    "with_grounds",
    "with_grounds_tested",
    "households",
    "households_committed",
    "hamlets",
    "hamlets_with_hotline",
)
_UNITS: Final = frozenset({"unit", "unit_lock", "unit_origin"})
_ATTESTED: Final = ("rings_and_lines", "followed_and_tested", "criterion_e", "criterion_f", "model_effective")


def clock() -> datetime:
    return NOW


def populate(url: str, communes: Sequence[str] = ()) -> None:
    """Grants for all roles over the whole country, and figures that meet every criterion."""
    with Database(url) as database, database.write() as connection:
        connection.execute(insert(api_key), [_grant(role) for role in Role])
        figures = dict.fromkeys(_SAME_FIGURES, 10) | _FIGURES
        rows = [_figure(commune, key, value) for commune in communes for key, value in figures.items()]
        if rows:
            connection.execute(insert(count_entry), rows)


def communes(url: str, count: int, *, day: str = TODAY) -> list[str]:
    """Codes of communes in force on the day, those of Trà Vinh first."""
    statement = (
        select(unit.c.code)
        .where(unit.c.level == "commune", unit.c.valid_from <= day)
        .where(unit.c.valid_to.is_(None) | (unit.c.valid_to > day))
        .order_by(unit.c.path.not_like("VN/84/%"), unit.c.code)
        .limit(count)
    )
    with Database(url) as database, database.read() as connection:
        found = list(connection.execute(statement).scalars())
    assert len(found) == count
    return found


def path_of(url: str, code: str) -> str:
    """Of a unit in force today."""
    statement = select(unit.c.path).where(unit.c.code == code, unit.c.valid_from <= TODAY)
    with Database(url) as database, database.read() as connection:
        return str(connection.execute(statement.order_by(unit.c.valid_from.desc()).limit(1)).scalar_one())


@contextmanager
def running(
    url: str, *, kind: type[Database] = Database, batch_limit: int = 64, queue_limit: int = 4096
) -> Iterator[Engine]:
    """An engine as `Engine.start` makes it, on a database of any kind, stopped at the end."""
    engine = Engine(
        database=kind(url), catalogue=catalogue(), clock=clock, batch_limit=batch_limit, queue_limit=queue_limit
    )
    engine.writer.start()
    try:
        yield engine
    finally:
        engine.stop()


@cache
def catalogue() -> Catalogue:
    """The shipped one."""
    return load(find_definitions(None))


def send(
    engine: Engine,
    role: Role,
    act: Open | Fire,
    *,
    key: str | None = None,
    reason: str | None = None,
    deadline_seconds: float = PATIENCE,
) -> "Future[tuple[Outcome, ...]]":
    """One command; with a key its fingerprint is that of the act."""
    idempotency = None
    if key is not None:
        idempotency = Idempotency(client=GRANTS[role], key_hash=_hash(key), fingerprint=_hash(repr(act)))
    command = engine.command(grant=GRANTS[role], act=act, reason=reason)
    return engine.submit(Submission(commands=(command,), idempotency=idempotency, deadline_seconds=deadline_seconds))


def answer(future: "Future[tuple[Outcome, ...]]") -> Outcome:
    (outcome,) = future.result(PATIENCE)
    return outcome


def decision(future: "Future[tuple[Outcome, ...]]") -> Decision:
    found = answer(future).decision
    assert found is not None
    return found


def accepted(future: "Future[tuple[Outcome, ...]]") -> Accepted:
    found = decision(future)
    assert isinstance(found, Accepted), found
    return found


def all_accepted(engine: Engine, role: Role, acts: Iterable[Open | Fire]) -> list[CaseId]:
    """Carries out acts side by side; returns their cases."""
    return [accepted(future).events[0].case for future in [send(engine, role, act) for act in acts]]


def hotspot(commune: str, title: str = "Tụ điểm") -> Open:
    data: Mapping[str, Json] = {"kind": "gathering_place", "found_by": "survey"}
    return Open(workflow="hotspot", unit=commune, title=title, data=data)


def suppress(case: CaseId, *, expected_version: int | None = None) -> Fire:
    given: Mapping[str, Json] = {"suppressed_on": TODAY, "decision": DOCUMENT}
    return Fire(case=case, trigger="suppress", input=given, expected_version=expected_version)


def relapse(case: CaseId, *, expected_version: int | None = None) -> Fire:
    given: Mapping[str, Json] = {"relapsed_on": TODAY, "found_by": "survey", "preceded_by_complaint": False}
    return Fire(case=case, trigger="relapse", input=given, expected_version=expected_version)


def approve(case: CaseId) -> Fire:
    return Fire(case=case, trigger="approve", input={"decision": DOCUMENT})


def listing(members: Sequence[CaseId]) -> Open:
    data: Mapping[str, Json] = {"action": "approve", "members": list(members)}
    return Open(workflow="list_decision", unit="84", title="Danh sách", data=data)


def decide_list(case: CaseId) -> Fire:
    return Fire(case=case, trigger="decide", input={"decision": DOCUMENT})


def awaiting_approval(engine: Engine, communes: Sequence[str]) -> list[CaseId]:
    """One certification per commune, brought before the provincial committee."""
    opened = [
        Open(workflow="certification", unit=commune, title=f"Xã {commune}", data={"taken_in_on": "2025-02-01"})
        for commune in communes
    ]
    found = all_accepted(engine, Role.COMMUNE_OFFICER, opened)
    evidence: Mapping[str, Json] = {code: {"met": True, "evidence": DOCUMENT} for code in _ATTESTED}
    endorsed: Mapping[str, Json] = {"attestations": evidence, "report": DOCUMENT}
    all_accepted(engine, Role.COMMUNE_OFFICER, [Fire(case=case, trigger="submit") for case in found])
    all_accepted(
        engine, Role.DISTRICT_COMMITTEE, [Fire(case=case, trigger="endorse", input=endorsed) for case in found]
    )
    all_accepted(engine, Role.PROVINCIAL_POLICE, [Fire(case=case, trigger="appraise") for case in found])
    return found


def dump(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the database, in an order of its own; of units, which only `init` writes, at full size alone."""
    left_out = size(_UNITS, frozenset[str]())
    with Database(url) as database, database.read() as connection:
        return {each.name: _rows(connection, each.name) for each in metadata.sorted_tables if each.name not in left_out}


def intact(url: str) -> int:
    """Number of events, after `fsck` found nothing."""
    with Database(url) as database:
        report = check(database)
    assert report.first_bad is None, report.summary.en
    return report.events


def stored_events(url: str, ids: Iterable[str]) -> set[str]:
    """Which of these events the database holds."""
    wanted = list(ids)
    statement = select(event.c.id).where(event.c.id.in_(bindparam("ids", expanding=True)))
    found: set[str] = set()
    with Database(url) as database, database.read() as connection:
        for start in range(0, len(wanted), 500):
            found |= set(connection.execute(statement, {"ids": wanted[start : start + 500]}).scalars())
    return found


def states(url: str, workflow: str) -> dict[str, set[str]]:
    """By commune: the states of its cases."""
    found: dict[str, set[str]] = {}
    with Database(url) as database, database.read() as connection:
        for row in connection.execute(select(cases.c.unit, cases.c.state).where(cases.c.workflow == workflow)):
            found.setdefault(row.unit, set()).add(row.state)
    return found


def titles(url: str) -> Counter[str]:
    """How many cases there are of each title."""
    with Database(url) as database, database.read() as connection:
        return Counter(connection.execute(select(cases.c.title)).scalars())


def _rows(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))), key=repr)


def _grant(role: Role) -> dict[str, object]:
    return {
        "id": GRANTS[role],
        "secret_hash": _hash(role),
        "name": role.value,
        "person": f"person-{role.value}",
        "role": role.value,
        "unit": "VN",
        "unit_path": "VN",
        "scope": "",
        "created_at": "2025-01-01T00:00:00.000000Z",
    }


def _figure(commune: str, key: str, value: int) -> dict[str, object]:
    return {
        "id": str(uuid5(NAMESPACE_OID, f"{commune}-{key}")),
        "unit": commune,
        "key": key,
        "value": value,
        "as_of": "2025-01-01",
        "source": "Báo cáo",
        "person": "person",
        "grant_id": GRANTS[Role.COMMUNE_OFFICER],
        "recorded_at": "2025-01-02T00:00:00.000000Z",
    }


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
