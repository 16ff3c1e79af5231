"""Checks of a PostgreSQL server: version, durability, rights of the role, connections, a turn to write.

Judges values; `server` reads them all in one go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from workflows.services.diagnosis import Finding, failure, ok, some, warning
from workflows.services.doctor_machine import client_programs, clients
from workflows.store.database import READERS, WRITERS
from workflows.store.schema import missing_rights

_OLDEST: Final = 14
_SETTINGS: Final = ("server_version_num", "fsync", "full_page_writes", "synchronous_commit", "max_connections")
_RESERVED: Final = text(
    "SELECT coalesce(sum(setting::int), 0) FROM pg_settings "
    "WHERE name IN ('superuser_reserved_connections', 'reserved_connections')"
)
_OWNER: Final = text(
    "SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('event')"
)
_FREE_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    major: int
    settings: dict[str, str]
    reserved: int
    """Connections kept for superusers and others."""
    standby: bool
    role: str
    owner: bool
    """Whether the role may act as the owner of the tables."""
    missing: list[str]
    """Rights that serving needs and the role does not have."""


def server(connection: Connection) -> Server:
    """Observes the server and the role of the connection."""
    settings = {name: str(connection.execute(text(f"SHOW {name}")).scalar_one()) for name in _SETTINGS}
    return Server(
        major=int(settings["server_version_num"]) // 10_000,
        settings=settings,
        reserved=connection.execute(_RESERVED).scalar_one(),
        standby=connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one(),
        role=connection.execute(text("SELECT current_user")).scalar_one(),
        owner=bool(connection.execute(_OWNER).scalar()),
        missing=missing_rights(connection),
    )


def postgresql(found: Server, workers: int) -> Iterator[Finding]:
    """Everything about the server, for that many serving processes."""
    yield _version(found)
    yield _durability(found)
    yield _role(found)
    yield _connections(found, workers)
    yield clients(client_programs(), found.major)


def _version(found: Server) -> Finding:
    if found.major < _OLDEST:
        vi = f"PostgreSQL {found.major}; cần từ {_OLDEST} trở lên: nâng cấp máy chủ"
        return failure("server", vi, f"PostgreSQL {found.major}; {_OLDEST} or newer is needed: upgrade the server")
    if found.standby:
        vi = "đây là máy chủ dự phòng chỉ đọc: nối vào máy chủ chính"
        return failure("server", vi, "this server is a read-only standby: connect to the primary")
    return ok("server", f"PostgreSQL {found.major}, máy chủ chính", f"PostgreSQL {found.major}, primary")


def _durability(found: Server) -> Finding:
    off = [name for name in ("fsync", "full_page_writes") if found.settings[name] != "on"]
    if off:
        vi = f"{', '.join(off)} đang tắt, mất điện là mất hoặc hỏng dữ liệu: bật lại trong postgresql.conf"
        en = f"{', '.join(off)} off, so that a power cut loses or breaks data: switch on in postgresql.conf"
        return failure("durability", vi, en)
    commit = found.settings["synchronous_commit"]
    if commit in {"off", "local"}:
        vi = f"synchronous_commit mặc định là {commit}; chương trình tự bật, nhưng nên sửa cho công cụ khác"
        en = f"synchronous_commit is {commit} by default; this program turns it on, but other tools rely on it"
        return warning("durability", vi, en)
    shown = f"fsync, full_page_writes on; synchronous_commit {commit}"
    return ok("durability", shown, shown)


def _role(found: Server) -> Finding:
    if found.missing:
        vi = (
            f"vai trò {found.role} thiếu quyền: {some(found.missing)}; chạy `workflows init --server-role {found.role}`"
        )
        en = f"role {found.role} lacks: {some(found.missing)}; run `workflows init --server-role {found.role}`"
        return failure("role", vi, en)
    if found.owner:
        vi = f"vai trò {found.role} sở hữu các bảng, tắt được mọi trigger: dùng vai trò khác (init --server-role)"
        en = f"role {found.role} owns the tables and could switch triggers off: serve as another (init --server-role)"
        return warning("role", vi, en)
    vi = f"vai trò {found.role} chỉ có quyền cần thiết"
    return ok("role", vi, f"role {found.role} has just what it needs")


def _connections(found: Server, workers: int) -> Finding:
    limit = int(found.settings["max_connections"]) - found.reserved
    needed = workers * (READERS + WRITERS)
    shown = f"{workers} × {READERS + WRITERS} = {needed} / {limit}"
    if needed > limit:
        vi = f"kết nối: {shown}, vượt quá mức: tăng max_connections hoặc giảm --workers"
        return failure("connections", vi, f"connections: {shown}, too many: raise max_connections or lower --workers")
    if needed > limit * _FREE_SHARE:
        vi = f"kết nối: {shown}, còn ít cho sao lưu và quản trị: tăng max_connections"
        return warning(
            "connections", vi, f"connections: {shown}, few left for backups and admins: raise max_connections"
        )
    return ok("connections", f"kết nối: {shown}", f"connections: {shown}")
