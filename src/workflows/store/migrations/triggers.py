"""Statements that make a table refuse changes in the database itself, whoever asks.

Belongs to released revisions: what it generates for a table is never changed, only added to.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_REFUSAL = "RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '23001'"
_ALWAYS_REFUSED = f"""
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_REFUSAL};
END $$
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """One table and which changes of its rows are refused."""

    table: str
    keys: tuple[tuple[str, ...], ...]
    """The primary key and every unique key."""
    delete: bool = True
    """Whether removal is refused, too."""
    only_if: str | None = None
    """Condition on the old row (OLD) under which changes are refused; None: always."""

    def statements(self, dialect: str) -> Iterator[str]:
        return self._sqlite() if dialect == "sqlite" else self._postgresql()

    @property
    def _changes(self) -> tuple[str, ...]:
        return ("UPDATE", "DELETE") if self.delete else ("UPDATE",)

    def _sqlite(self) -> Iterator[str]:
        condition = f" WHEN {self.only_if}" if self.only_if else ""
        for change in self._changes:
            yield (
                f"CREATE TRIGGER {self.table}_no_{change.lower()} BEFORE {change} ON {self.table}{condition} "
                f"BEGIN SELECT RAISE(ABORT, 'append-only: {change} on {self.table} is refused'); END"
            )
        # INSERT OR REPLACE removes the old row without firing DELETE triggers, unless the connection asks for it.
        taken = " OR ".join(" AND ".join(f"{column} = NEW.{column}" for column in key) for key in self.keys)
        found = f"EXISTS (SELECT 1 FROM {self.table} WHERE {taken})"  # noqa: S608 - names of our own tables
        yield (
            f"CREATE TRIGGER {self.table}_no_replace BEFORE INSERT ON {self.table} WHEN {found} "
            f"BEGIN SELECT RAISE(ABORT, 'append-only: a row with this key is in {self.table} already'); END"
        )

    def _postgresql(self) -> Iterator[str]:
        refuse = "refuse_change"
        if self.only_if:
            refuse = f"refuse_change_of_{self.table}"
            yield _refused_if(refuse, self.only_if)
        yield from self._always("no_change", f"{' OR '.join(self._changes)}", "ROW", refuse)
        yield from self._always("no_truncate", "TRUNCATE", "STATEMENT", "refuse_change")

    def _always(self, name: str, changes: str, each: str, function: str) -> Iterator[str]:
        trigger = f"{self.table}_{name}"
        yield f"CREATE TRIGGER {trigger} BEFORE {changes} ON {self.table} FOR EACH {each} EXECUTE FUNCTION {function}()"
        # Also where `session_replication_role` switches ordinary triggers off.
        yield f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {trigger}"


def prelude(dialect: str) -> tuple[str, ...]:
    """What the statements of every table build on; once per database."""
    return () if dialect == "sqlite" else (_ALWAYS_REFUSED,)


def _refused_if(function: str, condition: str) -> str:
    return f"""
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {condition} THEN
        {_REFUSAL};
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$
"""
