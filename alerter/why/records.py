"""What an account is made of: the question, what the files say of the rule, what the state kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alerter.clock import Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident
from alerter.model.rule import Key, KeyValue, Rule
from alerter.model.silence import Silence
from alerter.redact import hide
from alerter.ruleset.diagnostics import Diagnostic


@dataclass(frozen=True)
class Asked:
    """The question: a rule (with ``key``: fields and their values as text) over ``[start, end]``, or one incident."""

    rule: str
    start: Millis
    end: Millis
    key: Mapping[str, str] = field(default_factory=dict)
    incident: str = ""

    def about(self, key: Key, rule: Rule | None) -> bool:
        """Whether a key has all the values asked for: a hidden one by its hash, a missing one by ""."""
        parts = dict(key or ())
        return all(name in parts and _same(name, parts[name], text, rule) for name, text in self.key.items())


def _same(name: str, value: KeyValue, text: str, rule: Rule | None) -> bool:
    if value is None or isinstance(value, bool):
        return text == ("" if value is None else str(value).lower())
    if text == str(value):
        return True
    return rule is not None and any(hide(name, one, rule.redact) == value for one in _typed(text))


def _typed(text: str) -> list[KeyValue]:
    """Return what a text of the command line may have been in a document."""
    found: list[KeyValue] = [text]
    for kind in (int, float):
        try:
            found.append(kind(text))
        except ValueError:
            continue
    return found


@dataclass(frozen=True)
class Definition:
    """What the rule files say of a name: a rule; or where it is disabled (``file:line``), or why it is refused.

    ``unread`` are the errors of files that cannot be read at all: any of them may hold a rule that none of the others
    does.
    """

    rule: Rule | None = None
    disabled: str = ""
    refused: tuple[Diagnostic, ...] = ()
    unread: tuple[Diagnostic, ...] = ()

    @property
    def knows(self) -> bool:
        """Whether a file names the rule."""
        return bool(self.rule or self.disabled or self.refused)


@dataclass(frozen=True)
class Records:
    """What the state keeps about the question, read at ``now``.

    ``decisions`` are those of each incident and storm digest by its id, and under "" those of the rule itself.
    ``present`` are those that would be made now about who is still untold. ``digests`` are messages that tell of
    several incidents. ``others`` are incidents of the span that are only counted, not shown. Records of decisions
    begin at ``kept_since``.
    """

    now: Millis
    kept_since: Millis
    incidents: Sequence[Incident] = ()
    decisions: Mapping[str, Sequence[Decision]] = field(default_factory=dict)
    present: Mapping[str, Sequence[Decision]] = field(default_factory=dict)
    digests: Sequence[Incident] = ()
    silences: Sequence[Silence] = ()
    checkpoint: Checkpoint | None = None
    heartbeats: Sequence[Heartbeat] = ()
    others: Sequence[Incident] = ()

    @property
    def holder(self) -> Heartbeat | None:
        """The running engine that evaluates the rule: the one that its checkpoint names."""
        owner = self.checkpoint.owner if self.checkpoint else ""
        return next((b for b in self.heartbeats if owner and b.session == owner and b.running(self.now)), None)

    def of(self, incident: str) -> Sequence[Decision]:
        """Return the decisions of an incident, by time."""
        return self.decisions.get(incident, ())
