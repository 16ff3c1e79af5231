"""People with keys on one database, who use the program; the clock stands where the tests of the core have theirs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert

from tests.cli.conftest import Ended, Run
from tests.factories import COMMUNE, START
from workflows.core.civil import format_instant
from workflows.core.documents import Role
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.tables import setting

PEOPLE: Final[Mapping[str, tuple[Role, str]]] = {
    "police": (Role.COMMUNE_POLICE, COMMUNE),
    "province": (Role.PROVINCIAL_POLICE, "84"),
    "auditor": (Role.AUDITOR, "VN"),
    "elsewhere": (Role.COMMUNE_POLICE, "29404"),
}
DOCUMENT: Final = (
    "--set=suppressed_on=05/03/2025",
    "--set=decision.number=12/QĐ-UBND",
    "--set=decision.date=2025-03-01",
    "--set=decision.issuer=UBND tỉnh",
    "--set=decision.title=Quyết định",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    run: Run
    url: str
    secrets: Mapping[str, str]

    def __call__(self, who: str, *arguments: str) -> Ended:
        return self.run(*arguments, "--database", self.url, "--key", self.secrets[who])

    def json(self, who: str, *arguments: str) -> Any:  # noqa: ANN401 - as json gives it
        ended = self(who, *arguments, "--json")
        assert ended.code == 0, ended
        return json.loads(ended.out)

    def open(self, title: str = "Điểm chợ Hòa Lợi") -> str:
        """A hotspot; returns its id."""
        given = ("--workflow", "hotspot", "--unit", COMMUNE, "--title", title)
        case_id: str = self.json("police", "case", "open", *given, "--set=kind=point", "--set=found_by=survey")["case"][
            "id"
        ]
        return case_id


def office(run: Run, url: str) -> Office:
    with Database(url) as database:
        with database.write() as connection:
            connection.execute(insert(setting), {"key": DEMO_CLOCK, "value": format_instant(START)})
        secrets = {
            name: keys.create(database, keys.Grant(role=role, unit=unit, person=name, name=name), now=START).secret
            for name, (role, unit) in PEOPLE.items()
        }
    return Office(run=run, url=url, secrets=secrets)
