"""The life of a service process: start-up screen, signals, the loop, a clean stop."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from alerter import __version__
from alerter.clock import SECOND, Clock, SystemClock
from alerter.cluster.pacemaker import Pacemaker
from alerter.config import Settings
from alerter.engine.tick import Failed
from alerter.errors import UsageError
from alerter.http import HttpServer
from alerter.logs import configure_logging
from alerter.model.rule import Rule
from alerter.progress import cluster_of
from alerter.project import load_project
from alerter.ruleset.load import LoadedRules, load_rules
from alerter.scheduler import Scheduler
from alerter.service import Service
from alerter.sources.open import open_source
from alerter.sources.protocol import Source, SourceError
from alerter.startup import check_rules, say_cluster, say_notifiers
from alerter.state.open import open_state
from alerter.state.protocol import State, StateError

log = logging.getLogger(__name__)
RETRY_SECONDS = 5
RELOAD_SECONDS = 2
DELIVER_SECONDS = 1
TIDY_SECONDS = 3600
HEARTBEAT_SECONDS = 10
LOOK_SECONDS = 15
SWEEP_SECONDS = 300
PASSING = ("unreachable", "busy", "incomplete", "fenced")
"""Kinds of errors at the start that may be over in a moment."""
NOTHING_DONE = (*PASSING, "denied")
"""Kinds of failures after which ``--once`` has done nothing, when every rule failed so."""
ONCE_PASSES = 60
"""Delivery passes a second apart that ``--once`` waits for messages the rate limits hold back."""
ONCE_WAIT = 10 * SECOND
"""``--once`` waits for a message that may be tried again this soon; later ones are the next run's."""


