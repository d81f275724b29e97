"""The job that looks after the alerter itself: reads how the fleet and the outbox are, and keeps its own incidents."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from alerter.clock import MINUTE, Clock, Millis
from alerter.config import WatchSettings
from alerter.engine.audience import audience
from alerter.engine.decisions import fold_runs
from alerter.engine.story import Story
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Delivery, Incident
from alerter.model.rule import REOPEN_WITHIN
from alerter.model.silence import Silence
from alerter.routing.tree import Routing
from alerter.state.protocol import Conflict, State, StateError, Versioned
from alerter.watch.facts import Facts, Lost, Peers, Waiting
from alerter.watch.incidents import Telling, new_id, stories
from alerter.watch.memory import Lasting
from alerter.watch.signs import NAMES, Sign, over, signs

log = logging.getLogger(__name__)
MOST_COUNTED: Millis = MINUTE
"""Of the time between two looks at most this much counts as seen."""
READ_EVERY: Millis = 5 * MINUTE
"""Without any sign the own incidents are read this often: another engine may have left one open."""
OLDEST = 500
"""Incidents with something to deliver that are looked at, oldest first."""


class Watch:
    """Looks every few seconds; of each kind of sign only the engine that leads its name tells.

    ``own`` is this engine's heartbeat of now; ``routing`` and ``silences`` are those of now too.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        peers: Peers,
        after: WatchSettings,
        *,
        own: Callable[[], Heartbeat],
        routing: Callable[[], Routing],
        silences: Callable[[], Sequence[Silence]],
    ) -> None:
        self._state = state
        self._clock = clock
        self._peers = peers
        self._after = after
        self._own = own
        self._routing = routing
        self._silences = silences
        self._waiting = Lasting(MOST_COUNTED)
        self._missing = Lasting(MOST_COUNTED)
        self._differing = Lasting(MOST_COUNTED)
        self._read: dict[str, Millis] = {}
        self._open: set[str] = set()

    def look(self) -> int:
        """Look once; returns how many incidents were written. Raises StateError."""
        led = [name for name in NAMES if getattr(self._after, name) is not None and self._peers.chosen(NAMES[name])]
        for name in [name for name in self._read if name not in led]:
            del self._read[name]  # another engine tells it now; what it writes must be read
        if not led or not self._peers.valid():
            return 0
        facts = self._facts(led)
        found: dict[str, list[Sign]] = defaultdict(list)
        for sign in signs(facts, self._after):
            found[sign.name].append(sign)
        return sum(self._tell(name, found[name], facts) for name in led)

    # --- what is there ---------------------------------------------------------------------------------------------

    def _facts(self, led: Sequence[str]) -> Facts:
        members, own, now = self._peers.view.members, self._own(), self._clock.now()
        others = [beat for beat in self._state.heartbeats() if beat.instance != own.instance]
        living = [beat for beat in others if beat.instance in members]
        gone = [beat for beat in others if beat.instance not in members and not beat.stopped]
        clock = self._clock.monotonic()
        self._missing.look([(beat.instance, beat.beat) for beat in gone], clock)
        differ = len({(member.version, member.ruleset) for member in members.values()}) > 1
        self._differing.look(["differ"] if differ else [], clock)
        return Facts(
            now=now,
            engines=(own, *living),
            members=members,
            rulesets=self._state.rulesets(sorted({m.ruleset for m in members.values()})) if differ else {},
            lost=tuple(Lost(b.instance, b.beat, self._missing.age((b.instance, b.beat))) for b in gone),
            waiting=tuple(self._outbox(clock)) if "outbox_old" in led else (),
            differing=self._differing.age("differ"),
        )

    def _outbox(self, clock: Millis) -> Iterator[Waiting]:
        channels: dict[str, list[Delivery]] = defaultdict(list)
        unfinished = self._state.unfinished(limit=OLDEST)
        for stored in unfinished:
            for delivery in stored.value.outbox:
                channels[delivery.channel].append(delivery)
        self._waiting.look((d.id for listed in channels.values() for d in listed), clock)
        for channel, listed in sorted(channels.items()):
            yield Waiting(
                channel,
                frozenset(d.receiver for d in listed),
                len(listed),
                max(self._waiting.age(d.id) for d in listed),
                min(d.at for d in listed),
                next((d.error for d in listed if d.error), ""),
                more=len(unfinished) >= OLDEST,
            )

    # --- what is told of it ----------------------------------------------------------------------------------------

    def _tell(self, name: str, found: Sequence[Sign], facts: Facts) -> int:
        if not found and name not in self._open and not self._is_due(name):
            return 0
        known = {stored.value.id: stored for stored in self._known(name, found, facts.now)}
        telling = Telling(
            facts.now,
            audience(self._routing(), self._silences(), self._inhibiting()),
            self._routing(),
            lambda incident: over(name, incident.key, facts),
        )
        told = list(stories(name, found, [stored.value for stored in known.values()], telling))
        self._read[name] = self._clock.monotonic()
        if any(stored.value.resolved is None for stored in known.values()) or told:
            self._open.add(name)
        else:
            self._open.discard(name)
        return sum(self._write(story, known.get(story.incident.id)) for story in told)

    def _is_due(self, name: str) -> bool:
        read = self._read.get(name)
        return read is None or self._clock.monotonic() - read >= READ_EVERY

    def _known(self, name: str, found: Sequence[Sign], now: Millis) -> Iterator[Versioned[Incident]]:
        """Yield the open incidents of a kind, those that may begin again, and those that a sign would open twice."""
        since = min([now, *(sign.since for sign in found)]) - REOPEN_WITHIN
        listed = self._state.incidents(rule=NAMES[name], since=since)
        yield from listed
        seen = {stored.value.id for stored in listed}
        for id in {new_id(sign) for sign in found if sign.opens} - seen:
            stored = self._state.incident(id)
            if stored is not None:
                yield stored

    def _inhibiting(self) -> list[Incident]:
        if not self._routing().inhibit_rules:
            return []
        return [stored.value for stored in self._state.incidents(open_only=True)]

    def _write(self, story: Story, before: Versioned[Incident] | None) -> bool:
        """Write an incident by compare-and-set, unless nothing of it changed; what conflicts is looked at next time."""
        if not self._peers.valid():
            return False
        if before is not None and replace(story.incident, updated=before.value.updated) == before.value:
            return False
        try:
            self._state.save_incident(story.incident, before.version if before else None)
        except Conflict:
            return False
        if before is None or (before.value.resolved is None) != (story.incident.resolved is None):
            level = logging.WARNING if story.incident.resolved is None else logging.INFO
            log.log(level, "%s: %s", story.incident.rule, _said(story.incident))
        try:
            self._state.record(fold_runs(story.decisions))
        except StateError as error:
            log.warning("%d decisions are not recorded: %s", len(story.decisions), error.reason)
        return True


def _said(incident: Incident) -> str:
    return incident.view.sentence if incident.resolved is None else f"over ({incident.resolve_reason})"
