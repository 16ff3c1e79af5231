"""What the operations on plans promise; see `api.contract`."""

from collections.abc import Mapping
from typing import Final

from api import shapes, shapes_openings, shapes_plans
from api.bodies import PlanOpeningBody
from api.contract_terms import Parameter
from api.promises import Answer, Link, Operation, page_of

_PLAN: Final = {"plan": "$response.body#/plan"}
_UNIT: Final = Parameter(
    description=(
        "Code of the plan's province, or of a district or commune in it as they were on the plan's own day. Without "
        "it, the province if you may see its figures, else your own unit."
    ),
    example="842",
)
_AS_OF: Final = Parameter(
    description="Civil date at whose end the figures were known; today when left out.", example="2025-03-05"
)

PLAN_OPERATIONS: Final[Mapping[str, Operation]] = {
    "list_plans": Operation(
        tag="plans",
        summary="Plans",
        answers=page_of(
            shapes_plans.PlanList,
            "All of them, by key.",
            {"get_plan": Link(to="get_plan", values={"plan": "$response.body#/items/0/key"})},
        ),
    ),
    "get_plan": Operation(
        tag="plans",
        summary="Read a plan",
        description="Its calendar, targets, reports owed and tasks; every day is the last one that is in time.",
        answers={
            200: Answer(
                description="The plan.",
                shapes=(shapes_plans.Plan,),
                links={"read_targets": Link(to="read_targets", values={"plan": "$response.body#/key"})},
            )
        },
    ),
    "open_plan": Operation(
        tag="plans",
        summary="Open a plan for a year",
        description=(
            "Opens the tasks, reports owed and processes that the plan asks for in the year and that are not there, "
            "and amends those that the plan asks for otherwise since it was applied last. What is no longer in the "
            "plan is told and left as it is; what somebody amended by hand stays. Sent again, it opens nothing twice, "
            "also after a crash. At most 1,000 cases are listed. For whoever may open such cases in the whole province."
        ),
        body=PlanOpeningBody,
        headers=("Idempotency-Key",),
        answers={
            200: Answer(
                description="What was done, or would be for a dry run.",
                shapes=(shapes_openings.PlanOpening,),
                sometimes=("Idempotency-Replayed",),
                links={"list_obligations": Link(to="list_obligations", values=_PLAN)},
            )
        },
        problems=(403,),
    ),
    "list_obligations": Operation(
        tag="plans",
        summary="Reports that a plan has owed",
        description="Those that the key may see, newest first. All filters given must hold.",
        answers=page_of(
            shapes.CaseList,
            "A page of reports owed.",
            {
                "get_case": Link(to="get_case", values={"case_id": "$response.body#/items/0/id"}),
                "read_report": Link(
                    to="read_report",
                    values={
                        "plan": "$request.path.plan",
                        "obligation": "$response.body#/items/0/data/obligation",
                        "agency": "$response.body#/items/0/data/agency",
                        "unit": "$response.body#/items/0/unit",
                        "due": "$response.body#/items/0/data/deadline",
                    },
                ),
            },
        ),
        parameters={
            "state": Parameter(description="Name of a state of a report owed.", example="due"),
            "year": Parameter(description="Of the deadline.", example=2025),
        },
    ),
    "read_targets": Operation(
        tag="plans",
        summary="How far targets are reached",
        description=(
            "As it was known at the end of the day asked about, so that the answer for a past day is the one of that "
            "day. A target whose day is past is read on its day. A figure of which a part is missing is null, and "
            "`unknown` says what is missing; it is never 0. Units are those of the plan's own day. Only for units that "
            "you may see."
        ),
        answers={
            200: Answer(
                description="All targets.",
                shapes=(shapes_plans.TargetList,),
                links={
                    "read_behind": Link(
                        to="read_behind",
                        values={**_PLAN, "target": "$response.body#/items/0/key"},
                    )
                },
            )
        },
        parameters={"unit": _UNIT, "as_of": _AS_OF},
    ),
    "read_behind": Operation(
        tag="plans",
        summary="What stands behind a figure",
        description=(
            "The cases, what happened to them, the entered figures or the units that the figure of a target counts, "
            "newest first, units by code. Cases that you may not see are left out."
        ),
        answers=page_of(shapes_plans.BehindList, "A page of it."),
        parameters={
            "unit": _UNIT,
            "as_of": _AS_OF,
            "part": Parameter(description="`of`: the figure itself; `base`: what it is a share of or has grown from."),
        },
    ),
}
