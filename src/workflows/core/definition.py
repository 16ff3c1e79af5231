"""A compiled definition: its machine, its guards, and what must be loaded before a decision can be made.

Compiling takes documents that `proofs` has accepted; it does not check them again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from workflows.core.calendars import Calendar
from workflows.core.case import Kind
from workflows.core.document_bytes import definition_hash
from workflows.core.documents import (
    AMEND,
    ANNUL,
    ANNULLED,
    OPEN,
    CasesFact,
    Catalogue,
    Condition,
    CountFact,
    Effect,
    FieldSpec,
    Opening,
    Requirement,
    Role,
    Share,
    Sheet,
    SheetRequirement,
    Source,
    State,
    TextField,
    Transition,
    Words,
    WorkflowDocument,
)
from workflows.core.fields import TITLE_LIMIT, Context
from workflows.core.guards import Guard, Language, ValueType
from workflows.core.machine import Edge, Machine
from workflows.core.vocabulary import case_variables, input_variables

_CORRECTION = Words(vi="Sửa thông tin", en="Amend")
_ANNULMENT = Words(vi="Hủy do mở nhầm", en="Annul: opened in error")
_OPENING = Words(vi="Mở hồ sơ", en="Open")
_TITLE = TextField(type="text", title=Words(vi="Tiêu đề", en="Title"), max_length=TITLE_LIMIT, basis="design")
ANNULLED_STATE = State(title=Words(vi="Đã hủy (mở nhầm)", en="Annulled (opened in error)"), final=True, basis="design")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A compiled condition."""

    code: str
    title: Words
    message: Words
    """What is said when it does not hold."""
    guard: Guard | None = None
    share: Share | None = None
    attested: bool = False
    parts: tuple["Rule", ...] = ()
    at_least: int = 0
    """How many of the parts must hold."""
    reads: frozenset[str] = frozenset()
    """Variables that the rule and its parts read, or ask about with `known`."""

    def walk(self) -> Iterator["Rule"]:
        """This rule and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRules:
    """A compiled criteria sheet."""

    key: str
    title: Words
    at_least: int
    criteria: tuple[Rule, ...]
    reads: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A compiled effect."""

    spec: Effect
    when: Guard | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A compiled opening of children."""

    spec: Opening
    when: Guard | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """A trigger that another person must have fired."""

    workflow: str | None
    """None: of the case itself."""
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A compiled transition; opening, amending and annulling are steps too."""

    trigger: str
    kind: Kind
    title: Words
    targets: Mapping[str, str]
    """By source state."""
    roles: frozenset[Role]
    fields: Mapping[str, FieldSpec]
    reason_required: bool = False
    sets: Mapping[str, Source]
    not_before: Guard | None = None
    separate: tuple[Separation, ...] = ()
    over_case: bool = False
    rules: tuple[Rule | SheetRules, ...] = ()
    opens: tuple[Birth, ...] = ()
    effects: tuple[Firing, ...] = ()

    @property
    def needs_input(self) -> bool:
        """Whether it cannot be fired without input or a reason."""
        return self.reason_required or any(spec.required for spec in self.fields.values())

    def guards(self) -> Iterator[Guard]:
        """Every guard that deciding the step may evaluate."""
        for rule in self.rules:
            roots = rule.criteria if isinstance(rule, SheetRules) else (rule,)
            yield from (leaf.guard for root in roots for leaf in root.walk() if leaf.guard)
        yield from self.wishes()
        if self.not_before:
            yield self.not_before

    def wishes(self) -> Iterator[Guard]:
        """Every guard that says whether an effect is taken, or children are opened."""
        yield from (firing.when for firing in self.effects if firing.when)
        yield from (birth.when for birth in self.opens if birth.when)

    def reads(self) -> frozenset[str]:
        """Every variable that deciding the step may read."""
        names = {name for guard in self.guards() for name in guard.variables | guard.known}
        return frozenset(names).union(*(rule.reads for rule in self.rules))


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a decision may read or change besides the case itself, its effects included."""

    same_unit: frozenset[tuple[str, str]] = frozenset()
    """Workflow and state of cases of the same unit."""
    counts: frozenset[str] = frozenset()
    parent: bool = False
    children: bool = False
    lists: bool = False
    links: bool = False
    """The cases that the commanded case links."""
    members: bool = False
    """The cases that any case links."""

    def __or__(self, other: "Footprint") -> "Footprint":
        return Footprint(
            same_unit=self.same_unit | other.same_unit,
            counts=self.counts | other.counts,
            parent=self.parent or other.parent,
            children=self.children or other.children,
            lists=self.lists or other.lists,
            links=self.links or other.links,
            members=self.members or other.members,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One version of one workflow, ready to decide with."""

    document: WorkflowDocument
    hash: str
    machine: Machine
    steps: Mapping[str, Step]
    """By trigger, in the order of the document, `amend` and `annul` last; without `open`."""
    opening: Step
    sheets: Mapping[str, SheetRules]
    context: Context
    """What values of its fields are checked against."""
    calendar: Calendar | None = None
    """By which its deadlines are reckoned; the hash of the definition does not cover it."""

    @property
    def key(self) -> str:
        return self.document.workflow

    @property
    def version(self) -> int:
        return self.document.version

    def state(self, name: str) -> State:
        """A state of the document, or the built-in `annulled`."""
        return ANNULLED_STATE if name == ANNULLED else self.document.states[name]

    def in_force(self, day: date) -> bool:
        """Whether a case opened on this civil date runs on this version."""
        return self.document.valid.covers(day)

    def step(self, trigger: str) -> Step:
        """The step of a trigger, `open` included."""
        return self.opening if trigger == OPEN else self.steps[trigger]


