"""Proofs that concern two documents at once, and rules whose permissive side must hold as well.

What one bad document gives is told by the corpus in `tests/definitions/bad`.
"""

from pathlib import Path

import pytest

from workflows.core.documents import Catalogue, WorkflowDocument
from workflows.core.problems import dotted
from workflows.core.proofs import prove
from workflows.core.shape import read_shape
from workflows.loader import load
from workflows.yaml_tree import read_tree

GOOD = Path(__file__).parents[1] / "definitions/good"
LINKS = "  links: {type: cases, workflows: [review], title: {vi: Mới, en: New}, basis: design}\n  size: {type"
WAIT = "  wait: {title: {vi: Chờ, en: Wait}, from: checked, to: drafted, roles: [district_police], basis: design}\n"
TEXT = "title: {vi: Mới, en: New}, basis: design}\n"


def catalogue(*edits: tuple[str, str, str]) -> Catalogue:
    """The good documents with texts replaced: workflow, old, new."""
    texts = {name: (GOOD / f"workflows/{name}.yaml").read_text(encoding="utf-8") for name in ("dossier", "review")}
    for name, old, new in edits:
        assert texts[name].count(old) == 1, old
        texts[name] = texts[name].replace(old, new)
    good = load(GOOD)
    return Catalogue(
        workflows={name: (read(text),) for name, text in texts.items()},
        counts=good.counts,
        agencies=good.agencies,
    )


def read(text: str) -> WorkflowDocument:
    document, findings = read_shape(WorkflowDocument, read_tree(text.encode()).data)
    assert document is not None, findings
    return document


def found(*edits: tuple[str, str, str]) -> list[tuple[str, str]]:
    changed = catalogue(*edits)
    documents = [document for versions in changed.workflows.values() for document in versions]
    return [(dotted(finding.path), finding.message) for document in documents for finding in prove(document, changed)]


def test_cases_of_another_level_are_never_of_the_same_unit() -> None:
    assert found(("review", "subject: commune", "subject: district")) == [
        (
            "facts.asked.cases",
            "review is about another level of units, so that no case of the same unit can count",
        ),
        (
            "transitions.check.opens[0].workflow",
            "review is about units of level district, this workflow of commune",
        ),
    ]


@pytest.mark.parametrize(
    ("field", "source", "reason"),
    [
        ("note: {type: text, max_length: 5, ", "note: {type: text, max_length: 6, ", "it may have 6 characters"),
        ("note: {type: items, max_items: 5, ", "note: {type: items, max_items: 6, ", "it may have 6 items"),
        ("note: {type: integer, minimum: 1, ", "note: {type: integer, ", "it ranges from 0 to 2147483647"),
        (
            "note: {type: cases, workflows: [review], ",
            "note: {type: cases, workflows: [review, dossier], ",
            "it links cases of dossier too",
        ),
        (
            "note: {type: choice, options: {a: {vi: A, en: A}}, ",
            "note: {type: choice, options: {a: {vi: A, en: A}, b: {vi: B, en: B}}, ",
            "it has the options b too",
        ),
    ],
)
def test_a_source_must_fit_the_limits_of_what_it_fills(field: str, source: str, reason: str) -> None:
    def edits(given: str) -> list[tuple[str, str, str]]:
        return [
            ("dossier", "  size: {type", f"  {field}{TEXT}  size: {{type"),
            ("dossier", "      day: {type", f"      {given}{TEXT}      day: {{type"),
            ("dossier", "set: {closed_on: input.day}", "set: {closed_on: input.day, note: input.note}"),
        ]

    assert found(*edits(field)) == []
    assert found(*edits(source)) == [
        ("transitions.close.set.note", f'"input.note" does not fit: {reason}'),
    ]


def test_an_effect_on_links_must_name_a_workflow_that_the_field_links() -> None:
    linked = (
        ("dossier", "  size: {type", LINKS),
        ("dossier", "asks: [kind, size]", "asks: [kind, size, links]"),
        ("dossier", "on: children", "on: links"),
    )
    assert found(*linked) == []
    other = [
        (workflow, old, new.replace("workflows: [review]", "workflows: [dossier]")) for workflow, old, new in linked
    ]
    assert found(*other) == [("transitions.close.effects[0].workflow", '"review" is not a workflow that links links')]


