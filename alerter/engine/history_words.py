"""Conditions that compare an event with earlier ones in words: what is looked for, and what a match found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from alerter.model.history import NewTerm, ValueChange
from alerter.model.incident import Match
from alerter.model.rule import Rule
from alerter.redact import redact_text
from alerter.timetext import length_text

SHOWN = 200
"""Characters of a value in a sentence."""


def history_condition(condition: ValueChange | NewTerm) -> str:
    """Return the condition in words."""
    if isinstance(condition, ValueChange):
        within = f" within {length_text(condition.timeframe)}" if condition.timeframe else ""
        return f"{_and(condition.compared)} changes{within}"
    fields = " or ".join(_and(names) for names in condition.fields)
    missing = ", or is missing" if condition.missing else ""
    return f"a value of {fields} not seen for {length_text(condition.window)}{missing}"


def history_sentence(rule: Rule, match: Match) -> str:
    """Return what changed into what, or which term is new."""
    condition, facts = rule.condition, match.facts
    if isinstance(condition, ValueChange):
        old, new = facts.get("old", ()), facts.get("new", ())
        changed = [
            f"{name} changed from {_text(before, rule)} to {_text(after, rule)}"
            for name, before, after in zip(condition.compared, old, new, strict=False)
            if before != after
        ]
        return ", ".join(changed) or f"{_and(condition.compared)} changed"
    assert isinstance(condition, NewTerm)
    fields, values = _listed(facts.get("field", "")), _listed(facts.get("value"))
    if "value" not in facts:
        return f"{' or '.join(fields)} is missing"
    shown = [f"{name} {_text(value, rule)}" for name, value in zip(fields, values, strict=False)]
    return f"{_and(shown)} {'was' if len(shown) == 1 else 'were'} not seen for {length_text(condition.window)}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _text(value: Any, rule: Rule) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = redact_text(text, rule.redact)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
