"""Running cases by the definition they run on and the state they are in, for what concerns many of them at once.

A few hundred at a time, by id, each page of the state that the database has then.
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Final

from sqlalchemy import Connection, select

from workflows.core.case import Actor, Case
from workflows.store.among import among
from workflows.store.rows import case_of
from workflows.store.tables import cases
from workflows.store.visibility import visible

PAGE: Final = 500


def running_in(
    connection: Connection, actor: Actor, today: date, wanted: Collection[tuple[str, str]]
) -> Iterator[Case]:
    """Cases that are not final, by id, among those that the actor may see.

    Args:
        connection: Held until the last case is taken.
        actor: Who asks.
        today: The civil date.
        wanted: Hash of a definition, and a state.
    """
    values = {"hashes": sorted({each for each, _ in wanted}), "states": sorted({state for _, state in wanted})}
    query = (
        select(cases)
        .where(among(cases.c.definition, "hashes"), among(cases.c.state, "states"), cases.c.final.is_(False))
        .where(visible(actor, cases.c.unit_path, today))
        .order_by(cases.c.id)
        .limit(PAGE)
    )
    last = ""
    while wanted:
        page = [case_of(row) for row in connection.execute(query.where(cases.c.id > last), values).mappings()]
        yield from (case for case in page if (case.definition, case.state) in wanted)
        if len(page) < PAGE:
            return
        last = page[-1].id
