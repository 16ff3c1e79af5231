"""The plan in the demonstration: it is opened for its year, tasks and reports are worked off, deadlines pass.

Offices that have no key send their papers to the provincial police, who enter them; whoever enters one never accepts
it. When what happens is the story's affair.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from workflows.core.case import NOTHING, Accepted, CaseId, Data, Fire
from workflows.core.civil import show_date
from workflows.core.documents import Role, Words
from workflows.core.overdue import Does, Notice
from workflows.core.wording import ROLES
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import DISTRICTS, REPORTERS, committee
from workflows.services.demo_figures import at_start
from workflows.services.demo_hotspots import paper
from workflows.services.demo_stage import PLAN, PLAN_ISSUED, DemoError, Stage, Step
from workflows.services.plan_cases import Wanted
from workflows.services.plan_opening import carry_out, survey
from workflows.services.worker import Worker

ENTERS: Final = "ca-tinh.02"
ACCEPTS: Final = "ca-tinh.01"
_YEAR: Final = 2025
_BY_DEPARTMENT: Final = "train_health_staff"
"""A continuous task that a department reports on itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """Why something comes late, as it is recorded with it."""

    because: str
    note: str

    @property
    def given(self) -> Data:
        return {"late_because": self.because, "late_note": self.note}


def opening(story: Story) -> None:
    stage = story.stage
    stage.chapter("Kế hoạch được ban hành và mở cho năm 2025", "The plan is issued, and opened for 2025")
    stage.on(PLAN_ISSUED.isoformat())
    _open(story)
    owed = sum(len(bodies) for bodies in story.reports.values())
    stage.tell(
        f"Từ văn bản kế hoạch: {len(story.tasks)} nhiệm vụ, {owed} báo cáo phải nộp, {len(story.communes)} hồ sơ rà "
        "soát, chuyển hóa địa bàn. Mở lại lần nữa không sinh thêm hồ sơ nào.",
        f"From the plan's document: {len(story.tasks)} tasks, {owed} reports owed, {len(story.communes)} communes to "
        "be reviewed for transformation. Opening it again opens nothing.",
    )
    figures = {code: at_start(story.place(code)) for code in story.communes}
    stage.enter(ENTERS, figures, date(_YEAR, 1, 1))
    stage.tell(
        "Số người nghiện, người sử dụng đầu năm của 104 xã được nhập, ghi rõ nguồn minh họa: mốc so sánh của cả năm.",
        "Addicts and users of all 104 communes on 1 January are entered, marked as invented: the base of the year.",
    )
    _start_lasting(story)


def _open(story: Story) -> None:
    engine, actor = story.stage.engine, story.stage.officers[ENTERS].actor
    found = survey(engine, actor, PLAN, _YEAR)
    done = asyncio.run(carry_out(engine, actor, found, lambda _more: None))
    for asked, became in zip(found.difference.new, done.new, strict=True):
        if became.case is None:
            raise DemoError(f"{asked.title} was not opened: {became.message}")
        _take_in(story, asked, CaseId(became.case))
    if survey(engine, actor, PLAN, _YEAR).difference.new:
        raise DemoError(f"{PLAN} asks for more after it was opened")
    story.communes = tuple(sorted(story.transformations))


def _take_in(story: Story, asked: Wanted, case: CaseId) -> None:
    if asked.part == "task":
        story.tasks[asked.element] = case
    elif asked.part == "report":
        body = asked.unit if asked.unit in DISTRICTS else str(asked.data["agency"])
        story.reports.setdefault(asked.element, {})[body] = case
    else:
        story.transformations[asked.unit] = case


