"""The clock of a database made by the demo, whose last instant the demo leaves in a setting.

Every other database knows only the system's clock.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import select

from workflows.core.civil import parse_instant
from workflows.services.clock import utc_now
from workflows.store.database import Database
from workflows.store.tables import setting

DEMO_CLOCK: Final = "demo_clock"
"""Key of the setting; its value is an RFC 3339 instant."""


def demo_instant(database: Database) -> datetime | None:
    """The last instant of the demo; None when the database was not made by it."""
    with database.read() as connection:
        value = connection.execute(select(setting.c.value).where(setting.c.key == DEMO_CLOCK)).scalar()
    return None if value is None else parse_instant(value)


def present(database: Database) -> datetime:
    """The instant at which a command acts: in a database of the demo its last one, when its units are in force."""
    return demo_instant(database) or utc_now()
