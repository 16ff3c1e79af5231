"""What officers do with hotspots in the demonstration, each step with its narration.

One hotspot per commune, known by the commune's code. When what happens is the story's affair.
"""

from dataclasses import dataclass, field

from workflows.core.case import Accepted, CaseId, Data
from workflows.core.civil import civil_date
from workflows.core.documents import ChoiceField, Words
from workflows.services.demo_cast import police
from workflows.services.demo_stage import Stage


def paper(stage: Stage, number: str, issuer: str, title: str) -> Data:
    """A document of today."""
    return {"number": number, "date": civil_date(stage.clock()).isoformat(), "issuer": issuer, "title": title}


@dataclass(slots=True, kw_only=True)
class Hotspots:
    stage: Stage
    cases: dict[str, CaseId] = field(default_factory=dict)
    """By code of the commune."""
    _papers: int = 0

    def find(self, day: str, code: str, kind: str, found_by: str, *, complaint: bool = False) -> Accepted:
        """Record a place; the certificate of its commune follows."""
        self.stage.on(day)
        title = f"Hồ sơ số {len(self.cases) + 1:02}/2025, {self.stage.place(code)}"
        data: Data = {"kind": kind, "found_by": found_by, "preceded_by_complaint": complaint}
        done = self.stage.open(police(code), "hotspot", code, title, data)
        self.cases[code] = done.events[0].case
        what, how = self._choice("kind", kind), self._choice("found_by", found_by)
        self._tell(code, Words(vi=f"xác định {what.vi} ({how.vi})", en=f"{what.en} identified ({how.en})"))
        self.stage.consequences(done)
        return done

    def suppress(self, day: str, code: str) -> None:
        self.stage.on(day)
        self._papers += 1
        number = f"{self._papers:02}/QĐ-CA"
        document = paper(self.stage, number, "Công an tỉnh Trà Vinh", "Triệt xóa điểm, tụ điểm (minh họa)")
        given: Data = {"suppressed_on": document["date"], "decision": document}
        self.stage.fire("ca-tinh.02", self.cases[code], "suppress", given)
        self._tell(code, Words(vi=f"triệt xóa, văn bản {number}", en=f"suppressed, document {number}"))

    def monitor(self, day: str, code: str) -> None:
        """What follows every suppression is not told."""
        self.stage.on(day)
        self.stage.fire(police(code), self.cases[code], "monitor")

    def relapse(self, day: str, code: str, found_by: str, *, complaint: bool = False) -> Accepted:
        """Record that a place is active again; the certificate of its commune follows."""
        self.stage.on(day)
        today = civil_date(self.stage.clock()).isoformat()
        given: Data = {"relapsed_on": today, "found_by": found_by, "preceded_by_complaint": complaint}
        done = self.stage.fire(police(code), self.cases[code], "relapse", given)
        how = self._choice("found_by", found_by)
        self._tell(code, Words(vi=f"TÁI HÌNH THÀNH ({how.vi})", en=f"RELAPSED ({how.en})"))
        self.stage.consequences(done)
        return done

    def known(self, code: str, case: CaseId) -> None:
        """Take in a place that was recorded by another case."""
        self.cases[code] = case

    def _tell(self, code: str, what: Words) -> None:
        self.stage.note(self.stage.place(code), what.vi, what.en)

    def _choice(self, name: str, option: str) -> Words:
        spec = self.stage.document("hotspot").fields[name]
        if not isinstance(spec, ChoiceField):
            raise TypeError(f"{name} is a {spec.type}, not a choice")
        found = spec.options[option]
        return Words(vi=found.vi[0].lower() + found.vi[1:], en=found.en[0].lower() + found.en[1:])
