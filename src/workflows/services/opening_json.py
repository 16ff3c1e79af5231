"""The JSON of a plan's opening: how many cases there are of each sort, and each of them that is not as it should be."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from workflows.core.documents import ANNULLED
from workflows.services.plan_cases import REPORT, TASK, Wanted
from workflows.services.plan_difference import Changed, FieldChange
from workflows.services.plan_opening import CarriedOut, Done, Survey
from workflows.services.rendering import Object
from workflows.store.plan_openings import Standing

LISTED: Final = 1000
"""Cases that are told one by one; of more, their number."""
_ELEMENT: Final = {TASK: "task", REPORT: "obligation"}


def opening_json(found: Survey, done: CarriedOut | None) -> Object:
    """What an application would do, or has done."""
    difference = found.difference
    items = list(islice(_items(found, done), LISTED))
    told = len(difference.new) + len(difference.changed) + len(difference.annulled) + len(difference.gone)
    return {
        "plan": found.plan.plan,
        "year": found.year,
        "hash": found.hash,
        "dry_run": done is None,
        "counts": {
            "wanted": difference.wanted,
            "new": len(difference.new),
            "changed": len(difference.changed),
            "same": difference.same,
            "kept": difference.kept,
            "annulled": len(difference.annulled),
            "gone": len(difference.gone),
        },
        "done": None if done is None else _done_counts(done),
        "items": items,
        "not_listed": told - len(items),
    }


def _done_counts(done: CarriedOut) -> Object:
    counts: Object = {name: done.number(name) for name in ("opened", "amended", "already", "failed")}
    return {**counts, "left": sum(each is None for each in done.changed)}


def _items(found: Survey, done: CarriedOut | None) -> Iterator[Object]:
    """What went wrong cannot be overlooked: it stands first."""
    every = [*_new(found, done), *_changed(found, done)]
    yield from sorted(every, key=lambda item: item["outcome"] != "failed")
    yield from (_standing("gone", each) for each in found.difference.gone)
    yield from (_standing(ANNULLED, each) for each in found.difference.annulled)


def _new(found: Survey, done: CarriedOut | None) -> Iterator[Object]:
    for place, each in enumerate(found.difference.new):
        became = done.new[place] if done else None
        yield {**_asked("new", each), "case": became.case if became else None, "fields": [], **_outcome(became)}


def _changed(found: Survey, done: CarriedOut | None) -> Iterator[Object]:
    for place, each in enumerate(found.difference.changed):
        became = done.changed[place] if done else None
        outcome = _outcome(became) if became or not done else {"outcome": "left", "message": _LEFT}
        yield {**_asked("changed", each.wanted), "case": each.case.id, "fields": fields_json(each), **outcome}


_LEFT: Final = "an amendment cannot bring this about: the case has ended, or the value is not one that is amended"


def fields_json(changed: Changed) -> list[Object]:
    return [_field(each) for each in changed.fields]


def _field(change: FieldChange) -> Object:
    return {"name": change.name, "before": change.before, "after": change.after, "amendable": change.amendable}


def _asked(change: str, asked: Wanted) -> Object:
    return {
        "change": change,
        "workflow": asked.workflow,
        "element": asked.element,
        "unit": asked.unit,
        "agency": asked.data.get("agency"),
        "title": asked.title,
        "deadline": asked.deadline,
    }


def _standing(change: str, case: Standing) -> Object:
    return {
        "change": change,
        "workflow": case.workflow,
        "element": case.data.get(_ELEMENT.get(case.workflow, "")),
        "unit": case.unit,
        "agency": case.data.get("agency"),
        "title": case.title,
        "deadline": case.data.get("deadline"),
        "case": case.id,
        "fields": [],
        **_outcome(None),
    }


def _outcome(became: Done | None) -> Object:
    return {"outcome": became.result if became else None, "message": became.message if became else None}
