"""The definitions of the demonstration: the shipped ones, with the level of districts as it was before 01/07/2025.

A directory like any other, written once beside the database and given to whatever works on it. It leaves out what
begins with the reform of that day and the ends that the reform put to units and bodies; all else is copied as it is.
"""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from workflows.core.canonical import Json
from workflows.loader import AGENCIES, WORKFLOWS
from workflows.unit_act_files import ACTS, UNITS
from workflows.yaml_tree import read_tree

REFORM: Final = "2025-07-01"
"""The day on which the level of districts ended, ISO."""


def write_definitions(source: Path, target: Path) -> Path:
    """Write the directory, which must not be there; returns it."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for file in (target / WORKFLOWS).glob("*.yaml"):
        if _begins(file) >= REFORM:
            file.unlink()
    for file in (target / UNITS / ACTS).glob("*.yaml"):
        if str(_keys(file)["day"]) >= REFORM:
            file.unlink()
    for file in (target / UNITS).glob("*.csv"):
        _write_units(file, list(_units(file)))
    _write_agencies(target / AGENCIES)
    return target


def _keys(file: Path) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", read_tree(file.read_bytes()).data)


def _begins(file: Path) -> str:
    return str(cast("Mapping[str, Json]", _keys(file)["valid"])["from"])


def _units(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            if row["valid_from"] < REFORM:
                yield {**row, "valid_to": "", "successors": ""} if row["valid_to"] == REFORM else row


def _write_units(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_agencies(file: Path) -> None:
    """As JSON, which is YAML too."""
    agencies = cast("Mapping[str, Mapping[str, Json]]", _keys(file)["agencies"])
    kept = {"agencies": {name: _standing(agency) for name, agency in agencies.items()}}
    file.write_text(json.dumps(kept, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _standing(agency: Mapping[str, Json]) -> Mapping[str, Json]:
    """A body without the end that the reform put to it."""
    valid = cast("Mapping[str, Json]", agency["valid"])
    if valid.get("to") != REFORM:
        return agency
    return {name: value for name, value in agency.items() if name != "successors"} | {"valid": {"from": valid["from"]}}
