"""A filled report laid out for a person at a terminal, in short: what is reached, what is late."""

from collections.abc import Iterator, Sequence

import typer

from workflows.cli.documents import Language
from workflows.cli.plan_view import reading_line
from workflows.cli.showing import safe, words
from workflows.core.civil import show_date
from workflows.core.documents import Words
from workflows.services.report_parts import CaseLine, LateItem, Report, TargetLine

_TARGETS = Words(vi="Chỉ tiêu", en="Targets")
_CASES = Words(vi="Loại hồ sơ", en="Kinds of cases")
_TASKS = Words(vi="Nhiệm vụ", en="Tasks")
_RECEIVED = Words(vi="Báo cáo gửi đến", en="Reports received")
_LATE = Words(vi="Chậm hạn", en="Late")
_BEFORE = Words(vi="trước kỳ", en="before")
_OPENED = Words(vi="mở trong kỳ", en="opened in the period")
_DUE = Words(vi="hạn gửi", en="due")
_KNOWN = Words(vi="số liệu nhập đến hết ngày", en="as known at the end of")
_DAYS = Words(vi="ngày", en="days")


def print_report(report: Report, language: Language) -> None:
    """Every part with its number; lines of targets, cases and what is late."""
    typer.echo(safe(f"{words(report.obligation.title, language)} – {words(report.body, language)}"))
    typer.echo(
        f"{show_date(report.first)}–{show_date(report.last)}; {words(_DUE, language)} {show_date(report.due)}; "
        f"{words(_KNOWN, language)} {show_date(report.known)}"
    )
    _print(_TARGETS, [line for each in report.targets for line in _target(each, language)], language)
    _print(_CASES, [_cases(each, language) for each in report.cases], language)
    _count(_TASKS, report.tasks, language)
    _count(_RECEIVED, report.received, language)
    _print(_LATE, [line for each in report.late for line in _late(each, language)], language)


def _print(title: Words, lines: Sequence[str], language: Language) -> None:
    _count(title, [line for line in lines if not line.startswith(" ")], language)
    for line in lines:
        typer.echo(safe(f"  {line}"))


def _count(title: Words, items: Sequence[object], language: Language) -> None:
    typer.echo(f"\n{words(title, language)}: {len(items)}")


def _target(line: TargetLine, language: Language) -> Iterator[str]:
    state = line.state
    yield f"{words(state.target.title, language)} [{state.key}]"
    yield f"  {reading_line(state, state.now, language)}"
    if line.before is not None:
        yield f"  {words(_BEFORE, language)}: {reading_line(state, line.before, language)}"


def _cases(line: CaseLine, language: Language) -> str:
    numbers = [
        f"{words(title, language)}: {number}" for title, number in (*line.happened.items(), *line.standing.items())
    ]
    return "; ".join([f"{words(line.title, language)}: {words(_OPENED, language)} {line.opened}", *numbers])


def _late(item: LateItem, language: Language) -> Iterator[str]:
    yield f"{item.title}: {item.days} {words(_DAYS, language)} ({words(item.state, language)}, {show_date(item.due)})"
    for cause in item.causes:
        yield f"  {words(cause.text, language)}"
