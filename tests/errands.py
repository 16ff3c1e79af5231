"""A workflow whose deadlines depend on which days are worked, and directories of definitions that have it.

No shipped workflow counts in working days; the calendar is the shipped one with the notices that a test adds to it.
"""

import shutil
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import insert

from workflows.core.calendar_documents import CalendarDocument
from workflows.core.calendars import Calendar
from workflows.core.document_bytes import canonical_document, definition_hash
from workflows.core.documents import Catalogue, WorkflowDocument
from workflows.core.shape import read_shape
from workflows.loader import find_definitions
from workflows.store.database import Database
from workflows.store.tables import definition
from workflows.yaml_tree import read_tree

ERRAND: Final = """\
workflow: errand
version: 1
valid: {from: 2021-01-01}
title: {vi: Việc, en: Errand}
basis: design
subject: commune
fields:
  promised: {type: date, title: {vi: Ngày hẹn, en: Promised for}, basis: design}
open: {roles: [commune_police], asks: [promised], basis: design}
initial: planned
states:
  planned:
    title: {vi: Đã lên kế hoạch, en: Planned}
    due: {within: 5, unit: working_days, basis: design}
    owner: [commune_police]
    basis: design
  waiting:
    title: {vi: Đang chờ, en: Waiting}
    due: {within: 1, unit: months, rolls: true, basis: [design, tra-vinh-2025 III.3]}
    owner: [commune_police]
    basis: design
  promised:
    title: {vi: Đã hẹn, en: Promised}
    due: {on: case.promised, basis: design}
    owner: [commune_police]
    basis: design
  free: {title: {vi: Không hạn, en: Free}, basis: design}
  done: {title: {vi: Xong, en: Done}, final: true, basis: design}
transitions:
  wait: {title: {vi: Chờ, en: Wait}, from: planned, to: waiting, roles: [commune_police], basis: design}
  promise: {title: {vi: Hẹn, en: Promise}, from: waiting, to: promised, roles: [commune_police], basis: design}
  release: {title: {vi: Bỏ hạn, en: Release}, from: promised, to: free, roles: [commune_police], basis: design}
  note: {title: {vi: Ghi chú, en: Note}, from: planned, to: planned, roles: [commune_police], basis: design}
  finish:
    title: {vi: Xong, en: Finish}
    from: [planned, waiting, promised, free]
    to: done
    roles: [commune_police]
    basis: design
amend: {roles: [commune_police], fields: [promised], basis: design}
annul: {roles: [commune_police], from: [planned], basis: design}
"""
SWAP: Final = """
  - number: 77/TB-BNV
    date: 2025-03-04
    issuer: {vi: Bộ Nội vụ, en: Ministry of Home Affairs}
    says: {vi: Hoán đổi ngày làm việc tháng 3, en: A working day swapped in March}
    swaps:
      - {off: 2025-03-10, worked: 2025-03-15}
"""
"""A notice that makes a Monday free and the Saturday after it a working day."""


def definitions_with(directory: Path, notices: str = "") -> Path:
    """The shipped definitions, without units and plans, with the errand and further notices of the calendar."""
    shutil.copytree(find_definitions(None), directory, ignore=shutil.ignore_patterns("units", "plans", "*.json"))
    (directory / "workflows" / "errand.yaml").write_text(ERRAND, encoding="utf-8")
    issue(directory, notices)
    return directory


def issue(directory: Path, notices: str) -> None:
    """Add notices to the calendar of a directory of definitions."""
    with (directory / "calendars" / "viet_nam.yaml").open("a", encoding="utf-8") as file:
        file.write(notices)


def errand_document() -> WorkflowDocument:
    document, findings = read_shape(WorkflowDocument, read_tree(ERRAND.encode()).data)
    assert document is not None, findings
    return document


@cache
def errand_catalogue(notices: str = "") -> Catalogue:
    """The errand alone, with the shipped calendar and further notices: quick to compile."""
    document = errand_document()
    workflows = {document.workflow: (document,)}
    return Catalogue(workflows=workflows, counts={}, agencies={}, calendar=calendar_with(notices))


def store_errand(database: Database) -> None:
    """As `workflows init` does."""
    document = errand_document()
    row = {
        "key": document.workflow,
        "version": document.version,
        "hash": definition_hash(document),
        "document": canonical_document(document),
        "valid_from": document.valid.from_.isoformat(),
        "valid_to": None,
        "stored_at": "2025-01-01T00:00:00.000000Z",
    }
    with database.write() as connection:
        connection.execute(insert(definition), row)


def calendar_with(notices: str = "") -> Calendar:
    """The shipped calendar with further notices."""
    text = (find_definitions(None) / "calendars" / "viet_nam.yaml").read_bytes() + notices.encode()
    document, findings = read_shape(CalendarDocument, read_tree(text).data)
    assert document is not None, findings
    return Calendar(document)
