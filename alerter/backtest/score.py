"""How each setting did: incidents, messages, and which labelled times it caught, missed, and how late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerter.backtest.firing import Firing, firings
from alerter.backtest.labels import Label
from alerter.backtest.sweep import Setting
from alerter.clock import HOUR, Millis
from alerter.engine.dryrun import DryRun
from alerter.model.incident import DeliveryState, Incident
from alerter.plurals import many


@dataclass(frozen=True)
class Caught:
    """A labelled time that an incident told of when it opened or re-opened."""

    label: Label
    firing: Firing

    @property
    def late(self) -> Millis:
        """How long after its start that was, 0 where it was before."""
        return max(self.firing.start - self.label.start, 0)


@dataclass(frozen=True)
class Score:
    """What one setting would have done. Lengths are milliseconds; an incident that is still open counts to the end.

    ``open_for`` and ``longest`` leave out the time between an end and a re-opening. ``by_hour`` counts messages by the
    hour's first instant; ``false`` are incidents that opened, and re-opened with a message, at no labelled time.
    """

    setting: Setting
    matches: int
    incidents: tuple[Incident, ...]
    firings: tuple[Firing, ...]
    open_for: Millis
    longest: Millis
    by_channel: Mapping[str, int]
    by_hour: Mapping[Millis, int]
    caught: tuple[Caught, ...]
    missed: tuple[Label, ...]
    false: tuple[Incident, ...]
    warnings: tuple[str, ...] = ()

    @property
    def messages(self) -> int:
        """How many messages people would have got."""
        return sum(self.by_channel.values())

    @property
    def latest(self) -> Millis:
        """How late the latest of the caught ones was told."""
        return max((one.late for one in self.caught), default=0)


def score(setting: Setting, answer: DryRun, labels: Sequence[Label], early: Millis) -> Score:
    """Return how a setting did.

    An incident that opened in no labelled time, nor at most ``early`` before one, is a false one until it re-opens with
    a message in one. Only what is not false catches a label, each those during which it fired: what fires all the time
    has told nobody of it.
    """
    fired = firings(answer)
    lengths: Counter[str] = Counter()
    for each in fired:
        lengths[each.incident.id] += each.length(answer.end)
    told = [delivery for delivery in answer.messages if delivery.state is not DeliveryState.DROPPED]
    since = _true_since(fired, labels, early)
    true = [f for f in fired if f.start >= since.get(f.incident.id, answer.end + 1)]
    first = {label: next((f for f in true if label.began(f, early) or label.saw(f)), None) for label in labels}
    return Score(
        setting,
        len(answer.matches),
        answer.incidents,
        fired,
        lengths.total(),
        max(lengths.values(), default=0),
        dict(sorted(Counter(d.channel or d.receiver for d in told).items())),
        dict(sorted(Counter(d.at // HOUR * HOUR for d in told).items())),
        tuple(Caught(label, firing) for label, firing in first.items() if firing is not None),
        tuple(label for label, firing in first.items() if firing is None),
        tuple(i for i in answer.incidents if i.id not in since) if labels else (),
        answer.warnings,
    )


def _true_since(fired: Sequence[Firing], labels: Sequence[Label], early: Millis) -> dict[str, Millis]:
    """Return from when on each incident that is not false told of a labelled time."""
    since: dict[str, Millis] = {}
    for firing in fired:
        if any(label.began(firing, early) for label in labels):
            since.setdefault(firing.incident.id, firing.start)
    return since


@dataclass(frozen=True)
class Suggestion:
    """The setting to take, None when there is none to name, and why."""

    setting: Setting | None
    why: str


def suggest(scores: Sequence[Score], labels: Sequence[Label]) -> Suggestion:
    """Return the setting that catches all labelled times with the fewest messages, then the fewest false incidents.

    Of those that are alike in this the one that is told soonest, then the first.
    """
    if not labels:
        return Suggestion(None, "nothing is suggested without labelled times (--expect FILE)")
    good = [one for one in scores if not one.missed]
    number = "the labelled time" if len(labels) == 1 else f"all {len(labels)} labelled times"
    if not good:
        most = max(scores, key=lambda one: len(one.caught))
        why = f"no setting catches {number}"
        if most.caught:
            why += f"; {most.setting.name} catches most: {len(most.caught)} of {len(labels)}"
        return Suggestion(None, why)
    best = min(good, key=lambda one: (one.messages, len(one.false), one.latest))
    told = many(best.messages, "message")
    return Suggestion(best.setting, f"it catches {number} with the fewest messages: {told}, {_false(best)}")


def _false(one: Score) -> str:
    return many(len(one.false), "false incident") if one.false else "no false incident"
