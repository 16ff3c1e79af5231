"""What is wrong with the filters of a list: names that no workflow knows, units that never were, empty periods.

A name that is known and fits nothing finds nothing; that is no mistake. What a filter finds is the store's affair.
"""

from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import Connection, select

from workflows.core.case import InputError
from workflows.core.definition import Definition, Definitions
from workflows.core.documents import ANNULLED, OPEN, UNFIRED_TRIGGERS
from workflows.core.fields import TITLE_LIMIT, unknown_name
from workflows.core.ids import is_id
from workflows.core.nearest import nearest
from workflows.store.counts import CountFilter
from workflows.store.lists import EventFilter
from workflows.store.notices import NoticeFilter
from workflows.store.queries import CaseFilter
from workflows.store.tables import unit

_ALIKE = 2
"""Leading characters that a code has in common with the one that may have been meant."""


def wrong_case_filter(connection: Connection, definitions: Definitions, wanted: CaseFilter) -> list[InputError]:
    """Everything that is wrong, by the name of the query parameter."""
    return [
        *_workflow(definitions, wanted.workflow),
        *_state(definitions, wanted.workflow, wanted.state),
        *_unit(connection, wanted.unit),
        *_case("parent", wanted.parent),
        *_title(wanted.q),
    ]


def wrong_event_filter(connection: Connection, definitions: Definitions, wanted: EventFilter) -> list[InputError]:
    """Everything that is wrong, by the name of the query parameter."""
    return [
        *_workflow(definitions, wanted.workflow),
        *_trigger(definitions, wanted.workflow, wanted.trigger),
        *_unit(connection, wanted.unit),
        *_period(wanted),
    ]


def wrong_notice_filter(connection: Connection, definitions: Definitions, wanted: NoticeFilter) -> list[InputError]:
    """Everything that is wrong, by the name of the query parameter."""
    return [
        *_workflow(definitions, wanted.workflow),
        *_unit(connection, wanted.unit),
        *_case("case", wanted.case),
    ]


def wrong_count_filter(connection: Connection, figures: Collection[str], wanted: CountFilter) -> list[InputError]:
    """Everything that is wrong, by the name of the option; `figures` are those that are counted."""
    return [*_unit(connection, wanted.unit), *_figure(figures, wanted.key)]


def _figure(figures: Collection[str], given: str | None) -> Iterator[InputError]:
    if given is not None and given not in figures:
        yield unknown_name("/figure", "figure", given, sorted(figures))


def _workflow(definitions: Definitions, given: str | None) -> Iterator[InputError]:
    if given is not None and given not in definitions.keys:
        yield unknown_name("/workflow", "workflow", given, definitions.keys)


def _state(definitions: Definitions, workflow: str | None, given: str | None) -> Iterator[InputError]:
    known = {ANNULLED, *(state for each in _versions(definitions, workflow) for state in each.document.states)}
    if given is not None and given not in known:
        yield unknown_name("/state", "state", given, sorted(known))


def _trigger(definitions: Definitions, workflow: str | None, given: str | None) -> Iterator[InputError]:
    known = {OPEN, *UNFIRED_TRIGGERS, *(trigger for each in _versions(definitions, workflow) for trigger in each.steps)}
    if given is not None and given not in known:
        yield unknown_name("/trigger", "trigger", given, sorted(known))


def _versions(definitions: Definitions, workflow: str | None) -> Iterable[Definition]:
    """Of the workflow named; of all, if none or an unknown one is."""
    keys = [workflow] if workflow in definitions.keys else definitions.keys
    return (version for key in keys for version in definitions.versions(str(key)))


def _unit(connection: Connection, given: str | None) -> Iterator[InputError]:
    if given is None or connection.execute(select(unit.c.code).where(unit.c.code == given).limit(1)).first():
        return
    alike = select(unit.c.code).where(unit.c.code.startswith(given[:_ALIKE], autoescape=True))
    near = nearest(given[: _ALIKE * 4], connection.execute(alike).scalars())
    hint = f"; did you mean {near!r}?" if near else ""
    yield InputError(path="/unit", message=f"there never was a unit {given[:80]!r}{hint}")


def _case(name: str, given: str | None) -> Iterator[InputError]:
    if given is not None and not is_id(given):
        yield InputError(path=f"/{name}", message=f"{given[:80]!r} is not a case id (lower-case UUID)")


def _title(given: str | None) -> Iterator[InputError]:
    if given is not None and len(given) > TITLE_LIMIT:
        yield InputError(path="/q", message=f"{len(given)} characters; a title has at most {TITLE_LIMIT}")


def _period(wanted: EventFilter) -> Iterator[InputError]:
    first, end = wanted.first_day, wanted.end_day
    if first is not None and end is not None and end <= first:
        yield InputError(path="/to", message="must be after from: the day named by to is no longer included")
