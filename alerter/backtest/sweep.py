"""The settings that are tried: ``--sweep num_events=5,10,20`` and what the rule then says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis
from alerter.config import Settings
from alerter.durations import parse_duration
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.ruleset.build import Builder
from alerter.ruleset.imports import RuleReader
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.validate import validate
from alerter.ruleset.yaml_positions import Document

Value: TypeAlias = int | float | str | None
MOST_SETTINGS = 500
"""Combinations of one backtest."""
SILENCES = ("realert", "exponential_realert", "resolve_after")
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "frequency": ("num_events", "timeframe"),
    "spike": (
        "spike_height", "spike_type", "timeframe", "threshold_ref", "threshold_cur", "alert_on_new_data",
        "run_every", "known_keys_for",
    ),
    "flatline": ("threshold", "timeframe", "run_every", "known_keys_for", "forget_keys"),
    "cardinality": ("max_cardinality", "min_cardinality", "timeframe", "run_every", "known_keys_for"),
    "metric_aggregation": ("max_threshold", "min_threshold", "timeframe", "run_every"),
    "percentage_match": ("max_percentage", "min_percentage", "min_denominator", "timeframe", "run_every"),
    "spike_aggregation": ("spike_height", "spike_type", "timeframe", "threshold_ref", "threshold_cur", "run_every"),
}  # fmt: skip
"""What may be swept by type, beside the silences: what judges the counted events, never which are counted."""


@dataclass(frozen=True)
class Setting:
    """One combination: each swept option with its value, and the rule it makes.

    A value is a number, text as people write it, true, false, or None where the file says nothing. ``written`` tells
    that the rule's file says so.
    """

    values: tuple[tuple[str, Value], ...]
    rule: Rule
    written: bool = False

    @property
    def name(self) -> str:
        """Return it as one line: ``num_events=5 timeframe=10m``."""
        return " ".join(f"{option}={shown(value)}" for option, value in self.values)


def parse_sweeps(texts: Sequence[str], rule: Rule) -> dict[str, list[Any]]:
    """Read ``OPTION=VALUE,VALUE...``. Raises UsageError for an option that a rule of this type cannot sweep."""
    sweeps: dict[str, list[Any]] = {}
    allowed = (*OPTIONS.get(rule.type, ()), *SILENCES)
    for text in texts:
        option, equals, written = (part.strip() for part in text.partition("="))
        values = [_value(option, part.strip()) for part in written.split(",")]
        if not equals or not written or any(value is None for value in values):
            raise UsageError(f"--sweep {text!r} has no values", "like --sweep num_events=5,10,20")
        if option not in allowed:
            known = f"it may sweep {', '.join(allowed)}"
            hint = did_you_mean(option, allowed)
            raise UsageError(f"a rule of type {rule.type} cannot sweep {option}", f"{hint}; {known}" if hint else known)
        if option in sweeps:
            raise UsageError(f"--sweep {option} is there twice", f"write all values in one: --sweep {option}=A,B")
        sweeps[option] = list({shown(value): value for value in values}.values())
    return sweeps


def _value(option: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # ValueError: what looks like a date that no calendar has
        raise UsageError(f"--sweep {option}: {text!r} is not a value", "like 5 or 10m") from None


def settings_of(rule: Rule, sweeps: Mapping[str, Sequence[Any]], settings: Settings) -> list[Setting]:
    """Return every combination, the rule as it is written first where none is that. Raises UsageError."""
    number = 1
    for values in sweeps.values():
        number *= len(values)
    if number > MOST_SETTINGS:
        raise UsageError(f"{number:,} combinations are too many", f"at most {MOST_SETTINGS}")
    document = _document(rule, settings)
    found: list[Setting] = []
    for chosen in product(*sweeps.values()):
        changes = dict(zip(sweeps, chosen, strict=True))
        variant = _variant(rule, document, changes, settings)
        values = tuple((option, _plain(value)) for option, value in changes.items())
        same = next((one for one in found if one.rule == variant), None)
        if same is not None:
            raise UsageError(
                f"{same.name} and {_text(changes)} are the same rule", "an option written in the file may win"
            )
        found.append(Setting(values, variant, written=variant == rule))
    if any(one.written for one in found):
        return found
    as_is = tuple((option, _plain(document.value.get(option))) for option in sweeps)
    return [Setting(as_is, rule, written=True), *found]


def _document(rule: Rule, settings: Settings) -> Document:
    """Return the rule's document: the one of its file that stands nearest before its position."""
    documents = RuleReader(settings.environ, settings.rule_defaults).read(Path(rule.position.file)).documents
    before = [d for d in documents if d.mark(()).line <= rule.position.line]
    if not before:
        raise UsageError(f"{rule.position.file} was changed while it was read", "try again")
    return max(before, key=lambda d: d.mark(()).line)


def _variant(rule: Rule, document: Document, changes: Mapping[str, Any], settings: Settings) -> Rule:
    """Return the rule with options changed, read as the file is read. Raises UsageError with what is wrong."""
    changed = replace(document, value={**document.value, **changes})
    builder = Builder(changed, Path(document.file), "", settings)
    findings = [f for f in validate(changed) if f.severity == "error"]
    built = None if findings else builder.build()
    if built is None:
        wrong = next(f for f in (*findings, *builder.findings) if f.severity == "error")
        raise UsageError(f"--sweep {_text(changes)}: {wrong.message}", wrong.hint)
    return replace(
        rule,
        condition=built.condition,
        schedule=built.schedule,
        realert=built.realert,
        resolve_after=built.resolve_after,
        known_keys_for=built.known_keys_for,
    )


def _text(changes: Mapping[str, Any]) -> str:
    return " ".join(f"{option}={shown(value)}" for option, value in changes.items())


def _plain(value: Any) -> Value:
    """Return a number, true, false or None as it is, and anything else as it is written."""
    return value if value is None or (isinstance(value, int | float) and isfinite(value)) else shown(value)


def shown(value: Any) -> str:
    """Return a value as it is written on the command line; lengths short, ``-`` for what the file does not say."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        try:
            return _short(parse_duration(value))
        except ValueError:
            return str(value)
    return str(value)


def _short(length: Millis) -> str:
    units = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ms"))
    return next((f"{length // unit}{name}" for unit, name in units if length and length % unit == 0), "0")
