"""One digest per channel for what opened and resolved while the engine was away."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from alerter.clock import Millis
from alerter.model.incident import Delivery, Incident, Kind, Reason, View, digest
from alerter.routing.tree import Routing
from alerter.timetext import iso

ROWS = 10
"""Rules named one by one; the rest is summed, so that totals add up."""


def digest_of(incidents: Sequence[Incident], routing: Routing, now: Millis) -> Iterator[Incident]:
    """Yield one incident-like document per receiver, resolved already, whose only message is the digest."""
    by_receiver: dict[str, list[Incident]] = defaultdict(list)
    for incident in incidents:
        for told in dict.fromkeys(d.receiver for d in incident.deliveries if d.error == Reason.CATCH_UP):
            by_receiver[told].append(incident)
    for name, members in by_receiver.items():
        receiver = routing.receivers.get(name)
        yield _document(name, receiver.channel if receiver else name, members, now)


def _document(receiver: str, channel: str, members: Sequence[Incident], now: Millis) -> Incident:
    start = min(m.opened for m in members)
    end = max(m.resolved or m.opened for m in members)
    id = digest("digest", receiver, sorted(m.id for m in members))
    title = f"{len(members)} incident{'s' if len(members) > 1 else ''} opened and resolved during a gap"
    counts = Counter(m.rule for m in members)
    fields = [(rule, f"{n} incident{'s' if n > 1 else ''}") for rule, n in counts.most_common(ROWS)]
    rest = sum(n for _, n in counts.most_common()[ROWS:])
    if rest:
        fields.append((f"{len(counts) - ROWS} more rules", f"{rest} incidents"))
    sentence = f"between {iso(start)} and {iso(end)}, evaluated late; nothing of it still fires"
    text = f"[DIGEST] {title}, {sentence}: " + ", ".join(f"{rule} ({n.split()[0]})" for rule, n in fields)
    delivery = Delivery(digest("delivery", id), Kind.DIGEST, receiver, channel, end, Reason.CATCH_UP, text)
    return Incident(
        id=id,
        rule="",
        type="digest",
        key=None,
        labels={"severity": "info"},
        opened=start,
        resolved=end,
        updated=now,
        matches=sum(m.matches for m in members),
        view=View(title=title, sentence=sentence, fields=tuple(fields)),
        quiet_close=True,
        deliveries=(delivery,),
    )
