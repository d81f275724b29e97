"""What a person wants to know in the first screen: mappings per rule, channels, who we are to Slack."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache

from alerter.config import Settings
from alerter.model.rule import Rule, TimeKind
from alerter.notifiers.protocol import Notifier
from alerter.sources.protocol import Source, SourceError

log = logging.getLogger(__name__)
NUMBERS = {"long", "integer", "double", "float", "unsigned_long"}


def say_cluster(settings: Settings) -> None:
    """Say which cluster is asked and where the state is; raises SourceError when the cluster does not answer."""
    if not settings.es.urls:
        log.info("embedded: %s; state in %s", ", ".join(str(p) for p in settings.data), settings.state_file)
        return
    from alerter.sources.es_client import connect, version

    client = connect(settings.es)
    try:
        log.info("Elasticsearch %s; state in %s-*", version(client), settings.state_index)
    finally:
        client.close()


def check_rules(source: Source, rules: Sequence[Rule]) -> None:
    """Say what the timestamp field of each rule is mapped as; raises SourceError when nothing can be asked."""
    asked = cache(lambda index, field: source.field_types(index, [field]).get(field, frozenset()))
    for rule in rules:
        try:
            types = asked(rule.everywhere, rule.time.name)
        except SourceError as error:
            if error.kind in ("unreachable", "denied", "busy"):
                raise
            log.warning("rule %s: index %s: %s", rule.name, rule.index, error.reason)
            continue
        problem = time_field_problem(rule, types)
        if problem:
            log.warning("rule %s: %s", rule.name, problem)
        else:
            log.info("rule %s: %s on %s (%s)", rule.name, rule.type, rule.index, "/".join(sorted(types)) or "empty")


def time_field_problem(rule: Rule, types: frozenset[str]) -> str:
    """Return what is wrong with the timestamp field's mapping, or "" when windows can be asked of it."""
    name = rule.time.name
    if not types:
        return f"no document has the timestamp field {name} yet; see timestamp_field"
    if types <= {"date", "date_nanos"}:
        return ""
    if types <= NUMBERS and rule.time.kind in (TimeKind.UNIX, TimeKind.UNIX_MS):
        return ""
    return f"timestamp field {name} is mapped as {'/'.join(sorted(types))}, not as a date: every document is read"


def say_notifiers(notifiers: Mapping[str, Notifier]) -> None:
    """Say for each receiver whether it can be reached."""
    for name, notifier in notifiers.items():
        for code, text in notifier.check():
            log.log(logging.INFO if code == "ok" else logging.ERROR, "receiver %s: %s", name, text)
