"""Ledgers that the engine wrote: no tampering with a row goes unseen, and none is suspected where there was none."""

from collections.abc import Sequence
from random import Random

from tests.faults import stage
from tests.sizes import size
from tests.store.samples import store_notices
from tests.store.test_fsck import TAMPERINGS, unguarded
from workflows.core.case import Fire
from workflows.core.documents import Role
from workflows.store.feed import sequence
from workflows.store.fsck import check_state
from workflows.store.loading import fetch

TRIALS = size(81, 1000)
CLEAN_LOGS = size(3, 100)
COMMUNES = 6


def play(url: str, chosen: Sequence[str], chance: Random) -> None:
    """Certificates, most of them on a list, places that come and go, a correction and a refused attempt."""
    with stage.running(url) as engine:
        proposals = stage.awaiting_approval(engine, chosen)
        listed = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.listing(proposals[:4])])
        stage.all_accepted(engine, Role.PROVINCIAL_COMMITTEE, map(stage.decide_list, listed))
        stage.all_accepted(engine, Role.PROVINCIAL_COMMITTEE, [stage.approve(proposals[4])])
        places = stage.all_accepted(engine, Role.COMMUNE_POLICE, map(stage.hotspot, [*chosen[:3], *chosen]))
        for _ in range(chance.randint(1, 3)):
            stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.suppress, places))
            stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.relapse, places))
        amended = Fire(case=places[0], trigger="amend", input={"title": "Tên khác"})
        stage.accepted(stage.send(engine, Role.PROVINCIAL_POLICE, amended, reason="Ghi nhầm"))
        stage.decision(stage.send(engine, Role.PROVINCIAL_POLICE, stage.relapse(places[0])))
        with engine.database.write() as connection:
            store_notices(connection, fetch(connection, places).values())
            sequence(connection, limit=40)  # most of what waits, not all


def test_every_tampering_is_found(database_url: str) -> None:
    """Each is made on the same log, checked, and undone."""
    chance = Random(11)
    communes = stage.communes(database_url, COMMUNES)
    stage.populate(database_url, communes)
    play(database_url, communes, chance)
    engine = unguarded(database_url)
    missed = []
    for number in range(TRIALS):
        kind = list(TAMPERINGS)[number % len(TAMPERINGS)]
        with engine.connect() as connection:
            what = TAMPERINGS[kind](connection, chance)
            if check_state(connection).first_bad is None:
                missed.append((kind, what))
            connection.rollback()
            if number % 50 == 0:
                assert check_state(connection).first_bad is None, "undone, nothing is left to find"
    assert missed == []


def test_untouched_logs_raise_no_alarm(database_url: str) -> None:
    """Controls the one above."""
    communes = stage.communes(database_url, COMMUNES * CLEAN_LOGS)
    stage.populate(database_url, communes)
    for seed in range(CLEAN_LOGS):
        before = stage.intact(database_url)
        play(database_url, communes[seed::CLEAN_LOGS], Random(seed))
        assert stage.intact(database_url) > before
