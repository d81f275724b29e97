"""What a rule test file says, read once into frozen dataclasses; times are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerter.clock import Millis
from alerter.model.silence import Silence
from alerter.ruleset.yaml_positions import Document

At = tuple[Any, ...]
"""Where something stands in the file: the path of its value."""


@dataclass(frozen=True)
class Repeat:
    """``count`` events ``every`` so many milliseconds; ``jitter`` moves each by up to that much, by ``seed``."""

    count: int = 1
    every: Millis = 0
    jitter: Millis = 0
    seed: int = 0


@dataclass(frozen=True)
class Visible:
    """When an event can be seen: at an instant, or ``lag`` after its own time; neither: at once."""

    at: Millis | None = None
    lag: Millis = 0

    def of(self, event: Millis) -> Millis:
        """Return when an event of this time becomes visible, never before its own time."""
        return max(event, self.at) if self.at is not None else event + self.lag


@dataclass(frozen=True)
class Inline:
    """Documents written in the test: ``document`` repeated, once for each combination of the values in ``each``."""

    at: Millis
    document: Mapping[str, Any]
    repeat: Repeat = Repeat()
    each: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    visible: Visible = Visible()


@dataclass(frozen=True)
class Sample:
    """Documents from an NDJSON file: the earliest is moved to ``at`` (None: times stay), ``overrides`` replace."""

    file: Path
    path: At
    at: Millis | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    first: int | None = None
    visible: Visible = Visible()


@dataclass(frozen=True)
class Check:
    """One field of an expected entry: its name, how it is written, and whether a value fits.

    ``exact`` tells that it is written as one plain value, which may be replaced by another.
    """

    name: str
    path: At
    shown: str
    holds: Callable[[Any], bool]
    exact: bool = False


@dataclass(frozen=True)
class Entry:
    """One expected match, incident, message or decision: all checks must hold of one that happened.

    ``times`` (decisions only) judges how many fit; without it one is enough.
    """

    path: At
    checks: tuple[Check, ...]
    times: Check | None = None


@dataclass(frozen=True)
class Firing:
    """An incident is open throughout ``[start, end]``, or (``wanted`` false) none is at any instant of it.

    ``plain``: written as true or false; with ``ever`` too (of a whole test) any instant counts.
    """

    path: At
    wanted: bool
    start: Millis
    end: Millis
    checks: tuple[Check, ...] = ()
    plain: bool = False
    ever: bool = False


@dataclass(frozen=True)
class Expectation:
    """What is expected at an instant or, with ``whole``, of the test from start to end.

    ``lists`` holds what is written under matches, incidents, messages and decisions; an empty list means none.
    """

    path: At
    at: Millis
    whole: bool = False
    firing: tuple[Firing, ...] = ()
    lists: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    only: bool = False


@dataclass(frozen=True)
class Step:
    """Something at an instant: the clock is brought there, then silence, restart and expectation in this order."""

    at: Millis
    path: At
    silence: Silence | None = None
    restart: bool = False
    expect: Expectation | None = None


@dataclass(frozen=True)
class Case:
    """One test: the span ``(start, end]``, what happens in it, what is expected."""

    name: str
    path: At
    start: Millis
    end: Millis | None
    events: tuple[Inline | Sample, ...]
    steps: tuple[Step, ...]
    expect: Expectation | None


@dataclass(frozen=True)
class TestFile:
    """A file that could be read; ``rules`` are the rule files it is about, ``routes`` None means the project's."""

    __test__ = False
    file: Path
    document: Document
    rules: tuple[Path, ...]
    routes: tuple[Path, ...] | None
    cases: tuple[Case, ...]
