"""`openapi` prints what clients are generated from."""

import json
from pathlib import Path

from api.app import outline
from api.openapi import document
from tests.cli.conftest import Run


def test_the_document_is_printed_or_written(run_program: Run, tmp_path: Path) -> None:
    printed = run_program("openapi")
    assert printed.code == 0
    assert json.loads(printed.out) == document(outline())
    file = tmp_path / "openapi.json"
    written = run_program("openapi", "--output", str(file))
    assert (written.code, written.out) == (0, f"wrote {file.as_posix()}\n")
    assert file.read_text(encoding="utf-8") == printed.out
