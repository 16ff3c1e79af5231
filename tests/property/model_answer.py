"""What the engine must answer to a request and what it then holds, by the plain model."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from tests.property.model import Asked, Model, Row, Told, Yaml, civil
from tests.property.model_guards import GUARDS, Sight, free


def answer(model: Model, asked: Asked) -> Told:
    """Nothing is kept until `Model.keep`."""
    return _Answer(model, asked).give()


class Blocked(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, blockers: Iterable[tuple[str, str | None]]) -> None:
        self.blockers = set(blockers)
        super().__init__(str(self.blockers))


class _Answer:
    def __init__(self, model: Model, asked: Asked) -> None:
        self.model, self.asked, self.who = model, asked, asked.who
        self.today = civil(asked.now)
        self.when = asked.claimed or asked.now
        self.cases = deepcopy(model.cases)
        self.sight = Sight(who=self.who, today=self.today, cases=self.cases, known=model.known)
        self.told = Told(kind="Accepted")
        self.new = 0

    def give(self) -> Told:
        try:
            kind = self._open() if self.asked.case is None else self._fire()
        except Blocked as blocked:
            return Told(kind="Refused", blockers=blocked.blockers)
        if kind != "Accepted":
            return Told(kind=kind)
        self.told.after = {name: self.cases[name] for name in dict.fromkeys(case for case, _ in self.told.events)}
        return self.told

    def _in_force(self) -> bool:
        return (self.who.first is None or self.who.first <= self.today) and (
            self.who.end is None or self.today < self.who.end
        )

    def _covers(self, path: str) -> bool:
        return (path + "/").startswith(self.who.path + "/")

    def _has_role(self, roles: Iterable[str], workflow: str, trigger: str) -> bool:
        if self.who.role == "system":
            return bool({f"{workflow}.{trigger}", f"{workflow}.*"} & self.who.scope)
        return self.who.role in roles

    def _visible(self, case_id: str | None) -> Row | None:
        row = self.cases.get(case_id or "")
        return row if row and self._in_force() and self._covers(row["path"]) else None

    def _fire(self) -> str:
        asked = self.asked
        row = self._visible(asked.case)
        if row is None:
            return "NotFound"
        if asked.expected is not None and asked.expected != row["version"]:
            return "Stale"
        spec = self._spec(row, asked.trigger)
        if spec is None or not self._usable(row, spec):
            return "Invalid"
        self._step(row, asked.trigger, pruned(dict(asked.given)), own=True, effect=False)
        return "Accepted"

    def _usable(self, row: Row, spec: Yaml) -> bool:
        asked = self.asked
        if asked.claimed and not row["occurred"] <= asked.claimed <= asked.now:
            return False
        if asked.reason is None and spec.get("reason") == "required":
            return False
        if asked.reason is not None and not asked.reason.strip():
            return False
        if not asked.well_formed:
            return False
        amends = asked.trigger == "amend"
        return self._named_exist(asked.given) and (not amends or self._changes(row, pruned(dict(asked.given))))

    def _named_exist(self, given: Mapping[str, Any]) -> bool:
        """Whether agencies are in force on the day, and list members seen by who names them."""
        if any(self._visible(member) is None for member in given.get("members") or ()):
            return False
        day = civil(self.when)
        named = [*(given.get("agencies") or ()), *([given["agency"]] if "agency" in given else ())]
        periods = [self.model.agencies[name]["valid"] for name in named]
        return all(period["from"] <= day and ("to" not in period or day < period["to"]) for period in periods)

    @staticmethod
    def _changes(row: Row, given: Yaml) -> bool:
        old = {**row["data"], "title": row["title"], **{name: set(ids) for name, ids in row["links"].items()}}
        return any(old.get(name) != (set(value) if name in row["links"] else value) for name, value in given.items())

    def _spec(self, row: Row, trigger: str) -> Yaml | None:
        document = self.model.document(row)
        if trigger == "amend":
            sources = document["amend"].get("from") or list(document["states"])
            return {**document["amend"], "from": sources, "to": None, "reason": "required"}
        if trigger == "annul":
            return {**document["annul"], "to": "annulled", "reason": "required"}
        found: Yaml | None = document["transitions"].get(trigger)
        return found

    def _open(self) -> str:
        asked = self.asked
        document = self.model.in_force(asked.workflow, civil(self.when))
        if document is None or not asked.well_formed or not asked.level or not self._named_exist(asked.given):
            return "Invalid"
        if asked.level != document["subject"] or (asked.claimed and asked.claimed > asked.now):
            return "Invalid"
        if asked.reason is not None and not asked.reason.strip():
            return "Invalid"
        if asked.parent is not None and not self._parent_fits(asked.parent):
            return "Invalid"
        self._may_open(document)
        self._begin(
            asked.workflow, dict(asked.given), asked.title, parent=asked.parent, unit=asked.unit, path=asked.path or ""
        )
        return "Accepted"

    def _parent_fits(self, parent: str) -> bool:
        row = self._visible(parent)
        opens = row is not None and row["workflow"] == "certification" and self.asked.workflow == "opinion"
        return row is not None and opens and row["unit"] == self.asked.unit

    def _may_open(self, document: Yaml) -> None:
        asked = self.asked
        found = set()
        if not self._in_force():
            found.add(("not_in_force", None))
        if not self._has_role(document["open"].get("roles", ()), asked.workflow, "open"):
            found.add(("role", None))
        if not self._covers(asked.path or self.model.paths[asked.unit]):
            found.add(("unit", None))
        if asked.path is None or civil(self.when) < document["valid"]["from"]:
            found.add(("not_in_force", None))
        if found:
            raise Blocked(found)

    def _begin(self, workflow: str, given: Yaml, title: str, *, parent: str | None, unit: str, path: str) -> None:
        document = self.model.in_force(workflow, civil(self.when))
        assert document is not None
        if workflow == "certification":
            self._may_begin(date.fromisoformat(given["taken_in_on"]), unit)
        day = civil(self.when)
        initial = document["initial"]
        name = f"<{self.new}>"
        self.new += 1
        values = pruned(given)
        members = values.pop("members", None)
        self.cases[name] = {
            "id": name,
            "workflow": workflow,
            "workflow_version": document["version"],
            "state": initial,
            "version": 1,
            "unit": unit,
            "path": path,
            "parent": parent,
            "title": title,
            "data": values,
            "links": {"members": tuple(members)} if members else {},
            "sheets": {},
            "episode": 1,
            "acts": {"open": {self.who.person: 1}},
            "entered": {initial: day.isoformat()},
            "due": _due(document["states"][initial], day),
            "final": False,
            "occurred": self.when,
        }
        self.told.events.append((name, "open"))
        if workflow == "hotspot":
            self._review_certificate(self.cases[name])

    def _may_begin(self, taken_in: date, unit: str) -> None:
        running = [
            each
            for each in self.cases.values()
            if (each["workflow"], each["unit"]) == ("certification", unit)
            and each["state"] not in ("refused", "revoked", "annulled")
        ]
        found = {"taken_in_later"} if taken_in > self.today else set()
        found |= {"one_at_a_time"} if running else set()
        if found:
            raise Blocked((code, None) for code in found)

    def _step(self, row: Row, trigger: str, given: Yaml, *, own: bool, effect: bool) -> None:
        """Judge and carry out a trigger with all that follows; raises Blocked with nothing undone."""
        spec = self._spec(row, trigger)
        assert spec is not None
        about = row["id"] if effect else None
        found: set[tuple[str, str | None]] = set()
        if own:
            found |= {(code, about) for code in self._authority(row, trigger, spec)}
        if row["state"] not in listed(spec["from"]):
            raise Blocked({("state", about), *found})
        found |= {
            (code, about) for code in (*self._four_eyes(row, spec), *GUARDS.get(trigger, free)(self.sight, row, given))
        }
        if found:
            raise Blocked(found)
        self._move(row, trigger, spec, given)
        self._follow(row, trigger, given)

    def _authority(self, row: Row, trigger: str, spec: Yaml) -> Iterator[str]:
        if not self._has_role(spec.get("roles", ()), row["workflow"], trigger):
            yield "role"
        if not self._covers(row["path"]):
            yield "unit"

    def _four_eyes(self, row: Row, spec: Yaml) -> Iterator[str]:
        me = self.who.person
        for name in spec.get("separate_from", ()):
            workflow, _, trigger = name.rpartition(".")
            if workflow:
                near = [each for each in self.cases.values() if self._near(row, each) and each["workflow"] == workflow]
                done = any(me in each["acts"].get(trigger, {}) for each in near)
            else:
                episode = row["acts"].get(trigger, {}).get(me)
                done = episode is not None and (spec.get("separate_over") == "case" or episode == row["episode"])
            if done:
                yield "four_eyes"

    @staticmethod
    def _near(row: Row, other: Row) -> bool:
        linked = any(row["id"] in ids for ids in other["links"].values())
        links = any(other["id"] in ids for ids in row["links"].values())
        return other["id"] == row["parent"] or other["parent"] == row["id"] or linked or links

    def _move(self, row: Row, trigger: str, spec: Yaml, given: Yaml) -> None:
        target = spec["to"][row["state"]] if isinstance(spec["to"], dict) else spec["to"] or row["state"]
        row["occurred"] = max(self.when, row["occurred"])
        row["version"] += 1
        day = civil(row["occurred"])
        if target != row["state"]:
            self._enter(row, target, day)
        row["acts"].setdefault(trigger, {})[self.who.person] = row["episode"]
        self._write(row, trigger, spec, given)
        self.told.events.append((row["id"], trigger))

    def _enter(self, row: Row, target: str, day: date) -> None:
        state = {"final": True} if target == "annulled" else self.model.document(row)["states"][target]
        row["state"] = target
        row["entered"][target] = day.isoformat()
        row["due"] = _due(state, day)
        row["final"] = state.get("final", False)
        row["episode"] += 1 if state.get("new_episode") else 0

    def _write(self, row: Row, trigger: str, spec: Yaml, given: Yaml) -> None:
        values = {name: given.get(source.removeprefix("input.")) for name, source in spec.get("set", {}).items()}
        if trigger == "amend":
            values = {name: value for name, value in given.items() if name != "title"}
            row["title"] = given.get("title", row["title"])
        if members := values.pop("members", None):
            old = row["links"].get("members", ())
            row["links"]["members"] = tuple(i for i in old if i in members) + tuple(i for i in members if i not in old)
        row["data"] |= {name: value for name, value in values.items() if value is not None}
        if given.get("attestations"):
            stamp = {"person": self.who.person, "trigger": trigger, "seq": row["version"]}
            findings = {code: {**finding, **stamp} for code, finding in given["attestations"].items()}
            row["sheets"].setdefault("drug_free_commune", {}).update(findings)

    def _follow(self, row: Row, trigger: str, given: Yaml) -> None:
        if trigger == "request_opinions":
            for agency in given["agencies"]:
                self._begin(
                    "opinion", {"agency": agency}, row["title"], parent=row["id"], unit=row["unit"], path=row["path"]
                )
        if trigger == "relapse":
            self._review_certificate(row)
        if row["workflow"] == "list_decision" and trigger == "decide":
            self._decide_members(row, given)

    def _review_certificate(self, row: Row) -> None:
        if row["data"]["kind"] == "conditional_business":
            return
        for case_id in sorted(self.cases):
            other = self.cases[case_id]
            if (other["unit"], other["workflow"], other["state"]) == (row["unit"], "certification", "certified"):
                self._step(other, "put_under_review", {}, own=False, effect=True)

    def _decide_members(self, row: Row, given: Yaml) -> None:
        found: set[tuple[str, str | None]] = set()
        for case_id in row["links"]["members"]:
            action = row["data"]["action"]
            try:
                self._step(self.cases[case_id], action, {"decision": given["decision"]}, own=True, effect=True)
            except Blocked as blocked:
                found |= blocked.blockers
            else:
                found |= {("reason", case_id)} if action == "refuse" and self.asked.reason is None else set()
        if found:
            raise Blocked(found)


def _due(state: Yaml, day: date) -> date | None:
    due = state.get("due")
    if due is None:
        return None
    assert due["unit"] == "days"
    return day + timedelta(days=due["within"])


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - YAML
    return list(value) if isinstance(value, list | tuple) else [value]


def pruned(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: pruned(part) for name, part in value.items() if part is not None}
    return value
