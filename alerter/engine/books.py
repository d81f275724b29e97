"""Incidents' documents: what happened folded into them, written by compare-and-set, and never twice the same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alerter.clock import MINUTE, Millis
from alerter.detectors.protocol import Question, Unanswered
from alerter.engine.checkpoints import Checkpoints
from alerter.engine.closing import close_incident
from alerter.engine.decisions import fold_runs, of_plans, of_transition
from alerter.engine.digest import digest_of
from alerter.engine.story import Scene, Story, fold
from alerter.model.changed import changed
from alerter.model.incident import Change, Decision, Incident, Reason, Transition
from alerter.model.rule import Rule
from alerter.routing.tree import Routing
from alerter.schedule import next_instant
from alerter.state.protocol import Conflict, State, StateError, Versioned

log = logging.getLogger(__name__)
LONG_GAP: Millis = 5 * MINUTE
"""Incidents that open and resolve inside a gap longer than this (and than the timeframe) are told in a digest."""
TRIES = 5
"""How often a document that somebody else changed is read and folded again."""


@dataclass(frozen=True)
class Told:
    """An incident's transitions folded into its document, and what was there before."""

    story: Story
    before: Versioned[Incident] | None
    steps: Sequence[Transition]
    scene: Scene

    @property
    def is_news(self) -> bool:
        """Whether more differs from the stored document than the mark of how far it was evaluated."""
        found = self.before.value if self.before else None
        return found is None or changed(self.story.incident, updated=found.updated) != found


class Books:
    """Writes incidents with their planned messages; ``gaps``: see Engine.

    Nothing is written while the leases are not to be trusted.
    """

    def __init__(self, state: State, routing: Routing, checkpoints: Checkpoints, *, gaps: bool) -> None:
        self._state = state
        self._routing = routing
        self._checkpoints = checkpoints
        self._gaps = gaps

    def stories(
        self, scene: Scene, transitions: Sequence[Transition], opened: Mapping[str, Versioned[Incident]]
    ) -> list[Told]:
        """Fold the transitions of each incident of a rule. Raises Unanswered, StateError."""
        grouped: dict[str, list[Transition]] = {id: [] for id in opened}
        for transition in transitions:
            grouped.setdefault(transition.incident, []).append(transition)
        found: list[Told] = []
        questions: list[Question] = []
        for id, steps in grouped.items():
            before = opened.get(id)
            if before is None and steps and steps[0].change is not Change.OPENED:
                before = self._state.incident(id)  # a new one is created; if it is there already, that conflicts
            away = self._gaps and before is None and _inside_gap(scene.rule, steps, scene.start, scene.end)
            told = changed(scene, digested=away) if away else scene
            try:
                story = fold(before.value if before else None, steps, told)
            except Unanswered as unanswered:
                questions += unanswered.questions
                continue
            if story is not None:
                found.append(Told(story, before, steps, told))
        if questions:
            raise Unanswered(questions)
        return found

    def write(self, stories: Sequence[Told], failed: Callable[[str, Exception], None]) -> list[Told]:
        """Write incidents' documents together, by compare-and-set; one that was changed meanwhile is folded again.

        Returns those written or not worth a write; ``failed`` hears of each rule whose incident could not be written.
        """
        done = [one for one in stories if not one.is_news]
        pending = [one for one in stories if one.is_news]
        try:
            for _ in range(TRIES):
                self._checkpoints.check({one.scene.rule.name for one in pending})
                pairs = [(one.story.incident, one.before.version if one.before else None) for one in pending]
                written = list(zip(pending, self._state.save_incidents(pairs), strict=True))
                done += [one for one, version in written if not isinstance(version, Conflict)]
                again = [self._again(one) for one, version in written if isinstance(version, Conflict)]
                pending = [one for one in again if one is not None]
                if not pending:
                    return done
            raise StateError("busy", "incidents kept changing", "are they edited by hand?")
        except Exception as error:
            for name in dict.fromkeys(one.scene.rule.name for one in pending):
                failed(name, error)
        return done

    def _again(self, told: Told) -> Told | None:
        before = self._state.incident(told.story.incident.id)
        known = before.value if before else None
        scene = changed(told.scene, digested=told.scene.digested and (known is None or _is_digested(known)))
        story = fold(known, told.steps, scene)
        return None if story is None else changed(told, story=story, before=before, scene=scene)

    def close(self, transition: Transition) -> None:
        """Resolve the incident of a rule that is gone. Raises StateError."""
        for _ in range(TRIES):
            stored = self._state.incident(transition.incident)
            if stored is None or stored.value.resolved is not None:
                return
            try:
                self._checkpoints.check()
                closed = close_incident(stored.value, transition, self._routing)
                self._state.save_incident(closed, stored.version)
            except Conflict:
                continue
            self.record([of_transition(closed, transition), *of_plans(closed, stored.value)])
            log.info("rule %s is gone: incident %s resolved", stored.value.rule, transition.incident)
            return

    def tell_digest(self, incidents: Sequence[Incident], now: Millis) -> None:
        """Plan a digest for each channel of what opened and resolved unseen. Raises StateError, Conflict."""
        for incident in digest_of(incidents, self._routing, now):
            if self._state.incident(incident.id) is None:
                self._checkpoints.check()
                self._state.save_incident(incident, None)
                self.record(of_plans(incident))

    def record(self, decisions: Sequence[Decision]) -> None:
        """Append decisions to the record; they are not worth failing for."""
        try:
            self._state.record(fold_runs(decisions))
        except StateError as error:
            log.warning("%d decisions are not recorded: %s", len(decisions), error.reason)


def _inside_gap(rule: Rule, steps: Sequence[Transition], start: Millis, end: Millis) -> bool:
    interval = next_instant(rule.schedule, next_instant(rule.schedule, start)) - start
    if end - start <= max(LONG_GAP, rule.timeframe, interval) or not steps:
        return False  # no instant was skipped: a rule that runs hourly is not late after an hour
    return steps[0].change is Change.OPENED and steps[-1].change is Change.RESOLVED


def _is_digested(incident: Incident) -> bool:
    """Whether its messages were left to a digest, which a crash may have kept from being written."""
    return any(delivery.error == Reason.CATCH_UP for delivery in incident.deliveries)
