"""Checks of what a database holds: definitions, units, guards, the newest instant, keys, and what waits to be sent.

Every one reads, none writes; all take the connection of one read transaction.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from workflows.core.authority import in_force
from workflows.core.civil import civil_date, parse_instant, show_date, show_instant
from workflows.core.definition import Definitions, compile_definition
from workflows.core.document_bytes import definition_hash
from workflows.core.documents import Catalogue
from workflows.core.overdue import Does, rules_of
from workflows.core.problems import DefinitionError
from workflows.services.diagnosis import Finding, failure, ok, some, warning
from workflows.store.guarding import missing_guards
from workflows.store.notices import count_waiting
from workflows.store.queries import Key, list_keys
from workflows.store.tables import attempt, count_entry, definition, delivery, event, feed, outbox, subscription, unit
from workflows.store.unit_rows import read_units
from workflows.store.worker_key import WORKER, worker

_CLOCK_SLACK: Final = timedelta(seconds=5)
_EXPIRING: Final = timedelta(days=30)
_OLD: Final = timedelta(minutes=5)
_INIT: Final = "`workflows init`"


def contents(connection: Connection, catalogue: Catalogue, directory: Path, now: datetime) -> Iterator[Finding]:
    """Everything that is asked of the tables; `now` is the instant at which the installation acts."""
    yield _definitions(connection, catalogue)
    yield _units(connection, directory)
    yield _guards(connection)
    yield _clock(connection, now)
    yield _keys(connection, civil_date(now))
    yield _outbox(connection, now)
    yield _deliveries(connection, now)
    yield _deadlines(connection, catalogue, civil_date(now))


def _definitions(connection: Connection, catalogue: Catalogue) -> Finding:
    stored = set(connection.execute(select(definition.c.hash)).scalars())
    documents = [each for versions in catalogue.workflows.values() for each in versions]
    missing = [f"{each.workflow} {each.version}" for each in documents if definition_hash(each) not in stored]
    if missing:
        vi = f"chưa lưu đúng văn bản hiện nay của quy trình {some(missing)}: chạy {_INIT}"
        return failure("definitions", vi, f"not stored with their present text: {some(missing)}; run {_INIT}")
    return ok("definitions", f"đã lưu {len(documents)} quy trình", f"{len(documents)} definitions stored")


def _units(connection: Connection, directory: Path) -> Finding:
    try:
        wanted = read_units(directory / "units")
    except DefinitionError as error:
        told = some([*map(str, error.problems)])
        return failure("units", f"danh sách đơn vị hỏng: {told}", f"the list of units is broken: {told}")
    statement = select(unit).order_by(unit.c.code, unit.c.valid_from)
    stored = [dict(row) for row in connection.execute(statement).mappings()]
    if stored != wanted:
        vi = f"đơn vị hành chính trong cơ sở dữ liệu ({len(stored)}) khác tệp ({len(wanted)}): chạy {_INIT}"
        en = f"units in the database ({len(stored)}) differ from the files ({len(wanted)}): run {_INIT}"
        return failure("units", vi, en)
    return ok("units", f"đã lưu {len(stored)} đơn vị, giai đoạn", f"{len(stored)} units and periods stored")


def _guards(connection: Connection) -> Finding:
    missing = missing_guards(connection)
    if missing:
        vi = f"thiếu hoặc bị tắt trigger chỉ-ghi-thêm: {some(missing)}; tìm hiểu ai đã gỡ, phục hồi từ bản sao lưu"
        en = f"append-only triggers missing or off: {some(missing)}; find out who did it, restore from a backup"
        return failure("guards", vi, en)
    return ok("guards", "các trigger chỉ-ghi-thêm đều bật", "all append-only triggers stand")


def _clock(connection: Connection, now: datetime) -> Finding:
    columns = (event.c.recorded_at, attempt.c.recorded_at, count_entry.c.recorded_at)
    found = [connection.execute(select(func.max(column))).scalar() for column in columns]
    newest = max((text for text in found if text), default=None)
    shown = show_instant(now)
    if newest is not None and parse_instant(newest) > now + _CLOCK_SLACK:
        entry = show_instant(parse_instant(newest))
        vi = f"đồng hồ máy ({shown}) chậm hơn bản ghi mới nhất ({entry}): bật đồng bộ giờ (NTP)"
        return failure("clock", vi, f"the clock ({shown}) is behind the newest entry ({entry}): synchronise it (NTP)")
    return ok("clock", f"{shown}, không trước bản ghi nào", f"{shown}, not before any entry")


def _keys(connection: Connection, today: date) -> Finding:
    usable = [key for key in list_keys(connection) if in_force(key.actor, today) and key.actor.grant != WORKER]
    if not usable:
        vi = "không có khóa API nào dùng được: `workflows key create`"
        return warning("keys", vi, "no API key can be used: `workflows key create` makes one")
    ending = [_ending(key) for key in usable if key.actor.valid_to and key.actor.valid_to <= today + _EXPIRING]
    if ending:
        vi = f"khóa sắp hết hạn: {some(ending)}; tạo khóa mới trước ngày đó"
        return warning("keys", vi, f"keys about to expire: {some(ending)}; make new ones before that day")
    return ok("keys", f"{len(usable)} khóa dùng được", f"{len(usable)} keys can be used")


def _ending(key: Key) -> str:
    last = key.actor.valid_to
    return f"{key.actor.grant} ({show_date(last)})" if last else key.actor.grant


def _outbox(connection: Connection, now: datetime) -> Finding:
    waiting = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    oldest = connection.execute(
        select(func.min(event.c.recorded_at)).where(event.c.id.in_(select(outbox.c.event_id)))
    ).scalar()
    if oldest is not None and parse_instant(oldest) < now - _OLD:
        since = show_instant(parse_instant(oldest))
        vi = f"{waiting} sự kiện chưa vào dòng tin, cũ nhất {since}: máy chủ có chạy không?"
        return warning("feed", vi, f"{waiting} events not in the feed yet, the oldest of {since}: does a server run?")
    last = connection.execute(select(func.coalesce(func.max(feed.c.position), 0))).scalar_one()
    return ok("feed", f"dòng tin đến vị trí {last}, chờ {waiting}", f"feed up to position {last}, {waiting} waiting")


def _deliveries(connection: Connection, now: datetime) -> Finding:
    counted = select(delivery.c.state, func.count(), func.min(delivery.c.created_at)).group_by(delivery.c.state)
    found = {state: (number, oldest) for state, number, oldest in connection.execute(counted)}
    dead, _ = found.get("dead", (0, None))
    waiting, oldest = found.get("waiting", (0, None))
    paused = connection.execute(select(func.count()).where(~subscription.c.active)).scalar_one()
    if dead:
        vi = f"{dead} lần gửi webhook đã bỏ cuộc: xem lỗi ở nơi nhận, rồi cho gửi lại"
        return warning("webhooks", vi, f"{dead} webhook deliveries were given up: mend the receiver, then replay them")
    if oldest is not None and parse_instant(oldest) < now - _OLD:
        since = show_instant(parse_instant(oldest))
        vi = f"{waiting} lần gửi webhook đang chờ, cũ nhất {since}: nơi nhận có trả lời, máy chủ có chạy không?"
        en = f"{waiting} webhook deliveries wait, the oldest since {since}: do receiver and server run?"
        return warning("webhooks", vi, en)
    vi = f"{waiting} chờ gửi, {paused} đăng ký tạm dừng"
    return ok("webhooks", vi, f"{waiting} waiting, {paused} subscriptions paused")


def _deadlines(connection: Connection, catalogue: Catalogue, today: date) -> Finding:
    documents = [each for versions in catalogue.workflows.values() for each in versions]
    definitions = Definitions(compile_definition(each, catalogue) for each in documents)
    rules = list(chain(*rules_of(definitions).values()))
    if any(rule.does is Does.FIRE for rule in rules) and worker(connection, today) is None:
        vi = f"thời hạn không kích hoạt được bước nào: khóa {WORKER} không có hoặc đã thu hồi; chạy {_INIT}"
        return warning("deadlines", vi, f"deadlines can fire nothing: key {WORKER} is missing or revoked; run {_INIT}")
    waiting = count_waiting(connection, rules, today - timedelta(days=1))  # what became late today may just be begun
    if waiting:
        vi = f"{waiting} hồ sơ quá hạn từ hôm qua chưa được xử lý: máy chủ hoặc `workflows worker` có chạy không?"
        en = f"{waiting} cases late since yesterday are not acted upon: does a server, or `workflows worker`, run?"
        return warning("deadlines", vi, en)
    return ok("deadlines", "không có thời hạn nào bị bỏ sót", "no deadline was left")