def compile_definition(document: WorkflowDocument, catalogue: Catalogue) -> Definition:
    """The definition of a proven document."""
    compiler = _Compiler(document, catalogue)
    steps = {trigger: compiler.transition(trigger, spec) for trigger, spec in document.transitions.items()}
    steps |= {AMEND: compiler.amendment(), ANNUL: compiler.annulment()}
    return Definition(
        document=document,
        hash=definition_hash(document),
        machine=Machine([*document.states, ANNULLED], _edges(steps.values())),
        steps=steps,
        opening=compiler.opening(),
        sheets=compiler.sheets,
        context=Context(
            agencies={key: agency.valid for key, agency in catalogue.agencies.items()}, sheets=document.sheets
        ),
        calendar=catalogue.calendar,
    )


def _edges(steps: Iterable[Step]) -> Iterator[Edge]:
    """A step that leads to its own source keeps the state: nothing is entered, no deadline begins anew."""
    for step in steps:
        for source, target in step.targets.items():
            yield Edge(trigger=step.trigger, source=source, target=None if target == source else target)


class _Compiler:
    def __init__(self, document: WorkflowDocument, catalogue: Catalogue) -> None:
        self._document = document
        self._variables = case_variables(document, catalogue)
        self._language = Language.of(self._variables)
        self.sheets = {key: self._sheet(key, sheet) for key, sheet in document.sheets.items()}

    def transition(self, trigger: str, spec: Transition) -> Step:
        language = self._with_input(spec.input)
        return Step(
            trigger=trigger,
            kind=Kind.TRANSITIONED,
            title=spec.title,
            targets={source: spec.target(source) for source in spec.sources},
            roles=frozenset(spec.roles),
            fields=spec.input,
            reason_required=spec.reason == "required",
            sets=spec.set,
            not_before=language.compile(spec.not_before, result=ValueType.DATE) if spec.not_before else None,
            separate=tuple(_separation(name) for name in spec.separate_from),
            over_case=spec.separate_over == "case",
            rules=tuple(self._requirement(rule, language) for rule in spec.requires),
            opens=tuple(Birth(spec=each, when=_when(each.when, language)) for each in spec.opens),
            effects=tuple(_firing(effect, language) for effect in spec.effects),
        )

    def opening(self) -> Step:
        spec = self._document.open
        return Step(
            trigger=OPEN,
            kind=Kind.OPENED,
            title=_OPENING,
            targets={},
            roles=frozenset(spec.roles),
            fields={name: self._document.fields[name] for name in spec.asks},
            sets={},
            rules=tuple(self._requirement(rule, self._language) for rule in spec.requires),
            effects=tuple(_firing(effect, self._language) for effect in spec.effects),
        )

    def amendment(self) -> Step:
        spec = self._document.amend
        fields = {name: self._document.fields[name].model_copy(update={"required": False}) for name in spec.fields}
        return Step(
            trigger=AMEND,
            kind=Kind.AMENDED,
            title=_CORRECTION,
            targets={state: state for state in spec.from_ or self._document.states},
            roles=frozenset(spec.roles),
            fields={"title": _TITLE, **fields},
            reason_required=True,
            sets={},
        )

    def annulment(self) -> Step:
        spec = self._document.annul
        return Step(
            trigger=ANNUL,
            kind=Kind.ANNULLED,
            title=_ANNULMENT,
            targets=dict.fromkeys(spec.from_, ANNULLED),
            roles=frozenset(spec.roles),
            fields={},
            reason_required=True,
            sets={},
        )

    def _with_input(self, fields: Mapping[str, FieldSpec]) -> Language:
        return Language.of(self._variables | input_variables(fields))

    def _requirement(self, requirement: Requirement, language: Language) -> Rule | SheetRules:
        if isinstance(requirement, SheetRequirement):
            return self.sheets[requirement.sheet]
        return _rule(requirement, language)

    def _sheet(self, key: str, sheet: Sheet) -> SheetRules:
        criteria = tuple(_rule(condition, self._language) for condition in sheet.criteria)
        return SheetRules(
            key=key,
            title=sheet.title,
            at_least=sheet.at_least or len(criteria),
            criteria=criteria,
            reads=frozenset[str]().union(*(rule.reads for rule in criteria)),
        )


