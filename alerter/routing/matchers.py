"""Alertmanager's matchers as text: ``domain="order"``, ``severity=~"warning|critical"``, quotes optional."""

from __future__ import annotations

import re

from alerter.model.silence import Matcher

_MATCHER = re.compile(
    r'^\s*(?P<q>"?)(?P<name>[^"=!~]+?)(?P=q)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>.*?)\s*$', re.DOTALL
)
_UNIT = re.compile(r"\\.|.", re.DOTALL)
_PART = re.compile(r'(?:\\["\\]|[^,"]|"(?:\\.|[^"\\])*(?:"|\\?\Z))+', re.DOTALL)
"""One matcher of a list; a quote that is never closed reaches to the end, so that it is refused and not dropped."""
QUOTE, ESCAPED = '"', '\\"'


class MatcherError(ValueError):
    """What is wrong with a matcher; ``hint`` is how to write it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse_matcher(text: str) -> Matcher:
    """Read one matcher; raises MatcherError with what is wrong."""
    found = _MATCHER.match(text)
    if not found:
        raise MatcherError(f'{text!r} is not a matcher; write domain="order" or severity=~"warning|critical"')
    name, operator = found["name"].strip(), found["operator"]
    return checked(Matcher(name, operator, _value(text, f"{name}{operator}", found["value"])), text)


def checked(matcher: Matcher, text: str) -> Matcher:
    """Return the matcher, written as ``text``; raises MatcherError when its regular expression is wrong."""
    if "~" in matcher.operator:
        try:
            re.compile(matcher.value)
        except re.error as error:
            raise MatcherError(f"{text!r}: the regular expression is wrong: {error}") from None
    return matcher


def _value(text: str, before: str, written: str) -> str:
    """Return a value without its quotes and escapes; raises MatcherError for a quote that would be part of it."""
    units = _UNIT.findall(written)
    quotes = [n for n, unit in enumerate(units) if unit == QUOTE]
    enclosed = quotes == [0, len(units) - 1]
    if quotes and not enclosed:
        problem = "the quote is not closed" if quotes == [0] else "a quote in a value needs a backslash"
        raise MatcherError(f"{text!r}: {problem}", _rewritten(before, units))
    plain = enclosed and "~" not in before
    read = [unit[1] if unit == ESCAPED or (plain and len(unit) > 1) else unit for unit in units]
    return "".join(read[1:-1] if enclosed else read)


def _rewritten(before: str, units: list[str]) -> str:
    """Return how the value is written when the outer quotes are not part of it, and when a last one is."""
    opened, ends = units[0] == QUOTE, len(units) > 1 and units[-1] == QUOTE
    within = ["\\" + unit if unit in (QUOTE, "\\") else unit for unit in units]
    plain = "".join(within[opened : len(within) - ends])
    hint = f'write {before}"{plain}"'
    if ends and not opened:
        return f'{hint}, or {before}"{"".join(within)}" when the quote is part of the value'
    return hint


def parse_matchers(text: str) -> list[Matcher]:
    """Read a comma separated list, braces optional: ``{domain="order", severity="critical"}``."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    return [parse_matcher(part) for part in _PART.findall(inner) if part.strip()]