@pytest.mark.parametrize(("on", "bad"), [("links", 1), ("children", 0)])
def test_links_are_not_set_by_the_step_that_acts_on_them(on: str, bad: int) -> None:
    edits = [
        ("dossier", "  size: {type", LINKS),
        ("dossier", "      day: {type", f"      links: {{type: cases, workflows: [review], {TEXT}      day: {{type"),
        ("dossier", "set: {closed_on: input.day}", "set: {closed_on: input.day, links: input.links}"),
        ("dossier", "on: children", f"on: {on}"),
    ]
    assert [path for path, _ in found(*edits)] == ["transitions.close.set.links"] * bad


def test_four_eyes_over_the_whole_case_reaches_earlier_episodes() -> None:
    """Entering `checked` begins an episode: `open` lies in an earlier one."""
    new_episode = ("dossier", "en: Checked},", "en: Checked}, new_episode: true,")
    rule = ("dossier", "separate_from: [check, review.answer]", "separate_from: [open]")
    over_case = (*rule[:2], "separate_from: [open]\n    separate_over: case")
    assert len(found(new_episode, rule)) == 1
    assert found(new_episode, over_case) == []


def test_four_eyes_may_separate_a_trigger_from_itself_where_it_can_be_fired_again() -> None:
    rule = ("dossier", "    separate_from: [open]", "    separate_from: [check]")
    assert found(rule) == []
    once = (
        "dossier",
        "from: checked, to: drafted, roles: [district_police]",
        "from: checked, to: closed, roles: [district_police]",
    )
    assert [path for path, _ in found(rule, once)] == ["transitions.check.separate_from[0]"]


@pytest.mark.parametrize("rule", ["dossier.check", "dossier.open"])
def test_four_eyes_reach_the_parent(rule: str) -> None:
    assert found(("review", "to: answered,", f"to: answered, separate_from: [{rule}],")) == []


def test_a_lasting_state_is_an_end_that_others_reach() -> None:
    stuck = (
        ("dossier", "  checked: {title", f"  stuck: {{{TEXT}  checked: {{title"),
        ("dossier", "  reopen: {title", f"{WAIT.replace('to: drafted', 'to: stuck')}  reopen: {{title"),
    )
    assert [path for path, _ in found(*stuck)] == ["states.stuck"]
    lasting = (("dossier", "  stuck: {title", "  stuck: {lasting: true, title"),)
    assert found(*stuck, *lasting) == []


def test_attestations_are_given_by_a_person_only() -> None:
    seen = "seen: {type: attestations, sheet: own, title: {vi: Xem, en: Seen}, basis: design}"
    sheet = "sheets: {own: {title: {vi: Xem, en: Own}, criteria: [{code: a, attested: true, title: {vi: A, en: A}, "
    edits = (
        ("review", "initial: asked", f"{sheet}basis: design}}], basis: design}}}}\ninitial: asked"),
        ("review", "      since: {type", f"      {seen}\n      since: {{type"),
    )
    assert found(*edits) == []
    given = ("dossier", "with: {since: input.day}", "with: {since: input.day, seen: today}")
    assert found(*edits, given) == [
        (
            "transitions.close.effects[0].with.seen",
            "attestations are given by a person: nothing else can fill them",
        )
    ]


def test_an_item_of_links_fills_links_to_the_same_workflows() -> None:
    child = LINKS.replace("  size: {type", "  topic: {type")
    edits = (
        ("review", "  topic: {type", child),
        ("review", "asks: [body, topic]", "asks: [body, topic, links]"),
        ("dossier", "      seen: {type", f"    {LINKS.partition(chr(10))[0]}\n      seen: {{type"),
        ("dossier", "for_each: input.bodies, with: {body: item", "for_each: input.links, with: {links: item"),
        ("dossier", "topic: {literal: law}}", "topic: {literal: law}, body: {literal: health}}"),
    )
    assert found(*edits) == []
    narrower = ("review", "  topic: {type", child.replace("[review]", "[dossier]"))
    assert [path for path, _ in found(narrower, *edits[1:])] == ["transitions.check.opens[0].with.links"]
