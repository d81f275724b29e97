"""What keeps a rule from being told before anything matches: files, engines, checkpoints, the record's length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerter.clock import MINUTE, Millis
from alerter.model.heartbeat import Heartbeat
from alerter.plurals import many
from alerter.ruleset.diagnostics import Diagnostic
from alerter.why.records import Asked, Definition, Records
from alerter.why.words import when

STORED_BEHIND: Millis = 6 * MINUTE
"""A stored checkpoint of which nothing but the instant changed is at most this far behind what was evaluated."""


@dataclass(frozen=True)
class Fact:
    """One thing that keeps a rule from being told, or a limit of what can be said; ``decides``: it alone explains."""

    code: str
    text: str
    decides: bool = False


def standing(asked: Asked, definition: Definition, records: Records) -> tuple[Fact, ...]:
    """Return what is so now, the most decisive first."""
    facts = [
        *_files(asked, definition, records),
        *_key(asked, definition),
        *_evaluation(asked, records),
        *_engines(asked, records),
        *_record(asked, records),
    ]
    return tuple(sorted(facts, key=lambda fact: not fact.decides))


def _files(asked: Asked, definition: Definition, records: Records) -> Iterator[Fact]:
    if definition.rule is not None:
        return
    holder = records.holder
    for found in definition.refused:
        refused = "the rule is refused" if holder is None else "the rule's file as it is now is refused"
        yield Fact("refused", f"{refused}: {_placed(found)}", holder is None)
    if definition.disabled:
        yield Fact("disabled", f"the rule is disabled: is_enabled: false in {definition.disabled}", True)
    elif not definition.refused and records.checkpoint is not None:
        yield Fact("removed", f"no rule file holds {asked.rule!r} any more; what was kept of it is shown")
        for found in definition.unread:
            yield Fact("unread", f"it may be in a file that cannot be read: {_placed(found)}")
    if holder is not None and (definition.refused or definition.unread):
        yield Fact("as_it_was", f"the engine {holder.instance} still runs the rule as it was before")


def _placed(found: Diagnostic) -> str:
    return f"{found.file}:{found.line}:{found.column}: {found.message}"


def follower(asked: Asked, records: Records) -> Heartbeat | None:
    """Return the engine that evaluates the rule up to about now, whatever is stored of how far it is; None: nobody."""
    holder = records.holder
    if holder is None or holder.problem:
        return None
    failing = (one.rule for group in holder.failing for one in group.rules)
    return None if asked.rule in failing else holder


def _key(asked: Asked, definition: Definition) -> Iterator[Fact]:
    rule = definition.rule
    if rule is None or not asked.key:
        return
    names = rule.key_names
    strange = [name for name in asked.key if name not in names]
    if strange:
        known = f"its query_key is {', '.join(names)}" if names else "it has no query_key"
        yield Fact("key", f"the rule does not count by {', '.join(strange)}: {known}", True)


def _evaluation(asked: Asked, records: Records) -> Iterator[Fact]:
    """Yield how far the rule was evaluated, where that is not all of the span."""
    now, checkpoint = records.now, records.checkpoint
    if checkpoint is None:
        if not records.incidents:
            yield Fact("never_evaluated", "no engine has evaluated the rule yet", True)
        return
    if checkpoint.started >= asked.end:
        text = f"the rule was evaluated for the first time at {when(checkpoint.started, now)}; earlier is never told"
        yield Fact("started_later", text, True)
    elif checkpoint.started > asked.start:
        yield Fact("started", f"evaluated from {when(checkpoint.started, now)} on: then it was new")
    reached = f"evaluated up to {when(checkpoint.evaluated, now)}"
    if checkpoint.evaluated >= asked.end:
        yield Fact("evaluated", f"{reached} at least, so all of the span")
    elif now - checkpoint.evaluated <= STORED_BEHIND:
        yield Fact("evaluated", f"{reached} at least (what is stored may be five minutes behind)")
    else:
        yield Fact("behind", f"{reached} only", checkpoint.evaluated < asked.start)


def _engines(asked: Asked, records: Records) -> Iterator[Fact]:
    now, behind = records.now, not _reached(asked, records)
    running = [beat for beat in records.heartbeats if beat.running(now)]
    if not running:
        newest = max(records.heartbeats, key=lambda beat: beat.beat, default=None)
        if newest is None:
            yield Fact("no_engine", "no engine was heard of in the last day (run --once gives no sign of it)", behind)
        else:
            how = "stopped" if newest.stopped else "was not heard of since"
            text = f"no engine is running: {newest.instance} {how} {when(newest.beat, now)}"
            yield Fact("no_engine", text, behind)
    yield from _holder(running, records, behind=behind)
    for beat in running:
        if beat.problem:
            yield Fact("not_ready", f"the engine {beat.instance} is not ready: {beat.problem}", behind)
        yield from _failing(asked, beat, now, behind=behind)


def _holder(running: Sequence[Heartbeat], records: Records, *, behind: bool) -> Iterator[Fact]:
    """Yield which of the engines evaluates the rule, or that the one that did is gone."""
    owner = records.checkpoint.owner if records.checkpoint else ""
    if records.holder is not None:
        yield Fact("holder", f"evaluated by the engine {records.holder.instance}")
    elif owner and running and behind:
        yield Fact("no_holder", "the engine that evaluated it last is gone, and no other has taken over yet", True)


def _reached(asked: Asked, records: Records) -> bool:
    """Whether all of the span was evaluated, as far as it is past."""
    checkpoint = records.checkpoint
    return checkpoint is not None and checkpoint.evaluated >= min(asked.end, records.now - STORED_BEHIND)


def _failing(asked: Asked, beat: Heartbeat, now: Millis, *, behind: bool) -> Iterator[Fact]:
    for failing in beat.failing:
        for one in failing.rules:
            if one.rule == asked.rule:
                text = f"it gives no answer since {when(one.since, now)} ({failing.kind}): {one.reason}"
                yield Fact("failing", text, behind)
                return
    unnamed = [f for f in beat.failing if f.number > len(f.rules)] if behind else []
    for failing in unnamed:
        text = f"it may be one of {failing.number:,} rules that give no answer since {when(failing.since, now)}"
        why = f": {failing.rules[0].reason}" if failing.rules else ""
        yield Fact("failing", f"{text} ({failing.kind}){why}")


def _record(asked: Asked, records: Records) -> Iterator[Fact]:
    now = records.now
    if asked.start < records.kept_since and not asked.incident:
        text = f"decisions before {when(records.kept_since, now)} are not kept (retention.decisions)"
        yield Fact("too_old", text, asked.end < records.kept_since)
    if asked.end > now:
        yield Fact("future", f"the span ends after now ({when(now, now)})", asked.start > now)
    if records.others:
        more = many(len(records.others), "more incident of the span is", "more incidents of the span are")
        yield Fact("more", f"{more} not shown here: narrow the span or give --key")
