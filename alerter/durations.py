"""Lengths of time as files write them: ``{minutes: 5}``, ``5m``, ``1h30m``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis

UNITS: Mapping[str, Millis] = {
    "weeks": 7 * DAY,
    "days": DAY,
    "hours": HOUR,
    "minutes": MINUTE,
    "seconds": SECOND,
    "milliseconds": 1,
}
SHORT: Mapping[str, Millis] = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[wdhms])")
LONGEST: Millis = 10 * 365 * DAY


def parse_duration(value: Any) -> Millis:
    """Return a length in milliseconds; raises ValueError with what is wrong and how to write it."""
    if isinstance(value, Mapping):
        return _bounded(sum(_unit(name, amount) for name, amount in value.items()))
    if isinstance(value, str) and value.strip() == "0":
        return 0
    if isinstance(value, str):
        text = value.strip()
        parts = list(_PART.finditer(text))
        if parts and "".join(p.group(0) for p in parts).replace(" ", "") == text.replace(" ", ""):
            return _bounded(sum(float(p.group(1)) * SHORT[p.group(2)] for p in parts))
    raise ValueError(f"{value!r} is not a length of time; write 5m, 1h30m or {{minutes: 5}}")


def _unit(name: Any, amount: Any) -> float:
    if name not in UNITS:
        raise ValueError(f"{name!r} is not a unit of time; units are {', '.join(UNITS)}")
    if isinstance(amount, bool):
        raise ValueError(f"{name}: {amount!r} is not a number")
    try:
        return float(amount) * UNITS[name]
    except (TypeError, ValueError):
        raise ValueError(f"{name}: {amount!r} is not a number") from None


def _bounded(length: float) -> Millis:
    if not 0 <= length <= LONGEST:
        raise ValueError("a length of time lies between 0 and ten years")
    return round(length)
