"""What is wrong with an administrative act, alone and beside the units of the two days that it lies between."""

from collections.abc import Iterator

from workflows.core.plan_units import UnitsThen
from workflows.core.problems import Finding
from workflows.core.unit_acts import UnitActDocument


def prove_act(act: UnitActDocument, before: UnitsThen | None, after: UnitsThen | None) -> Iterator[Finding]:
    """Everything wrong with an act.

    Args:
        act: The document.
        before: The units of the day before; None: not looked at.
        after: Those of its day.
    """
    yield from _once(act)
    yield from _named_cases(act)
    if before is not None and after is not None:
        yield from _there(act, before, after)


def _once(act: UnitActDocument) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, change in enumerate(act.changes):
        for code in change.sources:
            if code in seen:
                yield Finding(path=("changes", index), message=f'"{code}" ends twice in this act', given=code)
            seen.add(code)


def _named_cases(act: UnitActDocument) -> Iterator[Finding]:
    """Only a case of a divided unit needs its successor named."""
    allowed = {code for change in act.changes if change.kind == "split" for code in change.successors}
    for case, code in act.cases.items():
        if code not in allowed:
            yield Finding.unknown(("cases", case), code, "a successor of a divided unit", sorted(allowed))


def _there(act: UnitActDocument, before: UnitsThen, after: UnitsThen) -> Iterator[Finding]:
    for index, change in enumerate(act.changes):
        for code in change.sources:
            if code not in before:
                yield Finding.unknown(("changes", index), code, "a unit on the day before", before)
        for code in change.successors:
            if code not in after:
                yield Finding.unknown(("changes", index), code, "a unit on the day of the act", after)
