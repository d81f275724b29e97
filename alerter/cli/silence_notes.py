"""What a new silence may have wrong: a rule that is none, a label that nothing has, nothing to silence now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from alerter.config import Settings
from alerter.model.incident import Incident
from alerter.model.rule import Rule
from alerter.model.silence import Matcher
from alerter.routing.labels import labels_of
from alerter.ruleset.load import load_rules
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.validate import RESERVED
from alerter.state.protocol import State

BUILT_IN = ("rule", "type", "index", "domain", "severity", "environment", "owner", "cause")
"""Labels that matchers see of every incident (contract, section 4)."""
OWN = ("sign", "cluster", "kind", "channel", "engine")
"""Labels and key fields of the alerter's own incidents."""


def notes_on(matchers: Sequence[Matcher], state: State, settings: Settings) -> list[str]:
    """Return what to tell whoever made the silence; it is taken all the same. Raises StateError."""
    rules = load_rules(settings.rules, settings).rules
    opened = [stored.value for stored in state.incidents(open_only=True)]
    names = {rule.name for rule in rules} | set(state.checkpointed()) | {incident.rule for incident in opened}
    found = [*_unknown_rules(matchers, names), *_unknown_labels(matchers, _labels(rules, opened))]
    if not any(all(matcher.matches(labels_of(incident)) for matcher in matchers) for incident in opened):
        found.append("matches no open incident now")
    return found


def _unknown_rules(matchers: Sequence[Matcher], names: Collection[str]) -> Iterator[str]:
    for matcher in matchers:
        exact = matcher.name == "rule" and matcher.operator == "="
        if exact and matcher.value not in names and not matcher.value.startswith(RESERVED):
            yield f"no rule has the name {matcher.value!r}{_near(matcher.value, names)}"


def _unknown_labels(matchers: Sequence[Matcher], labels: Collection[str]) -> Iterator[str]:
    for name in dict.fromkeys(matcher.name for matcher in matchers):
        if name not in labels:
            yield f"no rule has a label or key field {name!r}{_near(name, labels)}"


def _labels(rules: Sequence[Rule], opened: Sequence[Incident]) -> set[str]:
    found = {*BUILT_IN, *OWN}
    for rule in rules:
        found |= {*rule.attributes, *rule.key_names}
    for incident in opened:
        found |= set(labels_of(incident))
    return found


def _near(word: str, known: Collection[str]) -> str:
    near = did_you_mean(word, known)
    return f" ({near})" if near else ""
