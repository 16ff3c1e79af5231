"""How stored texts reach a terminal: escaped, in aligned tables, with dates and instants as they are read in Việt Nam.

Stored texts are other people's: a control character or an override of the writing direction among them could forge
lines or hide them, so that each is shown as its escape.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import Final

import typer

from workflows.core.canonical import Json, canonical_bytes
from workflows.core.civil import show_date
from workflows.core.documents import Words

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of controls, formats (overrides of direction among them), surrogates and separators of lines."""
_WIDE: Final = frozenset({"W", "F"})
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def safe(text: str) -> str:
    r"""The text with every invisible character written as its escape, such as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) if _is_invisible(character) else character for character in text)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def print_json(body: bytes) -> None:
    r"""The JSON as it is; invisible characters inside its texts as `\u` escapes, which mean the same."""
    text = body.decode()
    typer.echo("".join(_json_escaped(each) if _is_invisible(each) else each for each in text))


def _json_escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def print_table(rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """Cells are escaped here; the last column is not padded."""
    lines = [[safe(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell}{' ' * (width - _width(cell))}" for cell, width in zip(line, widths, strict=True))
        typer.echo(f"{indent}{'  '.join(cells)}".rstrip())


def _width(text: str) -> int:
    """Columns of a terminal; marks that combine take none, East Asian wide characters two."""
    wide = sum(unicodedata.east_asian_width(each) in _WIDE for each in text)
    return len(text) + wide - sum(bool(unicodedata.combining(each)) for each in text)


def words(text: Words, language: str) -> str:
    return text.vi if language == "vi" else text.en


def show_json(value: Json) -> str:
    """A value for a person: texts bare, dates day first, members as `name = value`."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return _show_text(value)
    if isinstance(value, list | tuple):
        return ", ".join(_parts(value)) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {show_json(member)}" for name, member in value.items()) or "-"
    return canonical_bytes(value).decode()


def _show_text(value: str) -> str:
    """Anybody's text may look like a date and be none, such as 2025-99-99."""
    if _ISO_DATE.fullmatch(value):
        with suppress(ValueError):
            return show_date(date.fromisoformat(value))
    return value


def _parts(values: Sequence[Json]) -> Iterator[str]:
    return (show_json(value) for value in values)


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal, nothing elsewhere; told how many more are through."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with typer.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
