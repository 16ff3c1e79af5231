"""Figures of merged units: their own first, else the sum of all parts, else unknown and told which are missing."""

from datetime import date, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from workflows.core.lineage import Count, Figure, Formation, Lineage, Origin, figure

REFORM = date(2025, 7, 1)
EARLIER = date(2025, 1, 1)
LATER = date(2025, 9, 1)
_serial = count()


def whole(*codes: str) -> tuple[Origin, ...]:
    return tuple(Origin(source=code, whole=True) for code in codes)


LINEAGE: Lineage = {
    "N": (Formation(day=REFORM, origins=whole("A", "B", "N")),),
    "A": (Formation(day=EARLIER, origins=whole("A", "C")),),
    "S": (Formation(day=REFORM, origins=(*whole("A"), Origin(source="D", whole=False))),),
    "X": (Formation(day=REFORM, origins=(Origin(source=None, whole=False),)),),
}


def entered(**figures: list[tuple[date, int]]) -> dict[str, list[Count]]:
    return {
        code: [
            Count(id=f"{next(_serial):06}", value=value, as_of=day, source=f"Sổ {code}", recorded_at="2025")
            for day, value in found
        ]
        for code, found in figures.items()
    }


def known(entries: dict[str, list[Count]], code: str, as_of: date, area_on: date | None = None) -> Figure:
    return figure(LINEAGE, lambda each: entries.get(each, ()), code, area_on=area_on or as_of, as_of=as_of)


class TestFigure:
    def test_its_own_counts_before_all_parts(self) -> None:
        entries = entered(N=[(date(2025, 8, 1), 7)], A=[(date(2025, 3, 1), 1)], B=[(date(2025, 3, 1), 2)])
        assert known(entries, "N", LATER).value == 7

    def test_until_then_the_parts_add_up(self) -> None:
        march, may = date(2025, 3, 1), date(2025, 5, 1)
        found = known(entered(A=[(march, 1)], B=[(may, 2)], N=[(may, 4)]), "N", LATER)
        assert (found.value, found.as_of, found.source) == (7, march, "Sổ A; Sổ B; Sổ N")
        assert [(part.unit, part.count.value) for part in found.parts] == [("A", 1), ("B", 2), ("N", 4)]

    def test_what_another_unit_of_the_code_had_is_not_its_own(self) -> None:
        found = known(entered(N=[(date(2025, 5, 1), 4)]), "N", LATER)
        assert (found.value, found.missing) == (None, ("A", "C", "B"))

    def test_before_the_merger_the_old_unit_is_meant(self) -> None:
        assert known(entered(N=[(date(2025, 5, 1), 4)]), "N", date(2025, 6, 30)).value == 4

    def test_a_past_day_of_the_area_of_today(self) -> None:
        may = date(2025, 5, 1)
        entries = entered(A=[(may, 1), (date(2025, 6, 1), 100)], B=[(may, 2)], N=[(may, 4)])
        assert known(entries, "N", may, area_on=LATER).value == 7

    def test_parts_of_parts(self) -> None:
        old = date(2024, 5, 1)
        assert known(entered(A=[(old, 1)], C=[(old, 2)], B=[(old, 3)], N=[(old, 4)]), "N", LATER).value == 10

    def test_what_a_divided_unit_handed_over_is_unknown(self) -> None:
        may = date(2025, 5, 1)
        found = known(entered(A=[(may, 1)], D=[(may, 5)]), "S", LATER)
        assert (found.value, found.missing) == (None, ("D",))

    def test_of_unknown_origin(self) -> None:
        assert known(entered(X=[(date(2025, 5, 1), 5)]), "X", LATER).missing == ("X",)

    def test_nothing_entered_is_not_nought(self) -> None:
        assert (known({}, "B", LATER).value, known({}, "B", LATER).missing) == (None, ("B",))
        assert known(entered(B=[(EARLIER, 0)]), "B", LATER).value == 0


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=8), st.data())
def test_a_merger_adds_up_or_is_unknown(values: list[int], data: st.DataObject) -> None:
    codes = [f"P{n}" for n in range(len(values))]
    lineage = {"N": (Formation(day=REFORM, origins=whole(*codes)),)}
    there = data.draw(st.lists(st.booleans(), min_size=len(codes), max_size=len(codes)))
    days = data.draw(st.lists(st.integers(1, 400), min_size=len(codes), max_size=len(codes)))
    entries = entered(
        **{
            code: [(REFORM - timedelta(days=day), value)]
            for code, value, day, present in zip(codes, values, days, there, strict=True)
            if present
        }
    )
    found = figure(lineage, lambda each: entries.get(each, ()), "N", area_on=LATER, as_of=LATER)
    assert found.value == (sum(values) if all(there) else None)
    assert list(found.missing) == [code for code, present in zip(codes, there, strict=True) if not present]
