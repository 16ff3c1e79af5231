"""The JSON of filled reports; their targets are as `plan_json` has them."""

from collections.abc import Iterable, Mapping
from datetime import date

from workflows.core.civil import format_instant
from workflows.core.documents import Words
from workflows.core.indicators import in_per_cent
from workflows.services.plan_json import reading_json, target_json, unit_json
from workflows.services.rendering import Object, words_json
from workflows.services.report_parts import CaseLine, Cause, LateItem, ReceivedLine, Report, TargetLine, TaskLine


def report_json(report: Report) -> Object:
    """A whole report; every day is the last one that is in time, or that counts."""
    return {
        "plan": report.plan.plan,
        "obligation": report.key,
        "kind": report.obligation.kind,
        "title": words_json(report.obligation.title),
        "agency": report.agency,
        "body": words_json(report.body),
        "recipient": words_json(report.recipient),
        "through": words_json(report.through) if report.through else None,
        "unit": unit_json(report.unit),
        "units_as_of": report.plan.units_as_of.isoformat(),
        "case": report.case,
        "due": report.due.isoformat(),
        "period": {"first": report.first.isoformat(), "last": report.last.isoformat()},
        "as_of": report.as_of.isoformat(),
        "known": report.known.isoformat(),
        "partial": report.partial,
        "made_at": format_instant(report.made_at),
        "targets": [_target(each) for each in report.targets],
        "cases": [_cases(each) for each in report.cases],
        "tasks": [_task(each) for each in report.tasks],
        "received": [_received(each) for each in report.received],
        "late": [_late(each) for each in report.late],
    }


def _target(line: TargetLine) -> Object:
    indicator = line.state.indicator
    before = line.before and reading_json(line.before, indicator.digits, per_cent=in_per_cent(indicator))
    return {**target_json(line.state), "before": before}


def _cases(line: CaseLine) -> Object:
    return {
        "workflow": line.workflow,
        "title": words_json(line.title),
        "opened": line.opened,
        "happened": _numbers(line.happened),
        "standing": _numbers(line.standing),
    }


def _numbers(numbers: Mapping[Words, int]) -> list[Object]:
    return [{"title": words_json(title), "number": number} for title, number in numbers.items()]


def _task(line: TaskLine) -> Object:
    return {
        "case": line.case,
        "title": line.title,
        "lead": _names(line.lead),
        "state": words_json(line.state),
        "since": line.since.isoformat(),
        "deadline": _day(line.deadline),
        "late": line.late,
    }


def _received(line: ReceivedLine) -> Object:
    return {
        "case": line.case,
        "title": line.title,
        "body": words_json(line.body),
        "state": words_json(line.state),
        "due": line.due.isoformat(),
        "sent": _day(line.sent),
        "late": line.late,
    }


def _late(item: LateItem) -> Object:
    return {
        "case": item.case,
        "workflow": words_json(item.workflow),
        "title": item.title,
        "unit": item.unit,
        "bodies": _names(item.bodies),
        "state": words_json(item.state),
        "due": item.due.isoformat(),
        "days": item.days,
        "done": _day(item.done),
        "causes": [_cause(each) for each in item.causes],
    }


def _cause(cause: Cause) -> Object:
    return {"kind": cause.kind, "text": words_json(cause.text), "on": _day(cause.on)}


def _names(names: Iterable[Words]) -> list[Object]:
    return [words_json(each) for each in names]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
