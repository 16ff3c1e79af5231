"""How much of its rate each client has used, where several processes have to agree on it.

One row per client holds the instant until which its rate is spent; a process takes a few requests at once from it, in
one statement and by the database's clock. What is done with them is the business of whoever took them.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from workflows.store.database import Database

# The instant of the statement, not that of its transaction's beginning. Nothing is spent further ahead than the whole
# burst: otherwise a clock that was set back would lock a client out for as long.
_TAKE: Final = text("""
    INSERT INTO rate_limit AS spent (client, until, taken)
    VALUES (:client, extract(epoch FROM clock_timestamp()) + :wanted / :rate, :wanted)
    ON CONFLICT (client) DO UPDATE SET (until, taken) = (
        SELECT begun + given / :rate, given
        FROM (SELECT extract(epoch FROM clock_timestamp())::double precision AS present) AS clock,
        LATERAL (SELECT least(greatest(spent.until, present), present + :burst / :rate) AS begun) AS before,
        LATERAL (SELECT least(:wanted, floor(:burst - (begun - present) * :rate + 0.0001)) AS given) AS share
    )
    RETURNING taken, until - extract(epoch FROM clock_timestamp())::double precision AS ahead
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a client may do now."""

    requests: int
    """0: nothing."""
    ahead: float
    """Seconds until nothing of its rate is spent."""


def take(database: Database, client: str, *, wanted: int, rate: float, burst: int) -> Taken:
    """Takes up to `wanted` requests from what a client has left; PostgreSQL only.

    Args:
        database: The one that all processes under the limit share.
        client: Who is limited.
        wanted: 1 to `burst`.
        rate: Requests per second that become free again.
        burst: The most that can be free.
    """
    values = {"client": client, "wanted": float(wanted), "rate": float(rate), "burst": float(burst)}
    with database.write() as connection:
        taken, ahead = connection.execute(_TAKE, values).one()
    return Taken(requests=int(taken), ahead=float(ahead))
