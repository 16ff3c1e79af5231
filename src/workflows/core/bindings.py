"""The values that guards read for one decision, computed only when asked for, and a record of the facts used."""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, cast

from workflows.core.canonical import Json
from workflows.core.case import Actor, Case, CaseId, Data
from workflows.core.definition import Definition
from workflows.core.documents import CasesFact, CountFact, FieldSpec
from workflows.core.fields import FREE_TEXTS
from workflows.core.guards import Value
from workflows.core.vocabulary import field_type
from workflows.core.world import Draft

_MISSING = object()


class Bindings:
    """Values by variable name; None is unknown. Facts that were read are kept in `used`."""

    def __init__(
        self,
        *,
        draft: Draft,
        definition: Definition,
        case: Case,
        actor: Actor,
        today: date,
        fields: Mapping[str, FieldSpec],
        given: Data | None,
    ) -> None:
        self.draft = draft
        self.definition = definition
        self.case = case
        self.actor = actor
        self.today = today
        self.fields = fields
        self.given = given
        """The input; None while only what does not depend on it is judged."""
        self.used: dict[str, Json] = {}
        self._values: dict[str, object] = {}

    def get(self, name: str, /) -> Value | None:
        """The value of a variable; None when it is unknown."""
        value = self._values.get(name, _MISSING)
        if value is _MISSING:
            prefix, _, rest = name.partition(".")
            value = self._values[name] = self._READERS[prefix](self, rest)
        return cast("Value | None", value)

    def attestation(self, sheet: str, code: str) -> Data | None:
        """The finding on an attested condition: of this input where it has one, else the newest recorded."""
        for name, spec in self.fields.items():
            if spec.type == "attestations" and spec.sheet == sheet and self.given is not None:
                finding = cast("Mapping[str, Data]", self.given.get(name) or {}).get(code)
                if finding is not None:
                    return {**finding, "person": self.actor.person}
        return self.case.sheets.get(sheet, {}).get(code)

    def asks_attestation(self, sheet: str) -> bool:
        """Whether the input may hold findings on the sheet."""
        return any(spec.type == "attestations" and spec.sheet == sheet for spec in self.fields.values())

    @property
    def given_links(self) -> list[CaseId]:
        """The cases that the input links."""
        named = [name for name, spec in self.fields.items() if spec.type == "cases"]
        return [CaseId(each) for name in named for each in cast("list[str]", (self.given or {}).get(name) or ())]

    def is_free_text(self, name: str) -> bool:
        """Whether a variable is of the input or the case, and free text."""
        prefix, _, rest = name.partition(".")
        spec = {"input": self.fields, "case": self.definition.document.fields}.get(prefix, {}).get(rest)
        return spec is not None and spec.type in FREE_TEXTS

    def _today(self, _rest: str) -> date:
        return self.today

    def _case(self, rest: str) -> Value | None:
        return of_case(self.definition, self.case, rest)

    def _input(self, rest: str) -> Value | None:
        given = self.given or {}
        if rest.endswith(".total"):
            return len(cast("list[str]", given.get(rest.removesuffix(".total")) or ()))
        return _value(self.fields[rest], given.get(rest))

    def _actor(self, rest: str) -> str | None:
        if rest == "role":
            return self.actor.role.value
        return cast("str | None", getattr(self.actor, rest))

    def _entered(self, rest: str) -> date | None:
        return entered(self.case, rest)

    def _children(self, rest: str) -> int:
        workflow, _, what = rest.partition(".")
        children = [child for child in self.draft.children(self.case) if child.workflow == workflow]
        found = sum(self._is(child, what) for child in children)
        self.used[f"children.{rest}"] = {"value": found, "source": "cases", "as_of": self.today.isoformat()}
        return found

    def _is(self, child: Case, what: str) -> bool:
        late = child.due is not None and self.today > child.due
        tests = {"total": True, "awaited": not child.final and not late, "overdue": not child.final and late}
        return tests.get(what, child.state == what)

    def _facts(self, rest: str) -> int | None:
        fact = self.definition.document.facts[rest]
        record = self._count(fact) if isinstance(fact, CountFact) else self._cases(fact)
        self.used[rest] = record
        return cast("int | None", record["value"])

    def _count(self, fact: CountFact) -> dict[str, Json]:
        as_of = self.get(fact.as_of)
        if not isinstance(as_of, date):
            return {"value": None, "count": fact.count, "as_of": None, "source": None}
        found = self.draft.world.figure(self.case, fact.count, as_of=as_of, today=self.today)
        if found.value is None or found.as_of is None:
            unknown: dict[str, Json] = {"value": None, "count": fact.count, "as_of": as_of.isoformat(), "source": None}
            return unknown if found.missing == (self.case.unit,) else {**unknown, "missing": list(found.missing)}
        entries = [part.count.id for part in found.parts]
        return {
            "value": found.value,
            "count": fact.count,
            "as_of": found.as_of.isoformat(),
            "source": found.source,
            **({"entry": entries[0]} if len(entries) == 1 else {"entries": entries}),
        }

    def _cases(self, fact: CasesFact) -> dict[str, Json]:
        found = [
            each
            for each in self.draft.of_unit(self.case.unit_path, fact.cases, fact.states)
            if all(each.data.get(field) in values for field, values in fact.where.items())
        ]
        return {
            "value": len(found),
            "as_of": self.today.isoformat(),
            "source": "cases",
            "cases": [each.id for each in found],
        }

    _READERS: ClassVar = {
        "today": _today,
        "case": _case,
        "input": _input,
        "actor": _actor,
        "entered": _entered,
        "children": _children,
        "facts": _facts,
    }


def of_case(definition: Definition, case: Case, name: str) -> Value | None:
    """What guards read as `case.<name>`; None is unknown."""
    if name == "state":
        return case.state
    if name == "unit":
        return case.unit
    if name.endswith(".total"):
        return len(case.links.get(name.removesuffix(".total"), ()))
    return _value(definition.document.fields[name], case.data.get(name))


def entered(case: Case, state: str) -> date | None:
    """What guards read as `entered.<state>`: the civil date on which the case came into it last."""
    day = case.entered.get(state)
    return date.fromisoformat(day) if day else None


def _value(spec: FieldSpec, value: Json) -> Value | None:
    if value is None or field_type(spec) is None:
        return None
    if spec.type == "date":
        return date.fromisoformat(str(value))
    if spec.type == "document":
        return str(cast("Data", value)["number"])
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    return cast("Value", value)
