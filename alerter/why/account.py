"""The account: a verdict first, then a paragraph for each incident, then what is so of the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alerter.clock import Millis
from alerter.model.incident import Incident
from alerter.plurals import many
from alerter.state.records import key_text
from alerter.why.hearing import Digest, Hearing, hearings, verdict
from alerter.why.nearest import Counted
from alerter.why.records import Asked, Definition, Records
from alerter.why.standing import Fact, follower, standing
from alerter.why.timeline import Entry, as_of_now, entry_of, folded, timeline
from alerter.why.words import when


@dataclass(frozen=True)
class Paragraph:
    """One incident: whether anybody was told, in one sentence, and everything that is known, by time."""

    incident: Incident
    told: bool
    verdict: str
    heard: tuple[Hearing, ...]
    timeline: tuple[Entry, ...]


@dataclass(frozen=True)
class Totals:
    """All incidents of the span, shown or not; of ``told`` ones somebody heard."""

    incidents: int
    told: int

    @property
    def untold(self) -> int:
        """The incidents that nobody heard of."""
        return self.incidents - self.told


@dataclass(frozen=True)
class Account:
    """The answer. ``told``: None where nothing was to be told. ``counted``: None when nothing was counted again."""

    asked: Asked
    told: bool | None
    verdict: str
    paragraphs: tuple[Paragraph, ...]
    timeline: tuple[Entry, ...]
    facts: tuple[Fact, ...]
    counted: Counted | None
    now: Millis
    totals: Totals


def account(asked: Asked, definition: Definition, records: Records, counted: Counted | None = None) -> Account:
    """Explain what was asked from what is kept, and from what ``counted`` again found where nothing is."""
    facts = standing(asked, definition, records)
    facts += _counted_on(asked, counted, records)
    facts += tuple(map(_warning, counted.warnings if counted else ()))
    paragraphs = tuple(_paragraph(incident, records) for incident in records.incidents)
    own = folded([entry_of(d, records.now) for d in records.of("")])
    totals = _totals(paragraphs, records)
    told, text = _verdict(paragraphs, totals, own, facts, counted, records)
    return Account(asked, told, text, paragraphs, own, facts, counted, records.now, totals)


def _totals(paragraphs: Sequence[Paragraph], records: Records) -> Totals:
    """Count those that are not shown too: from their documents alone it is known whether anybody was told."""
    told = sum(p.told for p in paragraphs)
    for other in records.others:
        heard = hearings(other, (), _digests_of(other, records), records.now)
        told += any(one.told is not None for one in heard)
    return Totals(len(paragraphs) + len(records.others), told)


def _counted_on(asked: Asked, counted: Counted | None, records: Records) -> tuple[Fact, ...]:
    """Say that it was counted further than a stored checkpoint goes, and why that is right."""
    engine = follower(asked, records)
    if engine is None or counted is None or counted.end is None or counted.end <= _evaluated(records):
        return ()
    text = f"counted up to {when(counted.end, records.now)}, as the engine {engine.instance} is running and holds it"
    return (Fact("counted_on", text),)


def _evaluated(records: Records) -> Millis:
    return records.checkpoint.evaluated if records.checkpoint else 0


def _warning(text: str) -> Fact:
    """Return what the source warns of, written ``code: sentence``."""
    code, _, sentence = text.partition(": ")
    return Fact(code, f"the data: {sentence}") if code.isidentifier() and sentence else Fact("data", text)


def worth_counting(asked: Asked, definition: Definition, records: Records) -> bool:
    """Whether nothing that is kept explains why nobody was told: then the source knows more."""
    if definition.rule is None or records.incidents or asked.incident:
        return False
    return not any(fact.decides and fact.code in _POINTLESS for fact in standing(asked, definition, records))


_POINTLESS = frozenset({"key", "future"})
"""Facts with which counting again finds nothing out."""


def _paragraph(incident: Incident, records: Records) -> Paragraph:
    decisions, present, now = records.of(incident.id), records.present.get(incident.id, ()), records.now
    digests = _digests_of(incident, records)
    heard = tuple(hearings(incident, (*decisions, *present), digests, now))
    told, text = verdict(incident, heard, now)
    known = {(d.receiver, d.reason, d.detail, d.until) for d in decisions}
    news = [d for d in present if (d.receiver, d.reason, d.detail, d.until) not in known]
    lines = [*timeline(incident, decisions, records.silences, now), *(as_of_now(d, now) for d in news)]
    return Paragraph(incident, told, text, heard, tuple(lines))


def _digests_of(incident: Incident, records: Records) -> list[Digest]:
    """Return the digests that tell of an incident: those it names, and of a gap those whose span holds its life."""
    named = {delivery.digest for delivery in incident.deliveries if delivery.digest}
    if named:
        found = [d for d in records.digests if d.id in named]
    else:
        end = incident.resolved if incident.resolved is not None else incident.opened
        before = [d for d in records.digests if d.opened <= incident.opened]
        found = [d for d in before if d.resolved is None or d.resolved >= end]
    return [Digest.of(document, records.of(document.id)) for document in found]


def _verdict(
    paragraphs: Sequence[Paragraph],
    totals: Totals,
    own: Sequence[Entry],
    facts: Sequence[Fact],
    counted: Counted | None,
    records: Records,
) -> tuple[bool | None, str]:
    if len(paragraphs) == 1:
        return paragraphs[0].told, paragraphs[0].verdict
    if paragraphs:
        below = f"the newest {len(paragraphs)} are shown" if records.others else "see each"
        numbers = f"{many(totals.incidents, 'incident')}: {totals.told:,} told, {totals.untold:,} not told"
        return totals.told > 0, f"{numbers}; {below} below"
    deciding = [fact.text for fact in facts if fact.decides]
    deciding += [entry.text for entry in own if entry.outcome == "skipped"]
    if deciding:
        return None, f"nothing happened: {deciding[0]}"
    reached = _evaluated(records)
    if counted is not None and counted.end is not None and not counted.matches:
        reached = max(reached, counted.end)
    up_to = f" up to {when(reached, records.now)}" if reached else ""
    return None, f"nothing matched{up_to}{_counted(counted, records)}"


def _counted(counted: Counted | None, records: Records) -> str:
    """Return what counting again adds: how near it came, or that it would match by now."""
    if counted is None:
        return ""
    nearest = counted.matches[0] if counted.matches else counted.nearest
    key = f" [{key_text(nearest.key)}]" if nearest is not None and nearest.key else ""
    at = f" at {when(nearest.at, records.now)}{key}" if nearest is not None else ""
    if counted.matches:
        ahead = records.holder is not None and counted.matches[0].at > _evaluated(records)
        why = "the engine comes to it with its next run, or " if ahead else ""
        why += "documents came after it was evaluated, or the rule was another one"
        return f", but counted now it would{at}: {why}"
    return f": {counted.text}{at} (counted now)"


def with_note(made: Account, code: str, text: str) -> Account:
    """Return the account with one more thing to say of it."""
    return replace(made, facts=(*made.facts, Fact(code, text)))
