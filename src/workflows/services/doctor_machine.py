"""Checks of the machine: interpreter, time zone, documents, files and disk, PostgreSQL's programs.

Each judges what was observed, so that a test can show it anything; observing is the other half of the module.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflows.core.civil import INDOCHINA
from workflows.loader import check as find_problems
from workflows.services.diagnosis import Finding, failure, ok, warning

ZONE: Final = "Asia/Ho_Chi_Minh"
PROGRAMS: Final = ("pg_dump", "pg_restore")
_OLDEST_PYTHON: Final = (3, 11)
_GIB: Final = 2**30
_LEAST_FREE: Final = 64 * 2**20
_NETWORK: Final = {
    *("9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
}
_MOUNT: Final = re.compile(r"^\S+ \S+ \S+ \S+ (?P<point>\S+) .* - (?P<kind>\S+) ")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
"""As the kernel writes blanks in names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an SQLite file lies."""

    mode: int
    """Permission bits of the file."""
    writable: bool
    """The file and its directory, which takes the write-ahead log, by this process."""
    size: int
    """Bytes of the file."""
    free: int
    """Bytes left on its disk."""
    kind: str | None
    """Of the file system; None where the system does not say."""


def machine(definitions: Path) -> Iterator[Finding]:
    """Everything that can be asked without a database."""
    yield python(sys.version_info[:2])
    yield time_zone(ZONE)
    yield documents(definitions)


def python(version: tuple[int, ...]) -> Finding:
    shown, oldest = (".".join(map(str, each)) for each in (version, _OLDEST_PYTHON))
    if version < _OLDEST_PYTHON:
        vi = f"Python {shown}; cần từ {oldest} trở lên: cài bản mới hơn"
        return failure("python", vi, f"Python {shown}; {oldest} or newer is needed: install it")
    return ok("python", f"Python {shown}", f"Python {shown}")


def time_zone(name: str) -> Finding:
    try:
        offset = datetime(2025, 1, 1, tzinfo=ZoneInfo(name)).utcoffset()
    except ZoneInfoNotFoundError:
        vi = f"không có dữ liệu múi giờ {name}: cài gói tzdata"
        return failure("time_zone", vi, f"no time zone data for {name}: install the package tzdata")
    if offset != INDOCHINA.utcoffset(None):
        hours = (offset or timedelta()) / timedelta(hours=1)
        vi = f"{name} lệch UTC {hours:+g} giờ, phải là +7: thay dữ liệu múi giờ (tzdata)"
        return failure("time_zone", vi, f"{name} is UTC{hours:+g}, not +7: replace the time zone data (tzdata)")
    return ok("time_zone", f"{name}: +07:00", f"{name}: +07:00")


def documents(directory: Path) -> Finding:
    problems = find_problems([directory])
    if problems:
        vi = f"{len(problems)} lỗi trong {directory}, lỗi đầu: {problems[0]}; chạy `workflows check`"
        en = f"{len(problems)} problems in {directory}, the first: {problems[0]}; run `workflows check`"
        return failure("documents", vi, en)
    return ok("documents", f"{directory}: đã chứng minh, không có lỗi", f"{directory}: proved, no problem")


def place(path: Path) -> Place:
    """Observes an SQLite file."""
    found = path.stat()
    writable = os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    mounts = Path("/proc/self/mountinfo")
    return Place(
        mode=found.st_mode & 0o777,
        writable=writable,
        size=found.st_size,
        free=shutil.disk_usage(path.parent).free,
        kind=file_system(path.resolve(), mounts.read_text(encoding="utf-8", errors="surrogateescape"))
        if mounts.exists()
        else None,
    )


def file_system(path: Path, mounts: str) -> str | None:
    """The kind of the file system that holds a path, by the text of Linux's mountinfo."""
    found = [match for line in mounts.splitlines() if (match := _MOUNT.match(line))]
    points = [(Path(_OCTAL.sub(_unescaped, each["point"])), each["kind"]) for each in found]
    fitting = [
        (len(point.parts), number, kind) for number, (point, kind) in enumerate(points) if path.is_relative_to(point)
    ]
    return max(fitting)[2] if fitting else None


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 8))


