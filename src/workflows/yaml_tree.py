"""Reading one YAML file into plain values that remember their lines; the only importer of `yaml`.

A careful subset: text, whole numbers, true, false and null by the rules of YAML 1.2 (`on`, `yes` and `no` are
text), no anchors, aliases, tags, floating point or dates, no duplicate keys, bounded size and depth.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from workflows.core.canonical import Json, violations
from workflows.core.problems import Finding, Path

SIZE_LIMIT = 1_000_000
"""Bytes of one file."""
DEPTH_LIMIT = 40
_FASTEST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
}


class UnreadableError(Exception):
    """The text cannot be read on; `line` is where."""

    def __init__(self, line: int, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.line = line
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The values of one file, the line of each path, and what was wrong while reading."""

    data: Json
    lines: dict[Path, int] = field(default_factory=dict)
    faults: tuple[tuple[int, Finding], ...] = ()

    def line(self, path: Path) -> int:
        """The line of the nearest place above that the file really has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_tree(content: bytes) -> Tree:
    """What a file says; a file that cannot be read gives the reason as its last fault and no data."""
    reader = _Reader()
    try:
        text = _text(content)
        try:
            data = reader.read(text, _FASTEST)
        except yaml.YAMLError:  # once more in Python, whose messages do not depend on how PyYAML was built
            reader = _Reader()
            data = reader.read_slowly(text)
    except UnreadableError as error:
        fault = error.line, Finding(path=error.path, message=str(error))
        return Tree(data=None, lines=reader.lines, faults=(*reader.faults, fault))
    return Tree(data=data, lines=reader.lines, faults=tuple(reader.faults))


def _text(content: bytes) -> str:
    if len(content) > SIZE_LIMIT:
        raise UnreadableError(1, f"the file has {len(content):,} bytes; at most {SIZE_LIMIT:,} are read")
    return decoded(content)


def decoded(content: bytes) -> str:
    """A file as text; raises UnreadableError at the line of the first byte that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Where the file begins with a mark of the byte order, the error counts from behind it.
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, f"not UTF-8: byte 0x{error.object[error.start]:02x}") from None


class _Reader:
    """Folds the events of the parser into values; one per file."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[tuple[int, Finding]] = []
        self._events: Iterator[yaml.Event] = iter(())

    def read(self, text: str, loader: type[yaml.SafeLoader]) -> Json:
        self._events = yaml.parse(text, Loader=loader)
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise UnreadableError(1, "the file is empty")
        data = self._node(next(self._events), ())
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise UnreadableError(_line(after), "a second document begins here; a file holds one")
        return data

    def read_slowly(self, text: str) -> Json:
        try:
            return self.read(text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise UnreadableError(mark.line + 1 if mark else 1, f"not YAML: {error.problem}") from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            message = f"not YAML: the character U+{ord(text[error.position]):04X} is not allowed"
            raise UnreadableError(line, message) from None

    def _node(self, event: yaml.Event, path: Path) -> Json:
        self.lines.setdefault(path, _line(event))
        if len(path) > DEPTH_LIMIT:
            raise UnreadableError(_line(event), f"nested deeper than {DEPTH_LIMIT} levels")
        self._refuse_references(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        raise UnreadableError(_line(event), f"a value was expected, not {type(event).__name__}", path)

    def _refuse_references(self, event: yaml.Event, path: Path) -> None:
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        if anchor is not None:
            raise UnreadableError(_line(event), f'"{anchor}": anchors and aliases are not allowed', path)
        tag = event.tag if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) else None
        if tag not in {None, "!"}:
            raise UnreadableError(_line(event), f'"{tag}": tags are not allowed', path)

    def _mapping(self, path: Path) -> dict[str, Json]:
        members: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            line = _line(event)
            if key in members:
                message = f'"{key}" stands twice; first on line {self.lines[*path, key]}'
                self.faults.append((line, Finding(path=(*path, key), message=message)))
                self._skip(path, key)
                continue
            self.lines[*path, key] = line
            members[key] = self._node(next(self._events), (*path, key))
        return members

    def _skip(self, path: Path, key: str) -> None:
        """Read the value of a duplicate key without letting its lines stand for the first one's."""
        kept = self.lines
        self.lines = {}
        self._node(next(self._events), (*path, key))
        self.lines = kept

    def _key(self, event: yaml.Event, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise UnreadableError(_line(event), "a key must be a text", path)
        self._refuse_references(event, path)
        return str(event.value)

    def _sequence(self, path: Path) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Json:
        text = str(event.value)
        value = _plain(text) if event.implicit[0] else text
        for _, message in violations(value):
            raise UnreadableError(_line(event), message, path)
        return value


def _plain(text: str) -> Json:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
