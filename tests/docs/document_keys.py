"""Which keys documents have, and which of them an example uses: what the guides for authors are held against."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel

from workflows.core.documents import Frozen

Model: TypeAlias = type[BaseModel]


def models(*roots: Model) -> tuple[Model, ...]:
    """The kinds of documents given, all kinds of their parts, and what these have in common, each once."""
    found = list(roots)
    for model in found:
        model.model_rebuild()
        parts = [part for info in model.model_fields.values() for part in _within(info.annotation)]
        found += [part for part in dict.fromkeys([*parts, *_bases(model)]) if part not in found]
    return tuple(found)


def _within(annotation: object) -> Iterator[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _within(part)


def _bases(model: Model) -> Iterator[Model]:
    return (base for base in model.mro()[1:] if issubclass(base, Frozen) and base is not Frozen)


def keys(model: Model) -> Mapping[str, str]:
    """By key as it is written: the name of the field. Those of the kinds that it is made from are told there."""
    own = {name: info for name, info in model.model_fields.items() if name in model.__annotations__}
    return {info.alias or name: name for name, info in own.items()}


def used(values: Iterable[Any]) -> Iterator[tuple[Model, str]]:
    """Every key that stands in a document or in one of its parts, with the kind that has it."""
    for value in values:
        if isinstance(value, BaseModel):
            for model in (type(value), *_bases(type(value))):
                yield from ((model, key) for key, name in keys(model).items() if name in value.model_fields_set)
            yield from used(getattr(value, name) for name in value.model_fields_set)
        elif isinstance(value, Mapping):
            yield from used(value.values())
        elif isinstance(value, tuple):
            yield from used(value)
