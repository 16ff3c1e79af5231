"""The checked form of a CEL expression: what it reads and calls, and its three-valued rewriting.

Owns decoding the protobuf bytes (`cel.expr.CheckedExpr`) that the CEL library serializes, without a
protobuf library. It does not compile, evaluate or judge an expression: `guards` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Field: TypeAlias = tuple[int, int, int | bytes]  # number, wire type, value

# Field numbers of cel.expr.CheckedExpr, SourceInfo and Expr (cel-spec, checked.proto and syntax.proto).
_ENVELOPED: Final = 2  # the value of google.protobuf.Any
_TYPES, _EXPRESSION, _SOURCE = 3, 4, 5
_POSITIONS: Final = 4
_ID, _CONSTANT, _IDENT, _SELECT, _CALL, _LIST, _COMPREHENSION = 2, 3, 4, 5, 6, 7, 9
_FUNCTION, _ARGUMENT = 2, 3
_CHILDREN: Final = {_SELECT: {1}, _CALL: {1, _ARGUMENT}, _LIST: {1}, _COMPREHENSION: {2, 4, 5, 6, 7}}
_CONSTANT_TEXT: Final = 6
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

# Of its Type: which fields name a primitive, a well-known type, a list, or something else.
_PRIMITIVE, _WELL_KNOWN, _LIST_OF = 3, 5, 6
_PRIMITIVES: Final = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_WELL_KNOWNS: Final = {1: "any", 2: "timestamp", 3: "duration"}
_KINDS: Final = {1: "dyn", 2: "null", 4: "wrapper", 7: "map", 9: "message", 11: "type"}

LARGEST: Final = 64_000  # bytes of a rewritten expression


class TooLargeError(ValueError):
    """Nested boolean ternaries would make the rewritten expression exceed `LARGEST`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One function call; `literal` is its single argument where that is a text constant."""

    id: int
    function: str
    literal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What an expression uses, its macros expanded; `types` and `offsets` are by node id."""

    identifiers: frozenset[str]
    loop_variables: dict[str, int]  # name -> id of its loop
    calls: tuple[Call, ...]
    types: dict[int, str]  # as CEL spells them, lists as "list(…)"
    offsets: dict[int, int]  # 0-based, in characters


def read(serialized: bytes) -> Checked:
    """Decode what `Expression.serialize()` returned."""
    checked = _unwrapped(serialized)
    nodes = list(_walk(_one(checked, _EXPRESSION)))
    return Checked(
        identifiers=frozenset(_text(body, 1).removeprefix(".") for _, kind, body in nodes if kind == _IDENT),
        loop_variables=dict(_loop_variables(nodes)),
        calls=tuple(_call(id_, body) for id_, kind, body in nodes if kind == _CALL),
        types=_types(checked),
        offsets=dict(_pair(entry) for entry in _all(_one(checked, _SOURCE), _POSITIONS)),
    )


def has_ternary(checked: Checked) -> bool:
    """Whether there is a boolean ternary for `absorbing` to rewrite."""
    return any(call.function == "_?_:_" and checked.types.get(call.id) == "bool" for call in checked.calls)


def absorbing(serialized: bytes) -> bytes:
    """The same expression with each boolean `c ? a : b` as `c && a || !c && b || a && b`.

    CEL's ternary fails on an undecided condition even where both branches agree; `&&` and `||` do not. The
    result is equal wherever the original has one. Raises TooLargeError.
    """
    checked = _unwrapped(serialized)
    types = _types(checked)
    booleans = frozenset(id_ for id_, name in types.items() if name == "bool")
    expression = _Rewriting(booleans, next_id=max(types)).of(_one(checked, _EXPRESSION))
    return _with(serialized, _ENVELOPED, _with(checked, _EXPRESSION, expression))


class _Rewriting:
    def __init__(self, booleans: frozenset[int], next_id: int) -> None:
        self._booleans = booleans
        self._next_id = next_id

    def of(self, expression: bytes) -> bytes:
        fields = [self._within(field) for field in _decode(expression)]
        encoded = _encode(fields)
        id_, kind, body = _node(encoded)
        if kind == _CALL and id_ in self._booleans and _text(body, _FUNCTION) == "_?_:_":
            encoded = self._expanded(*_all(body, _ARGUMENT))
        if len(encoded) > LARGEST:
            raise TooLargeError
        return encoded

    def _within(self, field: Field) -> Field:
        number, wire, value = field
        places = _CHILDREN.get(number)
        if places is None or not isinstance(value, bytes):
            return field
        inner = [(n, w, self.of(v) if n in places and isinstance(v, bytes) else v) for n, w, v in _decode(value)]
        return number, wire, _encode(inner)

    def _expanded(self, condition: bytes, yes: bytes, no: bytes) -> bytes:
        decided = self._call(
            "_||_",
            self._call("_&&_", condition, yes),
            self._call("_&&_", self._call("!_", condition), no),
        )
        return self._call("_||_", decided, self._call("_&&_", yes, no))

    def _call(self, function: str, *arguments: bytes) -> bytes:
        self._next_id += 1
        body = _encode([(_FUNCTION, _LENGTH, function.encode()), *((_ARGUMENT, _LENGTH, a) for a in arguments)])
        return _encode([(_ID, _VARINT, self._next_id), (_CALL, _LENGTH, body)])


