"""Plug-ins called: what they are given is made, what they give back is looked at; what they break is a PluginError."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from alerter.clock import SECOND, Millis
from alerter.model.rule import Custom, Key, Rule
from alerter.plugins import DropMatch, Enhancement, Event, Matched, RuleType, Window
from alerter.plugins.registry import ENHANCEMENTS, RULE_TYPES, PluginError, load, said
from alerter.plugins.waiting import call
from alerter.redact import redact_document

Document = Mapping[str, Any]


def judged(
    rule: Rule, condition: Custom, key: Key, at: Millis, events: Sequence[tuple[Millis, Document]]
) -> dict[str, Any] | None:
    """Return what a rule type says of a window: the facts of a match, None where all is well. Raises PluginError.

    ``events`` are oldest first, and redacted. The rule type gets copies of them.
    """
    window = Window(
        rule=rule.name,
        start=moment(at - condition.timeframe),
        end=moment(at),
        key=dict(key or ()),
        events=tuple(Event(moment(when), _copy(fields)) for when, fields in events),
        options=_copy(condition.options),
    )
    try:
        function: RuleType = load(RULE_TYPES, condition.plugin)
        found = call(f"{RULE_TYPES} {condition.plugin}", function, window)
        return None if found is None else redact_document(_plain(found), rule.redact)
    except (Exception, SystemExit) as error:  # whatever it does, it is this rule's failure
        raise _failed(f"the rule type {condition.plugin}", error) from error


def added(rule: Rule, name: str, shown: Matched) -> dict[str, Any]:
    """Return the fields that an enhancement adds to a match, of which it gets a copy. Raises DropMatch, PluginError."""
    shown = replace(shown, facts=_copy(shown.facts), event=_copy(shown.event), events=_copy(shown.events))
    try:
        function: Enhancement = load(ENHANCEMENTS, name)
        found = call(f"{ENHANCEMENTS} {name}", function, shown)
        return {} if found is None else redact_document(_plain(found), rule.redact)
    except DropMatch:
        raise
    except (Exception, SystemExit) as error:  # whatever it does, it is this rule's failure
        raise _failed(f"the enhancement {name}", error) from error


def moment(at: Millis) -> datetime:
    """Return an instant as plug-ins see it: in UTC."""
    return datetime.fromtimestamp(at / SECOND, UTC)


def _copy(value: Any) -> Any:
    """Return a copy, at any depth: windows that overlap hold the same events, and must stay as they are."""
    if isinstance(value, Mapping):
        return {name: _copy(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_copy, value))
    return list(map(_copy, value)) if isinstance(value, list) else value


def _plain(found: Any) -> dict[str, Any]:
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise PluginError("it must return None, or a mapping of names to values")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(found), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise PluginError(f"it returned a value that JSON does not know: {said(error)}") from error
    return plain


def _failed(what: str, error: BaseException) -> PluginError:
    return PluginError(f"{what} failed: {error if isinstance(error, PluginError) else said(error)}")
