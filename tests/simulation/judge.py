"""What must hold at the end of every history, whatever happened in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from alerter.engine.heard import in_order
from alerter.model.incident import Checkpoint, Delivery, DeliveryState, Incident, Kind
from tests.simulation.history import History


def judge(history: History) -> list[str]:
    """Return everything that is wrong; nothing should be."""
    return [
        *history.wrong,
        *history.store.robbed,
        *_known(history),
        *_checkpoints(history),
        *_leases(history),
        *_incidents(history),
        *(line for incident in history.store.values("incidents") for line in _told(history, incident)),
        *_unasked(history),
        *_groups(history),
    ]


def _checkpoints(history: History) -> Iterator[str]:
    kept: dict[str, Checkpoint] = {c.rule: c for c in history.store.values("checkpoints")}
    for rule in history.rules:
        found = kept.get(rule.name)
        ahead = found is not None and history.world.end < found.evaluated <= history.world.end + history.jumped
        if found is None or (found.evaluated != history.world.end and not ahead):
            at = None if found is None else history.world.end - found.evaluated
            yield f"checkpoint of {rule.name} is {at} ms behind"
    for rule in kept.keys() - {rule.name for rule in history.rules}:
        yield f"checkpoint of {rule} is still there, the rule is not"


def _known(history: History) -> Iterator[str]:
    """Open incidents are those that the checkpoints know as open; none is beside them, forgotten by everybody."""
    threads = [m.thread for c in history.store.values("checkpoints") for m in c.keys.values() if m.thread is not None]
    known = {thread.id for thread in threads if thread.resolved is None}
    every = [incident for incident in history.store.values("incidents") if incident.roll is None]
    found = {incident.id for incident in every if incident.resolved is None}
    for id in sorted(known ^ found):
        yield f"incident {id[:6]} is open {'in its checkpoint only' if id in known else 'and in no checkpoint'}"


def _leases(history: History) -> Iterator[str]:
    for (rule, epoch), owners in history.store.leases.items():
        if len(owners) > 1:
            yield f"{len(owners)} sessions wrote the checkpoint of {rule} in epoch {epoch}"


def _incidents(history: History) -> Iterator[str]:
    """Compare with what a dry run finds, where everything could be seen in time."""
    if history.world.late or history.kind.jumps or history.kind.editing:
        return
    found = {incident.id: incident for incident in history.store.values("incidents") if incident.roll is None}
    expected = history.world.expected
    for id in expected.keys() - found.keys():
        yield f"incident {id[:6]} of {expected[id].rule} opened {expected[id].opened - history.start} is lost"
    for id in found.keys() - expected.keys():
        yield f"incident {id[:6]} of {found[id].rule} opened {found[id].opened - history.start} never was"
    for id in found.keys() & expected.keys():
        mine, other = _essence(found[id]), _essence(expected[id])
        if history.kind.closing or history.kind.grouping or _silenced(history, found[id]):
            mine, other = mine[:-1], other[:-1]
        if id in history.store.repeated and found[id].suppressed < expected[id].suppressed:
            mine, other = _uncounted(mine), _uncounted(other)
        if mine != other:
            yield f"incident {id[:6]} of {found[id].rule}: {mine} instead of {other}"


def _essence(incident: Incident) -> tuple[object, ...]:
    planned = sorted((d.receiver, str(d.kind), d.at) for d in incident.deliveries)
    return incident.opened, incident.resolved, incident.resolve_reason, incident.matches, incident.suppressed, planned


def _uncounted(essence: tuple[object, ...]) -> tuple[object, ...]:
    """Leave out how many matches were suppressed.

    What a bucket of counts stands for as a whole is counted at its beginning. Where the span in which an incident was
    written ended inside such a bucket, and is evaluated again since its checkpoint was not written, the events of its
    rest are counted by nobody.
    """
    return essence[:4] + essence[5:]


def _silenced(history: History, incident: Incident) -> bool:
    """Whether any silence was made for an incident's rule: then not all that was planned was told."""
    return any(m.value == incident.rule for silence in history.store.values("silences") for m in silence.matchers)


