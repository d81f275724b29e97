"""A first routing file: the Slack channels that rules and configuration name, and a remark for all else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from alerter.migrate.defaults import OWN_SLACK, SLACK
from alerter.migrate.variables import Variable
from alerter.notifiers.text import one_line
from alerter.routing.elastalert import remedy
from alerter.routing.given import notifiers_of
from alerter.ruleset.load import LoadedRules

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
HEAD = "# Who hears: see docs/routing.md. Written from the rules' own channels; change it as you like.\n"


@dataclass
class Place:
    """A Slack receiver to be; ``variable`` names the webhook's variable, "" for the default of all."""

    name: str
    channel: str
    variable: str
    rules: list[str] = field(default_factory=list)


@dataclass
class Found:
    """What the rules say of where messages go; ``origins`` are the webhooks' variables."""

    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    origins: dict[str, Variable] = field(default_factory=dict)


def find_places(loaded: LoadedRules, options: Mapping[str, Any]) -> Found:
    """Return the places that rules name, with the configuration's options below theirs, in the order of the rules."""
    found = Found()
    first, *others = _texts(options, SLACK)
    variables = {first: "", OWN_SLACK: ""}
    for n, url in enumerate(others, 2):
        named = _VARIABLE.fullmatch(url)
        variables.setdefault(url, (named[1] or named[2]) if named else f"SLACK_WEBHOOK_URL_{n}")
    for rule, document in zip(loaded.rules, loaded.documents, strict=True):
        whole = {**options, **document.value}
        for given in notifiers_of(whole, Path(rule.position.file).parent, {}):
            if given.name == "slack":
                _slack(found, variables, rule.name, given.options, f"{rule.position.file}:{_line(document)}")
            elif given.name != "debug":
                found.others.setdefault(given.name, []).append(rule.name)
    return found


def _line(document: Any) -> int:
    return int(document.mark(("slack_webhook_url",), key=True).line)


def _slack(found: Found, variables: dict[str, str], rule: str, options: Mapping[str, Any], origin: str) -> None:
    for url, channel in product(_texts(options, "slack_webhook_url"), _texts(options, "slack_channel_override")):
        named = _VARIABLE.fullmatch(url)
        if url not in variables:
            variables[url] = (named[1] or named[2]) if named else f"SLACK_WEBHOOK_{len(variables) - 1}"
            found.origins[variables[url]] = Variable(variables[url], "", origin, named=named is not None)
        variable = variables[url] if url else ""
        place = found.places.get((variable, channel))
        if place is None:
            place = Place(_name(channel, found.places), channel or "#elastalert", variable)
            found.places[variable, channel] = place
        if rule not in place.rules:
            place.rules.append(rule)


def _texts(options: Mapping[str, Any], name: str) -> list[str]:
    value = options.get(name)
    return [str(item) for item in (value if isinstance(value, list) else [value]) if item] or [""]


def _name(channel: str, taken: Mapping[tuple[str, str], Place]) -> str:
    word = re.sub(r"[^a-z0-9]+", "-", channel.lower()).strip("-")
    names = {place.name for place in taken.values()}
    plain = f"slack-{word}" if word else "slack"
    return next(n for n in (plain, *(f"{plain}-{i}" for i in range(2, len(names) + 3))) if n not in names)


def routing_text(found: Found) -> str:
    """Return the routing file: every place has a route by its rules' names, and that of most rules is the default."""
    places = sorted(found.places.values(), key=lambda place: -len(place.rules))
    remarks = "".join(f"# {one_line(line)}\n" for line in _remarks(found))
    if not places:
        receivers: list[dict[str, Any]] = [{"name": "console", "console": {}}]
        return HEAD + remarks + dumped({"route": {"receiver": "console"}, "receivers": receivers})
    several = {rule for place in places for rule in place.rules if sum(rule in p.rules for p in places) > 1}
    route: dict[str, Any] = {"receiver": places[0].name}
    if len(places) > 1:
        route["routes"] = list(_routes(places, several))
    receivers = [{"name": place.name, "slack": _options(place)} for place in places]
    return HEAD + remarks + dumped({"route": route, "receivers": receivers})


def _options(place: Place) -> dict[str, str]:
    return {"channel": place.channel, **({"webhook_env": place.variable} if place.variable else {})}


def _routes(places: Sequence[Place], several: set[str]) -> Iterator[dict[str, Any]]:
    for place in places:
        node: dict[str, Any] = {"matchers": [_matcher(place.rules)], "receiver": place.name}
        yield {**node, "continue": True} if several else node


def _matcher(rules: Sequence[str]) -> str:
    if len(rules) == 1:
        value = rules[0].replace("\\", "\\\\").replace('"', '\\"')
        return f'rule="{value}"'
    names = "|".join(re.sub(r"\\([ -])", r"\1", re.escape(rule)) for rule in rules).replace('"', '\\"')
    return f'rule=~"{names}"'


def _remarks(found: Found) -> Iterator[str]:
    for name, rules in sorted(found.others.items()):
        shown = ", ".join(rules[:3]) + (f" and {len(rules) - 3} more" if len(rules) > 3 else "")
        yield f"alert {name} of {shown}: {remedy(name)}"
    if found.origins:
        yield "webhook_env names a variable that must hold the webhook's address; with a bot token leave it out"


def dumped(value: Any) -> str:
    """Return a value as the YAML that a migration writes."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
