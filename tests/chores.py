"""A workflow whose deadlines do everything that they can, engines that know it, and late cases of it.

No shipped workflow fires anything by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import insert

from tests.faults import stage
from workflows.core.canonical import Json
from workflows.core.case import CaseId, Fire, Open
from workflows.core.document_bytes import canonical_document, definition_hash
from workflows.core.documents import Catalogue, Role, WorkflowDocument
from workflows.core.shape import read_shape
from workflows.services.engine import Engine
from workflows.store.database import Database
from workflows.store.tables import definition
from workflows.store.worker_key import store_worker_key
from workflows.yaml_tree import read_tree

CHORE: Final = """\
workflow: chore
version: 1
valid: {from: 2021-01-01}
title: {vi: Việc vặt, en: Chore}
basis: design
subject: [province, commune]
fields:
  kept: {type: boolean, title: {vi: Giữ lại, en: Kept}, basis: design}
  promised: {type: date, title: {vi: Ngày hẹn, en: Promised for}, basis: design}
  late_on: {type: date, title: {vi: Ngày ghi trễ, en: Marked late on}, basis: design}
open: {roles: [commune_police], asks: [kept, promised], basis: design}
initial: waiting
states:
  waiting:
    title: {vi: Đang chờ, en: Waiting}
    due:
      within: 3
      unit: days
      when_passed:
        - {fire: mark_late, with: {"on": today}}
        - {notify: owner}
        - {escalate: [district_police], after: 2}
      basis: design
    owner: [commune_police]
    basis: design
  promised:
    title: {vi: Đã hẹn, en: Promised}
    due: {"on": case.promised, when_passed: [{fire: lapse}], basis: design}
    owner: [commune_police]
    basis: design
  done: {title: {vi: Xong, en: Done}, final: true, basis: design}
transitions:
  mark_late:
    title: {vi: Ghi trễ hạn, en: Mark late}
    from: waiting
    to: waiting
    roles: [system]
    input: {"on": {type: date, required: true, title: {vi: Ngày, en: Day}, basis: design}}
    set: {late_on: input.on}
    basis: design
  promise: {title: {vi: Hẹn, en: Promise}, from: waiting, to: promised, roles: [commune_police], basis: design}
  wait: {title: {vi: Chờ lại, en: Wait again}, from: promised, to: waiting, roles: [commune_police], basis: design}
  lapse:
    title: {vi: Hết hạn, en: Lapse}
    from: promised
    to: done
    roles: [system]
    requires:
      - {code: kept, that: "!known.case.kept || !case.kept", else: {vi: Được giữ lại., en: It is kept.}, basis: design}
    basis: design
amend: {roles: [commune_police], fields: [kept, promised], basis: design}
annul: {roles: [commune_police], from: [waiting], basis: design}
"""
MARKED_LATE: Final = "mark_late"
"""Keeps the state, so that nothing but the worker keeps it from happening twice."""


def document() -> WorkflowDocument:
    found, findings = read_shape(WorkflowDocument, read_tree(CHORE.encode()).data)
    assert found is not None, findings
    return found


def catalogue() -> Catalogue:
    """The shipped one with the chore."""
    shipped = stage.catalogue()
    return replace(shipped, workflows={**shipped.workflows, "chore": (document(),)})


def store(url: str) -> None:
    """As `workflows init` does, with somebody in every role."""
    stage.populate(url)
    found = document()
    row = {
        "key": found.workflow,
        "version": found.version,
        "hash": definition_hash(found),
        "document": canonical_document(found),
        "valid_from": found.valid.from_.isoformat(),
        "valid_to": None,
        "stored_at": "2025-01-01T00:00:00.000000Z",
    }
    with Database(url) as database, database.write() as connection:
        connection.execute(insert(definition), row)
        store_worker_key(connection, "2025-01-01T00:00:00.000000Z")


@contextmanager
def running(url: str, clock: Callable[[], datetime] = stage.clock) -> Iterator[Engine]:
    """An engine that knows the chore, on a database that has it."""
    engine = Engine(database=Database(url), catalogue=catalogue(), clock=clock, batch_limit=64, queue_limit=4096)
    engine.writer.start()
    try:
        yield engine
    finally:
        engine.stop()


def opened(engine: Engine, units: Sequence[str], data: Mapping[str, Json] | None = None) -> list[CaseId]:
    """One for each unit, due three days after the present of the engine."""
    acts = [Open(workflow="chore", unit=unit, title="Việc", data=data or {}) for unit in units]
    return stage.all_accepted(engine, Role.COMMUNE_POLICE, acts)


def promise(engine: Engine, cases: Sequence[CaseId]) -> None:
    stage.all_accepted(engine, Role.COMMUNE_POLICE, [Fire(case=case, trigger="promise") for case in cases])


def amend(engine: Engine, case: CaseId, day: date) -> None:
    act = Fire(case=case, trigger="amend", input={"promised": day.isoformat()})
    stage.accepted(stage.send(engine, Role.COMMUNE_POLICE, act, reason="Hẹn lại"))