def _told(history: History, incident: Incident) -> Iterator[str]:
    """Each message once, none left, and the end told where the beginning was, or a re-opening."""
    name = f"incident {incident.id[:6]} of {incident.rule}"
    if incident.outbox:
        yield f"{name}: {[(str(d.kind), str(d.state)) for d in incident.outbox]} left in the outbox"
    if incident.unfinished and not incident.outbox:
        yield f"{name}: a posted message is left to be edited, or looked for again"
    for delivery in incident.deliveries:
        yield from _once(history, name, delivery)
    if (
        incident.resolved is None
        and incident.roll is None
        and incident.rule not in {rule.name for rule in history.rules}
    ):
        yield f"{name} is open, its rule is gone"
    if incident.resolved is None or incident.quiet_close:
        return
    last = {d.receiver: d for d in in_order(incident.deliveries) if d.state is DeliveryState.SENT}
    ends = {name for name, d in last.items() if d.kind is Kind.RESOLVED}
    for receiver in last.keys() - ends:
        if history.world.routing.receivers[receiver].fallback not in ends:
            yield f"{name}: {receiver} was told that it fires, and never that it is resolved"


def _once(history: History, name: str, delivery: Delivery) -> Iterator[str]:
    space = history.space
    number, copies = len(space.told(delivery.id)), len(space.copies(delivery.id))
    least = 1 if delivery.state is DeliveryState.SENT else 0
    most = least + space.blind.get(delivery.id, 0)
    if copies > most + space.held_up.get(delivery.id, 0):
        yield f"{name}: {delivery.kind} {delivery.id[:6]} was posted {copies} times, which could be known"
    if not least <= number <= most:
        yield f"{name}: {delivery.kind} {delivery.id[:6]} is {delivery.state} and was told {number} times"


def _groups(history: History) -> Iterator[str]:
    """A group has one open message, and every incident that it tells of stands in its rows as it is."""
    every = {incident.id: incident for incident in history.store.values("incidents")}
    open = Counter(i.roll.group.id for i in every.values() if i.roll is not None and i.resolved is None)
    yield from (f"group {id[:6]} has {number} open messages" for id, number in open.items() if number > 1)
    theirs = [d for i in every.values() for d in i.deliveries if d.in_digest and d.kind is not Kind.RESOLVED]
    named = Counter(d.digest for d in theirs)
    for document in (i for i in every.values() if i.roll is not None):
        own = [d for d in document.deliveries if d.kind is not Kind.RESOLVED]
        if len(own) > named[document.id]:
            yield f"group message {document.id[:6]} told {len(own)} times of {named[document.id]} messages"
    for incident in every.values():
        name = f"incident {incident.id[:6]} of {incident.rule}"
        mine = [d for d in incident.deliveries if d.group is not None and d.kind in (Kind.FIRING, Kind.REPEAT)]
        for receiver in {d.receiver for d in mine}:
            last = [d for d in mine if d.receiver == receiver][-1]
            document = every.get(last.digest)
            if not last.in_digest or document is None or document.roll is None:
                yield f"{name}: {last.kind} of a group is {last.state} and in no message of it"
                continue
            row = next((r for r in document.roll.rows if r.incident == incident.id), None)
            over = incident.resolved is not None
            if row is None and not (over and document.roll.left):
                yield f"{name}: its group's message does not tell of it"
            if row is not None and row.over is not over:
                yield f"{name}: its group's message says that it {'fires' if over else 'is over'}"
            if not any(d.kind is Kind.FIRING and d.state is DeliveryState.SENT for d in document.deliveries):
                yield f"{name}: its group's message was never sent"


def _unasked(history: History) -> Iterator[str]:
    planned = {d.id for incident in history.store.values("incidents") for d in incident.deliveries}
    for message in history.space.messages:
        if message.delivery not in planned:
            yield f"a {message.kind} message of {message.incident[:6]} that no incident plans"
