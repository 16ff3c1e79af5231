"""Cases and answers as a person reads them in a terminal, in Vietnamese or English.

Lays out and translates; decides nothing. Every stored text passes `showing.safe`, most of them in a table.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, cast

import typer

from workflows.cli.showing import (
    print_table,
    safe,
    show_json,
    words,
)
from workflows.core.canonical import Json
from workflows.core.case import Blocker, Case, Event, Offer
from workflows.core.civil import civil_date, show_date, show_instant
from workflows.core.deadline_moves import STEP as MOVING_DEADLINE
from workflows.core.definition import Definition
from workflows.core.documents import OPEN, ChoiceField, FieldSpec, Role, Words
from workflows.core.moving import STEP as MOVING
from workflows.core.wording import ROLES
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.rendering import blockers_json
from workflows.store.lists import Entry
from workflows.store.paging import Page
from workflows.store.submissions import Reply

_WORDS: Final[Mapping[str, Words]] = {
    "id": Words(vi="Mã hồ sơ", en="Case"),
    "title": Words(vi="Tiêu đề", en="Title"),
    "workflow": Words(vi="Quy trình", en="Workflow"),
    "state": Words(vi="Trạng thái", en="State"),
    "unit": Words(vi="Đơn vị", en="Unit"),
    "plan": Words(vi="Kế hoạch", en="Plan"),
    "parent": Words(vi="Hồ sơ cấp trên", en="Parent"),
    "version": Words(vi="Phiên bản hồ sơ", en="Version"),
    "opened_at": Words(vi="Mở lúc", en="Opened at"),
    "due": Words(vi="Hạn", en="Due"),
    "overdue": Words(vi="quá hạn", en="overdue"),
    "since": Words(vi="từ", en="since"),
    "data": Words(vi="Thông tin", en="Data"),
    "links": Words(vi="Hồ sơ liên kết", en="Links"),
    "sheets": Words(vi="Kết quả xác nhận", en="Findings"),
    "met": Words(vi="đạt", en="met"),
    "unmet": Words(vi="không đạt", en="not met"),
    "offers": Words(vi="Các bước", en="What can be done"),
    "allowed": Words(vi="được phép", en="allowed"),
    "blocked": Words(vi="chưa được", en="not allowed"),
    "pending": Words(vi="còn tùy thông tin nhập vào", en="depends on the input"),
    "required": Words(vi="bắt buộc", en="required"),
    "found": Words(vi="có", en="found"),
    "needed": Words(vi="cần", en="needed"),
    "yes": Words(vi="có", en="yes"),
    "no": Words(vi="không", en="no"),
    "recorded_at": Words(vi="Ghi nhận lúc", en="Recorded at"),
    "step": Words(vi="Bước", en="Step"),
    "actor": Words(vi="Người thực hiện", en="Actor"),
    "no_events": Words(vi="Không có sự kiện nào.", en="No events."),
    "nothing": Words(vi="Không có hồ sơ nào.", en="No cases."),
    "more": Words(vi="Còn nữa; tăng --limit để xem thêm.", en="There are more; a larger --limit shows them."),
    "acting": Words(vi="Thực hiện trên phiên bản", en="Acting on version"),
    "opened": Words(vi="Đã mở hồ sơ", en="Opened"),
    "fired": Words(vi="Đã thực hiện", en="Done"),
    "replayed": Words(vi="Đã thực hiện từ trước với cùng khóa; không làm lại", en="Done before with the same key"),
    "refused": Words(vi="Từ chối", en="Refused"),
    "unusable": Words(vi="Không dùng được thông tin đã nhập", en="What was given cannot be used"),
    "failed": Words(vi="Không thực hiện được", en="Not done"),
    "would": Words(vi="Thử: sẽ được thực hiện, chuyển sang", en="Dry run: it would be done, and lead to"),
    "would_not": Words(vi="Thử: sẽ bị từ chối", en="Dry run: it would be refused"),
}
_OK: Final = 300


def told(name: str, language: str) -> str:
    """A word of the layout."""
    return words(_WORDS[name], language)


def print_list(engine: Engine, page: Page[Case], day: date, language: str) -> None:
    """A table of cases, newest first."""
    if not page.items:
        typer.echo(told("nothing", language))
        return
    heads = [told(name, language) for name in ("id", "workflow", "state", "unit", "due", "title")]
    print_table([heads, *(_row(engine, case, day, language) for case in page.items)])
    if page.next:
        typer.echo(told("more", language))


def _row(engine: Engine, case: Case, day: date, language: str) -> list[str]:
    state = engine.definitions.by_hash(case.definition).state(case.state)
    return [case.id, case.workflow, words(state.title, language), case.unit, _due(case, day, language), case.title]


def _due(case: Case, day: date, language: str) -> str:
    if case.due is None:
        return "-"
    late = not case.final and case.due < day
    return show_date(case.due) + (f" ({told('overdue', language)})" if late else "")


def print_case(engine: Engine, case: Case, definition: Definition, language: str) -> None:
    """A case: what it is, what it holds, what it is linked with."""
    print_table([told(name, language), text] for name, text in _facts(engine, case, definition, language))
    fields = definition.document.fields
    data = [
        [words(fields[name].title, language), name, shown(engine, fields[name], value, language)]
        for name, value in case.data.items()
    ]
    links = [[words(fields[name].title, language), name, ", ".join(ids)] for name, ids in case.links.items() if ids]
    _section("data", data, language)
    _section("links", links, language)
    _section("sheets", list(_findings(case, definition, language)), language)


def _section(name: str, rows: Sequence[Sequence[str]], language: str) -> None:
    if rows:
        typer.echo(f"\n{told(name, language)}")
        print_table(rows, indent="  ")


def _facts(engine: Engine, case: Case, definition: Definition, language: str) -> Iterator[tuple[str, str]]:
    state = words(definition.state(case.state).title, language)
    yield "title", case.title
    yield "id", case.id
    yield "workflow", f"{words(definition.document.title, language)} ({case.workflow} {case.workflow_version})"
    yield "state", f"{state} ({case.state}), {told('since', language)} {show_instant(case.state_since)}"
    yield "unit", _unit(engine, case)
    yield "plan", case.plan or "-"
    yield "parent", case.parent or "-"
    yield "version", str(case.version)
    yield "opened_at", show_instant(case.opened_at)
    yield "due", _due(case, reading.today(engine), language)


def _unit(engine: Engine, case: Case) -> str:
    """Named as it was called on the day of opening: it may have ended since."""
    try:
        return f"{case.unit} {reading.unit(engine, case.unit, civil_date(case.opened_at)).name}"
    except reading.MissingError:
        return case.unit


def shown(engine: Engine, spec: FieldSpec, value: Json, language: str) -> str:
    """A value of a field, with the words that the definition and the catalogue have for it."""
    if isinstance(value, bool):
        return told("yes" if value else "no", language)
    if isinstance(spec, ChoiceField) and isinstance(value, str) and value in spec.options:
        return f"{words(spec.options[value], language)} ({value})"
    if spec.type in {"agency", "agencies"}:
        keys = value if isinstance(value, list | tuple) else (value,)
        return ", ".join(_agency(engine, key, language) for key in keys)
    if spec.type == "document" and isinstance(value, Mapping):
        return _document(value)
    return show_json(value)


def _agency(engine: Engine, key: Json, language: str) -> str:
    agency = engine.catalogue.agencies.get(str(key))
    return f"{words(agency.title, language)} ({key})" if agency else str(key)


def _document(value: Mapping[str, Json]) -> str:
    parts = (show_json(value.get(name)) for name in ("number", "date", "issuer", "title"))
    return ", ".join(part for part in parts if part != "-")


def _findings(case: Case, definition: Definition, language: str) -> Iterator[list[str]]:
    for sheet, findings in case.sheets.items():
        titles = {rule.code: rule.title for root in definition.sheets[sheet].criteria for rule in root.walk()}
        for code, finding in findings.items():
            met = told("met" if finding.get("met") else "unmet", language)
            evidence = finding.get("evidence")
            rests_on = _document(evidence) if isinstance(evidence, Mapping) else show_json(finding.get("note"))
            yield [words(titles[code], language) if code in titles else code, met, rests_on]


def print_events(engine: Engine, page: Page[Entry], language: str) -> None:
    """A table of events and refused attempts, newest first."""
    if not page.items:
        typer.echo(told("no_events", language))
        return
    heads = [told(name, language) for name in ("recorded_at", "id", "workflow", "step", "state", "actor")]
    print_table([heads, *(_event_row(engine, entry, language) for entry in page.items)])
    if page.next:
        typer.echo(told("more", language))


def print_new_event(engine: Engine, event: Event, language: str) -> None:
    """One line, without a table: nobody knows what follows."""
    typer.echo(safe("  ".join(_event_row(engine, event, language))))


def _event_row(engine: Engine, entry: Entry, language: str) -> list[str]:
    definition = _definition(engine, entry)
    titles = {name: step.title for name, step in definition.steps.items()} | {OPEN: definition.opening.title}
    titles |= {step.trigger: step.title for step in (MOVING, MOVING_DEADLINE)}
    title = titles.get(entry.trigger)
    step = f"{words(title, language)} ({entry.trigger})" if title else entry.trigger
    if isinstance(entry, Event):
        states = [definition.state(name) for name in (entry.source, entry.target) if name is not None]
        came = " → ".join(words(state.title, language) for state in states)
        actor: Mapping[str, Any] = entry.actor
    else:
        codes = ", ".join(blocker["code"] for blocker in cast("Any", entry.entry["blockers"]))
        came = f"{told('refused', language)}: {codes}"
        actor = cast("Mapping[str, Any]", entry.entry["actor"])
    who = f"{actor['person']} ({words(ROLES[Role(actor['role'])], language)})"
    return [show_instant(entry.recorded_at), entry.case or "-", entry.workflow, step, came, who]


def _definition(engine: Engine, entry: Entry) -> Definition:
    """That of an event; of an attempt, which does not say, the newest."""
    if isinstance(entry, Event):
        return engine.definitions.by_hash(entry.definition)
    return engine.definitions.versions(entry.workflow)[-1]


def print_offers(definition: Definition, offers: Iterable[Offer], language: str) -> None:
    """Each trigger with what stands against it, or what is still to be judged."""
    typer.echo(f"\n{told('offers', language)}")
    for offer in offers:
        title = words(definition.steps[offer.trigger].title, language)
        to = f" → {words(definition.state(offer.to).title, language)}" if offer.to else ""
        status = told("allowed" if offer.allowed else "blocked", language)
        typer.echo(safe(f"  {offer.trigger}: {title}{to}: {status}"))
        print_blockers(blockers_json(offer.blockers), language, indent="    ")
        if offer.allowed:
            _print_fields(definition.steps[offer.trigger].fields, language)
        for each in offer.pending:
            typer.echo(safe(f"    ? {each.code}: {words(each.message, language)} ({told('pending', language)})"))


def _print_fields(fields: Mapping[str, FieldSpec], language: str) -> None:
    for name, spec in fields.items():
        required = f", {told('required', language)}" if spec.required else ""
        typer.echo(safe(f"    * {name}: {words(spec.title, language)} ({spec.type}{required})"))


def print_blockers(
    blockers: Iterable[Mapping[str, Any]], language: str, *, indent: str = "  ", err: bool = False
) -> None:
    """One line each, with what was found and what is needed."""
    for blocker in blockers:
        found, needed = (show_json(blocker[name]) for name in ("found", "needed"))
        of = f" [{blocker['case']}]" if blocker.get("case") else ""
        facts = f"{told('found', language)}: {found}; {told('needed', language)}: {needed}"
        line = f"- {blocker['code']}: {blocker['message'][language]} ({facts}){of}"
        typer.echo(indent + safe(line), err=err)


def print_version(case: Case, version: int, language: str) -> None:
    """Which version of the case a trigger is about to be fired on."""
    typer.echo(safe(f"{told('acting', language)} {version}: {case.title}"))


def print_preview(to: str | None, blockers: Sequence[Blocker], language: str) -> None:
    """What a dry run says."""
    if blockers:
        typer.echo(f"{told('would_not', language)}:", err=True)
        print_blockers(blockers_json(blockers), language, err=True)
    else:
        typer.echo(f"{told('would', language)}: {to or '-'}")


def print_reply(engine: Engine, answer: Reply, language: str) -> None:
    """What a command came to; on standard error when it was not done."""
    body = json.loads(answer.body)
    if answer.replayed:
        typer.echo(told("replayed", language))
    if answer.status < _OK:
        _print_done(engine, body, language)
    elif "blockers" in body:
        typer.echo(f"{told('refused', language)}:", err=True)
        print_blockers(body["blockers"], language, err=True)
    elif "errors" in body:
        typer.echo(f"{told('unusable', language)}:", err=True)
        for error in body["errors"]:
            typer.echo(safe(f"  - {_named(error['path'])}: {error['message']}"), err=True)
    else:
        typer.echo(safe(f"{told('failed', language)}: {body['detail']}"), err=True)


def _named(pointer: str) -> str:
    """The field as `--set` names it, of a JSON Pointer into the request."""
    return pointer.removeprefix("/input/").removeprefix("/data/").lstrip("/").replace("/", ".") or "-"


def _print_done(engine: Engine, body: Mapping[str, Any], language: str) -> None:
    case, event = body["case"], body["event"]
    definition = engine.definitions.by_hash(event["definition"])
    step = definition.step(event["trigger"])
    done = told("opened" if event["source"] is None else "fired", language)
    typer.echo(safe(f"{done}: {words(step.title, language)} ({event['trigger']})"))
    states = [event[name] for name in ("source", "target") if event[name] is not None]
    rows = [
        (told("id", language), case["id"]),
        (told("title", language), case["title"]),
        (told("state", language), " → ".join(words(definition.state(each).title, language) for each in states)),
        (told("version", language), str(event["seq"])),
        (told("due", language), show_json(case["due"])),
    ]
    print_table(rows, indent="  ")