def settle_memory() -> None:
    """Take what start-up made, and stays, out of the garbage collector's sight, and let it look less often.

    Each look at everything costs as much as evaluating hundreds of rules; what an evaluation makes is let go at once.
    So nothing is looked for before more is there than a thousand rules evaluated together make.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


class Runner:
    """Owns the process: nothing below it reads signals or decides to exit."""

    def __init__(self, settings: Settings, *, once: bool, clock: Clock | None = None) -> None:
        self._settings = settings
        self._once = once
        self._clock = clock or SystemClock()
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._failure: UsageError | None = None
        self._to_lint: LoadedRules | None = None

    def run(self) -> int:
        """Run until told to stop. Raises UsageError for what a person must mend."""
        configure_logging(self._settings.log)
        log.info("alerter %s, instance %s", __version__, self._settings.instance)
        self._to_lint = load_rules(self._settings.rules, self._settings)
        project = load_project(self._settings, loaded=self._to_lint)
        project.log()
        with _signals(self._stop, self._reload), self._parts() as (source, state):
            service = Service(self._settings, project, source, state, self._clock, guest=self._once)
            if self._once:
                return self._run_once(service, state)
            return self._serve(service, source, state)

    @contextmanager
    def _parts(self) -> Iterator[tuple[Source, State]]:
        source = open_source(self._settings)
        try:
            state = open_state(self._settings)
        except StateError as error:
            raise UsageError(f"state: {error.reason}", error.hint) from None
        try:
            yield source, state
        finally:
            state.close()
            source.close()

    def _run_once(self, service: Service, state: State) -> int:
        pacemaker = Pacemaker(service.renew, service.fleet.interval, self._clock, self._give_up)
        try:
            for line in state.init():
                log.info("state: %s", line)
            say_cluster(self._settings)
            service.fleet.beat()
            pacemaker.start()
            service.forget_removed()
            failures = self._evaluate_once(service)
            self._deliver_once(service, state)
        except StateError as error:
            raise UsageError(f"state: {error.reason}", error.hint) from None
        finally:
            pacemaker.stop()
            service.leave()
        if self._failure is not None:
            raise self._failure
        if failures and all(f.kind in NOTHING_DONE for f in failures):
            raise UsageError(f"{failures[0].rule}: {failures[0].reason}", failures[0].hint)
        return 0

    def _evaluate_once(self, service: Service) -> Sequence[Failed]:
        """Evaluate what nobody else does; what a dead engine still holds is waited for. Returns the failures."""
        pending: Sequence[Rule] = service.project.rules
        patience = self._clock.monotonic() + self._settings.lease_ttl + 3 * service.fleet.interval
        failures: list[Failed] = []
        while True:
            for rules in by_cluster(pending) or [()]:
                report = service.tick(rules, punctual=False)
                if report is None:
                    raise UsageError(f"nothing was evaluated: {service.pulse.problem}")
                failures += report.failures
            pending = [rule for rule in pending if not service.checkpoints.holds(rule.name)]
            late = self._clock.monotonic() >= patience or self._stop.is_set()
            if not pending or late or not service.fleet.unheard():
                break
            self._clock.wait(SECOND, self._stop)
        if pending:
            others = ", ".join(sorted(set(service.fleet.view.members) - {service.fleet.name}))
            log.info("%d rules are left to other engines: %s", len(pending), others)
        return failures

    def _deliver_once(self, service: Service, state: State) -> None:
        for _ in range(ONCE_PASSES):
            service.deliver()
            if not self._due_soon(service, state) or self._stop.is_set():
                return
            self._clock.wait(SECOND, self._stop)

    def _due_soon(self, service: Service, state: State) -> bool:
        """Whether a planned message may be sent within seconds: what must wait longer is left to the next run."""
        soon = self._clock.now() + ONCE_WAIT
        ours = (stored.value for stored in state.unfinished() if service.leads(stored.value.rule))
        return any(d.not_before <= soon for incident in ours for d in incident.outbox)

    def _serve(self, service: Service, source: Source, state: State) -> int:
        http = self._http(service)
        scheduler = Scheduler(service.tick, self._clock, service.metrics.progress.seconds)
        pacemaker = Pacemaker(
            lambda: scheduler.hurry(service.renew()), service.fleet.interval, self._clock, self._give_up
        )
        try:
            if not self._become_ready(service, source, state, pacemaker):
                return 0
            scheduler.every("deliver", DELIVER_SECONDS, service.deliver)
            scheduler.every("tidy", TIDY_SECONDS, service.tidy)
            scheduler.every("sweep", SWEEP_SECONDS, service.sweep)
            service.vitals.beat()
            scheduler.every("heartbeat", HEARTBEAT_SECONDS, service.vitals.beat)
            scheduler.every("look", LOOK_SECONDS, service.look)
            self._arm(scheduler, service)
            scheduler.replace(service.project.rules)
            settle_memory()
            scheduler.start()
            scheduler.hurry(rule for rule in service.project.rules if rule.cluster is not None)
            self._say_lints()
            while not self._stop.is_set():
                self._clock.wait(RELOAD_SECONDS * SECOND, self._stop)
                scheduler.mind_clock()
                service.reload(scheduler, force=self._reload.is_set())
                self._reload.clear()
            log.info("stopping")
            if self._failure is not None:
                raise self._failure
            return 0
        finally:
            scheduler.stop()
            service.deliver()
            pacemaker.stop()
            service.leave()
            service.vitals.beat(stopped=True)
            if http is not None:
                http.stop()
            log.info("stopped")

    def _arm(self, scheduler: Scheduler, service: Service) -> None:
        """Let signs of life be sent, when the settings say where."""
        switch = self._settings.dead_mans_switch
        if switch is not None and service.vitals.switch is not None:
            service.vitals.switch.send()
            scheduler.every("dead man's switch", switch.every / SECOND, service.vitals.switch.send)

    def _give_up(self, error: UsageError) -> None:
        """Stop, since this engine may not go on under its name."""
        log.error("%s", error.message)
        self._failure = error
        self._stop.set()

    def _say_lints(self) -> None:
        """Say once what is likely not meant; a mistake in a lint stops nothing."""
        from alerter.ruleset.checking import lint_note

        loaded, self._to_lint = self._to_lint, None  # only now are the documents let go
        try:
            note = lint_note((), self._settings, loaded)
        except Exception as error:
            log.error("rules could not be linted, a bug: %s: %s", type(error).__name__, error)
            log.debug("where", exc_info=error)
            return
        if note:
            log.warning("%s", note)

    def _http(self, service: Service) -> HttpServer | None:
        if self._settings.http_port == 0:
            return None
        http = HttpServer(self._settings.http_host, self._settings.http_port, service.health.pages())
        http.start()
        return http

    def _become_ready(self, service: Service, source: Source, state: State, pacemaker: Pacemaker) -> bool:
        """Wait until state and source answer; says each new problem once. False when stopped meanwhile."""
        said = ""
        while not self._stop.is_set():
            try:
                for line in state.init():
                    log.info("state: %s", line)
                say_cluster(self._settings)
                service.read_data()
                check_rules(source, main_rules(service.project.rules))
                service.fleet.beat()
                pacemaker.start()
                service.forget_removed()
            except (StateError, SourceError) as error:
                if error.kind not in PASSING:
                    raise UsageError(error.reason, error.hint) from None
                service.health.waits(f"the cluster: {error.reason}")
                if error.reason != said:
                    log.error("waiting for the cluster: %s", error.reason)
                    said = error.reason
                self._clock.wait(RETRY_SECONDS * SECOND, self._stop)
                continue
            say_notifiers(service.courier.notifiers)
            service.health.waits("the first evaluation")
            service.tick(main_rules(service.project.rules), punctual=False)  # no other cluster is waited for
            return True
        return False


def main_rules(rules: Iterable[Rule]) -> Sequence[Rule]:
    """Return the rules that ask the cluster of the settings."""
    return [rule for rule in rules if rule.cluster is None]


def by_cluster(rules: Iterable[Rule]) -> Sequence[Sequence[Rule]]:
    """Return the rules of each cluster, those of the settings' first."""
    grouped: dict[str, list[Rule]] = {}
    for rule in sorted(rules, key=lambda rule: rule.cluster is not None):
        grouped.setdefault(cluster_of(rule), []).append(rule)
    return list(grouped.values())


@contextmanager
def _signals(stop: threading.Event, reload: threading.Event) -> Iterator[None]:
    """Turn signals into events; outside the main thread (tests) there are none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    def on_reload(_number: int, _frame: FrameType | None) -> None:
        reload.set()

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, on_stop),
        signal.SIGINT: signal.signal(signal.SIGINT, on_stop),
        signal.SIGHUP: signal.signal(signal.SIGHUP, on_reload),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
