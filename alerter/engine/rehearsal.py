"""Pure: the messages of groups as delivery would send them, played in event time: for dry runs and rule tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from alerter.clock import Millis
from alerter.engine.gathered import document_ids, joined, new_document, takes, told_of
from alerter.engine.groups import grouped, in_order, next_told, planned, told_at
from alerter.model.incident import Delivery, Incident, Kind, News

Find = Callable[[], Mapping[str, Incident]]
Keeps = Callable[[News, Millis], bool]


@dataclass(frozen=True)
class Said:
    """A message of a group, its document as it was then, and the incidents that it tells of."""

    document: Incident
    delivery: Delivery
    incidents: frozenset[str]


class Rehearsal:
    """Plays groups: what comes up is added in order of time, and told once its instant has come."""

    def __init__(self, find: Find = dict, keeps: Keeps = lambda _news, _at: True) -> None:
        """``find`` returns incidents by id, as far as they are to be shown; ``keeps`` whether one is told then."""
        self._find = find
        self._keeps = keeps
        self._documents: dict[str, Incident] = {}
        self._current: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}

    def play(self, news: Iterable[News], until: Millis | None) -> list[Said]:
        """Add messages, none older than what was played before, and return what is told up to ``until`` (inclusive).

        None: all that is ever told of it.
        """
        said: list[Said] = []
        for one in sorted(news, key=planned):
            before, *_ = planned(one)
            said += self._tell(lambda wall, _at, before=before: wall < before)  # type: ignore[misc]
            self._add(one)
        return [*said, *self._tell(lambda _wall, at: until is None or at <= until)]

    def _add(self, news: News) -> None:
        group = news.delivery.group
        assert group is not None
        current = self._documents.get(self._current.get(group.id, ""))
        if current is not None and takes(current, news):
            self._documents[current.id] = joined(current, [news])
        elif news.delivery.kind is not Kind.RESOLVED:
            id = next(id for id in document_ids(news) if id not in self._documents)
            self._documents[id] = new_document(id, news)
            self._current[group.id] = id

    def _tell(self, is_due: Callable[[Millis, Millis], bool]) -> Iterator[Said]:
        """Tell, in order of time, at each instant that is due by wall clock and event time."""
        while True:
            wall, at, id = min(self._waiting(), default=(0, 0, ""))
            if not id or not is_due(wall, at):
                return
            yield from self._tell_now(self._documents[id], at)

    def _waiting(self) -> Iterator[tuple[Millis, Millis, str]]:
        """Yield when documents tell next, by wall clock and in event time."""
        for document in self._documents.values():
            at = next_told(document.roll) if document.roll is not None else None
            if at is not None and document.roll is not None:
                yield at + document.roll.delay, at, document.id

    def _tell_now(self, document: Incident, at: Millis) -> Iterator[Said]:
        roll = document.roll
        assert roll is not None
        due = in_order(roll, (n for n in roll.news if told_at(roll, n) <= at))
        news = [n for n in due if self._keeps(n, at)]
        after = told_of(document, {n.delivery.id for n in news}, {n.delivery.id for n in due}, self._find())
        self._documents[document.id] = after
        everybody = self._members.setdefault(document.id, set())
        everybody |= {n.incident for n in news}
        for delivery in after.deliveries[len(document.deliveries) :]:
            new = {n.incident for n in news if n.delivery.kind is delivery.kind}
            about = {n.incident for n in news if n.delivery.kind is not Kind.RESOLVED}
            first = roll.told is None
            incidents = everybody if delivery.kind is Kind.RESOLVED else about if first else new
            yield Said(after, delivery, frozenset(incidents))


def as_told(incidents: Sequence[Incident]) -> tuple[Incident, ...]:
    """Return incidents with the messages that tell of them: those of groups in place of their own."""
    news = [one for incident in incidents for one in grouped(incident)]
    if not news:
        return tuple(incidents)
    said = Rehearsal().play(news, None)
    return tuple(_with(incident, said) for incident in incidents)


def _with(incident: Incident, said: Sequence[Said]) -> Incident:
    own = [delivery for delivery in incident.deliveries if delivery.group is None]
    theirs = [one.delivery for one in said if incident.id in one.incidents]
    return replace(incident, deliveries=tuple(sorted([*own, *theirs], key=lambda d: d.at)))
