"""How a dry run's answer is printed: contract section 6 as JSON, or as text for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from alerter.charts.series import series_of
from alerter.charts.terminal import draw, signs_for, width_in
from alerter.cli.dryrun_inputs import Inputs
from alerter.cli.output import columns
from alerter.engine.dryrun import DryRun
from alerter.engine.repeats import AGGREGATION
from alerter.engine.view import condition_text
from alerter.model.incident import Decision, Delivery, Incident, Match, Reason
from alerter.model.rule import Key
from alerter.notifiers.text import safe_line
from alerter.plurals import many
from alerter.ruleset.diagnostics import Diagnostic
from alerter.timetext import iso, length_text

LONGEST_LIST = 20
"""Matches and incidents shown one by one in the text form; the rest is counted."""


def as_json(
    answer: DryRun, inputs: Inputs, warnings: Sequence[Diagnostic], requests: Sequence[str] | None = None
) -> str:
    """Return the answer as one line of JSON; ``requests`` are curl lines, where they are wanted."""
    document = {
        "rule": answer.rule.name,
        "type": answer.rule.type,
        "start": iso(answer.start),
        "end": iso(answer.end),
        "evaluations": answer.evaluations,
        "source": {"kind": inputs.source.kind, "events": _events(answer, inputs), "requests": answer.requests},
        "cost": {
            "searches": answer.cost.requests,
            "server_ms": answer.cost.server_ms,
            "buckets": answer.cost.buckets,
            "documents": answer.cost.hits,
        },
        "matches": [_match(m) for m in answer.matches],
        "incidents": [_incident(i) for i in answer.incidents],
        "decisions": [_decision(d) for d in answer.decisions if d.outcome not in _TOLD],
        "warnings": [
            {"code": w.code, "message": w.message, "file": w.file, "line": w.line, "column": w.column} for w in warnings
        ],
        **({} if requests is None else {"explain": list(requests)}),
    }
    return json.dumps(document, ensure_ascii=False)


def summary(answers: Sequence[DryRun], broken: int) -> str:
    """Return the last line, of all rules."""
    matched = sum(bool(answer.matches) for answer in answers)
    incidents = many(sum(len(answer.incidents) for answer in answers), "incident")
    messages = many(sum(len(answer.messages) for answer in answers), "message")
    failed = f", {broken:,} could not be evaluated" if broken else ""
    return f"{many(len(answers) + broken, 'rule')}: {matched:,} matched, {incidents}, {messages}{failed}"


_TOLD = {"fired", "repeated", "planned", "digested"}
"""Outcomes that the matches and messages say already."""


def _events(answer: DryRun, inputs: Inputs) -> int:
    return inputs.documents_read if inputs.source.kind == "embedded" else answer.events


def _counted(answer: DryRun, inputs: Inputs) -> str:
    """Return how many events the filter selected, and over files of how many documents."""
    selected = many(answer.events, "event")
    read = inputs.documents_read
    return f"{many(read, 'document')} read, {selected} selected by the filter" if read else selected


def key_json(key: Key) -> dict[str, Any] | None:
    """Return a key as contract section 1 writes it."""
    return None if key is None else dict(key)


def _match(match: Match) -> dict[str, Any]:
    own = {"at": iso(match.at), "key": key_json(match.key), "count": match.count}
    return {**own, **match.facts, **own}  # what a plug-in adds never stands for what is known here


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "key": key_json(incident.key),
        "opened": iso(incident.opened),
        "resolved": None if incident.resolved is None else iso(incident.resolved),
        "matches": incident.matches,
        "peak": _number(incident.peak),
        "labels": dict(incident.labels),
        "messages": [_message(d) for d in incident.deliveries],
    }


def _message(delivery: Delivery) -> dict[str, Any]:
    return {
        "at": iso(delivery.at),
        "kind": str(delivery.kind),
        "receiver": delivery.receiver,
        "channel": delivery.channel,
        "reason": str(delivery.reason),
        "text": delivery.text,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "at": iso(decision.at),
        "key": key_json(decision.key),
        "outcome": decision.outcome,
        "reason": decision.reason,
        "until": None if decision.until is None else iso(decision.until),
        "count": decision.count,
        **({"receiver": decision.receiver} if decision.receiver else {}),
    }


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def as_text(answer: DryRun, inputs: Inputs, warnings: Sequence[Diagnostic]) -> str:
    """Return the answer for people; what an event holds cannot shape a line."""
    return "\n".join(map(safe_line, _lines(answer, inputs, warnings)))


def _lines(answer: DryRun, inputs: Inputs, warnings: Sequence[Diagnostic]) -> Iterator[str]:
    rule = answer.rule
    yield f"{rule.name}  ({rule.type}: {condition_text(rule)})"
    yield "  no span: no document has a time" if _undated(inputs, warnings) else f"  {_span(answer)}"
    source = _SOURCES.get(inputs.source.kind, inputs.source.kind)
    source += f" at {rule.cluster.name}" if rule.cluster is not None and inputs.source.kind != "embedded" else ""
    yield f"  answered by {source}, {_counted(answer, inputs)}"
    yield f"  cost: {_cost(answer)}"
    yield from _chart(answer)
    yield f"  {many(len(answer.matches), 'match', 'matches')}, {many(len(answer.incidents), 'incident')}"
    shown: set[str] = set()
    for incident in answer.incidents[:LONGEST_LIST]:
        yield from _incident_lines(incident, shown)
    if len(answer.incidents) > LONGEST_LIST:
        yield f"  ... and {many(len(answer.incidents) - LONGEST_LIST, 'more incident')}"
    yield from _decision_lines(answer.decisions)
    for found in warnings:
        yield f"  {found.file}:{found.line}:{found.column}: {found.severity}: {found.message}"


def _undated(inputs: Inputs, warnings: Sequence[Diagnostic]) -> bool:
    """Whether the span was to be that of the data, and they have none: its dates of 1970 would only puzzle."""
    open_ends = inputs.source.kind == "embedded" and inputs.start is inputs.end is None
    return open_ends and any(found.code == "no_data" for found in warnings)


def _span(answer: DryRun) -> str:
    span = length_text(answer.end - answer.start) if answer.end > answer.start else "0 s"
    return f"{iso(answer.start)} to {iso(answer.end)} ({span}), {many(answer.evaluations, 'evaluation')}"


def _cost(answer: DryRun) -> str:
    """Return what the rule was asked for; what the warnings asked beside it is not in it."""
    cost = answer.cost
    sent = f" in {many(answer.requests, 'request')}, {cost.server_ms:,} ms of the server" if answer.requests else ""
    read = f", {many(cost.hits, 'document')} read" if cost.hits else ""
    return f"{many(cost.requests, 'search', 'searches')}{sent}, {many(cost.buckets, 'bucket')} counted{read}"


def _chart(answer: DryRun) -> Iterator[str]:
    """Yield the curve of the key that matters most."""
    if answer.counted is None or answer.start >= answer.end:
        return
    span, parts = (answer.start, answer.end), width_in(columns())
    for series in series_of(answer.rule, answer.counted, answer.matches, *span, parts=parts, most=1):
        yield ""
        yield from (f"    {line}" for line in draw(series, signs_for(sys.stdout.encoding)))
        yield ""


_SOURCES = {"embedded": "the embedded evaluator", "elasticsearch": "Elasticsearch", "opensearch": "OpenSearch"}


def _incident_lines(incident: Incident, shown: set[str]) -> Iterator[str]:
    """Yield an incident and its messages; what a message ``shown`` before says of several is not said again."""
    over = f"resolved {iso(incident.resolved)} ({incident.resolve_reason})" if incident.resolved else "still firing"
    key = ", ".join(f"{name}={value}" for name, value in incident.key or ())
    yield ""
    yield f"  incident {iso(incident.opened)} {'[' + key + '] ' if key else ''}{over}"
    matches = many(incident.matches, "match", "matches")
    peak = f"peak {_number(incident.peak):,}{' events' if incident.judges_values else ''}"
    yield f"    {matches} announced, {incident.suppressed:,} suppressed, {peak}"
    for delivery in incident.deliveries[:LONGEST_LIST]:
        yield f"    {iso(delivery.at)} {delivery.kind:8} -> {delivery.channel} ({delivery.receiver}; {delivery.reason})"
        yield f"      {'(the message above)' if delivery.id in shown else delivery.text}"
        shown.add(delivery.id)
    if len(incident.deliveries) > LONGEST_LIST:
        yield f"    ... and {many(len(incident.deliveries) - LONGEST_LIST, 'more message')}"
    if not incident.deliveries:
        yield "    nobody was told"


def _reason(decision: Decision) -> str:
    """Return a reason; the least time between repeats by the name of what sets it."""
    if decision.reason == Reason.REPEAT_INTERVAL and decision.detail:
        return decision.detail if decision.detail == AGGREGATION else f"{decision.detail} {decision.reason}"
    return decision.reason


def _decision_lines(decisions: Sequence[Decision]) -> Iterator[str]:
    shown = [d for d in decisions if d.outcome not in _TOLD]
    if not shown:
        return
    yield ""
    yield "  decisions"
    for decision in shown[:LONGEST_LIST]:
        key = ", ".join(f"{name}={value}" for name, value in decision.key or ())
        until = f" until {iso(decision.until)}" if decision.until is not None else ""
        who = f" for {decision.receiver}" if decision.receiver else ""
        times = f" x{decision.count}" if decision.count > 1 else ""
        yield f"    {iso(decision.at)} {decision.outcome} ({_reason(decision)}{until}){who}{times} {key}".rstrip()
    if len(shown) > LONGEST_LIST:
        yield f"    ... and {len(shown) - LONGEST_LIST:,} more; --format json shows all"
