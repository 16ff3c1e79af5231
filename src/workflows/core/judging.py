"""Requirements judged with three values, and the blockers that explain what does not hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from workflows.core.bindings import Bindings
from workflows.core.canonical import Json
from workflows.core.case import Blocker, Data, Pending
from workflows.core.counting import Truth, at_least
from workflows.core.definition import Rule, SheetRules
from workflows.core.documents import Share, Words
from workflows.core.guards import Failed, Unknown, Value
from workflows.core.wording import guard_failed, missing

Figures: TypeAlias = dict[str, Json]


@dataclass(slots=True, kw_only=True)
class Judgement:
    """What requirements came to."""

    blockers: list[Blocker] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    sheets: dict[str, Json] = field(default_factory=dict)
    """By sheet: the figures of every condition, for the record."""


class _RuleError(Exception):
    def __init__(self, rule: Rule, message: str) -> None:
        self.rule = rule
        self.message = message
        super().__init__(message)


def judge(rules: Iterable[Rule | SheetRules], bindings: Bindings, judgement: Judgement) -> None:
    """Add what every requirement comes to; without input, those that depend on it become pending."""
    for rule in rules:
        if isinstance(rule, SheetRules):
            _judge_sheet(rule, bindings, judgement)
        elif bindings.given is None and awaits_input(rule.reads):
            judgement.pending.append(Pending(code=rule.code, message=rule.message))
        else:
            judgement.blockers += _blockers(rule, bindings)


def awaits_input(names: Iterable[str]) -> bool:
    """Whether what reads these variables can only be judged with the input."""
    return any(name.startswith("input.") for name in names)


def _blockers(rule: Rule, bindings: Bindings) -> list[Blocker]:
    try:
        truth = _truth(rule, bindings, _no_attestation)
    except _RuleError as failure:
        return [guard_error(needed(failure.rule), failure.rule.message, failure.message)]
    if truth is True:
        return []
    if isinstance(truth, Unknown):
        return [unknown(truth.names, bindings)]
    # Refusals are kept for good, and free text must be able to go.
    found = {name: shown(bindings.get(name)) for name in sorted(rule.reads) if not bindings.is_free_text(name)}
    return [Blocker(code=rule.code, message=rule.message, found=found, needed=needed(rule))]


def needed(rule: Rule) -> Json:
    """What the rule asks for, as data."""
    if rule.guard:
        return rule.guard.text
    if rule.share:
        return f"facts.{rule.share.of} / facts.{rule.share.over} >= {rule.share.at_least}"
    if rule.attested:
        return "attested"
    return {"at_least": rule.at_least, "of": [needed(part) for part in rule.parts]}


def shown(value: Value | None) -> Json:
    """A value as JSON: dates as ISO text, unknown as null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return list(value) if isinstance(value, tuple) else value.isoformat()


Attestation: TypeAlias = Callable[[Rule], Truth]


def _no_attestation(rule: Rule) -> Truth:
    return Unknown(frozenset({rule.code}))


def _truth(rule: Rule, bindings: Bindings, attested: Attestation) -> Truth:
    if rule.guard:
        outcome = rule.guard.evaluate(bindings)
        if isinstance(outcome, Failed):
            raise _RuleError(rule, outcome.message)
        return outcome if isinstance(outcome, Unknown) else bool(outcome)
    if rule.share:
        return _share(rule.share, bindings)
    if rule.attested:
        return attested(rule)
    return at_least(rule.at_least, [_truth(part, bindings, attested) for part in rule.parts])


def _share(share: Share, bindings: Bindings) -> Truth:
    names = (f"facts.{share.of}", f"facts.{share.over}")
    unknown = frozenset(name for name in names if bindings.get(name) is None)
    if unknown:
        return Unknown(unknown)
    numerator, denominator = (int(cast("int", bindings.get(name))) for name in names)
    over, under = (int(part) for part in share.at_least.split("/"))
    return numerator * under >= over * denominator


def _judge_sheet(sheet: SheetRules, bindings: Bindings, judgement: Judgement) -> None:
    open_ended = bindings.given is None and bindings.asks_attestation(sheet.key)

    def recorded(rule: Rule) -> Truth:
        finding = bindings.attestation(sheet.key, rule.code)
        return bool(finding["met"]) if finding else _no_attestation(rule)

    def attested(rule: Rule) -> Truth:
        return True if open_ended else recorded(rule)

    try:
        truths = [_truth(rule, bindings, attested) for rule in sheet.criteria]
    except _RuleError as failure:
        judgement.blockers.append(guard_error(needed(failure.rule), failure.rule.message, failure.message))
        return
    judgement.sheets[sheet.key] = {
        leaf.code: _figures(sheet.key, leaf, bindings, recorded)
        for rule in sheet.criteria
        for leaf in rule.walk()
        if not leaf.parts
    }
    if open_ended:
        judgement.pending.append(Pending(code=sheet.key, message=sheet.title))
    if at_least(sheet.at_least, truths) is not True:
        judgement.blockers += _unmet(sheet, truths, bindings, judgement.sheets[sheet.key])


def _unmet(sheet: SheetRules, truths: list[Truth], bindings: Bindings, figures: Json) -> list[Blocker]:
    blockers: list[Blocker] = []
    names: frozenset[str] = frozenset()
    for rule, truth in zip(sheet.criteria, truths, strict=True):
        if isinstance(truth, Unknown):
            names |= truth.names
        elif truth is False:
            found = {leaf.code: cast("Data", figures)[leaf.code] for leaf in rule.walk() if not leaf.parts}
            blockers.append(Blocker(code=rule.code, message=rule.message, found=found, needed=needed(rule)))
    return [*blockers, unknown(names, bindings, sheet)] if names else blockers


def _figures(sheet: str, leaf: Rule, bindings: Bindings, attested: Attestation) -> Json:
    figures: Figures = {"met": _shown_truth(_truth(leaf, bindings, attested))}
    if leaf.share:
        figures["numerator"] = shown(bindings.get(f"facts.{leaf.share.of}"))
        figures["denominator"] = shown(bindings.get(f"facts.{leaf.share.over}"))
    finding = bindings.attestation(sheet, leaf.code) if leaf.attested else None
    if finding:
        figures |= {name: finding[name] for name in ("person", "trigger", "seq") if name in finding}
    return figures


def _shown_truth(truth: Truth) -> bool | None:
    return None if isinstance(truth, Unknown) else truth


def unknown(names: Iterable[str], bindings: Bindings, sheet: SheetRules | None = None) -> Blocker:
    """Values that nobody has given, and that decide."""
    ordered = sorted(names)
    labels = [_label(name, bindings, sheet) for name in ordered]
    return Blocker(code="unknown", message=missing(labels), found=None, needed=list(ordered))


def _label(name: str, bindings: Bindings, sheet: SheetRules | None) -> Words:
    prefix, _, rest = name.partition(".")
    document = bindings.definition.document
    titles = {
        "facts": lambda: document.facts[rest].title,
        "case": lambda: document.fields[rest].title,
        "input": lambda: bindings.fields[rest].title,
        "entered": lambda: document.states[rest].title,
    }
    if sheet is not None:
        leaf = next((leaf for rule in sheet.criteria for leaf in rule.walk() if leaf.code == name), None)
        if leaf:
            return leaf.title
    return titles[prefix]() if prefix in titles else Words(vi=name, en=name)


def guard_error(rule: Json, title: Words, message: str) -> Blocker:
    """A condition that could not be evaluated: a defect of the document, never a yes."""
    return Blocker(code="guard_error", message=guard_failed(title), found=message, needed=rule)
