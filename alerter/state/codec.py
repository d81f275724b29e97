"""Records to JSON and back: generic over the frozen dataclasses of the model."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union

import orjson

T = TypeVar("T")
PAIRS = "@pairs"
"""A mapping whose keys are no texts is written as a list of pairs under this name."""
FEW = 4
"""Keys of a mapping that are written with all their defaults: shorter to do, longer to keep."""
MARK = f'"{PAIRS}"'.encode()


_PLAIN = frozenset({str, int, float, bool, type(None)})


def dumps(record: Any) -> str:
    """Return a record as JSON text; NaN and infinities, which no record should hold, may become null.

    What orjson refuses (numbers beyond 64 bits, halves of surrogate pairs, mappings by other keys than texts deep
    inside) is encoded here, and so is a mapping that happens to hold the mark of pairs.
    """
    written = {name: _paired(value) for name, value in vars(record).items()}
    marks = sum(written[name] is not value for name, value in vars(record).items())
    with suppress(TypeError):
        text = orjson.dumps(written)
        if text.count(MARK) == marks:
            return text.decode()
    return json.dumps(encode(record))


def _paired(value: Any) -> Any:
    """Return a short mapping by other keys than texts as pairs, and everything else as it is.

    A long one is encoded, which leaves out each record's defaults.
    """
    if type(value) is not dict or len(value) > FEW or all(isinstance(key, str) for key in value):
        return value
    return {PAIRS: list(value.items())}


def loads(shape: type[T], text: str) -> T:
    """Return the record of a dataclass ``shape`` from its JSON text."""
    return decode(shape, json.loads(text))


def encode(value: Any) -> Any:
    """Return plain JSON values for a record; fields at their default are left out."""
    shape = type(value)
    if shape in _PLAIN:
        return value
    if dataclasses.is_dataclass(shape):
        found = ((name, getattr(value, name), default) for name, default in _defaults(shape))
        return {name: encode(held) for name, held, default in found if held is not default and held != default}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        if PAIRS not in value and all(isinstance(k, str) for k in value):
            return {k: encode(v) for k, v in value.items()}
        return {PAIRS: [[encode(k), encode(v)] for k, v in value.items()]}
    if isinstance(value, tuple | list):
        return [encode(v) for v in value]
    return value


def decode(shape: type[T], data: Mapping[str, Any]) -> T:
    """Return the record of a dataclass ``shape``; unknown names (of a later version) are passed over."""
    found: T = _decoder(shape)(data)  # type: ignore[arg-type]
    return found


Decoder = Callable[[Any], Any]


@cache
def _decoder(hint: Any) -> Decoder:
    """Return what reads a value of a type; made once for each type."""
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(typing.get_args(hint))
    if origin is tuple:
        return _tuple(typing.get_args(hint))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*typing.get_args(hint))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value: _member(hint, value)
    return lambda value: value


def _member(shape: type[Enum], value: Any) -> Any:
    """Return the member of a value; one that a later version has added stays as it is written."""
    try:
        return None if value is None else shape(value)
    except ValueError:
        return value


def _record(shape: type) -> Decoder:
    readers: dict[str, Decoder] = {}  # filled at first use: a record may hold records of its own kind

    def read(data: Any) -> Any:
        if data is None:
            return None
        if not readers:
            hints = typing.get_type_hints(shape)
            readers.update({f.name: _decoder(hints[f.name]) for f in dataclasses.fields(shape)})
        return shape(**{name: readers[name](value) for name, value in data.items() if name in readers})

    return read


def _union(members: tuple[Any, ...]) -> Decoder:
    """Choose the member that fits: a list for a tuple, a mapping for a record, else the plain value."""
    lists = next((_decoder(m) for m in members if typing.get_origin(m) is tuple), None)
    records = next((_decoder(m) for m in members if isinstance(m, type) and dataclasses.is_dataclass(m)), None)

    def read(value: Any) -> Any:
        if lists is not None and isinstance(value, list):
            return lists(value)
        return records(value) if records is not None and isinstance(value, dict) else value

    return read


def _tuple(members: tuple[Any, ...]) -> Decoder:
    if len(members) == 2 and members[1] is Ellipsis:
        each = _decoder(members[0])
        return lambda value: None if value is None else tuple(map(each, value))
    readers = [_decoder(member) for member in members]
    return lambda value: tuple(read(v) for read, v in zip(readers, value, strict=True))


def _mapping(key: Any, value: Any) -> Decoder:
    keys, values = _decoder(key), _decoder(value)

    def read(data: Any) -> Any:
        if data is None:
            return None
        if PAIRS in data:
            return {keys(k): values(v) for k, v in data[PAIRS]}
        return {k: values(v) for k, v in data.items()}

    return read


@cache
def _defaults(shape: type) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, _default(f)) for f in dataclasses.fields(shape))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING
