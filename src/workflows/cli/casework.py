"""What the commands on cases do: read what was given, have the engine decide, print the answer.

The answers are those of the API, written by `rendering`; for a person they are laid out by `case_view`. A refusal
ends with exit code 1, values that cannot be used with 2.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import typer

from workflows.cli import case_view
from workflows.cli.acting import acting
from workflows.cli.deadline_view import print_deadline
from workflows.cli.documents import Language
from workflows.cli.errors import CommandError, MisuseError
from workflows.cli.showing import print_json, safe
from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import Accepted, Actor, Case, CaseId, Command, Fire, InputError, Open, Refused
from workflows.core.civil import civil_date
from workflows.core.definition import Definition, Step
from workflows.core.fields import unknown_name
from workflows.core.ids import is_id
from workflows.services import deadlines, reading
from workflows.services.engine import Engine
from workflows.services.given import GivenError, joined, read_instant, read_object, read_values
from workflows.services.reading import InvalidError, MissingError, Slice
from workflows.services.rendering import CASES, case_json, encoded, offer_json, preview_json, reply
from workflows.store.paging import LIMIT, Page
from workflows.store.queries import CaseFilter
from workflows.store.submissions import Idempotency, KeyReused, Reply, Submission, WriteError

Item = TypeVar("Item")
_BAD: Final = 400
_UNUSABLE: Final = 422
_LONGEST_KEY: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which database, on whose authority, and how the answer is written."""

    database: str
    key: str
    language: Language
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What opening and firing have in common, as it was given."""

    assignments: tuple[str, ...]
    json: str | None
    """A JSON object, or the name of a file with one after `@`."""
    reason: str | None
    occurred_at: str | None
    dry_run: bool
    idempotency_key: str | None

    @property
    def names_values(self) -> bool:
        return bool(self.assignments) or self.json is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Which case is to be opened."""

    workflow: str
    unit: str
    title: str
    plan: str | None
    parent: str | None


@contextmanager
def session(asked: Asked) -> Iterator[tuple[Engine, Actor]]:
    """The engine and the actor; what cannot be done ends as an error of the command."""
    with acting(asked.database, asked.key) as (engine, actor):
        try:
            yield engine, actor
        except MissingError as error:
            near = f'; did you mean "{error.nearest}"?' if error.nearest else ""
            raise CommandError(f"there is no {error.what} {safe(error.given)!r} that this key may see{near}") from error
        except InvalidError as error:
            raise misuse(error.errors) from error
        except GivenError as error:
            raise MisuseError(safe(str(error))) from error
        except KeyReused as error:
            raise MisuseError("--idempotency-key: was used with another request; take a new one") from error
        except WriteError as error:
            raise CommandError(f"not carried out: {error}") from error


def misuse(errors: Iterable[InputError]) -> MisuseError:
    """What is wrong with the options of a command."""
    return MisuseError(safe("; ".join(f"{option(each.path)}: {each.message}" for each in errors)))


def option(pointer: str) -> str:
    """The option of the command that gives what a JSON Pointer, or the name of a query parameter, points to."""
    name = pointer.strip("/").replace("_", "-")
    return f"-{name}" if len(name) == 1 else f"--{name}"


def list_cases(asked: Asked, wanted: CaseFilter, limit: int) -> None:
    with session(asked) as (engine, actor):
        page = gathered(lambda part: reading.cases(engine, actor, wanted, part), limit)
        day = reading.today(engine)
        if asked.as_json:
            items = [case_json(case, day) for case in page.items]
            print_json(encoded({"items": items, "next": page.next}))
        else:
            case_view.print_list(engine, page, day, asked.language)


def require_known(what: str, given: str, allowed: Collection[str]) -> None:
    """Raises MisuseError for what is not among the allowed."""
    if given not in allowed:
        raise MisuseError(f"--{what}: {safe(unknown_name('', what, given, sorted(allowed)).message)}")


def require_id(given: str) -> None:
    """Raises MisuseError for anything but a whole id."""
    if not is_id(given):
        raise MisuseError(
            f'"{safe(given)}" is not the id of a case: give all 36 characters, as `workflows case list` shows them'
        )


def gathered(fetch: Callable[[Slice], Page[Item]], limit: int) -> Page[Item]:
    """The first `limit` items, from as many pages as that takes."""
    items: list[Item] = []
    cursor: str | None = None
    while True:
        page = fetch(Slice(cursor=cursor, limit=min(LIMIT, limit - len(items))))
        items += page.items
        cursor = page.next
        if cursor is None or len(items) >= limit:
            return Page(items=tuple(items), next=cursor)


def deadline(asked: Asked, case_id: str) -> None:
    require_id(case_id)
    with session(asked) as (engine, actor):
        found = deadlines.explained(engine, actor, case_id)
        if asked.as_json:
            print_json(encoded(deadlines.deadline_json(found, reading.today(engine))))
        else:
            print_deadline(found, asked.language)


def show(asked: Asked, case_id: str) -> None:
    require_id(case_id)
    with session(asked) as (engine, actor):
        case = reading.case(engine, actor, case_id)
        if asked.as_json:
            print_json(encoded(case_json(case, reading.today(engine))))
            return
        definition, offers = reading.offers(engine, actor, case_id)
        case_view.print_case(engine, case, definition, asked.language)
        case_view.print_offers(definition, offers, asked.language)


