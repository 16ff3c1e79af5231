"""The schema equals its revisions, making a database is repeatable, and a definition in use stays."""

import re
import shutil
from pathlib import Path
from random import Random

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, insert, select, text, update

from tests.store import samples
from workflows.core.canonical import digest
from workflows.core.documents import WorkflowDocument
from workflows.core.problems import DefinitionError
from workflows.loader import find_definitions, load
from workflows.store import rows, schema
from workflows.store.database import Database
from workflows.store.schema import DefinitionInUseError
from workflows.store.tables import cases, definition, metadata, unit, unit_lock
from workflows.store.unit_rows import read_units

SHIPPED = find_definitions(None)


def differences(database: Database, wanted: MetaData) -> list[object]:
    with database.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), wanted))


# SQLAlchemy cannot read such an index back from SQLite; `test_plans` shows that the lists are read through it.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_revisions_make_the_tables(database_url: str) -> None:
    with Database(database_url) as database:
        assert differences(database, metadata) == []
        more = MetaData()
        for table in metadata.sorted_tables:
            table.to_metadata(more)
        Table("forgotten", more)
        assert len(differences(database, more)) == 1, "the control must be found"


def test_making_it_again_changes_nothing(database_url: str) -> None:
    before = everything(database_url)
    schema.create(database_url)
    assert everything(database_url) == before
    assert all(before[name] for name in ("definition", "unit", "unit_lock"))


def test_an_unmade_database_is_told_from_a_made_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/workflows.sqlite"
    assert not schema.is_initialised(url)
    schema.upgrade(url)
    assert schema.is_initialised(url)


def test_an_older_schema_is_not_initialised(postgresql_url: str) -> None:
    assert schema.is_initialised(postgresql_url)
    with Database(postgresql_url) as database, database.write() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    assert not schema.is_initialised(postgresql_url)


def test_definitions_are_stored_as_they_are_hashed(database_url: str) -> None:
    with Database(database_url) as database, database.read() as connection:
        stored = connection.execute(select(definition)).all()
    documents = [document for versions in load(SHIPPED).workflows.values() for document in versions]
    assert {(row.key, row.version) for row in stored} == {(one.workflow, one.version) for one in documents}
    for row in stored:
        assert digest(row.document) == row.hash
        assert WorkflowDocument.model_validate_json(row.document) in documents


def test_an_unused_definition_is_replaced(database_url: str, changed_definitions: Path) -> None:
    before = hashes(database_url)
    schema.create(database_url, definitions=changed_definitions)
    after = hashes(database_url)
    assert before.keys() == after.keys()
    assert {key for key in before if before[key] != after[key]} == {("opinion", 1)}


def test_a_definition_in_use_is_not(database_url: str, changed_definitions: Path) -> None:
    before = hashes(database_url)
    with Database(database_url) as database, database.write() as connection:
        case, _ = samples.history(Random(1), 1)
        connection.execute(insert(cases), rows.case_row(case) | {"definition": before["opinion", 1]})
    with pytest.raises(DefinitionInUseError, match=r"'opinion' version 1 is in use .* next version"):
        schema.create(database_url, definitions=changed_definitions)
    assert hashes(database_url) == before


def test_units_are_stored_with_their_paths(database_url: str) -> None:
    with Database(database_url) as database, database.read() as connection:
        stored = {(row.code, row.valid_from): row for row in connection.execute(select(unit))}
        locks = set(connection.execute(select(unit_lock.c.code)).scalars())
    assert locks == {code for code, _ in stored}
    for row in stored.values():
        *above, own = row.path.split("/")
        assert own == row.code
        assert (above[-1] if above else None) == row.parent
    assert any(row.path.count("/") == 3 for row in stored.values())


def test_changed_units_are_taken_over(database_url: str) -> None:
    before = everything(database_url)["unit"]
    with Database(database_url) as database, database.write() as connection:
        connection.execute(update(unit).values(name="x"))
    schema.create(database_url)
    assert everything(database_url)["unit"] == before


def test_shipped_paths_hold_for_the_whole_period() -> None:
    """A path is that of the first day; no unit above may change its own parent before the period ends."""
    found = read_units(SHIPPED / "units")
    periods: dict[str, list[dict[str, object]]] = {}
    for row in found:
        periods.setdefault(str(row["code"]), []).append(row)
    for row in found:
        for above in periods.get(str(row["parent"]), []):
            started, ended = str(above["valid_from"]), str(above["valid_to"] or "9999")
            if started < str(row["valid_to"] or "9999") and str(row["valid_from"]) < ended:
                assert row["path"] == f"{above['path']}/{row['code']}"


def test_broken_lines_are_refused_together(tmp_path: Path) -> None:
    lines = ("code,level,name,parent,valid_from,valid_to,successors", "84,provinze,n,,2021-01-01,,", "842,district")
    (tmp_path / "units.csv").write_text("\n".join(lines))
    with pytest.raises(DefinitionError) as refused:
        read_units(tmp_path)
    assert [(each.line, each.path) for each in refused.value.problems] == [(2, "level"), (3, "")]


@pytest.fixture
def changed_definitions(tmp_path: Path) -> Path:
    """The shipped ones with another text in one of them."""
    root = tmp_path / "definitions"
    shutil.copytree(SHIPPED, root)
    file = root / "workflows" / "opinion.yaml"
    content = file.read_text(encoding="utf-8")
    changed = re.sub(r"^title: .*$", "title: {vi: Khác, en: Other}", content, count=1, flags=re.MULTILINE)
    assert changed != content
    file.write_text(changed, encoding="utf-8")
    return root


def hashes(url: str) -> dict[tuple[str, int], str]:
    with Database(url) as database, database.read() as connection:
        return {(row.key, row.version): row.hash for row in connection.execute(select(definition))}


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    with Database(url) as database, database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }
