"""Pure: the lifecycle of one key's incident, instant by instant, with the reason of every change."""

from __future__ import annotations

from collections.abc import Callable

from alerter.asked import Asked, Newest, Stretch
from alerter.clock import Millis
from alerter.endings import next_silence, resolvers
from alerter.model.changed import changed
from alerter.model.incident import Change, Match, Reason, Transition, incident_id
from alerter.model.memory import Held, KeyMemory, Thread
from alerter.model.rule import (
    REOPEN_WITHIN,
    Key,
    Rule,
    Severity,
)
from alerter.schedule import latest_instant, next_instant

PAST_KEPT = 20
"""Spans of past incidents remembered per key, so that none is told twice."""


class Lifecycle:
    """Folds asked instants of one key, oldest first, into transitions; ``memory`` is what survives."""

    def __init__(self, rule: Rule, key: Key, memory: KeyMemory, newest: Newest | None = None) -> None:
        """Continue from ``memory``; ``newest`` tells the instant of the newest event of a span when it matters."""
        self.rule = rule
        self.key = key
        self.memory = memory
        self._newest = newest
        self.transitions: list[Transition] = []
        self._over_after = resolvers(rule)
        self._aside: Lifecycle | None = None

    def ask(self, asked: Asked) -> bool:
        """Judge one instant; returns whether its match was announced for the key's latest incident."""
        self.settle(asked.at, inclusive=False)
        if asked.reread and self.is_aside(asked.at):
            self._ask_aside(asked)
            return False
        thread = self.memory.thread
        was_open = thread is not None and thread.resolved is None
        reopening = asked.held and not was_open and self._reopens(asked)
        announced = asked.match is not None and not self._silent(asked)
        if asked.held:
            self._note_held(asked)
        if asked.match is not None and announced:
            self._announce(asked, asked.match, reopening)
        elif reopening:
            self._reopen(asked, None)
        if asked.match is not None and not announced and self._new(asked):
            self._suppress(asked.at, asked.match, asked.number)
        if self.is_open and self._rises(asked):
            self._raise(asked, None)
        return announced

    def absorb(self, stretch: Stretch) -> bool:
        """Take in events that all held and of which none is told; False when their instants matter.

        They do not while the incident cannot resolve before the last of them and its silence covers all of them.
        """
        over = self.over_at()
        if over is None or over < stretch.end or next_instant(self.rule.schedule, stretch.start) < stretch.end:
            return False
        thread = self.memory.thread
        assert thread is not None
        if stretch.matches:
            if stretch.reread or not self._muted(stretch.end) or not thread.suppressed:
                return False
            self._suppress(stretch.start + 1, None, stretch.matches)
        held = self.memory.up
        if held.last is None or stretch.end > (held.by or held.last):
            since = stretch.start + 1
            self._keep(Held(held.now, max(since, held.last or since), by=stretch.end), falling=False)
        return True

    def is_silent(self, at: Millis, *, reread: bool = False) -> bool:
        """Whether a match at ``at`` would not be announced."""
        return self._silent(Asked(at, True, reread=reread))

    def measure(self, at: Millis, count: Callable[[], int]) -> None:
        """Note the window's count at a nominal instant, if the open incident's condition held since the one before."""
        self.settle(at, inclusive=False)
        if (
            self.is_open
            and self.memory.announced != at
            and self._held_after(latest_instant(self.rule.schedule, at - 1))
        ):
            self._add(at, Change.MEASURED, Reason.STILL, count=count())

    def settle(self, until: Millis, *, inclusive: bool = True) -> None:
        """Resolve the incident when its condition was over before ``until`` (or at it, when inclusive)."""
        self._settle_aside(until, inclusive=inclusive)
        at = self.over_at()
        if at is None or not (at < until or (inclusive and at == until)):
            return
        if self._know_last():
            at = self.over_at()
            if at is None or not (at < until or (inclusive and at == until)):
                return
        self.resolve(at, self._resolve_reason())

    def over_at(self) -> Millis | None:
        """Return when the open incident resolves (at the earliest, where the instant it held last is not known).

        None when none is open.
        """
        if not self.is_open:
            return None
        ends = [
            self._over_after[falling](held.last)
            for falling, held in ((False, self.memory.up), (True, self.memory.down))
            if held.last is not None
        ]
        return max(ends) if ends else None

    @property
    def is_open(self) -> bool:
        """Whether the key's incident is open."""
        return self.memory.thread is not None and self.memory.thread.resolved is None

    def resolve(self, at: Millis, reason: Reason) -> None:
        """End the open incident; a resolution forgets what held."""
        self._know_last()
        thread = self.memory.thread
        assert thread is not None
        held = [h.last for h in (self.memory.up, self.memory.down) if h.last is not None]
        self._add(at, Change.RESOLVED, reason, last_held=max(held) if held else None)
        self.memory = changed(
            self.memory,
            up=Held(False, self.memory.up.last),
            down=Held(False, self.memory.down.last),
            thread=changed(thread, resolved=at),
            past=self._past(thread.opened, max(held) if held else at, at),
        )

    def edge(self, at: Millis, held: bool, *, falling: bool) -> bool:
        """Note whether a direction holds at ``at``; returns whether it did not at the instant asked before."""
        self.settle(at, inclusive=False)
        before = self.memory.down if falling else self.memory.up
        if held is not before.now:
            self._keep(changed(before, now=held), falling=falling)
        return held and not before.now

    def is_aside(self, at: Millis) -> bool:
        """Whether late events at an instant are no matter of any incident known: the latest is over and opened later.

        What lies within ``timeframe`` of an incident, or in its silence, is that one's. Event types judge every event
        once, late ones too, and have no windows that late events could complete.
        """
        memory, thread = self.memory, self.memory.thread
        if self.rule.is_event_type or thread is None or thread.resolved is None:
            return False
        if at + self.rule.timeframe > thread.opened:
            return False
        if len(memory.past) == PAST_KEPT and at <= memory.past[0][0]:
            return False  # what was told before that is not known any more
        return not any(begin < at < end for begin, end in memory.past)

    # --- steps -------------------------------------------------------------------------------------------------

    def _resolve_reason(self) -> Reason:
        quiet = self.rule.is_event_type and self.rule.resolve_after is None
        return Reason.QUIET if quiet else Reason.CONDITION_OVER

    def _reopens(self, asked: Asked) -> bool:
        """Whether a held condition belongs to the incident that is over: soon after it, or inside its silence."""
        thread = self.memory.thread
        if thread is None or thread.resolved is None:
            return False
        if self._told_before(asked):
            return False
        return asked.at <= thread.resolved + REOPEN_WITHIN or self._muted(asked.at)

    def _past(self, opened: Millis, held: Millis, resolved: Millis) -> tuple[tuple[Millis, Millis], ...]:
        """Return the spans of incidents that events may still come late for, this one's with them."""
        span = opened - self.rule.timeframe, max(held + self.rule.timeframe, self.memory.until or 0)
        since = resolved - self.rule.buffer_time
        others = [known for known in self.memory.past if known[1] > since and known[0] != span[0]]
        return tuple(sorted([*others, span])[-PAST_KEPT:])

    def _ask_aside(self, asked: Asked) -> None:
        """Judge a late match for an incident of its own, which is over before the latest one opened."""
        if self._aside is None:
            self._aside = Lifecycle(self.rule, self.key, KeyMemory(), self._newest)
            self._aside.transitions = self.transitions
        self._aside.ask(changed(asked, reread=False))

    def _settle_aside(self, until: Millis, *, inclusive: bool) -> None:
        if self._aside is None:
            return
        self._aside.settle(until, inclusive=inclusive)
        if not self._aside.is_open:
            past = sorted({*self.memory.past, *self._aside.memory.past})
            self.memory = changed(self.memory, past=tuple(past[-PAST_KEPT:]))

    def _told_before(self, asked: Asked) -> bool:
        """Whether a re-read instant lies within what an incident that is over knew before it resolved."""
        if not asked.reread or self.is_open:
            return False
        last = self._last(asked.falling)
        return last is not None and asked.at <= last

    def _new(self, asked: Asked) -> bool:
        """Whether a match was not judged before; event types ask late events only, each once."""
        return not asked.reread or self.rule.is_event_type

    def _muted(self, at: Millis) -> bool:
        return self.memory.until is not None and at < self.memory.until

    def _silent(self, asked: Asked) -> bool:
        """Whether ``realert`` keeps a match untold; a late one before the last announcement is silent near it."""
        announced = self.memory.announced
        if self._told_before(asked):
            return True
        if asked.reread and announced is not None and asked.at < announced:
            return announced - asked.at < self.rule.realert.length
        return self._muted(asked.at)

    def _note_held(self, asked: Asked) -> None:
        held = self.memory.down if asked.falling else self.memory.up
        if held.by is not None and asked.at < held.by:
            return
        if held.last is None or asked.at > held.last:
            self._keep(Held(held.now, asked.at), falling=asked.falling)

    def _held_after(self, at: Millis) -> bool:
        up, down = self.memory.up, self.memory.down
        if up.by is not None and up.last is not None and up.last <= at < up.by:
            self._know_last()
        return any(held.last is not None and held.last > at for held in (self.memory.up, down))

    def _last(self, falling: bool) -> Millis | None:
        """Return the instant a direction held last, found out if need be."""
        if not falling:
            self._know_last()
        return self.memory.down.last if falling else self.memory.up.last

    def _know_last(self) -> bool:
        """Find out when rises held last; returns whether it was not known."""
        held = self.memory.up
        if held.by is None or held.last is None:
            return False
        assert self._newest is not None
        self._keep(Held(held.now, self._newest(held.last, held.by)), falling=False)
        return True

    def _keep(self, held: Held, *, falling: bool) -> None:
        self.memory = changed(self.memory, down=held) if falling else changed(self.memory, up=held)

    def _announce(self, asked: Asked, match: Match, reopening: bool) -> None:
        until, exponent = next_silence(self.rule.realert, self.memory.until, self.memory.exponent, asked.at)
        announced = asked.at if self.memory.announced is None else max(asked.at, self.memory.announced)
        until = until if self.memory.until is None else max(until, self.memory.until)
        self.memory = changed(self.memory, announced=announced, until=until, exponent=exponent)
        if reopening:
            self._reopen(asked, match)
        elif self.is_open and self._rises(asked):
            self._raise(asked, match)
        elif self.is_open:
            self._count(match, Change.REPEATED, Reason.REPEAT, asked)
        else:
            self._open(asked, match)

    def _open(self, asked: Asked, match: Match) -> None:
        id = incident_id(self.rule.name, self.key, asked.at)
        self.memory = changed(self.memory, thread=Thread(id, asked.at, severity=asked.severity))
        fresh = Held(self.memory.down.now, None) if not asked.falling else self.memory.down
        risen = Held(self.memory.up.now, None) if asked.falling else self.memory.up
        self.memory = changed(self.memory, up=risen, down=fresh)
        self._count(match, Change.OPENED, Reason.FIRST_MATCH, asked)

    def _reopen(self, asked: Asked, match: Match | None) -> None:
        thread = self.memory.thread
        assert thread is not None
        severity = asked.severity if self._rises(asked) else thread.severity
        self.memory = changed(self.memory, thread=changed(thread, resolved=None, severity=severity))
        reason = Reason.LATE_DATA if asked.reread else Reason.REOPENED
        self._count(match, Change.REOPENED, reason, asked)

    def _count(self, match: Match | None, change: Change, reason: Reason, asked: Asked) -> None:
        thread = self.memory.thread
        assert thread is not None
        if match is not None:
            thread = changed(thread, matches=thread.matches + 1, suppressed=0)
            self.memory = changed(self.memory, thread=thread)
        self._add(asked.at, change, reason, match, until=self.memory.until, severity=thread.severity)

    def _suppress(self, at: Millis, match: Match | None, number: int) -> None:
        thread = self.memory.thread
        if thread is not None:
            self.memory = changed(self.memory, thread=changed(thread, suppressed=thread.suppressed + number))
            self._add(at, Change.SUPPRESSED, Reason.REALERT, match, until=self.memory.until, number=number)

    def _rises(self, asked: Asked) -> bool:
        """Whether an instant is worse than the incident was; said once, with whatever else that instant changes."""
        thread = self.memory.thread
        return bool(asked.severity) and thread is not None and _rank(asked.severity) > _rank(thread.severity)

    def _raise(self, asked: Asked, match: Match | None) -> None:
        thread = self.memory.thread
        assert thread is not None
        self.memory = changed(self.memory, thread=changed(thread, severity=asked.severity))
        self._count(match, Change.RAISED, Reason.SEVERITY_RAISED, asked)

    def _add(
        self,
        at: Millis,
        change: Change,
        reason: Reason,
        match: Match | None = None,
        *,
        until: Millis | None = None,
        last_held: Millis | None = None,
        severity: str = "",
        number: int = 1,
        count: int = 0,
    ) -> None:
        thread = self.memory.thread
        assert thread is not None
        self.transitions.append(
            Transition(
                at=at,
                change=change,
                key=self.key,
                reason=reason,
                incident=thread.id,
                opened=thread.opened,
                match=match,
                until=until,
                last_held=last_held,
                severity=severity,
                exponent=self.memory.exponent,
                number=number,
                count=match.count if match is not None else count,
            )
        )


def _rank(severity: str) -> int:
    return Severity(severity).rank if severity in set(Severity) else -1
