"""Deadlines as a person reads them in a terminal, in Vietnamese or English: why one is as it is, and which move.

Lays out and translates; decides nothing. Every stored text passes `showing.safe`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import typer

from workflows.cli.showing import print_table, safe, words
from workflows.core.calendar_documents import IssuedDocument
from workflows.core.calendars import Calendar, Reason, Reckoning
from workflows.core.civil import show_date
from workflows.core.documents import Words
from workflows.services.deadlines import Explained, Move

_WORDS: Final[Mapping[str, Words]] = {
    "skipped": Words(vi="Ngày không tính", en="Days not counted"),
    "worked": Words(vi="Ngày làm bù được tính", en="Days of rest worked, and counted"),
    "instead": Words(vi="thay cho", en="instead of"),
    "calendar": Words(vi="Lịch", en="Calendar"),
    "basis": Words(vi="Căn cứ", en="Basis"),
    "law": Words(vi="Nghỉ theo", en="Off by"),
    "case": Words(vi="Hồ sơ", en="Case"),
    "unit": Words(vi="Đơn vị", en="Unit"),
    "old": Words(vi="Hạn cũ", en="Was due"),
    "new": Words(vi="Hạn mới", en="Is due"),
    "why": Words(vi="Theo văn bản", en="By"),
    "title": Words(vi="Tiêu đề", en="Title"),
    "none": Words(vi="Không có hạn nào phải dời.", en="No deadline is to be moved."),
    "wanted": Words(
        vi="hồ sơ có hạn phải dời; thêm --apply để ghi nhận.",
        en="deadlines are to be moved; --apply records them.",
    ),
    "moved": Words(vi="hồ sơ đã dời hạn.", en="deadlines moved."),
    "left": Words(
        vi="hồ sơ không dời được hạn:",
        en="deadlines were not moved:",
    ),
}
_REASONS: Final[Mapping[Reason, Words]] = {
    Reason.WEEKEND: Words(vi="cuối tuần", en="weekend"),
    Reason.HOLIDAY: Words(vi="ngày lễ", en="holiday"),
    Reason.SWAPPED: Words(vi="hoán đổi", en="swapped"),
}


def label(name: str, language: str) -> str:
    """A word of the layout."""
    return words(_WORDS[name], language)


def print_deadline(found: Explained, language: str) -> None:
    """The paragraph, then the days that were not counted, the calendar and the basis."""
    typer.echo(safe(words(found.words, language)))
    deadline = found.deadline
    if deadline is None:
        return
    if deadline.reckoning is not None:
        _print_days(deadline.reckoning, language)
    basis = deadline.spec.basis
    typer.echo(f"{label('basis', language)}: {basis if isinstance(basis, str) else ', '.join(basis)}")
    if found.calendar is not None:
        _print_calendar(found.calendar, language)


def _print_days(found: Reckoning, language: str) -> None:
    if found.skipped:
        typer.echo(f"{label('skipped', language)}:")
        print_table(_skipped(found, language), indent="  ")
    if found.worked:
        typer.echo(f"{label('worked', language)}:")
        instead = label("instead", language)
        rows = (
            [show_date(each.day), f"{instead} {show_date(each.instead_of)}", _cited(each.document)]
            for each in found.worked
        )
        print_table(rows, indent="  ")


def _skipped(found: Reckoning, language: str) -> Iterator[list[str]]:
    for each in found.skipped:
        cited = _cited(each.document) if each.document else ""
        yield [show_date(each.day), words(_REASONS[each.reason], language), words(each.name, language), cited]


def _cited(document: IssuedDocument) -> str:
    return f"{document.number}, {show_date(document.date)}"


def _print_calendar(calendar: Calendar, language: str) -> None:
    document = calendar.document
    title = words(document.title, language)
    typer.echo(safe(f"{label('calendar', language)}: {title} ({document.calendar}, {calendar.version[:12]})"))
    law = "; ".join(_cited(each) for each in document.law)
    typer.echo(safe(f"{label('law', language)}: {law}"))


def print_moves(found: Sequence[Move], language: str) -> None:
    """A table of the deadlines that the calendar now has on another day."""
    if not found:
        typer.echo(label("none", language))
        return
    heads = [label(name, language) for name in ("case", "unit", "old", "new", "why", "title")]
    print_table([heads, *(_move(each) for each in found)])


def _move(move: Move) -> list[str]:
    case = move.case
    old = show_date(case.due) if case.due else "-"
    why = ", ".join(each.number for each in move.notices) or "-"
    return [case.id, case.unit, old, show_date(move.last), why, case.title]
