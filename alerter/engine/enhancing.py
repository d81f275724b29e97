"""Matches shown to the rule's enhancements before anything is told: some are dropped, others get more fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alerter.clock import MINUTE, Millis
from alerter.detectors.protocol import Question, Unanswered
from alerter.model.history import ValueChange
from alerter.model.incident import Change, Checkpoint, Decision, Match, Outcome, Reason, Transition
from alerter.model.memory import KeyMemory
from alerter.model.rule import Key, Redaction, Rule
from alerter.plugins import DropMatch, Matched
from alerter.plugins.calling import added, moment
from alerter.plugins.registry import one_line
from alerter.redact import redact_document
from alerter.sources.events import Events
from alerter.sources.judged import plain, value_of
from alerter.sources.values import values_at

TOLD = (Change.OPENED, Change.REOPENED, Change.REPEATED, Change.RAISED)


def enhanced(rule: Rule, outcome: Outcome, before: Checkpoint, events: Events) -> Outcome:
    """Return the outcome without what the rule's enhancements drop, and with the fields that they add.

    A dropped match is announced all the same: it silences its key for ``realert``. An incident of which every match
    was dropped is nowhere but in the checkpoint; the first match that is not dropped opens it for people. Raises
    Unanswered, PluginError when an enhancement fails.
    """
    matches = [t for t in outcome.transitions if t.match is not None and t.change in TOLD]
    documents = _Documents(rule, events)
    documents.ask(matches)
    sifted = _Sifted(_untold(before))
    for transition in outcome.transitions:
        if transition.match is None or transition.change not in TOLD:
            documents.pass_over(transition)
            sifted.follow(transition)
            continue
        try:
            fields = _asked(rule, transition.match, documents.of(transition.match))
        except DropMatch as drop:
            sifted.drop(rule, transition, one_line(str(drop)))
        else:
            facts = {**fields, **transition.match.facts}
            sifted.keep(replace(transition, match=replace(transition.match, facts=facts)))
    keys = {key: _marked(memory, sifted.untold) for key, memory in outcome.checkpoint.keys.items()}
    checkpoint = replace(outcome.checkpoint, keys=keys)
    return replace(outcome, transitions=tuple(sifted.kept), checkpoint=checkpoint, dropped=tuple(sifted.dropped))


@dataclass
class _Sifted:
    """What is left of transitions; ``untold`` are incidents of which the opening (or re-opening) was dropped."""

    untold: dict[str, Change]
    kept: list[Transition] = field(default_factory=list)
    dropped: list[Decision] = field(default_factory=list)

    def keep(self, transition: Transition) -> None:
        """Take a match that is told: the first one of an untold incident opens it."""
        change = self.untold.pop(transition.incident, None)
        if change is Change.OPENED:
            transition = replace(transition, change=change, reason=Reason.FIRST_MATCH, opened=transition.at)
        elif change is not None:
            transition = replace(transition, change=change, reason=Reason.REOPENED)
        self.kept.append(transition)

    def follow(self, transition: Transition) -> None:
        """Take what is no match, unless it is about what nobody was told."""
        if transition.incident not in self.untold:
            self.kept.append(transition)

    def drop(self, rule: Rule, transition: Transition, why: str) -> None:
        """Leave a match out, and say why."""
        if transition.change in (Change.OPENED, Change.REOPENED):
            self.untold.setdefault(transition.incident, transition.change)
        reason = str(Reason.ENHANCEMENT)
        self.dropped.append(Decision(transition.at, rule.name, transition.key, "suppressed", reason, detail=why))


class _Documents:
    """The documents behind matches, redacted: of single events the very one, of windows the newest."""

    def __init__(self, rule: Rule, events: Events) -> None:
        self._rule = rule
        self._events = events
        self._judged: Counter[tuple[Key, Millis]] = Counter()

    def ask(self, matches: Sequence[Transition]) -> None:
        """Make sure that those of all matches are known. Raises Unanswered."""
        questions: list[Question] = []
        for transition in matches:
            assert transition.match is not None
            try:
                self._found(transition.match)
            except Unanswered as unanswered:
                questions += unanswered.questions
        if questions:
            raise Unanswered(questions)

    def of(self, match: Match) -> list[dict[str, Any]]:
        """Return the documents of the next match of its key and instant."""
        found = list(self._found(match))
        if isinstance(self._rule.condition, ValueChange):
            new = list(match.facts["new"])
            found = [d for d in found if _compared(self._rule.condition, d, self._rule.redact) == new] or found
        if self._rule.is_event_type and found:
            nth = min(self._judged[(match.key, match.at)], len(found) - 1)
            self._judged[(match.key, match.at)] += 1
            found = [found[nth]]
        return [redact_document(document, self._rule.redact) for document in found]

    def pass_over(self, transition: Transition) -> None:
        """Count events of an instant that are not told, so that the next match is shown its own."""
        if transition.change is Change.SUPPRESSED:
            self._judged[(transition.key, transition.at)] += transition.number

    def _found(self, match: Match) -> Sequence[Mapping[str, Any]]:
        if self._rule.is_event_type:
            return self._events.evidence(match.key, match.at - 1, match.at)
        return self._events.evidence(match.key, match.at - (self._rule.timeframe or MINUTE), match.at)


def _compared(condition: ValueChange, document: Mapping[str, Any], redaction: Redaction) -> list[Any]:
    """Return the compared values of a document as a change tells them: as one value each, hidden as they must be."""
    values = [plain(values_at(document, path)) for path in condition.compared]
    return list(value_of(condition.compared, values, redaction).shown)


def _asked(rule: Rule, match: Match, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields that the rule's enhancements add, each seeing those of the ones before it."""
    fields: dict[str, Any] = {}
    for name in rule.enhancements:
        shown = Matched(
            rule=rule.name,
            at=moment(match.at),
            key=dict(match.key or ()),
            count=match.count,
            facts={**fields, **match.facts},
            event=documents[0] if documents else {},
            events=tuple(documents),
        )
        fields |= added(rule, name, shown)
    return fields


def _untold(before: Checkpoint) -> dict[str, Change]:
    threads = [memory.thread for memory in before.keys.values() if memory.thread is not None]
    return {thread.id: Change(thread.untold) for thread in threads if thread.untold}


def _marked(memory: KeyMemory, untold: Mapping[str, Change]) -> KeyMemory:
    thread = memory.thread
    if thread is None or thread.untold == untold.get(thread.id, ""):
        return memory
    return replace(memory, thread=replace(thread, untold=str(untold.get(thread.id, ""))))
