"""Records to JSON and back: generic over the frozen dataclasses of the model."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union

T = TypeVar("T")
PAIRS = "@pairs"
"""A mapping whose keys are no texts is written as a list of pairs under this name."""


def encode(value: Any) -> Any:
    """Return plain JSON values for a record; fields at their default are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: encode(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if getattr(value, f.name) != _default(f)
        }
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
    hints = _hints(shape)  # type: ignore[arg-type]
    known = {f.name for f in dataclasses.fields(shape)}  # type: ignore[arg-type]
    return shape(**{name: _decode(hints[name], value) for name, value in data.items() if name in known})


def _decode(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if value is None or hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _decode_union(hint, value)
    if origin is tuple:
        return _decode_tuple(typing.get_args(hint), value)
    if isinstance(value, Mapping) and origin is not None:
        return _decode_mapping(typing.get_args(hint), value)
    if dataclasses.is_dataclass(hint):
        return decode(hint, value)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value


def _decode_union(hint: Any, value: Any) -> Any:
    """Choose the member that fits: a list for a tuple, a mapping for a record, else the plain value."""
    for member in typing.get_args(hint):
        if isinstance(value, list) and typing.get_origin(member) is tuple:
            return _decode(member, value)
        if isinstance(value, Mapping) and dataclasses.is_dataclass(member):
            return _decode(member, value)
    return value


def _decode_tuple(members: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if len(members) == 2 and members[1] is Ellipsis:
        return tuple(_decode(members[0], v) for v in value)
    return tuple(_decode(m, v) for m, v in zip(members, value, strict=True))


def _decode_mapping(members: tuple[Any, ...], value: Mapping[str, Any]) -> dict[Any, Any]:
    key_hint, value_hint = members
    if PAIRS in value:
        return {_decode(key_hint, k): _decode(value_hint, v) for k, v in value[PAIRS]}
    return {k: _decode(value_hint, v) for k, v in value.items()}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING


@cache
def _hints(shape: type) -> dict[str, Any]:
    return typing.get_type_hints(shape)