def _rule(condition: Condition, language: Language) -> Rule:
    guard = language.compile(condition.that) if condition.that else None
    parts = tuple(_rule(part, language) for part in condition.parts)
    reads = frozenset[str]().union(*(part.reads for part in parts))
    if guard:
        reads |= guard.variables | guard.known
    if condition.share:
        reads |= {f"facts.{condition.share.of}", f"facts.{condition.share.over}"}
    return Rule(
        code=condition.code,
        title=condition.title or condition.message or Words(vi=condition.code, en=condition.code),
        message=condition.message or condition.title or Words(vi=condition.code, en=condition.code),
        guard=guard,
        share=condition.share,
        attested=bool(condition.attested),
        parts=parts,
        at_least=_needed(condition),
        reads=reads,
    )


def _needed(condition: Condition) -> int:
    if condition.all_of:
        return len(condition.all_of)
    return condition.at_least or 1


def _firing(effect: Effect, language: Language) -> Firing:
    return Firing(spec=effect, when=_when(effect.when, language))


def _when(text: str | None, language: Language) -> Guard | None:
    return language.compile(text) if text else None


def _separation(name: str) -> Separation:
    workflow, _, trigger = name.rpartition(".")
    return Separation(workflow=workflow or None, trigger=trigger)


Node: TypeAlias = tuple[str, str]
"""Workflow key and trigger."""
_NEAR = frozenset({"parent", "children", "same_unit"})


