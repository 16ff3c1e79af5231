"""What each operation promises beyond its signature: one declaration per operation, by its id.

The handlers do what stands here; tests hold the two together. How it becomes a document is `api.openapi`'s affair.
"""

from collections.abc import Mapping
from typing import Final

from api import shapes, shapes_deadlines, shapes_notices, shapes_reference, shapes_tables, shapes_webhooks
from api.bodies import (
    BulkBody,
    CountBody,
    FireBody,
    OpenBody,
    ReplayBody,
    SecretBody,
    SubscriptionBody,
    SubscriptionChangeBody,
)
from api.contract_plans import PLAN_OPERATIONS
from api.contract_reports import REPORT_OPERATIONS
from api.contract_terms import UUID, Parameter
from api.promises import TEXT, Answer, Link, Operation, page_of

TAGS: Final[Mapping[str, str]] = {
    "cases": "Opening cases, finding them, and firing their triggers.",
    "history": "What happened, and what was refused.",
    "subscriptions": "Webhooks: events sent to you as they happen.",
    "definitions": "The workflows that cases run on.",
    "units": "Administrative units and their figures.",
    "plans": "Plans of provinces, and how far their targets are reached.",
    "access": "Whom the key stands for.",
    "service": "The service itself.",
}


_ORDER: Final = (
    "Checks come in this order: key (401), content type, size and JSON (415, 413, 400, 422), whether you may see the "
    "case (404), whether the Idempotency-Key was answered before (a replay), the version in `If-Match` (428, 412), "
    "then the decision (200, 403, 409, 422)."
)


def _of_case(pointer: str) -> Mapping[str, Link]:
    case = {"case_id": f"$response.body#{pointer}"}
    return {
        "get_case": Link(to="get_case", values=case),
        "list_offers": Link(to="list_offers", values=case),
        "list_case_events": Link(to="list_case_events", values=case),
    }


_FIRE_NEXT: Final = Link(
    to="fire", values={"case_id": "$response.body#/case/id", "header.If-Match": "$response.header.ETag"}
)
_FIRE_THIS: Final = Link(
    to="fire", values={"case_id": "$response.body#/id", "header.If-Match": "$response.header.ETag"}
)