def files(place: Place) -> Iterator[Finding]:
    """What an SQLite file asks of its place."""
    yield _file_system(place.kind)
    yield _permissions(place)
    yield _disk(place)


def _file_system(kind: str | None) -> Finding:
    if kind is None:
        vi = "không biết loại hệ thống tệp; không đặt tệp SQLite trên ổ đĩa mạng"
        return warning("file_system", vi, "the kind of file system is not known; keep SQLite off network drives")
    if kind in _NETWORK:
        vi = f"tệp SQLite nằm trên ổ đĩa mạng ({kind}), khóa ở đó không đáng tin: chuyển về ổ đĩa của máy"
        en = f"the SQLite file lies on a network file system ({kind}), whose locks fail: move it to a local disk"
        return failure("file_system", vi, en)
    return ok("file_system", f"hệ thống tệp {kind}", f"file system {kind}")


def _permissions(place: Place) -> Finding:
    if not place.writable:
        vi = "tiến trình này không ghi được tệp hoặc thư mục của tệp: sửa quyền, chủ sở hữu"
        return failure("permissions", vi, "this process cannot write the file or its directory: mend owner and mode")
    shown = f"{place.mode:04o}"
    if place.mode & 0o022:
        vi = f"người dùng khác ghi được tệp (quyền {shown}), mọi chốt chặn vô hiệu: chmod 600"
        return failure(
            "permissions", vi, f"others may write the file (mode {shown}), which voids every guard: chmod 600"
        )
    if place.mode & 0o044:
        vi = f"người dùng khác đọc được tệp (quyền {shown}): chmod 600"
        return warning("permissions", vi, f"others may read the file (mode {shown}): chmod 600")
    return ok("permissions", f"chỉ chủ sở hữu đọc, ghi tệp ({shown})", f"only the owner reads and writes ({shown})")


def _disk(place: Place) -> Finding:
    free = f"{place.free / _GIB:.1f} GiB"
    if place.free < _LEAST_FREE:
        vi = f"chỉ còn {free} trên ổ đĩa: dọn chỗ ngay, nếu không sẽ không ghi được nữa"
        return failure("disk", vi, f"only {free} left on the disk: make room now, or writing ends")
    if place.free < max(_GIB, 2 * place.size):
        vi = f"còn {free} trên ổ đĩa, không đủ cho bản sao lưu và dữ liệu mới: dọn chỗ"
        return warning("disk", vi, f"{free} left on the disk, too little for a backup and new data: make room")
    return ok("disk", f"còn {free} trên ổ đĩa", f"{free} left on the disk")


def client_programs() -> Mapping[str, int | None]:
    """By name: the major version of each of PostgreSQL's programs; None when it is not there."""
    return {name: _major(name) for name in PROGRAMS}


def _major(program: str) -> int | None:
    found = shutil.which(program)
    if found is None:
        return None
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - a fixed program
    version = re.search(r"(\d+)(\.\d+)*", told)
    return int(version[1]) if version else None


def clients(programs: Mapping[str, int | None], server: int) -> Finding:
    """Whether backups can be made and restored."""
    missing = [name for name, version in programs.items() if version is None]
    if missing:
        vi = f"không có {', '.join(missing)} trong PATH: cài chương trình của PostgreSQL {server} để sao lưu"
        en = f"{', '.join(missing)} not on the PATH: install the programs of PostgreSQL {server} to make backups"
        return warning("client_programs", vi, en)
    old = [f"{name} {version}" for name, version in programs.items() if version is not None and version < server]
    if old:
        vi = f"{', '.join(old)} cũ hơn máy chủ ({server}), không sao lưu được: cài bản {server}"
        en = f"{', '.join(old)} older than the server ({server}), so no backup: install version {server}"
        return warning("client_programs", vi, en)
    shown = ", ".join(f"{name} {version}" for name, version in programs.items())
    return ok("client_programs", shown, shown)