class Definitions:
    """Every compiled definition that a process knows, by hash and by key."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._by_hash = {definition.hash: definition for definition in definitions}
        self._by_key: dict[str, list[Definition]] = {}
        for definition in sorted(self._by_hash.values(), key=lambda each: (each.key, each.version)):
            self._by_key.setdefault(definition.key, []).append(definition)
        self._footprints = {node: self._closure(node) for node in self._nodes()}
        self._whole = {key: self._union(key) for key in self._by_key}

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._by_key)

    def versions(self, key: str) -> tuple[Definition, ...]:
        """All versions, ascending; empty for an unknown key."""
        return tuple(self._by_key.get(key, ()))

    def by_hash(self, digest: str) -> Definition:
        """The definition that a case runs on."""
        return self._by_hash[digest]

    def in_force(self, key: str, day: date) -> Definition | None:
        """The version for a case opened on a civil date: the newest of those valid then.

        An earlier version ends where a later one begins: it may be in use, and so cannot be edited to say so.
        """
        return next((each for each in reversed(self._by_key.get(key, [])) if each.in_force(day)), None)

    def for_opening(self, key: str, day: date) -> Definition:
        """The version that an opening is checked against: the one in force, else the newest, which must be there."""
        return self.in_force(key, day) or self._by_key[key][-1]

    def footprint(self, workflow: str, trigger: str | None) -> Footprint:
        """What deciding a trigger may read or change; with None, what judging every trigger may."""
        if trigger is None:
            return self._whole.get(workflow, Footprint())
        return self._footprints.get((workflow, trigger), Footprint())

    def _nodes(self) -> Iterator[Node]:
        for key, definitions in self._by_key.items():
            for definition in definitions:
                yield from ((key, trigger) for trigger in (OPEN, *definition.steps))

    def _union(self, key: str) -> Footprint:
        whole = Footprint()
        for node, footprint in self._footprints.items():
            if node[0] == key and node[1] != OPEN:
                whole |= footprint
        return whole

    def _closure(self, start: Node) -> Footprint:
        total, seen, waiting = Footprint(), {start}, [start]
        while waiting:
            workflow, trigger = waiting.pop()
            for definition in self._by_key.get(workflow, ()):
                if trigger != OPEN and trigger not in definition.steps:
                    continue
                step = definition.step(trigger)
                total |= _local_footprint(definition.document, step)
                reached = set(_fired(step)) - seen
                seen |= reached
                waiting += reached
        return replace(total, links=_follows_links(self._by_key.get(start[0], ()), start[1]))


def _fired(step: Step) -> Iterator[Node]:
    yield from ((firing.spec.workflow, firing.spec.fire) for firing in step.effects)
    yield from ((birth.spec.workflow, OPEN) for birth in step.opens)


def _follows_links(definitions: Iterable[Definition], trigger: str) -> bool:
    """Whether the linked cases are needed: to act on them, or because the trigger gives links, which are checked.

    Links are followed from the commanded case only; `proofs` refuses effects that would follow them further.
    """
    steps = [each.step(trigger) for each in definitions if trigger == OPEN or trigger in each.steps]
    acts = any(firing.spec.on not in _NEAR for step in steps for firing in step.effects)
    acts = acts or any(separation.workflow for step in steps for separation in step.separate)
    return acts or any(spec.type == "cases" for step in steps for spec in step.fields.values())


def _local_footprint(document: WorkflowDocument, step: Step) -> Footprint:
    reads = step.reads()
    facts = [document.facts[name.removeprefix("facts.")] for name in reads if name.startswith("facts.")]
    qualified = any(separation.workflow for separation in step.separate)
    relations = {firing.spec.on for firing in step.effects}
    return Footprint(
        same_unit=frozenset(_counted(facts)) | frozenset(_addressed(step)),
        counts=frozenset(fact.count for fact in facts if isinstance(fact, CountFact)),
        parent=qualified or "parent" in relations,
        children=qualified or "children" in relations or any(name.startswith("children.") for name in reads),
        lists=qualified,
        members=qualified and any(spec.type == "cases" for spec in document.fields.values()),
    )


def _counted(facts: Iterable[CountFact | CasesFact]) -> Iterator[tuple[str, str]]:
    for fact in facts:
        if isinstance(fact, CasesFact):
            yield from ((fact.cases, state) for state in fact.states)


def _addressed(step: Step) -> Iterator[tuple[str, str]]:
    for firing in step.effects:
        if firing.spec.on == "same_unit":
            yield from ((firing.spec.workflow, state) for state in firing.spec.states or ())
