"""The figures at the head of `docs/plan-coverage.md` are those of the documents."""

import re
from collections.abc import Sized
from pathlib import Path
from typing import Final

from workflows.core.plan_documents import PlanDocument
from workflows.loader import load

ROOT: Final = Path(__file__).resolve().parents[2]
_ROW: Final = re.compile(r"^\| `([a-z0-9-]+)` \| ([0-9 |]+) \|$", re.MULTILINE)


def figures(plan: PlanDocument) -> list[int]:
    duties = sum(task.duty for task in plan.tasks.values())
    parts: tuple[Sized, ...] = (plan.targets, plan.indicators, plan.calendar, plan.obligations, plan.tasks)
    return [*(len(part) for part in parts), duties, len(plan.legal_bases)]


def test_the_table_tells_what_the_documents_hold() -> None:
    text = (ROOT / "docs" / "plan-coverage.md").read_text(encoding="utf-8")
    told = {found[1]: [int(each) for each in found[2].split("|")] for found in _ROW.finditer(text)}
    plans = load(ROOT / "definitions").plans
    assert told == {key: figures(plan) for key, plan in plans.items()}
    assert len(told) == 5
