"""The published JSON Schemas beside the definitions: writing them, and telling whether they are fresh."""

from pathlib import Path

from workflows.core.json_schema import schema_files


def write_schemas(root: Path) -> list[Path]:
    """Write every schema into the directory of definitions; returns the files that changed."""
    stale = stale_schemas(root)
    for file in stale:
        file.write_text(schema_files()[file.name], encoding="utf-8", newline="\n")
    return stale


def stale_schemas(root: Path) -> list[Path]:
    """Schemas that are missing or differ from what the documents generate today."""
    files = {root / name: text for name, text in schema_files().items()}
    return [file for file, text in files.items() if not file.is_file() or _read(file) != text]


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8")
