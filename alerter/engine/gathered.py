"""Pure: the document of a group; what came up joins it, and is told at the group's instants."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from alerter.clock import MINUTE, Millis
from alerter.engine.group_words import first_text, gathered_view, later_text, line, over_text, rank, summed, worst_of
from alerter.engine.groups import in_order, told_at
from alerter.engine.shortening import shortened_group
from alerter.model.incident import Delivery, Incident, Kind, News, Reason, Roll, Row, digest

BUCKET: Millis = 10 * MINUTE
"""Engines that meet the same new group within the same such span make the same document."""
MOST_OVER = 10
"""Members that are over and stay rows once they were told to be, the newest; older ones are counted."""
MOST_GONE = 200
"""Of these the newest are known by name, so that none is counted twice when it fires again."""
TYPE = "group"
TOLD = (Kind.FIRING, Kind.REPEAT)


def document_ids(news: News) -> Iterator[str]:
    """Yield the ids that the document of a new group may have, without end: the first that is free, or open."""
    group = news.delivery.group
    assert group is not None
    for number in itertools.count():
        yield digest("group", group.id, _birth(news) // BUCKET, number)


def new_document(id: str, news: News) -> Incident:
    """Return the document of a group that begins with this message; it is told to the receiver of that."""
    group = news.delivery.group
    assert group is not None
    birth = _birth(news)
    like = news.delivery
    return Incident(
        id=id,
        rule="",
        type=TYPE,
        key=tuple((name, value or None) for name, value in group.labels),
        labels=dict(group.labels) | {"severity": group.severity},
        opened=like.at,
        updated=birth,
        revision=0,
        roll=Roll(
            replace(group, since=birth), birth, group.delay, news=(news,),
            receiver=like.receiver, channel=like.channel, route=like.route,
        ),
    )  # fmt: skip


def takes(document: Incident, news: News) -> bool:
    """Whether a message may join a document, see ``joining``."""
    return bool(joining(document, [news]))


def joining(document: Incident, news: Iterable[News]) -> list[News]:
    """Return which of these messages may join a document, one after the other.

    One that is open takes what fires, and ends of what it lists; one that is over what fires again of its rows.
    """
    roll = document.roll
    if roll is None:
        return []
    is_open = document.resolved is None
    rows = {*roll.gone, *(row.incident for row in roll.rows)}
    listed = rows | {one.incident for one in roll.news}
    found = []
    for one in news:
        fires = one.delivery.kind in TOLD
        if (is_open or (fires and one.incident in rows)) and (fires or one.incident in listed):
            found.append(one)
            listed.add(one.incident)
            is_open = True
    return found


def joined(document: Incident, more: Sequence[News]) -> Incident:
    """Return a document with more to tell, by the timers of the newest message; one that was over is open again."""
    roll = document.roll
    assert roll is not None
    known = {news.delivery.id for news in roll.news}
    new = [news for news in more if news.delivery.id not in known]
    if not new:
        return document
    group = new[-1].delivery.group
    assert group is not None
    timers = replace(group, since=roll.birth, id=roll.group.id, labels=roll.group.labels)
    kept = replace(roll, group=timers, news=(*roll.news, *new), channel=new[-1].delivery.channel)
    return replace(document, roll=kept, resolved=None, resolve_reason="", quiet_close=False)


def without(document: Incident, deliveries: Collection[str]) -> Incident:
    """Return a document that does not tell of these messages (ids)."""
    roll = document.roll
    assert roll is not None
    return replace(document, roll=replace(roll, news=tuple(n for n in roll.news if n.delivery.id not in deliveries)))


def is_over(document: Incident) -> bool:
    """Whether nothing of an open document fires, nor is to be told."""
    roll = document.roll
    return roll is not None and document.resolved is None and not roll.news and not roll.firing


def told_of(
    document: Incident, telling: Collection[str], asked: Collection[str], members: Mapping[str, Incident]
) -> Incident:
    """Return a document after its instant: of the messages ``asked`` about (ids) it tells some, forgets the others."""
    roll = document.roll
    assert roll is not None
    changed = without(document, [id for id in asked if id not in telling])
    news = [one for one in roll.news if one.delivery.id in telling]
    return told(changed, news, members) if news or is_over(changed) else changed


def told(document: Incident, news: Sequence[News], members: Mapping[str, Incident]) -> Incident:
    """Return a document that tells of these messages of it, with the messages that this takes.

    ``news`` may be none where the group is over. First it is a message of its own; then new members, and repeats, are
    lines below it that name them, ends are only seen in it, and the last one is a line again. ``members`` are the
    incidents as far as they are at hand: the only one of a group is shown as its own message would be.
    """
    roll = document.roll
    assert roll is not None
    taken = in_order(roll, news)
    at = max((told_at(roll, one) for one in taken), default=roll.birth if roll.told is None else roll.told)
    ids = {one.delivery.id for one in taken}
    rows = _rows(roll.rows, taken, members)
    left = tuple(one for one in roll.news if one.delivery.id not in ids)
    back = {row.incident for row in rows} & set(roll.gone)
    gone = tuple(one for one in roll.gone if one not in back)
    ended = max([roll.ended, *(one.delivery.at for one in taken if one.delivery.kind is Kind.RESOLVED)])
    now = replace(roll, told=at, news=left, rows=rows, ended=ended, left=roll.left - len(back), gone=gone)
    kept = _short(now, {one.incident for one in taken})
    over = not kept.firing and not left
    worst = worst_of([row for row in rows if not row.over] or rows)
    raised = roll.told is not None and rank(worst) > rank(document.labels.get("severity", ""))
    quiet = over and not kept.loud and all(row.quiet for row in rows)
    changed = replace(
        document,
        labels={**document.labels, "severity": worst},
        matches=kept.total,
        opened=min([document.opened, *map(_opened, taken)]),
        updated=max(document.updated, at),
        resolved=(ended or at) if over else None,
        resolve_reason=str(Reason.QUIET if quiet else Reason.CONDITION_OVER) if over else "",
        quiet_close=quiet,
        revision=document.revision + 1,
        roll=kept,
    )
    changed = gathered_view(changed, members)
    messages = _messages(changed, roll, taken, rows, at, raised=raised)
    return shortened_group(replace(changed, deliveries=(*document.deliveries, *messages)))


def _birth(news: News) -> Millis:
    group = news.delivery.group
    assert group is not None
    return news.delivery.at if group.by_match else group.since


def _opened(news: News) -> Millis:
    """Return since when the incident of a message is there; it may have been silenced until now."""
    return (news.delivery.group and news.delivery.group.opened) or news.delivery.at


def _rows(before: Sequence[Row], taken: Sequence[News], members: Mapping[str, Incident]) -> tuple[Row, ...]:
    """Return the rows after these messages, in the order in which members came up."""
    rows = {row.incident: row for row in before}
    for news in taken:
        group = news.delivery.group
        assert group is not None
        if news.delivery.kind in TOLD:
            counts = members[news.incident].view.counts if news.incident in members else ()
            words = line(news.delivery.text)
            rows[news.incident] = Row(news.incident, group.severity, words, counts=counts, key=group.key)
        elif news.incident in rows:
            row = rows[news.incident]
            if not group.quiet:
                row = replace(row, words=line(news.delivery.text), key=group.key)
            rows[news.incident] = replace(row, severity=group.severity, over=True, quiet=group.quiet)
    return tuple(rows.values())


def _short(roll: Roll, told: Collection[str]) -> Roll:
    """Return what is known of members, of those long over only the sums; what is ``told`` of now (incidents) stays."""
    over = [row for row in roll.rows if row.over]
    gone = [row for row in over if row.incident not in told][: max(len(over) - MOST_OVER, 0)]
    if not gone:
        return roll
    ids = {row.incident for row in gone}
    kept = tuple(row for row in roll.rows if row.incident not in ids)
    loud = roll.loud or not all(row.quiet for row in gone)
    names = (*roll.gone, *(row.incident for row in gone))[-MOST_GONE:]
    tally = summed(roll.tally, gone)
    return replace(roll, rows=kept, left=roll.left + len(gone), gone=names, loud=loud, tally=tally)


def _messages(
    document: Incident, before: Roll, taken: Sequence[News], rows: Sequence[Row], at: Millis, *, raised: bool
) -> Iterator[Delivery]:
    """Yield the messages that tell of these: at most one that something fires, and one that all is over."""
    news = [one for one in taken if one.delivery.kind in TOLD]
    new = [one for one in news if one.delivery.kind is Kind.FIRING]
    about = {one.incident for one in new or news}
    listed = [row for row in rows if row.incident in about]
    single = next(iter(news), None) if len(rows) == 1 and document.roll and document.roll.total == 1 else None
    if news and before.told is None:
        text = first_text(document) if single is None else single.delivery.text
        yield _message(document, before, Kind.FIRING, at, text)
    elif news:
        kind = Kind.FIRING if new else Kind.REPEAT
        known = about <= {*before.gone, *(row.incident for row in before.rows)}
        text = later_text(document, listed, kind, known=known) if single is None else news[-1].delivery.text
        raised = raised or any(one.delivery.raised for one in news)
        yield replace(_message(document, before, kind, at, text), raised=raised)
    mine = [one for one in document.deliveries if one.receiver == before.receiver]
    tells = bool(news) or (bool(mine) and mine[-1].kind is not Kind.RESOLVED)  # it was said when nothing is told since
    if document.resolved is not None and not document.quiet_close and tells:
        ends = [one for one in taken if one.delivery.kind is Kind.RESOLVED]
        alone = document.roll is not None and document.roll.total == 1 and ends
        text = ends[-1].delivery.text if alone else over_text(document)
        yield _message(document, before, Kind.RESOLVED, at, text)


def _message(document: Incident, roll: Roll, kind: Kind, at: Millis, text: str) -> Delivery:
    return Delivery(
        id=digest("delivery", document.id, kind, at),
        kind=kind,
        receiver=roll.receiver,
        channel=roll.channel,
        at=at,
        reason=Reason.GROUPED,
        text=text,
        route=roll.route,
    )