def _unwrapped(serialized: bytes) -> bytes:
    return _one(serialized, _ENVELOPED)


def _with(message: bytes, number: int, body: bytes) -> bytes:
    return _encode([(at, wire, body if at == number else value) for at, wire, value in _decode(message)])


def _walk(expression: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Every node as (id, kind, body); at most 32 levels deep, because the CEL parser stops there."""
    id_, kind, body = _node(expression)
    yield id_, kind, body
    for number, _, value in _decode(body) if kind in _CHILDREN else ():
        if number in _CHILDREN[kind] and isinstance(value, bytes):
            yield from _walk(value)


def _node(expression: bytes) -> tuple[int, int, bytes]:
    id_, kind, body = 0, 0, b""
    for number, _, value in _decode(expression):
        if isinstance(value, bytes):
            kind, body = number, value
        elif number == _ID:
            id_ = value
    return id_, kind, body


def _loop_variables(nodes: list[tuple[int, int, bytes]]) -> Iterator[tuple[str, int]]:
    for id_, kind, body in nodes:
        if kind == _COMPREHENSION:
            yield from ((name.decode(), id_) for number in (1, 8) for name in _all(body, number))


def _call(id_: int, body: bytes) -> Call:
    arguments = _all(body, _ARGUMENT)
    literal = _literal(arguments[0]) if len(arguments) == 1 else None
    return Call(id=id_, function=_text(body, _FUNCTION), literal=literal)


def _literal(expression: bytes) -> str | None:
    _, kind, body = _node(expression)
    texts = _all(body, _CONSTANT_TEXT) if kind == _CONSTANT else []
    return texts[0].decode() if texts else None


def _types(checked: bytes) -> dict[int, str]:
    types = {}
    for entry in _all(checked, _TYPES):
        id_ = next(value for number, _, value in _decode(entry) if number == 1)
        types[int(id_)] = _type_name(_one(entry, 2))
    return types


def _type_name(encoded: bytes) -> str:
    number, _, value = next(iter(_decode(encoded)), (1, _LENGTH, b""))
    if number == _PRIMITIVE and isinstance(value, int):
        return _PRIMITIVES.get(value, "unspecified")
    if number == _WELL_KNOWN and isinstance(value, int):
        return _WELL_KNOWNS.get(value, "unspecified")
    if number == _LIST_OF and isinstance(value, bytes):
        return f"list({_type_name(_one(value, 1))})"
    return _KINDS.get(number, "other")


def _pair(entry: bytes) -> tuple[int, int]:
    values = {number: int(value) for number, _, value in _decode(entry)}
    return values[1], values.get(2, 0)


def _text(message: bytes, number: int) -> str:
    return _one(message, number).decode()


def _one(message: bytes, number: int) -> bytes:
    return next(iter(_all(message, number)), b"")


def _all(message: bytes, number: int) -> list[bytes]:
    return [value for at, _, value in _decode(message) if at == number and isinstance(value, bytes)]


def _decode(message: bytes) -> list[Field]:
    fields: list[Field] = []
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        if tag & 7 == _VARINT:
            value, at = _varint(message, at)
        else:
            size, at = _size(message, at, tag & 7)
            value, at = message[at : at + size], at + size
        fields.append((tag >> 3, tag & 7, value))
    return fields


def _size(message: bytes, at: int, wire: int) -> tuple[int, int]:
    return _varint(message, at) if wire == _LENGTH else ({_FIXED64: 8, _FIXED32: 4}[wire], at)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while message[at] & 0x80:
        value |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | message[at] << shift, at + 1


def _encode(fields: list[Field]) -> bytes:
    out = bytearray()
    for number, wire, value in fields:
        out += _varint_of(number << 3 | wire)
        if isinstance(value, int):
            out += _varint_of(value)
        else:
            out += (_varint_of(len(value)) if wire == _LENGTH else b"") + value
    return bytes(out)


def _varint_of(value: int) -> bytes:
    out = bytearray()
    while value >> 7:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
