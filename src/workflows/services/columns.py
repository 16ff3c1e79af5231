"""The columns that a table for import may have, and finding them by its heads.

A head is a column's name, or its title in Vietnamese or English; capitals, blanks and marks do not matter. What a
column of cases holds follows from the workflow's opening, in all its versions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from workflows.core.canonical import Json
from workflows.core.definition import Definition
from workflows.core.documents import Catalogue, ChoiceField, FieldSpec, IntegerField, TextField, Words
from workflows.core.folding import fold
from workflows.core.nearest import nearest
from workflows.services import cells
from workflows.services.cells import Read
from workflows.services.tabular import Cell, Unusable

WORKFLOW: Final = "workflow"
"""A column of cases that is not asked for, but must say the same where it is there."""
ORIGIN: Final = "id"
"""A column of exported cases: a row whose case is there already is not opened again."""
_SEVERAL: Final = Words(vi="nhiều giá trị cách nhau bằng dấu ;", en="several values separated by ;")
_TEXT: Final = Words(vi="văn bản", en="text")
_DAY: Final = Words(vi="ngày: yyyy-mm-dd hoặc dd/mm/yyyy", en="date: yyyy-mm-dd or dd/mm/yyyy")
_TRUTHS: Final = {"true": Words(vi="có", en="true"), "false": Words(vi="không", en="false")}
_DOCUMENT: Final[Mapping[str, tuple[Words, Read]]] = {
    "number": (Words(vi="số", en="number"), cells.text),
    "date": (Words(vi="ngày", en="date"), cells.iso_day),
    "issuer": (Words(vi="cơ quan ban hành", en="issuer"), cells.text),
    "title": (Words(vi="trích yếu", en="title"), cells.text),
    "sha256": (Words(vi="mã SHA-256 của tệp", en="SHA-256 of the file"), cells.text),
}
_DOCUMENT_REQUIRED: Final = ("number", "date", "issuer", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that may be there."""

    name: str
    """`unit`, `kind`, `decision.number`."""
    title: Words
    read: Read
    holds: Words
    """What its cells may hold, for the people who fill them in."""
    required: bool = False
    options: Mapping[str, Words] = field(default_factory=dict)
    """The only values, where there are few."""
    integer: bool = False
    date: bool = False

    @property
    def head(self) -> str:
        """As a template shows it."""
        return f"{self.title.vi} / {self.title.en}"

    @property
    def names(self) -> frozenset[str]:
        """What it may be called, folded."""
        return frozenset(_folded(each) for each in (self.name, self.title.vi, self.title.en, self.head))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Columns of one table by their place."""

    columns: Sequence[Column | None]
    """None: a column that is not used."""
    heads: Mapping[str, str]
    """By name: as the table has it."""
    problems: Sequence[str]
    missing: Sequence[str]
    """Names of required columns that are not there."""
    unused: Sequence[str]


def find(row: Sequence[Cell], columns: Sequence[Column], ignored: Iterable[str] = ()) -> Found:
    """The columns that the heads name.

    Args:
        row: The heads.
        columns: That may be there.
        ignored: Names that may be there as well and are not used.
    """
    search = _Search(columns, ignored)
    places = [search.place(cell) for cell in row]
    missing = [column.name for column in columns if column.required and column.name not in search.heads]
    search.problems += [f"there is no column {name!r}" for name in missing]
    return Found(
        columns=places, heads=search.heads, problems=search.problems, missing=missing, unused=tuple(search.unused)
    )


class _Search:
    def __init__(self, columns: Sequence[Column], ignored: Iterable[str]) -> None:
        self._by_name: dict[str, list[Column]] = {}
        for column in columns:
            for name in column.names:
                self._by_name.setdefault(name, []).append(column)
        # A name goes before a title that reads the same.
        self._by_name |= {_folded(column.name): [column] for column in columns}
        self._ignored = {_folded(name) for name in ignored}
        self.heads: dict[str, str] = {}
        self.problems: list[str] = []
        self.unused: list[str] = []

    def place(self, cell: Cell) -> Column | None:
        if cell is None:
            return None
        head = cell.why if isinstance(cell, Unusable) else str(cell).strip()
        found = self._by_name.get(_folded(head), [])
        if len(found) != 1:
            self._unplaced(head, found)
            return None
        column = found[0]
        if column.name in self.heads:
            self.problems.append(f"column {head!r} is there twice, also as {self.heads[column.name]!r}")
            return None
        self.heads[column.name] = head
        return column

    def _unplaced(self, head: str, found: Sequence[Column]) -> None:
        if found:
            names = " or ".join(sorted(column.name for column in found))
            self.problems.append(f"column {head!r} could be {names}; call it by that name")
        elif _folded(head) in self._ignored:
            self.unused.append(head)
        else:
            near = nearest(_folded(head), self._by_name)
            hint = f" (nearest {self._by_name[near][0].name!r})" if near else ""
            allowed = ", ".join(dict.fromkeys(each.name for some in self._by_name.values() for each in some))
            self.problems.append(f"unknown column {head[:80]!r}{hint}; columns: {allowed}")


def _folded(head: str) -> str:
    return fold(head.replace("_", " "))


def case_columns(versions: Sequence[Definition], catalogue: Catalogue, unit: Read) -> tuple[Column, ...]:
    """Of a workflow whose versions are given, ascending."""
    workflow = {versions[-1].key: versions[-1].document.title}
    fixed = (
        Column(
            name=WORKFLOW,
            title=Words(vi="Quy trình", en="Workflow"),
            read=cells.choice(workflow, "workflow of this import"),
            holds=_TEXT,
        ),
        Column(name=ORIGIN, title=Words(vi="Mã hồ sơ", en="Case id"), read=cells.case_id, holds=_TEXT),
        Column(
            name="unit",
            title=Words(vi="Mã đơn vị", en="Unit code"),
            read=unit,
            holds=Words(vi="mã đơn vị hành chính, dạng văn bản", en="official code of the unit, as text"),
            required=True,
        ),
        Column(name="title", title=Words(vi="Tiêu đề", en="Title"), read=cells.text, holds=_TEXT, required=True),
        Column(name="plan", title=Words(vi="Mã kế hoạch", en="Plan key"), read=cells.text, holds=_TEXT),
        Column(
            name="parent",
            title=Words(vi="Hồ sơ cấp trên", en="Parent case"),
            read=cells.case_id,
            holds=Words(vi="mã hồ sơ (UUID)", en="case id (UUID)"),
        ),
        Column(
            name="occurred_at",
            title=Words(vi="Ngày mở hồ sơ", en="Opened at"),
            read=cells.instant,
            holds=Words(vi=f"{_DAY.vi}, hoặc thời điểm RFC 3339", en=f"{_DAY.en}, or an RFC 3339 instant"),
            date=True,
        ),
        Column(name="reason", title=Words(vi="Lý do", en="Reason"), read=cells.text, holds=_TEXT),
    )
    asked = {name: _merged(name, versions) for each in versions for name in each.opening.fields}
    needed = versions[-1].opening.fields
    return (
        *fixed,
        *(
            column
            for name, spec in asked.items()
            for column in field_columns(name, spec, catalogue, required=name in needed and spec.required)
        ),
    )


def _merged(name: str, versions: Sequence[Definition]) -> FieldSpec:
    """The newest version's field, with the choices of all of them."""
    specs = [each.opening.fields[name] for each in versions if name in each.opening.fields]
    newest = specs[-1]
    if isinstance(newest, ChoiceField):
        older = [spec.options for spec in specs if isinstance(spec, ChoiceField)]
        return newest.model_copy(update={"options": {key: words for each in older for key, words in each.items()}})
    return newest


