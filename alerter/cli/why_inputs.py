"""What an account is made of: the question, the rule files, the state's records, and the source to count again."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from alerter.clock import DAY, MINUTE, Millis
from alerter.config import Settings
from alerter.engine.audience import audience
from alerter.engine.dryrun import dry_run
from alerter.errors import UsageError
from alerter.model.history import NewTerm
from alerter.model.incident import Decision, Incident, Match, Reason
from alerter.model.language import Language
from alerter.model.rule import Frequency, Rule
from alerter.model.silence import Silence
from alerter.notifiers.text import safe_line
from alerter.redact import PREFIX
from alerter.routing.load import load_routing
from alerter.routing.own import with_rules
from alerter.routing.tree import console_routing
from alerter.ruleset.as_elastalert import is_left_out
from alerter.ruleset.load import load_rules, rule_files
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import read_file
from alerter.sources.clusters import Clusters
from alerter.sources.follow import Feed
from alerter.sources.open import open_source
from alerter.sources.protocol import Source
from alerter.state.protocol import State
from alerter.timetext import parse_instant
from alerter.why.nearest import Counted, count_again
from alerter.why.present import untold_now
from alerter.why.records import Asked, Definition, Records
from alerter.why.standing import follower

AROUND: Millis = 10 * MINUTE
"""``--at`` looks this far to both sides, or as far as the rule's window where that is longer."""
MOST_INCIDENTS = 20
"""Incidents told one by one, the newest of the span."""
MOST_DECISIONS = 10_000
MOST_NAMES = 10
"""Known names that an unknown one is answered with."""
PATIENCE = 15.0
"""Seconds after which the nearest window is not looked for any closer."""


@dataclass(frozen=True)
class Inputs:
    """The question and everything known about it."""

    asked: Asked
    definition: Definition
    records: Records


def gather(args: argparse.Namespace, state: State, settings: Settings, now: Millis) -> Inputs:
    """Read what the question needs; raises UsageError where there is nothing of that name."""
    stored = state.incident(args.subject)
    if stored is not None and not (args.key or args.at or args.start or args.end):
        incident = stored.value
        end = now if incident.resolved is None else max(incident.resolved, incident.opened)
        asked = Asked(incident.rule, incident.opened, end, incident=incident.id)
        return Inputs(asked, define(incident.rule, settings)[1], _records(state, settings, asked, [incident], now))
    name, definition = define(args.subject, settings)
    if stored is not None and not definition.knows:
        given = next(option for option in ("key", "at", "start", "end") if getattr(args, option))
        hint = f"leave --{given} out, or name its rule: alerter why {shlex.quote(stored.value.rule)} --{given} ..."
        raise UsageError(f"{args.subject} is an incident, and is told as a whole", safe_line(hint))
    asked = _asked(args, name, definition.rule, now)
    return Inputs(asked, definition, _records(state, settings, asked, _incidents(state, asked, definition), now))


def define(subject: str, settings: Settings) -> tuple[str, Definition]:
    """Return a rule's name and what the files say of it; ``subject`` is the name, or a file that holds one rule."""
    loaded = load_rules(settings.rules, settings)
    rules = {rule.name: rule for rule in loaded.rules}
    errors = [d for d in loaded.diagnostics if d.severity == "error"]
    written = list(_written(settings.rules))
    if subject not in rules and Path(subject).is_file():
        inside = [one.name for one in written if Path(one.file).samefile(subject)]
        if len(inside) > 1:
            raise UsageError(f"{subject} holds several rules", "name one of them: " + ", ".join(map(repr, inside)))
        subject = inside[0] if inside else subject
    if subject in rules:
        return subject, Definition(rules[subject])
    files = {one.file for one in written if one.name == subject} or {
        d.file for d in errors if subject in (d.file, Path(d.file).stem)
    }
    disabled = next((one.disabled for one in written if one.name == subject and one.disabled), "")
    readable = {one.file for one in written}
    unread = () if files else tuple(d for d in errors if d.file not in readable)
    return subject, Definition(None, disabled, tuple(d for d in errors if d.file in files), unread)


@dataclass(frozen=True)
class _Written:
    """A rule as a file names it, good or bad; ``disabled`` is the place that says so, or ""."""

    name: str
    file: str
    disabled: str


