"""``alerter run``: wires source, state, rules, routes and notifiers together, and keeps them going."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress

from alerter import __version__
from alerter.clock import MINUTE, SECOND, Clock, Millis
from alerter.cluster.fleet import Fleet
from alerter.cluster.leavings import Leavings
from alerter.cluster.rulesets import ruleset_of
from alerter.config import Settings
from alerter.delivery.courier import Courier
from alerter.delivery.reactions import Looks
from alerter.engine.audience import silence_check
from alerter.engine.checkpoints import Checkpoints
from alerter.engine.tick import Engine, TickReport
from alerter.errors import UsageError
from alerter.health import Health
from alerter.metrics import Metrics
from alerter.model.rule import Rule
from alerter.notifiers.registry import make_notifiers
from alerter.project import Project, any_changed, fingerprint, load_project
from alerter.resting import Resting
from alerter.scheduler import Scheduler
from alerter.silenced import Silences
from alerter.sources.clusters import Clusters
from alerter.sources.follow import Feed
from alerter.sources.protocol import Source
from alerter.sources.reader import Reader
from alerter.state.protocol import Conflict, Retention, State, StateError
from alerter.watch.vitals import Vitals

log = logging.getLogger(__name__)
PATIENCE: Millis = 5 * MINUTE
"""A checkpoint of which only the instant changed may be this far ahead of the stored one; see Checkpoints."""
LOOK_EVERY: Millis = 30 * SECOND
"""How often the outbox is looked at while this engine has put nothing into it: another one may have."""


class Service:
    """One engine process. ``tick`` and ``deliver`` may run at the same time; each is single within itself.

    A ``guest`` takes only what no other engine evaluates, and is given no rules by them: ``--once``.
    """

    def __init__(
        self, settings: Settings, project: Project, source: Source, state: State, clock: Clock, *, guest: bool = False
    ) -> None:
        self.settings = settings
        self.project = project
        self.metrics = Metrics(clock.now)
        self._clock = clock
        self._source = source
        self._state = state
        self._delivering = threading.Lock()
        self._said: set[tuple[str, str]] = set()
        self._turn = threading.Lock() if source.kind == "embedded" else nullcontext()
        self._clusters = Clusters()
        self._resting = Resting()
        self._silences = Silences(state, clock)
        self._reader = Reader(source, self._clusters)
        self.fleet = Fleet(state, clock, settings.instance, settings.lease_ttl, __version__, guest=guest)
        self.checkpoints = Checkpoints(state, PATIENCE, self.fleet)
        self.vitals = Vitals(
            settings,
            state,
            clock,
            self.fleet,
            self.metrics,
            project=lambda: self.project,
            silences=self._silences,
            held=self.checkpoints.held,
            troubles=lambda: self.courier.troubles(),
        )
        self.pulse = self.vitals.pulse
        self.health = Health(self.pulse, clock, self.metrics, self.vitals.scraped)
        self._idle_until: Millis = 0
        self._pass_session = self.fleet.session
        self._feed = Feed.of(source, settings.data)
        self._fingerprint = fingerprint(settings)
        self._imported = project.imported
        self._leavings = Leavings(self.fleet)
        self._beat_problem = ""
        self._followed: Sequence[Rule] | None = None
        self._settled: object = None
        self._wire(project)

    def _wire(self, project: Project) -> None:
        notifiers = make_notifiers(project.routing, self.settings)
        self.engine = Engine(self._reader, self._state, project.routing, self.metrics, checkpoints=self.checkpoints)
        self.courier = Courier(
            self._state,
            notifiers,
            project.routing,
            self._clock,
            silenced=silence_check(self._silences),
            metrics=self.metrics,
            looks=Looks(self.settings.delivery.first_look, self.settings.delivery.second_look),
            session=lambda: self.fleet.session,
            living=lambda: self.fleet.view.sessions,
            mine=lambda incident: self.leads(incident.rule),
            share=self.fleet.size,
            allowed=self._may_send,
        )
        self._clusters.keep(project.rules)
        self._asks_main = any(rule.cluster is None for rule in project.rules)
        self.fleet.run(ruleset_of(project.rules))
        self._follow(project.rules)
        self.metrics.rules.labels("loaded").set(len(project.rules))
        self.metrics.rules.labels("refused").set(project.refused)
        self.metrics.reload_ok.set(0 if project.errors else 1)

    # --- the jobs ----------------------------------------------------------------------------------------------

    def tick(self, rules: Sequence[Rule], *, punctual: bool = True) -> TickReport | None:
        """Evaluate this engine's ones of these rules up to their last nominal instant, or (not ``punctual``) up to now.

        The others are let go, and those pass that rest (``Resting``). What cannot be read is said, and evaluated later.
        Rules of several clusters wait for each other, and so had better come apart.
        """
        try:
            self.fleet.refresh()
            ours = [rule for rule in rules if self.fleet.chosen(rule.name)]
            if len(ours) < len(rules):
                self.engine.release({rule.name for rule in rules} - {rule.name for rule in ours})
                rules = ours
            asked, rules = rules, self._resting.awake(rules, self._clock.monotonic())
            if asked and not rules:
                return TickReport()
            with self._turn:  # documents in memory are read by one thread at a time
                self._feed.poll()
                report = self.engine.tick(rules, self._clock.now(), punctual=punctual)
        except StateError as error:
            self.health.state_failed(error)
            if error.kind == "missing":
                self._make_again()
            return None
        except UsageError as error:
            self.health.unwell(error.message)
            self.vitals.unreadable(rules, error.message)
            return None
        self._resting.note(rules, report.failures, self._clock.monotonic())
        self.vitals.note(rules, report)
        self.metrics.asked(self._source, self._clusters.sources())
        self.metrics.spent(report.costs)
        if report.told:
            self._idle_until = 0
        self._say_health(rules, report)
        for name, text in report.warnings:
            about = (name, text.partition(":")[0])
            if about not in self._said:
                self._said.add(about)
                log.warning("rule %s: %s", name, text)
        return report

    def _say_health(self, rules: Sequence[Rule], report: TickReport) -> None:
        """Say whether these rules could be evaluated; one rule's own mistake makes no ready engine unready.

        Nor does a cluster that some rules name: that is their failure, while the others are evaluated.
        """
        named = {rule.name for rule in rules if rule.cluster is not None} if self._asks_main else set()
        failures = [failure for failure in report.failures if failure.rule not in named]
        speaking = len(rules) - len(named)
        if rules and not self.checkpoints.held() and self.fleet.unheard():
            self.health.waits(f"the rules of {', '.join(self.fleet.unheard())}, not heard of so far")
        elif len(failures) < speaking or not rules:
            self.health.well()
        elif speaking and (
            not self.pulse.ready
            or (any(f.kind in ("unreachable", "denied", "busy") for f in failures) and not self._is_monster(rules))
        ):
            self.health.unwell(f"{failures[0].rule}: {failures[0].reason}")

    def _is_monster(self, rules: Sequence[Rule]) -> bool:
        """Whether it is one that is run by itself, which speaks for no other."""
        return self.metrics.progress.heavy(rules[0].name)

    def read_data(self) -> None:
        """Read what is new in data files; what cannot be read is said at the first tick."""
        with self._turn, suppress(UsageError):
            self._feed.poll()

    def deliver(self) -> None:
        """Send what is planned; one pass at a time, and seldom while this engine plans nothing."""
        now = self._clock.monotonic()
        if now < self._idle_until or not self.fleet.valid():
            self.pulse.beat = now
            return
        if not self._delivering.acquire(blocking=False):
            return
        try:
            self._pass_session = self.fleet.session
            self._idle_until = now + LOOK_EVERY  # before the pass: a tick meanwhile sets it back
            if not self.courier.deliver().idle:
                self._idle_until = 0
            self.pulse.beat = self._clock.monotonic()
        except StateError as error:
            self._idle_until = 0
            self.health.state_failed(error)
        finally:
            self._delivering.release()

    def renew(self) -> Sequence[Rule]:
        """Beat; returns the rules that change hands: those to be taken here, and those to be let go.

        Raises UsageError when another process runs under this engine's name.
        """
        try:
            changed = self.fleet.beat()
        except StateError as error:
            self.metrics.state_failed(error.kind)
            if error.reason != self._beat_problem:
                log.warning("the engine's beat: %s", error.reason)
            self._beat_problem = error.reason
            return ()
        self._beat_problem = ""
        if changed:
            self._idle_until = 0
        return self._changing(self.project.rules)

    def _changing(self, rules: Sequence[Rule]) -> Sequence[Rule]:
        """Return the rules that change hands; found out only when something that decides on it differs."""
        standing = (self.fleet.view, self.fleet.session, self.checkpoints.mark, rules)
        if standing == self._settled:
            return ()
        self._follow(rules)  # another look may have found the change before
        gone = self._let_go(rules)
        changing = [rule for rule in rules if self._changes_hands(rule.name)]
        self._settled = standing if gone and not changing else None
        return changing

    def _let_go(self, rules: Sequence[Rule]) -> bool:
        """Free the leases of rules that are not run here any more: another engine may still run them."""
        try:
            self.engine.release(self.checkpoints.names() - {rule.name for rule in rules})
        except StateError as error:
            log.warning("rules that are gone are let go later: %s", error.reason)
            return False
        return True

    def _may_send(self) -> bool:
        """Whether a delivery pass may go on: an engine that was taken for dead meanwhile is another one now."""
        return self.fleet.valid() and self.fleet.session == self._pass_session

    def _changes_hands(self, rule: str) -> bool:
        known = self.checkpoints
        return known.is_unsure(rule) or self.fleet.chosen(rule) is not known.holds(rule)

    def _follow(self, rules: Sequence[Rule]) -> None:
        """Let only this engine's ones of these rules count for its lag."""
        ours = [rule for rule in rules if self.fleet.chosen(rule.name)]
        if ours != self._followed:
            self.metrics.progress.replace(ours, self._clock.now())
            self._followed = ours

    def leads(self, rule: str) -> bool:
        """Whether this engine delivers for a rule: it holds it, or nobody runs it and it falls here."""
        return self.checkpoints.holds(rule) or self._leavings.falls_here(rule)

    def leave(self) -> None:
        """Write what is known and let go of every rule, so that other engines go on at once."""
        try:
            if self.fleet.valid():
                self.engine.release()
                self.fleet.leave()
        except StateError as error:
            log.warning("leaving: %s; the last minutes are evaluated again by whoever goes on", error.reason)
        self._clusters.close()

    def tidy(self) -> None:
        """Delete what is older than the retention."""
        kept = self.settings.retention
        self._make_again()
        try:
            self.fleet.remind()
            gone = self._state.prune(Retention(kept.incidents, kept.decisions, kept.silences), self._clock.now())
        except StateError as error:
            log.warning("retention: %s", error.reason)
        else:
            if gone:
                log.info("retention: %d old records deleted", gone)

    def look(self) -> None:
        """Look after the alerter itself."""
        if self.vitals.look():
            self._idle_until = 0

    def reload(self, scheduler: Scheduler | None = None, *, force: bool = False) -> bool:
        """Take over changed files; bad ones keep what was there before. Returns whether anything was replaced."""
        found = fingerprint(self.settings)
        if found == self._fingerprint and not any_changed(self._imported) and not force:
            return False
        self._fingerprint = found
        project = load_project(self.settings, keep=self.project)
        self._imported = project.imported
        project.log()
        self.metrics.reload_ok.set(0 if project.errors else 1)
        try:
            self._wire(project)
        except UsageError as error:
            log.error("the files are not taken over, the former ones stay: %s", error.message)
            self.metrics.reload_ok.set(0)
            return False
        self.project = project
        if scheduler is not None:
            scheduler.replace(project.rules)
        try:
            self.forget_removed()
        except (StateError, Conflict) as error:
            log.error("incidents of removed rules are resolved at the next reload: %s", error)
            self._fingerprint = frozenset()
        return True

    def sweep(self) -> None:
        """Look again for what a removed rule left: one that was being evaluated then, or that another engine ran."""
        try:
            self._forget(self._leavings.lasting(self._checkpointed()))
        except (StateError, Conflict, UsageError) as error:
            log.warning("removed rules are looked for again later: %s", error)

    def forget_removed(self) -> None:
        """Resolve what belongs to rules that went away with these files, or while no engine ran. Raises StateError."""
        self._forget(self._leavings.found(self._checkpointed()))

    def _checkpointed(self) -> Sequence[str]:
        """Name the rules with a checkpoint; none while any file is refused, which may hold one of them."""
        if self.project.errors:
            return ()
        self.fleet.beat()
        return self._state.checkpointed()

    def _forget(self, names: set[str]) -> None:
        if names:
            self.engine.forget(sorted(names), self._clock.now())
            self._idle_until = 0

    def _make_again(self) -> None:
        """Make what somebody deleted of the state while this engine ran, and put its checkpoints back."""
        try:
            made = self._state.init()
            for line in made:
                log.error("state: %s: it was deleted while this engine ran", line)
            if made:
                log.warning("state: %d checkpoints written again from memory", self.checkpoints.restore())
        except StateError as error:
            log.warning("state: what is missing cannot be made again: %s", error.reason)