def field_columns(name: str, spec: FieldSpec, catalogue: Catalogue, *, required: bool) -> tuple[Column, ...]:
    """The column of a field; of a document, one for each of its parts."""
    if spec.type == "document":
        return tuple(
            Column(
                name=f"{name}.{part}",
                title=Words(vi=f"{spec.title.vi} – {words.vi}", en=f"{spec.title.en} – {words.en}"),
                read=read,
                holds=_DAY if part == "date" else _TEXT,
                required=required and part in _DOCUMENT_REQUIRED,
                date=part == "date",
            )
            for part, (words, read) in _DOCUMENT.items()
        )
    read, holds, options = _reading(spec, catalogue)
    return (
        Column(
            name=name,
            title=spec.title,
            read=read,
            holds=holds,
            required=required,
            options=options,
            integer=spec.type == "integer",
            date=spec.type == "date",
        ),
    )


def _reading(spec: FieldSpec, catalogue: Catalogue) -> tuple[Read, Words, Mapping[str, Words]]:
    agencies = {key: agency.title for key, agency in catalogue.agencies.items()}
    if isinstance(spec, ChoiceField):
        return cells.choice(spec.options, "choice"), Words(vi="một trong danh sách", en="one of the list"), spec.options
    if isinstance(spec, IntegerField):
        span = f"{spec.minimum}–{spec.maximum}"
        return cells.integer, Words(vi=f"số nguyên {span}", en=f"whole number {span}"), {}
    if isinstance(spec, TextField):
        limit = spec.max_length
        return cells.text, Words(vi=f"văn bản, tối đa {limit} ký tự", en=f"text, at most {limit} characters"), {}
    if spec.type == "agencies":
        return cells.listed(cells.choice(agencies, "agency")), _SEVERAL, {}
    readings: dict[str, tuple[Read, Words, Mapping[str, Words]]] = {
        "boolean": (cells.truth, Words(vi="có hoặc không", en="true or false"), _TRUTHS),
        "date": (cells.iso_day, _DAY, {}),
        "agency": (cells.choice(agencies, "agency"), Words(vi="một cơ quan", en="one agency"), agencies),
        "cases": (cells.listed(cells.case_id), _SEVERAL, {}),
        "key": (cells.text, Words(vi="mã: chữ thường, số và dấu _", en="key: lower-case letters, digits and _"), {}),
        "items": (cells.lines, Words(vi="mỗi dòng một mục", en="one item on each line"), {}),
        "attestations": (cells.structure, Words(vi="JSON", en="JSON"), {}),
    }
    return readings[spec.type]