def _written(folders: Sequence[Path]) -> Iterator[_Written]:
    for file in (file for root in folders if root.exists() for file in rule_files(root)):
        for document in read_file(file)[0]:
            if isinstance(document.value, dict):
                off = is_left_out(document.value)
                place = f"{file}:{document.mark(('is_enabled',), key=True).line}" if off else ""
                yield _Written(str(document.value.get("name") or file.stem), str(file), place)


def _asked(args: argparse.Namespace, name: str, rule: Rule | None, now: Millis) -> Asked:
    if args.at is not None and (args.start is not None or args.end is not None):
        raise UsageError("--at is an instant, --start and --end are a span: give one of them")
    key = dict(_field(text) for text in args.key)
    if args.at is not None:
        at, around = _instant(args.at, "--at"), max(AROUND, rule.timeframe if rule else 0)
        return Asked(name, at - around, max(at, min(at + around, now)), key)
    end = now if args.end is None else _instant(args.end, "--end")
    start = end - DAY if args.start is None else _instant(args.start, "--start")
    if start >= end:
        raise UsageError("--start must be before --end")
    return Asked(name, start, end, key)


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--key {text!r}: write FIELD=VALUE", "like --key user.name=alice")
    return name, value


def _instant(text: str, option: str) -> Millis:
    try:
        return parse_instant(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not an ISO 8601 time", "like 2026-03-10T14:05:00Z") from None


def require_known(inputs: Inputs, state: State, settings: Settings) -> None:
    """Raise UsageError for a name that neither a file nor a record knows."""
    found, records = inputs.definition, inputs.records
    if found.knows or records.incidents or records.checkpoint or records.decisions.get(""):
        return
    names = {one.name for one in _written(settings.rules)} | set(state.checkpointed())
    names |= {rule.name for rule in load_rules(settings.rules, settings).rules}
    raise UsageError(f"there is no rule and no incident {inputs.asked.rule!r}", _known_names(inputs.asked.rule, names))


def _known_names(word: str, names: Collection[str]) -> str:
    """Return the name that was probably meant, and some of those there are."""
    if not names:
        return "no rule file and no record holds a rule; are these the settings of the engine, and its folder?"
    listed = ", ".join(sorted(names)[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    near = did_you_mean(word, names)
    return safe_line(f"{near}{' ' if near else ''}rules: {listed}{more}; ids of incidents: alerter incidents")


# --- records -------------------------------------------------------------------------------------------------------


def _incidents(state: State, asked: Asked, definition: Definition) -> list[Incident]:
    """Return the incidents of the span, oldest first: open in it, or named by a decision in it."""
    found = {v.value.id: v.value for v in state.incidents(rule=asked.rule, since=asked.start)}
    for decision in state.decisions(rule=asked.rule, since=asked.start, until=asked.end, limit=MOST_DECISIONS):
        if decision.incident and decision.incident not in found:
            stored = state.incident(decision.incident)
            if stored is not None:
                found[stored.value.id] = stored.value
    mine = [i for i in found.values() if i.opened <= asked.end and asked.about(i.key, definition.rule)]
    return sorted(mine, key=lambda i: (i.opened, i.id))


def _records(state: State, settings: Settings, asked: Asked, incidents: Sequence[Incident], now: Millis) -> Records:
    shown = list(incidents)[-MOST_INCIDENTS:]
    digests = _digests(state, incidents)
    storms = [digest for digest in digests if "storm" in digest.labels]
    decisions = {i.id: tuple(reversed(state.decisions(rule=i.rule, incident=i.id))) for i in (*shown, *storms)}
    checkpoint = state.checkpoints([asked.rule]).get(asked.rule)
    silences = [stored.value for stored in state.silences(now, expired=True)]
    return Records(
        now=now,
        kept_since=now - settings.retention.decisions,
        incidents=shown,
        decisions={**decisions, "": _own(state, asked)},
        present=_present(state, settings, shown, silences, now),
        digests=digests,
        silences=silences,
        checkpoint=checkpoint.value if checkpoint else None,
        heartbeats=state.heartbeats(),
        others=list(incidents)[: -len(shown)] if shown else (),
    )


def _own(state: State, asked: Asked) -> tuple[Decision, ...]:
    """Return what was decided of the rule as a whole and touches the span: parts that were never evaluated."""
    found = state.decisions(rule=asked.rule, incident="", until=asked.end)
    return tuple(d for d in reversed(found) if (d.until or d.at) >= asked.start)


def _present(
    state: State, settings: Settings, incidents: Sequence[Incident], silences: Sequence[Silence], now: Millis
) -> dict[str, list[Decision]]:
    """Ask again for the incidents that fire; nothing where the routes have errors."""
    firing = [incident for incident in incidents if incident.resolved is None]
    routing = load_routing(settings.notifiers)[0] if firing else None
    if routing is None:
        return {}
    routing = with_rules(routing, settings)
    others = [v.value for v in state.incidents(open_only=True)] if routing.inhibit_rules else []
    heard = audience(routing, silences, others)
    return {incident.id: untold_now(incident, heard, now) for incident in firing}


def _digests(state: State, incidents: Sequence[Incident]) -> list[Incident]:
    """Return what tells of several incidents in their place: those of storms by id, those of gaps by their span."""
    deliveries = [d for incident in incidents for d in incident.deliveries]
    found = [state.incident(id) for id in dict.fromkeys(d.digest for d in deliveries if d.digest)]
    if any(d.error == Reason.CATCH_UP for d in deliveries):
        since = min(incident.opened for incident in incidents)
        found += [v for v in state.incidents(rule="", since=since) if v.value.type == "digest"]
    return [v.value for v in found if v is not None]


# --- counting again ------------------------------------------------------------------------------------------------


def count(inputs: Inputs, settings: Settings) -> Counted | None:
    """Evaluate the span again over the documents of now; None without a span. Raises SourceError, UsageError.

    A stored checkpoint is up to five minutes behind: where an engine holds the rule it is counted up to now.
    """
    rule, checkpoint = inputs.definition.rule, inputs.records.checkpoint
    assert rule is not None
    start, end = inputs.asked.start, min(inputs.asked.end, inputs.records.now - rule.query_delay)
    if checkpoint is not None and start < checkpoint.evaluated:
        start = max(start, checkpoint.started)
        end = end if follower(inputs.asked, inputs.records) else min(end, checkpoint.evaluated)
    if start >= end:
        return None
    main, clusters = open_source(settings), Clusters()
    try:
        Feed.of(main, settings.data).poll()
        source = clusters.of(rule, main)
        deadline = time.monotonic() + PATIENCE
        counting = _Counting(inputs.asked, rule, source, start, end)
        counted = count_again(rule, counting.matches, lambda: time.monotonic() < deadline)
        return replace(counted, warnings=tuple(counting.warnings), end=end)
    finally:
        main.close()
        clusters.close()


@dataclass(frozen=True)
class _Counting:
    """Runs the rule, or one like it, over the span, on the events of the keys asked about."""

    asked: Asked
    rule: Rule
    source: Source
    start: Millis
    end: Millis
    warnings: dict[str, None] = field(default_factory=dict)
    """What the answers warned of, each once."""

    def matches(self, rule: Rule) -> list[Match]:
        """Return its matches, announced or not. Raises SourceError."""
        hidden = any(value.startswith(PREFIX) for value in self.asked.key.values())
        counted = rule if hidden else replace(rule, filter=(*rule.filter, *_clauses(self.asked.key, rule)))
        alone = counted.filter != rule.filter or not self.asked.key
        if counted.condition == Frequency(1, rule.timeframe) and alone and not hidden:
            counted = replace(counted, query_key=())  # any event at all: whose does not matter
        answer = dry_run(counted, self.source, console_routing(), self.start, self.end)
        self.warnings.update(dict.fromkeys(answer.warnings))
        every = [t.match for t in answer.transitions if t.match is not None]
        keyed = counted.query_key or isinstance(rule.condition, NewTerm)
        return [m for m in every if not keyed or self.asked.about(m.key, self.rule)]


def _clauses(key: Mapping[str, str], rule: Rule) -> Iterator[dict[str, Any]]:
    """Yield what selects the events of a key; a missing value is asked for by "".

    Nothing for a query in ES|QL: it may make the key's columns, of which no document knows.
    """
    if rule.server_query is not None and rule.server_query.language is Language.ESQL:
        return
    for name, value in key.items():
        if name in rule.query_key and not isinstance(rule.condition, NewTerm):  # of that every event is history
            missing = {"bool": {"must_not": [{"exists": {"field": name}}]}}
            yield missing if value == "" else {"term": {name: value}}
