"""alerter's side: the same options through its own loader, the same documents through its source and evaluator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alerter.config import Settings
from alerter.detectors import evaluate, first_checkpoint, reads_from
from alerter.engine.rounds import Work, finish
from alerter.model.incident import Change, Match, Transition
from alerter.model.rule import Key, Rule
from alerter.ruleset.build import Builder
from alerter.ruleset.validate import validate
from alerter.ruleset.yaml_positions import read_text
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.once import Once
from alerter.sources.opening import Reading
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.timetext import iso, parse_instant

T0: int = parse_instant("2026-03-10T11:00:00Z")
KEYWORD = {"type": "keyword"}
PROPERTIES: Mapping[str, Any] = {
    "@timestamp": {"type": "date"},
    **dict.fromkeys(("k", "host", "s", "v"), KEYWORD),
    "user": {"properties": {"name": KEYWORD}},
    "n": {"type": "long"},
    "x": {"type": "double"},
}
SETTINGS = Settings()


@dataclass(frozen=True)
class Event:
    """A document: when it happened, its fields, and in which run it is first seen (None: in its own time's)."""

    at: int
    fields: Mapping[str, Any]
    run: int | None = None

    @property
    def document(self) -> dict[str, Any]:
        """What is indexed."""
        return {"@timestamp": iso(self.at), **self.fields}


def options(type_: str, **given: Any) -> dict[str, Any]:
    """Return the options of a rule that both read; silences are zero, so that every match is told."""
    return {
        "name": "a rule",
        "type": type_,
        "index": "logs",
        "alert": "debug",
        "filter": [],
        "realert": {"minutes": 0},
        **given,
    }


def seconds(milliseconds: int) -> dict[str, Any]:
    """Write a length as both read it."""
    if milliseconds % 1_000 == 0:
        return {"seconds": milliseconds // 1_000}
    return {"milliseconds": milliseconds}


def rule_of(given: Mapping[str, Any]) -> Rule:
    """Return the rule that alerter's loader makes of these options."""
    return _rule(json.dumps(given))


@cache
def _rule(text: str) -> Rule:
    [document], problems = read_text(text, "a.yaml")
    builder = Builder(document, Path("a.yaml"), "", SETTINGS)
    built = builder.build()
    errors = [f for f in [*problems, *validate(document), *builder.findings] if f.severity == "error"]
    assert built is not None, errors
    assert not errors
    return built


def matches(
    given: Mapping[str, Any], events: Sequence[Event], start: int, end: int, *, counted: bool = False
) -> list[Match]:
    """Return all matches of ``(start, end]``, by time; ``counted``: asked for by aggregations, as in live runs."""
    runs = Runs(rule_of(given), start, counted=counted)
    runs.go(events, end)
    return runs.matches


class Runs:
    """A rule's evaluations, each over what is there by then."""

    def __init__(self, rule: Rule, start: int, *, counted: bool = True) -> None:
        self.rule = rule
        self.source = EmbeddedSource(properties=PROPERTIES)
        self.reader = Reader(self.source) if counted else Once(self.source)
        self.checkpoint = first_checkpoint(rule, start)
        self.matches: list[Match] = []

    def go(self, events: Sequence[Event], end: int) -> list[Match]:
        """Add events and evaluate up to ``end``; return what this run matched."""
        rule, checkpoint = self.rule, self.checkpoint
        self.source.extend(event.document for event in events)
        reading = Reading(rule, reads_from(rule, checkpoint, end), end, checkpoint.evaluated)
        [found] = self.reader.open([reading])
        if isinstance(found, SourceError):
            raise found
        work = Work(found, lambda: evaluate(rule, found, checkpoint, end))
        outcome = finish(self.reader, {rule.name: work}, _failed)[rule.name]
        self.checkpoint = outcome.checkpoint
        new = [t.match for t in outcome.transitions if _is_match(t)]
        self.matches += new
        return new


def _is_match(told: Transition) -> bool:
    assert told.change is not Change.SUPPRESSED
    return told.match is not None


def _failed(name: str, error: Exception) -> None:
    raise error


def key_text(key: Key) -> Any:
    """Return a key as ElastAlert has it: one value, or several as one text."""
    if key is None:
        return None
    values = [value for _, value in key]
    return values[0] if len(values) == 1 else ", ".join(str(value) for value in values)
