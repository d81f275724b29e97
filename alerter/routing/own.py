"""Receivers that rules bring themselves: with ``honour_rule_webhooks`` they take the place of the routes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from alerter.config import Settings
from alerter.model.route import Receiver
from alerter.model.rule import Position, Rule
from alerter.routing.elastalert import APPRISE, KNOWN, Target, remedy, targets
from alerter.routing.given import Given, Unusable, notifiers_of
from alerter.routing.tree import Node, Routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.load import LoadedRules, load_rules
from alerter.ruleset.validate import ENTRIES, is_routed, routed_elsewhere
from alerter.ruleset.yaml_positions import Document

PREFIX = "own-"
"""The names of the receivers that rules bring begin so."""
SILENT = ("debug", "command")
"""Notifiers of which nothing more is said: the terminal shows messages anyway, and of commands their options tell."""

NAMING = ("alert", "alerts", "slack_webhook_url", "slack_channel_override")
"""The options of a rule that can name a notifier."""


@dataclass(frozen=True)
class Own:
    """The receivers of rules, and by rule which of them it has; ``findings`` say what becomes of each ``alert``."""

    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    by_rule: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: tuple[Diagnostic, ...] = ()


def own_receivers(loaded: LoadedRules, settings: Settings) -> Own:
    """Return what the loaded rules bring; without ``honour_rule_webhooks`` only the remedies, as findings."""
    receivers: dict[str, Receiver] = {}
    by_rule: dict[str, tuple[str, ...]] = {}
    findings: list[Diagnostic] = []
    for rule, document in zip(loaded.rules, loaded.documents, strict=True):
        folder = Path(rule.position.file).parent
        used: set[str] = set()
        for given in notifiers_of(document.value, folder, settings.environ):
            if not settings.honour_rule_webhooks:
                findings += _remedy(document, given)
                continue
            try:
                made = [_receiver(target, given, rule.position) for target in _usable(given, settings)]
            except Unusable as error:
                message = f"alert {given.name}: no receiver of its own; the routes say where this rule's messages go"
                findings.append(_finding(document, "warning", message, str(error)))
                continue
            receivers |= {receiver.name: receiver for receiver in made}
            names = (*by_rule.get(rule.name, ()), *(receiver.name for receiver in made))
            by_rule[rule.name] = tuple(dict.fromkeys(names))
            used |= given.read
            findings += _migration(document, given)
        if settings.honour_rule_webhooks:
            findings += _unused(document, used, own=rule.name in by_rule)
    return Own(receivers, by_rule, tuple(findings))


def with_rules(routing: Routing, settings: Settings) -> Routing:
    """Return the routes with what the rules of the settings bring; they are read only where that is asked for."""
    if not settings.honour_rule_webhooks:
        return routing
    return with_own(routing, own_receivers(load_rules(settings.rules, settings), settings))


def with_own(routing: Routing, own: Own, kept: Sequence[Rule] = (), before: Routing | None = None) -> Routing:
    """Return the routes with the rules' own receivers; ``kept`` rules keep those they had ``before``."""
    receivers = {n: r for n, r in routing.receivers.items() if not n.startswith(PREFIX)}
    nodes = {}
    for rule in kept:
        if before is not None and rule.name in before.own:
            nodes[rule.name] = before.own[rule.name]
            receivers |= {node.receiver: before.receivers[node.receiver] for node in nodes[rule.name]}
    fallback = routing.root.receiver
    receivers |= {name: replace(receiver, fallback=fallback) for name, receiver in own.receivers.items()}
    for rule_name, names in own.by_rule.items():
        nodes[rule_name] = tuple(_node(name, receivers[name], routing) for name in names)
    return replace(routing, receivers=receivers, own=nodes)


def _node(name: str, receiver: Receiver, routing: Routing) -> Node:
    return Node(name, f"the rule's own {receiver.kind}", timers=routing.root.timers, position=receiver.position)


def _usable(given: Given, settings: Settings) -> list[Target]:
    """Return the receivers; raises Unusable where one lacks what it needs to be sent to."""
    made = targets(given)
    for target in made:
        if target.kind == "apprise" and find_spec("apprise") is None:
            raise Unusable("it needs the package apprise: pip install 'alerter[apprise]'")
        slack = "webhook" in target.options or settings.slack.token or settings.slack.webhook_url
        if target.kind == "slack" and not slack:
            raise Unusable("no way into Slack: set ALERTER_SLACK_TOKEN, or ALERTER_SLACK_WEBHOOK_URL")
    return made


def _receiver(target: Target, given: Given, position: Position) -> Receiver:
    """Return the receiver of a target; its name is the same for all rules of a place, and outlives a new secret."""
    place = f"{target.kind} {given.as_written(target.place)}"
    short = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:8]
    return Receiver(f"{PREFIX}{given.name}-{short}", target.kind, target.options, position=position)


def _remedy(document: Document, given: Given) -> Iterator[Diagnostic]:
    if given.name not in SILENT:
        message = f"alert {given.name}: where messages go is for the routes"
        hint = f"{remedy(given.name)}, and route to it by labels"
        if given.name in KNOWN or given.name in APPRISE:
            hint = f"{hint}; or set honour_rule_webhooks: true"
        yield _finding(document, "info", message, hint)


def _migration(document: Document, given: Given) -> Iterator[Diagnostic]:
    if given.name not in SILENT:
        message = f"alert {given.name}: this rule's messages go to a receiver of its own, past the routes"
        yield _finding(
            document, "info", message, f"{remedy(given.name)}, when it is to be routed and silenced by hours"
        )


def _unused(document: Document, used: Collection[str], *, own: bool) -> Iterator[Diagnostic]:
    """Yield the options of notifiers that change nothing, though the rule may have receivers of its own."""
    for name in document.value:
        if is_routed(name) and name not in used and name not in ENTRIES:
            yield routed_elsewhere(document, name, own=own)


def _finding(document: Document, severity: str, message: str, hint: str) -> Diagnostic:
    name = next(n for n in NAMING if n in document.value)
    code = {"info": "rule_alert", "warning": "own_receiver"}[severity]
    return document.diagnostic(severity, code, message, hint, (name,), key=True)
