"""How this engine is: what it says of itself in its heartbeat, to the dead man's switch, and to who scrapes it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alerter import __version__
from alerter.clock import MINUTE, Clock, Millis
from alerter.cluster.fleet import Fleet
from alerter.config import Settings
from alerter.engine.tick import Failed, TickReport
from alerter.metrics import Metrics
from alerter.model.heartbeat import Heartbeat
from alerter.model.rule import Rule
from alerter.model.silence import Silence
from alerter.model.trouble import Trouble
from alerter.project import Project
from alerter.state.protocol import State, StateError
from alerter.watch.look import Watch
from alerter.watch.memory import Failures
from alerter.watch.switch import Life, Switch, life_of, make_way, problem_of

log = logging.getLogger(__name__)
COSTLY = 20
"""Rules that a heartbeat names by what they cost."""
TROUBLES = 20
"""Receivers in trouble that a heartbeat names, the longest-lasting first."""


@dataclass
class Pulse:
    """What health checks look at; ``beat`` is the last pass of the delivery loop, monotonic milliseconds.

    ``problem`` says why rules are not evaluated, "" when they are.
    """

    beat: Millis = 0
    problem: str = "starting"

    @property
    def ready(self) -> bool:
        """Whether rules are evaluated."""
        return not self.problem


class Vitals:
    """One engine's health, from what it is now: project, silences, leases ``held``, ``troubles`` of receivers."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        clock: Clock,
        fleet: Fleet,
        metrics: Metrics,
        *,
        project: Callable[[], Project],
        silences: Callable[[], Sequence[Silence]],
        held: Callable[[], int],
        troubles: Callable[[], Sequence[Trouble]],
    ) -> None:
        """Raises UsageError when the dead man's switch has no way out."""
        self.pulse = Pulse(beat=clock.monotonic())
        self.failures = Failures()
        self._settings = settings
        self._state = state
        self._clock = clock
        self._fleet = fleet
        self._metrics = metrics
        self._project = project
        self._silences = silences
        self._held = held
        self._troubles = troubles
        self._started = clock.now()
        self._beaten = False
        self._watch = Watch(
            state,
            clock,
            fleet,
            settings.watch,
            own=self.heartbeat,
            routing=lambda: project().routing,
            silences=silences,
        )
        self.switch = self._switch()

    def note(self, rules: Sequence[Rule], report: TickReport) -> None:
        """Take in what an evaluation gave."""
        self.failures.note(rules, report.outcomes, report.failures, self._clock.now())

    def unreadable(self, rules: Sequence[Rule], problem: str) -> None:
        """Take in that the data of these rules could not be read at all."""
        self.failures.note(rules, {}, [Failed(rule.name, "unreadable", problem) for rule in rules], self._clock.now())

    def heartbeat(self, *, stopped: bool = False) -> Heartbeat:
        """Return what this engine says of itself now."""
        now, known, project = self._clock.now(), self._metrics.progress, self._project()
        return Heartbeat(
            self._settings.instance,
            __version__,
            self._started,
            now,
            rules=len(project.rules),
            refused=project.refused,
            merged=known.merged,
            skipped=known.skipped,
            clusters=tuple(known.loads(now)),
            costly=tuple(known.costly(COSTLY)),
            stopped=stopped,
            session=self._fleet.session,
            held=self._held(),
            problem=self.pulse.problem,
            failing=self.failures.failing(self._fleet.chosen),
            cut=self.failures.cut,
            troubles=tuple(self._troubles())[:TROUBLES],
        )

    def beat(self, *, stopped: bool = False) -> None:
        """Write the heartbeat into the state, for ``alerter status``; ``stopped`` says that it is the last one.

        An engine that never wrote one leaves without a word: it may not have found its state.
        """
        if stopped and not self._beaten:
            return
        try:
            self._state.save_heartbeat(self.heartbeat(stopped=stopped))
            self._beaten = True
        except StateError as error:
            self._metrics.state_failed(error.kind)
            log.warning("heartbeat: %s; alerter status shows an older one", error)

    def look(self) -> bool:
        """Keep the alerter's own incidents; returns whether there is something to deliver."""
        try:
            written = self._watch.look()
            self._count()
        except StateError as error:
            self._metrics.state_failed(error.kind)
            log.warning("the watch: %s", error.reason)
            return False
        return written > 0

    def _count(self) -> None:
        """Keep the numbers of incidents and silences fresh where no evaluation does: this engine may hold no rule."""
        now = self._clock.now()
        self._metrics.silences.set(sum(silence.state(now) == "active" for silence in self._silences()))
        if not 0 <= now - self._metrics.known_at < MINUTE:
            fire = [stored for stored in self._state.incidents(open_only=True) if stored.value.roll is None]
            self._metrics.knows(len(fire))

    def scraped(self) -> bytes:
        """Return the metrics as of now."""
        self._metrics.ready.set(self.pulse.ready)
        self._metrics.leases.set(self._held())
        self._metrics.members.set(self._fleet.size())
        self._metrics.switch = None if self.switch is None else self.switch.success
        return self._metrics.text(self._clock.now())

    def _switch(self) -> Switch | None:
        wanted = self._settings.dead_mans_switch
        if wanted is None:
            return None
        way = make_way(wanted, self._settings, self._state, self._clock)
        return Switch(way, self._life, self._problem, self._fleet.chosen)

    def _life(self) -> Life:
        now = self._clock.now()
        lag = max((load.lag_max for load in self._metrics.progress.loads(now)), default=0.0)
        failing = sum(group.number for group in self.failures.failing(self._fleet.chosen))
        return life_of(self._settings.instance, __version__, now, self._held(), failing, lag, self._fleet.size())

    def _problem(self) -> str:
        lags = {load.cluster: load.lag_p50 for load in self._metrics.progress.loads(self._clock.now())}
        return problem_of(self.pulse.ready, self.pulse.problem, self._fleet.valid(), lags)