_THIS: Final = {"subscription_id": "$response.body#/id"}
_SUBSCRIPTION: Final = {
    name: Link(to=name, values=_THIS)
    for name in ("get_subscription", "list_deliveries", "change_subscription", "delete_subscription")
}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "open_case": Operation(
        tag="cases",
        summary="Open a case",
        description=(
            "Runs on the version of the workflow that is in force on the civil date of opening. What `data` takes is "
            "`open.input_schema` of the workflow. Every value is checked strictly; all mistakes are told at once. With "
            "`dry_run` nothing is written and the answer is 200."
        ),
        body=OpenBody,
        answers={
            201: Answer(
                description="Opened; the case stands at version 1.",
                shapes=(shapes.Done,),
                headers=("Location", "ETag"),
                sometimes=("Idempotency-Replayed",),
                links={**_of_case("/case/id"), "fire": _FIRE_NEXT},
            ),
            200: Answer(description="A dry run: what would come of it.", shapes=(shapes.Preview,)),
        },
        problems=(403, 404, 409),
        headers=("Idempotency-Key",),
    ),
    "list_cases": Operation(
        tag="cases",
        summary="Find cases",
        description="Those that the key may see, newest first. All filters given must hold.",
        answers=page_of(shapes.CaseList, "A page of cases.", _of_case("/items/0/id")),
        parameters={"parent": Parameter(description="Id of the case that they were opened under.", schema=UUID)},
    ),
    "get_case": Operation(
        tag="cases",
        summary="Read a case",
        answers={
            200: Answer(
                description="The case as it stands.",
                shapes=(shapes.Case,),
                links={**_of_case("/id"), "fire": _FIRE_THIS},
            )
        },
    ),
    "get_deadline": Operation(
        tag="cases",
        summary="Why a case has its deadline",
        description=(
            "Where the count begins, how many days are counted, which are not and why, by which calendar, and on "
            "which basis. A case without a deadline says so."
        ),
        answers={
            200: Answer(
                description="The deadline, as the calendar has it now.",
                shapes=(shapes_deadlines.CaseDeadline,),
                links={"get_case": Link(to="get_case", values={"case_id": "$request.path.case_id"})},
            )
        },
    ),
    "list_offers": Operation(
        tag="cases",
        summary="What can be done with a case",
        description=(
            "Every trigger with what stands against it now. `pending` lists what can be judged only once the input is "
            "given. `input_schema` describes the input as JSON Schema."
        ),
        answers=page_of(
            shapes.OfferList,
            "Every trigger.",
            {"get_case": Link(to="get_case", values={"case_id": "$request.path.case_id"})},
        ),
    ),
    "fire": Operation(
        tag="cases",
        summary="Fire a trigger",
        description=(
            f"Decides and writes in one transaction, effects on other cases included. {_ORDER} To be safe against lost "
            "answers, send an Idempotency-Key and repeat the same request until it is answered with anything but 5xx "
            "or 429. With `dry_run` nothing is written; without `input` it tells what is pending."
        ),
        body=FireBody,
        answers={
            200: Answer(
                description="Fired; or what would come of it, for a dry run.",
                shapes=(shapes.Done, shapes.Preview),
                sometimes=("ETag", "Idempotency-Replayed"),
                links=_of_case("/case/id"),
            )
        },
        problems=(403, 409, 412, 428),
        headers=("If-Match", "Idempotency-Key"),
    ),
    "fire_many": Operation(
        tag="cases",
        summary="Fire many triggers",
        description=(
            "At most 1,000. Each for itself, in their order, or with `atomic` all or none. The answer is 200 whatever "
            "came of the items: each has the `status` and body that it would have had alone. With an Idempotency-Key "
            "the answer to each item is kept, so that the same request sent again after a crash carries out what is "
            "missing and nothing else."
        ),
        body=BulkBody,
        answers={
            200: Answer(
                description="One answer per item.", shapes=(shapes.BulkAnswer,), sometimes=("Idempotency-Replayed",)
            )
        },
        headers=("Idempotency-Key",),
    ),
    "list_case_events": Operation(
        tag="history",
        summary="History of a case",
        description="Newest first; refused attempts, too, when asked for.",
        answers=page_of(shapes.EntryList, "A page of entries."),
    ),
    "list_events": Operation(
        tag="history",
        summary="History across cases",
        description=(
            "Of all cases that the key may see, newest first; for reading. Between two pages nothing is shown twice, "
            "but what happens meanwhile is not shown: to follow what happens, use the feed."
        ),
        answers=page_of(shapes.EntryList, "A page of entries.", _of_case("/items/0/case")),
    ),
    "list_notices": Operation(
        tag="history",
        summary="Deadlines that have passed",
        description=(
            "What was done about each, as its workflow says: who is told, or which trigger was fired; each once. "
            "Newest first. Subscriptions are told of it under the trigger `deadline_passed`."
        ),
        answers=page_of(shapes_notices.NoticeList, "A page of notices.", _of_case("/items/0/case")),
        parameters={"case": Parameter(description="Id of the case.", schema=UUID)},
    ),
    "read_feed": Operation(
        tag="history",
        summary="Follow what happens",
        description=(
            "Every accepted event of the cases that the key may see, oldest first, each at a position that never "
            "changes and without gaps for what comes late: keep `next`, and ask again with `after={next}` - at once "
            "while `more` is true, else after a while."
        ),
        answers={
            200: Answer(
                description="Events after the position.",
                shapes=(shapes.FeedPage,),
                links={"read_feed": Link(to="read_feed", values={"after": "$response.body#/next"})},
            )
        },
        parameters={"limit": Parameter(description="The most events of one answer.")},
    ),
    "create_subscription": Operation(
        tag="subscriptions",
        summary="Subscribe a URL to events",
        description=(
            "Every accepted event that the key may see and the filters let through is sent there as a CloudEvent, "
            "signed as Standard Webhooks has it; of one case in order, of different cases in any. An event may come "
            "twice, with the same `webhook-id`. For role `administrator`, and for role `system` with scope "
            "`subscriptions.manage`."
        ),
        body=SubscriptionBody,
        answers={
            201: Answer(
                description="Subscribed. The secret is shown this once.",
                shapes=(shapes_webhooks.NewSubscription,),
                headers=("Location",),
                links=_SUBSCRIPTION,
            )
        },
        problems=(403,),
    ),
    "list_subscriptions": Operation(
        tag="subscriptions",
        summary="Find subscriptions",
        description="Those that the key manages, newest first.",
        answers=page_of(shapes_webhooks.SubscriptionList, "A page of subscriptions."),
        problems=(403,),
    ),
    "get_subscription": Operation(
        tag="subscriptions",
        summary="Read a subscription",
        answers={
            200: Answer(description="Without its secret.", shapes=(shapes_webhooks.Subscription,), links=_SUBSCRIPTION)
        },
        problems=(403,),
    ),
    "change_subscription": Operation(
        tag="subscriptions",
        summary="Change, pause or resume a subscription",
        description="What is left out stays as it is.",
        body=SubscriptionChangeBody,
        answers={200: Answer(description="As it is now.", shapes=(shapes_webhooks.Subscription,))},
        problems=(403,),
    ),
    "delete_subscription": Operation(
        tag="subscriptions",
        summary="End a subscription",
        description="What waits for it is dropped.",
        answers={204: Answer(description="Ended.", media_type=None)},
        problems=(403,),
    ),
    "rotate_secret": Operation(
        tag="subscriptions",
        summary="Make a new secret",
        description="The old one goes on signing beside it, so that the receiver can change over without a gap.",
        body=SecretBody,
        answers={200: Answer(description="The secret is shown this once.", shapes=(shapes_webhooks.NewSubscription,))},
        problems=(403,),
    ),
    "list_deliveries": Operation(
        tag="subscriptions",
        summary="What is not delivered",
        description="What waits and what was given up, newest first.",
        answers=page_of(shapes_webhooks.DeliveryList, "A page of deliveries."),
        problems=(403,),
        parameters={"state": Parameter(description="`dead`: given up after many attempts.")},
    ),
    "replay_deliveries": Operation(
        tag="subscriptions",
        summary="Deliver again",
        body=ReplayBody,
        answers={202: Answer(description="Put in line again.", shapes=(shapes_webhooks.Replay,))},
        problems=(403,),
    ),
    "list_workflows": Operation(
        tag="definitions",
        summary="Workflows in force",
        answers=page_of(
            shapes_reference.WorkflowList,
            "The version of each that is in force on the date.",
            {"get_workflow": Link(to="get_workflow", values={"key": "$response.body#/items/0/key"})},
        ),
    ),
    "get_workflow": Operation(
        tag="definitions",
        summary="One version of a workflow",
        description="The one named, else the one in force on the date, else the newest.",
        answers={
            200: Answer(
                description="States, transitions, fields and what they ask for.", shapes=(shapes_reference.Workflow,)
            )
        },
    ),
    "get_diagram": Operation(
        tag="definitions",
        summary="Diagram of a workflow",
        answers={200: Answer(description="Text of a Mermaid state diagram.", media_type=TEXT)},
    ),
    "list_tables": Operation(
        tag="definitions",
        summary="Decision tables in force",
        answers=page_of(
            shapes_tables.TableList,
            "The version of each that is in force on the date.",
            {"get_table": Link(to="get_table", values={"table": "$response.body#/items/0/key"})},
        ),
    ),
    "get_table": Operation(
        tag="definitions",
        summary="One version of a decision table",
        description="The one named, else the one in force on the date, else the newest.",
        answers={200: Answer(description="Inputs, criteria and classes.", shapes=(shapes_tables.Table,))},
        parameters={"version": Parameter(description="Of the table; by default the one in force.")},
    ),
    "get_me": Operation(
        tag="access",
        summary="Whom the key stands for",
        answers={200: Answer(description="Person, role and unit.", shapes=(shapes_reference.Me,))},
    ),
    "list_units": Operation(
        tag="units",
        summary="Find units",
        description="Those in force on the date, by code.",
        answers=page_of(
            shapes_reference.UnitList,
            "A page of units.",
            {
                "get_unit": Link(to="get_unit", values={"code": "$response.body#/items/0/code"}),
                "list_facts": Link(to="list_facts", values={"code": "$response.body#/items/0/code"}),
            },
        ),
    ),
    "get_unit": Operation(
        tag="units",
        summary="Read a unit",
        description=(
            "What the code meant on the date: a code may have meant different units at different times. Without a date "
            "the unit of today, or the last one of a code that has ended, whose `successors` took it over."
        ),
        answers={200: Answer(description="The unit in that period.", shapes=(shapes_reference.Unit,))},
    ),
    "list_facts": Operation(
        tag="units",
        summary="Figures of a unit",
        description=(
            "Every figure as it was known for the date; null where it is not known. Of a unit that others were merged "
            "into: its own once there is one, until then the sum of theirs. Only within your unit."
        ),
        answers=page_of(shapes_reference.FactList, "Every figure."),
    ),
    "classify_unit": Operation(
        tag="units",
        summary="Class of a unit",
        description=(
            "By a decision table, as known at the end of the day: figures and events that were recorded later do not "
            "count. A missing figure leaves the class undetermined only where it could change it, and is then named. "
            "Without `table`, by the only one there is for units of that level. Only within your unit."
        ),
        answers={
            200: Answer(
                description="The class, each criterion with its figures, and what stands beside it.",
                shapes=(shapes_tables.Classification,),
                links={"list_facts": Link(to="list_facts", values={"code": "$response.body#/unit"})},
            )
        },
        parameters={"as_of": Parameter(description="Civil date of classification; today when left out, never later.")},
    ),
    **PLAN_OPERATIONS,
    **REPORT_OPERATIONS,
    "enter_count": Operation(
        tag="units",
        summary="Enter a figure",
        description="Figures are never changed: a correction is another entry for the date; the newest counts.",
        body=CountBody,
        headers=("Idempotency-Key",),
        answers={
            201: Answer(
                description="Entered.",
                shapes=(shapes_reference.Count,),
                sometimes=("Idempotency-Replayed",),
                links={"list_facts": Link(to="list_facts", values={"code": "$response.body#/unit"})},
            )
        },
        problems=(403,),
    ),
    "get_openapi": Operation(
        tag="service",
        summary="This document",
        answers={200: Answer(description="OpenAPI 3.1.")},
        public=True,
    ),
    "healthz": Operation(
        tag="service",
        summary="Whether the process answers",
        answers={200: Answer(description="It does.", shapes=(shapes_reference.Health,))},
        public=True,
    ),
    "metrics": Operation(
        tag="service",
        summary="Figures for Prometheus",
        description="For role `administrator`, and for role `system` with scope `metrics.read`.",
        answers={200: Answer(description="All figures of all processes of this server.", media_type=TEXT)},
        problems=(403,),
    ),
    "readyz": Operation(
        tag="service",
        summary="Whether requests should be sent here",
        answers={
            200: Answer(description="Every check is passed.", shapes=(shapes_reference.Readiness,)),
            503: Answer(
                description="Not now: leave it alone until it is ready again.", shapes=(shapes_reference.Readiness,)
            ),
        },
        public=True,
    ),
}
