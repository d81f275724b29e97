"""Values as people read them: by a rule's own format, or with six significant digits."""

from __future__ import annotations

import re

_WIDTH = r"\d{0,2}(?:\.\d{1,2})?"
_PERCENT = re.compile(rf"(?:[^%]|%%)*%[-+ #0]*{_WIDTH}[eEfFgGdis](?:[^%]|%%)*", re.DOTALL)
_SPEC = r"(?:[^{}]?[<>=^])?[-+ ]?0?\d{0,2}[,_]?(?:\.\d{1,2})?[eEfFgGn%]?"
_TEXT = r"(?:[^{}]|\{\{|\}\})*"
_BRACES = re.compile(rf"{_TEXT}\{{0?(?::{_SPEC})?\}}{_TEXT}", re.DOTALL)


def formatted(format: str, value: float) -> str:
    """Return a value as a format says: ``{:.2f}``, where it holds a brace first, else ``%.2f`` (ElastAlert's rule)."""
    return format.format(value) if "{" in format else format % value


def is_format(format: str) -> bool:
    """Whether a format shows exactly one number: no attributes, no widths of three digits or more, nothing else."""
    pattern = _BRACES if "{" in format else _PERCENT
    if not pattern.fullmatch(format):
        return False
    try:
        formatted(format, 1.5)
    except (ValueError, TypeError, IndexError, KeyError):
        return False
    return True


def number_text(value: float) -> str:
    """Return a value with thousands apart: whole ones in full, others with six significant digits."""
    if float(value).is_integer() and abs(value) < 2**53:
        return f"{int(value):,}"
    return f"{value:,.6g}"


def plain(value: float) -> int | float:
    """Return a value as a program reads it: a whole number without a fraction."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value