def open_case(asked: Asked, opening: Opening, given: Given) -> None:
    if opening.parent is not None:
        require_id(opening.parent)
    with session(asked) as (engine, actor):
        occurred_at = _instant(given)
        day = civil_date(occurred_at or engine.clock())
        require_known("workflow", opening.workflow, engine.definitions.keys)
        definition = engine.definitions.for_opening(opening.workflow, day)
        act = Open(
            workflow=opening.workflow,
            unit=opening.unit,
            title=opening.title,
            data=_values(given, definition.opening, definition),
            plan=opening.plan,
            parent=CaseId(opening.parent) if opening.parent else None,
        )
        names = ("workflow", "unit", "title", "data", "plan", "parent")
        key = _idempotency(actor, given, CASES, {name: getattr(act, name) for name in names})
        command = _command(engine, actor, act, given, occurred_at, key)
        _decide(asked, engine, actor, command, given, key)


def fire(asked: Asked, case_id: str, trigger: str, version: int | None, given: Given) -> None:
    require_id(case_id)
    with session(asked) as (engine, actor):
        case = reading.case(engine, actor, case_id)
        definition = engine.definitions.by_hash(case.definition)
        require_trigger(definition, trigger)
        if given.dry_run and not given.names_values:
            _explain(asked, engine, actor, case, trigger)
            return
        act = Fire(
            case=case.id,
            trigger=trigger,
            input=_values(given, definition.steps[trigger], definition),
            expected_version=version or case.version,
        )
        # The version that was read is not part of the request: it is another one when the request is repeated.
        request: dict[str, Json] = {"trigger": trigger, "input": act.input, "version": version}
        key = _idempotency(actor, given, f"{CASES}/{case_id}/transitions", request)
        command = _command(engine, actor, act, given, _instant(given), key)
        if not asked.as_json:
            case_view.print_version(case, version or case.version, asked.language)
        _decide(asked, engine, actor, command, given, key)


def require_trigger(definition: Definition, trigger: str) -> None:
    """Raises MisuseError for a trigger that the case has not."""
    if trigger not in definition.steps:
        raise MisuseError(safe(unknown_name("", "trigger", trigger, definition.steps).message))


def _values(given: Given, step: Step, definition: Definition) -> dict[str, Json]:
    text = given.json
    if text is not None and text.startswith("@"):
        text = _read(Path(text[1:]))
    listed = read_object(text) if text is not None else {}
    return joined(listed, read_values(step.fields, definition.context, given.assignments))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"{file} cannot be read: {error}") from error


def _instant(given: Given) -> datetime | None:
    try:
        return read_instant(given.occurred_at) if given.occurred_at is not None else None
    except ValueError as error:
        raise MisuseError(f"--occurred-at: {error}") from error


def _idempotency(actor: Actor, given: Given, path: str, request: Mapping[str, Json]) -> Idempotency | None:
    key = given.idempotency_key
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 1 <= len(key) <= _LONGEST_KEY):
        raise MisuseError("--idempotency-key: must be 1 to 255 printable ASCII characters")
    whole = {**request, "path": path, "reason": given.reason, "occurred_at": given.occurred_at}
    client = actor.grant
    return Idempotency(
        client=client, key_hash=digest(f"{client}\n{key}".encode()), fingerprint=digest(canonical_bytes(whole))
    )


def _command(
    engine: Engine,
    actor: Actor,
    act: Open | Fire,
    given: Given,
    occurred_at: datetime | None,
    key: Idempotency | None,
) -> Command:
    return engine.command(
        grant=actor.grant,
        act=act,
        reason=given.reason,
        occurred_at=occurred_at,
        idempotency=key.key_hash if key else None,
    )


def _decide(
    asked: Asked, engine: Engine, actor: Actor, command: Command, given: Given, key: Idempotency | None
) -> None:
    if given.dry_run:
        _preview(asked, engine, actor, command)
        return
    outcome = engine.submit(Submission(commands=(command,), idempotency=key)).result()[0]
    _answer(asked, engine, outcome.reply)


def _preview(asked: Asked, engine: Engine, actor: Actor, command: Command) -> None:
    decision, to = reading.preview(engine, actor, command)
    if not isinstance(decision, Accepted | Refused):
        _answer(asked, engine, reply(command, decision))
        return
    blockers = decision.blockers if isinstance(decision, Refused) else ()
    if asked.as_json:
        print_json(encoded(preview_json(decision, to)))
    else:
        case_view.print_preview(to, blockers, asked.language)
    if blockers:
        raise typer.Exit(1)


def _explain(asked: Asked, engine: Engine, actor: Actor, case: Case, trigger: str) -> None:
    definition, offers = reading.offers(engine, actor, case.id, trigger)
    if asked.as_json:
        print_json(encoded(offer_json(offers[0], definition)))
    else:
        case_view.print_offers(definition, offers, asked.language)
    if not offers[0].allowed:
        raise typer.Exit(1)


def _answer(asked: Asked, engine: Engine, answer: Reply) -> None:
    if asked.as_json:
        print_json(answer.body)
    else:
        case_view.print_reply(engine, answer, asked.language)
    if answer.status >= _BAD:
        raise typer.Exit(2 if answer.status == _UNUSABLE else 1)
