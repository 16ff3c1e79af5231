"""Units that are not there are told at once, on both databases: nothing waits for a lock that nobody can hold."""

from tests.factories import Clock, carried_out, running
from workflows.core.case import Invalid, Open
from workflows.core.documents import Role
from workflows.store.keys import Grant, create
from workflows.store.submissions import Submission


def test_an_opening_in_a_unit_that_is_not_there_is_invalid(database_url: str) -> None:
    clock = Clock()
    with running(database_url, clock) as engine:
        grant = Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="an", name="x")
        key = create(engine.database, grant, now=clock())
        act = Open(workflow="hotspot", unit="00000", title="Điểm A", data={"kind": "point", "found_by": "survey"})
        decision = carried_out(engine, engine.command(grant=key.id, act=act))
        assert isinstance(decision, Invalid)
        assert [error.path for error in decision.errors] == ["/unit"]


def test_a_plan_key_that_no_column_holds_is_invalid(database_url: str) -> None:
    clock = Clock()
    with running(database_url, clock) as engine:
        grant = Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="an", name="x")
        key = create(engine.database, grant, now=clock())
        data = {"kind": "point", "found_by": "survey"}
        act = Open(workflow="hotspot", unit="29401", title="Điểm A", data=data, plan="x" * 61)
        command = engine.command(grant=key.id, act=act)
        decision = engine.submit(Submission(commands=(command,))).result(30)[0].decision
        assert isinstance(decision, Invalid)
        assert [error.path for error in decision.errors] == ["/plan"]