def count_columns(catalogue: Catalogue, unit: Read) -> tuple[Column, ...]:
    """Of figures of units."""
    kinds = {key: kind.title for key, kind in catalogue.counts.items()}
    return (
        Column(
            name="unit",
            title=Words(vi="Mã đơn vị", en="Unit code"),
            read=unit,
            holds=Words(vi="mã đơn vị hành chính, dạng văn bản", en="official code of the unit, as text"),
            required=True,
        ),
        Column(
            name="key",
            title=Words(vi="Chỉ tiêu", en="Figure"),
            read=cells.choice(kinds, "figure"),
            holds=Words(vi="một trong danh sách", en="one of the list"),
            required=True,
            options=kinds,
        ),
        Column(
            name="value",
            title=Words(vi="Số lượng", en="Value"),
            read=cells.integer,
            holds=Words(vi="số nguyên không âm", en="whole number, not negative"),
            required=True,
            integer=True,
        ),
        Column(
            name="as_of",
            title=Words(vi="Tính đến ngày", en="As of"),
            read=cells.iso_day,
            holds=_DAY,
            required=True,
            date=True,
        ),
        Column(
            name="source", title=Words(vi="Nguồn số liệu", en="Source"), read=cells.text, holds=_TEXT, required=True
        ),
    )


def placed(values: Mapping[str, Json]) -> dict[str, Json]:
    """Values by column name as data by field: `decision.number` becomes a member of `decision`."""
    data: dict[str, Json] = {}
    for name, value in values.items():
        field_name, dot, part = name.partition(".")
        if not dot:
            data[name] = value
        else:
            before = data.get(field_name)
            data[field_name] = {**(before if isinstance(before, Mapping) else {}), part: value}
    return data
