"""Alertmanager's matchers as text: ``domain="order"``, ``severity=~"warning|critical"``, quotes optional."""

from __future__ import annotations

import re

from alerter.model.silence import Matcher

_MATCHER = re.compile(
    r'^\s*(?P<q>"?)(?P<name>[^"=!~]+?)(?P=q)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>.*?)\s*$', re.DOTALL
)


def parse_matcher(text: str) -> Matcher:
    """Read one matcher; raises ValueError with what is wrong."""
    found = _MATCHER.match(text)
    if not found:
        raise ValueError(f'{text!r} is not a matcher; write domain="order" or severity=~"warning|critical"')
    value = found["value"]
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise ValueError(f"{text!r}: the quote is not closed")
        value = (
            re.sub(r"\\(.)", r"\1", value[1:-1]) if "~" not in found["operator"] else value[1:-1].replace('\\"', '"')
        )
    matcher = Matcher(found["name"].strip(), found["operator"], value)
    if "~" in matcher.operator:
        try:
            re.compile(matcher.value)
        except re.error as error:
            raise ValueError(f"{text!r}: the regular expression is wrong: {error}") from None
    return matcher


def parse_matchers(text: str) -> list[Matcher]:
    """Read a comma separated list, braces optional: ``{domain="order", severity="critical"}``."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    parts = re.findall(r'(?:[^,"]|"(?:\\.|[^"\\])*")+', inner)
    return [parse_matcher(part) for part in parts if part.strip()]
