"""Documents out of JSON, with numbers that a text field keeps as they were written."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

from alerter.query.fieldtypes import Spelt


def _float(text: str) -> float:
    value = float(text)
    return value if value and repr(value) == text else Spelt(value, text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed in JSON")


_DECODER: json.JSONDecoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=_float)


def decode(line: bytes) -> Any:
    """Decode a line of JSON, numbers as they are written; raises ValueError or RecursionError."""
    return _DECODER.decode(line.decode("utf-8"))


def decode_roughly(line: bytes) -> Any:
    """Decode a line faster; numbers lose their spelling, and those beyond 64 bits their last digits."""
    try:
        return orjson.loads(line)
    except ValueError:
        return decode(line)  # which knows lone surrogates, and says more of what is wrong
