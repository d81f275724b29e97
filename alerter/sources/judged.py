"""Events that differ from earlier ones: what a change rule or a new_term rule knows once its events were read."""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from alerter.clock import Millis
from alerter.model.history import History, Value
from alerter.model.rule import Key, Redaction, Rule
from alerter.redact import hide
from alerter.sources.asking import Asking
from alerter.sources.events import exact_curves
from alerter.sources.parts import Part
from alerter.sources.protocol import Answer, Searching, SearchRequest, Source, SourceError
from alerter.sources.read_out import ReadOut

T = TypeVar("T")
Steps = Generator[list[SearchRequest], list[Answer], T]
"""Yields what is to be asked, is sent the answers, returns what was found."""
LONGEST = 200
"""Characters of a value that are kept to be shown: the checkpoint holds the last values of thousands of keys."""


class Judged(ReadOut):
    """The events that are matches, each with what makes it one; their instants are all known.

    ``read`` is the number of events among which they were found.
    """

    def __init__(self, rule: Rule, source: Source, asking: Asking, start: Millis, end: Millis) -> None:
        super().__init__(rule, source, asking, start, end)
        self.remembered: History | None = None
        self.read = 0
        self._times: dict[Key, array[int]] = defaultdict(lambda: array("q"))
        self._made: dict[Key, list[Callable[[], Mapping[str, Any]]]] = defaultdict(list)
        self._severities: dict[Key, list[str]] = defaultdict(list)

    def note(self, key: Key, at: Millis, facts: Callable[[], Mapping[str, Any]], severity: str = "") -> None:
        """Add a match of a key as it may be shown, none older than those before."""
        self._times[key].append(at)
        self._made[key].append(facts)
        self._severities[key].append(severity)

    def finish(self) -> None:
        """Make the curves once all matches are known."""
        self.curves = exact_curves(self._times)

    def named(self, raw: Key, parts: Sequence[Part]) -> Key:
        """Return a key of other parts than the rule's own as it may be shown, and remember what it stands for."""
        if raw is None:
            return None
        paths = [part.split.path if part.split else part.name for part in parts]
        key = tuple((name, hide(p, value, self.rule.redact)) for p, (name, value) in zip(paths, raw, strict=True))
        self._raw[key] = raw
        return key

    def facts(self, key: Key, at: Millis) -> Sequence[Mapping[str, Any]]:
        """Return what makes the events of an instant matches."""
        curve = self.curve(key)
        return [made() for made in self._made[key][curve.rank(at - 1) : curve.rank(at)]]

    def severities(self, key: Key) -> Sequence[str]:
        """Return the severity of each match, where it is taken from each event."""
        return self._severities.get(key, ()) if "severity" in self.rule.newest else ()

    def history(self) -> History | None:
        """Return the values to be known when later events are judged."""
        return self.remembered


def alone(steps: Steps[T], source: Searching) -> T:
    """Take all steps by themselves. Raises SourceError."""
    try:
        wanted = next(steps)
        while True:
            answers = source.search(wanted)
            failed = next((answer for answer in answers if isinstance(answer, SourceError)), None)
            if failed is not None:
                raise failed
            wanted = steps.send([answer for answer in answers if isinstance(answer, Answer)])
    except StopIteration as done:
        found: T = done.value
        return found


def plain(found: Sequence[Any]) -> Any:
    """Return a field's values as one: an array of one is that value, of none is None; no element counts twice."""
    several = list({json.dumps(v, sort_keys=True, default=str): v for v in found if v is not None}.values())
    if len(several) > 1:
        return several
    return several[0] if several else None


def is_nothing(value: Any) -> bool:
    """Whether ``ignore_null`` passes over an event with this value: null, missing, empty or 0; False is a value."""
    return not isinstance(value, bool) and not value


def value_of(names: Sequence[str], values: Sequence[Any], redaction: Redaction) -> Value:
    """Return what compared fields hold, hidden as it must be, so that different values stay different."""
    hidden = tuple(_hidden(name, value, redaction) for name, value in zip(names, values, strict=True))
    text = json.dumps([_number(value) for value in hidden], sort_keys=True, default=str)
    return Value(sha256(text.encode()).hexdigest()[:24], tuple(map(_cut, hidden)))


def _hidden(name: str, value: Any, redaction: Redaction) -> Any:
    if isinstance(value, list):
        return [_hidden(name, inner, redaction) for inner in value]
    if isinstance(value, Mapping):
        text = json.dumps(value, sort_keys=True, default=str)
        shown = hide(name, text, redaction)
        inner = {n: _hidden(f"{name}.{n}", v, redaction) for n, v in value.items()}
        return inner if shown == text else shown
    return hide(name, value, redaction)


def _number(value: Any) -> Any:
    """Return 5.0 as 5: JSON means the same number by both."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _cut(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return value if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