def _start_lasting(story: Story) -> None:
    stage = story.stage
    stage.on("2025-02-20")
    tasks = stage.engine.catalogue.plans[PLAN].tasks
    lasting = [name for name, task in tasks.items() if task.kind == "continuous" and name != _BY_DEPARTMENT]
    start(story, *lasting)
    stage.fire(REPORTERS["department_of_health"], story.tasks[_BY_DEPARTMENT], "start")
    start(story, "review_communes", "select_communes", "approve_list")
    stage.tell(
        f"{len(lasting) + 1} nhiệm vụ thường xuyên bắt đầu, một do Sở Y tế tự nhận; các nhiệm vụ có hạn bắt đầu dần.",
        f"{len(lasting) + 1} continuous tasks begin, one taken up by the Department of Health; dated ones follow.",
    )


def start(story: Story, *tasks: str) -> None:
    _fire(story, ENTERS, "start", tasks)


def report(story: Story, *tasks: str, late: Late | None = None) -> None:
    """The provincial police enter what came of tasks."""
    written = paper(story.stage, f"MH-{len(tasks)}/BC", "Công an tỉnh Trà Vinh", "Báo cáo kết quả (minh họa)")
    _fire(story, ENTERS, "report", tasks, {"report": written, **(late.given if late else {})})


def accept(story: Story, *tasks: str) -> None:
    _fire(story, ACCEPTS, "accept", tasks)


def _fire(story: Story, person: str, trigger: str, tasks: Iterable[str], given: Data = NOTHING) -> None:
    cases = [story.tasks[name] for name in tasks]
    story.stage.together(Step(person=person, act=Fire(case=case, trigger=trigger, input=given)) for case in cases)


def health_report(story: Story) -> None:
    """The department reports on its own task, and is given a day for the next time."""
    stage, case = story.stage, story.tasks[_BY_DEPARTMENT]
    written = paper(stage, "MH-09/BC-SYT", "Sở Y tế", "Kết quả tập huấn (minh họa)")
    stage.fire(REPORTERS["department_of_health"], case, "report", {"report": written})
    stage.fire(ACCEPTS, case, "accept", {"deadline": "2026-06-30"})


def submit(story: Story, obligation: str, bodies: Iterable[str], late: Late | None = None) -> None:
    """Bodies send in what they owe."""
    stage = story.stage
    steps = []
    for body in bodies:
        written = paper(stage, f"MH/{body}", _name(stage, body), "Báo cáo (minh họa)")
        given: Data = {"report": written, **(late.given if late else {})}
        act = Fire(case=story.reports[obligation][body], trigger="submit", input=given)
        steps.append(Step(person=_sender(body), act=act))
    stage.together(steps)


def accept_reports(story: Story, obligation: str, bodies: Iterable[str]) -> list[Accepted]:
    cases = [story.reports[obligation][body] for body in bodies]
    return story.stage.together(Step(person=ACCEPTS, act=Fire(case=case, trigger="accept")) for case in cases)


def all_bodies(story: Story, obligation: str, *, but: str | None = None) -> list[str]:
    """Everybody who owes a report, one perhaps left out."""
    return [body for body in story.reports[obligation] if body != but]


def _sender(body: str) -> str:
    return committee(body) if body in DISTRICTS else REPORTERS.get(body, ENTERS)


def _name(stage: Stage, body: str) -> str:
    return f"UBND {stage.unit(body).name}" if body in DISTRICTS else stage.engine.catalogue.agencies[body].title.vi


def look_at_deadlines(story: Story) -> None:
    """One pass of the worker that acts on deadlines; every notice is told."""
    found: list[Notice] = []
    Worker(story.stage.engine, watch=found.append).catch_up()
    for notice in found:
        told = [ROLES[Role(role)] for role in notice.to_roles]
        what = _DOES[notice.does]
        story.stage.note(
            story.stage.case(notice.deadline.case).title,
            f"QUÁ HẠN {show_date(notice.deadline.due)}, {what.vi}: {', '.join(each.vi for each in told)}",
            f"OVERDUE, {what.en}: {', '.join(each.en for each in told)}",
        )


_DOES: Final = {
    Does.NOTIFY: Words(vi="hệ thống nhắc", en="the worker reminds"),
    Does.ESCALATE: Words(vi="sau 7 ngày báo lên", en="escalated after 7 days to"),
}
