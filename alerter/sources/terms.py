"""What new_term rules must know: when each term was seen in the span, and whether it was seen in the window before.

The server names the terms of the span with the first and last time of each; of those that are not known to be old it
is asked when they were seen last before the span: in the last hour, then in the last day, then in the whole window, so
that what is common is found among few events and only what is rare is looked for in all. What was seen is kept between
evaluations; it can only prove that a term is old, so that after a restart the same is found, at the price of asking.

Where the server cannot name the terms, the events of the span are read, and those of the window where a term is met
that is not known to be old: of strings and whole numbers only those that may have it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from alerter.clock import DAY, HOUR, Millis
from alerter.detectors.change import first_sights
from alerter.model.history import NewTerm
from alerter.model.rule import Key, Rule
from alerter.redact import hide
from alerter.sources.asking import Asking
from alerter.sources.changing import LONG_AGO
from alerter.sources.counting import PAGE, Counting
from alerter.sources.hits import severity_of
from alerter.sources.judged import Judged, Steps
from alerter.sources.parts import Part
from alerter.sources.protocol import TOO_MANY, Hit, Source, SourceError
from alerter.sources.term_pages import TermLook, TermPages, lacking, lacks_value, may_have, terms_of

MOST = 200_000
"""Terms that are kept between evaluations, and sightings of one span: with more it is evaluated in parts."""
ASKED = 500
"""Terms that are looked for in one request, of composite ones so many parts: a server bounds the clauses of a query."""
BACK = (HOUR, DAY)
"""How far back is looked before the whole window."""
Term = tuple[int, tuple[Any, ...]]
"""Which of the rule's fields, and the values of its parts as they are."""
Sighting = tuple[Millis, Millis, Key, str]
"""First and last instant, the raw key of the events, and where it is taken from events their severity."""


class Seen:
    """When terms were seen last, as far as it is known; memory only."""

    def __init__(self) -> None:
        self._last: dict[Term, Millis] = {}

    def last(self, term: Term, begin: Millis, oldest: Millis) -> Millis | None:
        """Return when a term was seen, at ``begin`` or before but after ``oldest``; None where that is not known."""
        last = self._last.get(term)
        return last if last is not None and oldest < last <= begin else None

    def note(self, term: Term, at: Millis) -> None:
        """Remember a sighting; the terms seen longest ago are forgotten when there are too many."""
        at = max(at, self._last.pop(term, at))
        self._last[term] = at
        if len(self._last) > MOST:
            del self._last[next(iter(self._last))]


def new_terms(
    rule: Rule, asking: Asking, counting: Counting | None, reads: tuple[Millis, Millis], source: Source, seen: Seen
) -> Steps[Judged]:
    """Find out which events of ``reads``, a span ``(start, end]``, bring new terms. Raises SourceError."""
    return _Terms(rule, asking, counting, reads, source, seen).steps()


class TermEvents(Judged):
    """The events that bring new terms: the key of each names the term."""

    @property
    def key_parts(self) -> Sequence[Part]:
        """The fields that keys are made of, those of terms among them."""
        terms = {part.name: part for parts in self.asking.terms for part in parts}
        return (*self.asking.parts, *terms.values())

    def key_clauses(self, key: Key) -> list[dict[str, Any]]:
        """Return the clauses that select the events of one term."""
        values = dict(self.raw(key) or ())
        found = [part.clause(values.get(part.name)) for part in self.asking.parts]
        for parts in self.asking.terms:
            if all(part.name in values for part in parts) and len(values) == len(parts) + len(self.asking.parts):
                held = [(part, values[part.name]) for part in parts]
                return found + ([lacking(parts)] if all(v is None for _, v in held) else [p.clause(v) for p, v in held])
        return found

    def is_of(self, hit: Hit, key: Key) -> bool:
        """Whether an event has a term, or lacks it where that is what the key says."""
        return any(
            self.named((*(rest or ()), *zip((part.name for part in parts), values, strict=True)), named) == key
            for parts in self.asking.terms
            for named in [(*self.asking.parts, *parts)]
            for rest in self.keys_of(hit)
            for values in [*product(*(terms_of(part, hit) for part in parts)), *_lacked(parts, hit)]
        )


def _lacked(parts: Sequence[Part], hit: Hit) -> list[tuple[Any, ...]]:
    return [(None,) * len(parts)] if any(lacks_value(part, hit) for part in parts) else []


class _Terms:
    def __init__(
        self, rule: Rule, asking: Asking, counting: Counting | None, reads: tuple[Millis, Millis], source: Source,
        seen: Seen,
    ) -> None:  # fmt: skip
        condition = rule.condition
        assert isinstance(condition, NewTerm)
        self.rule, self.asking, self.counting, self.source = rule, asking, counting, source
        self.condition, self.window, self.seen = condition, condition.window, seen
        self.begin, self.end = reads
        self.looks_back = asking.time.pushed
        self.first = self.begin if self.looks_back else LONG_AGO
        self.settle = max(self.end - rule.buffer_time, self.begin)
        self.events = TermEvents(rule, source, asking, self.first, self.end)
        self.sights: dict[Term, list[Sighting]] = defaultdict(list)
        self.lacked: dict[tuple[int, Key], list[tuple[Millis, str]]] = defaultdict(list)
        self.settled: dict[Term, Millis] = {}
        self.number = 0

    def steps(self) -> Steps[Judged]:
        """See which terms there are, look when they were seen before, and tell the new ones."""
        if self.counting is None:
            self._read()
        elif self.begin < self.end:
            yield from self._named(self.counting)
        before = (yield from self._before()) if self.looks_back else {}
        for term, sights in self.sights.items():
            self._tell_new(term, sights, before.get(term))
        for (n, rest), instants in self.lacked.items():
            key = self._key(n, rest, None)
            for at, severity in instants:
                self.events.note(key, at, self._facts(n, None), severity)
        self.events.finish()
        return self.events

    def _tell_new(self, term: Term, sights: Sequence[Sighting], before: Millis | None) -> None:
        """Note the instants at which a term is new, once for each key."""
        n, values = term
        told: set[tuple[Key, Millis]] = set()
        for at, nth in first_sights([(first, last) for first, last, *_ in sights], before, self.window):
            key = self._key(n, sights[nth][2], values)
            if (key, at) not in told:
                told.add((key, at))
                self.events.note(key, at, self._facts(n, values), sights[nth][3])

    def _key(self, n: int, rest: Key, values: tuple[Any, ...] | None) -> Key:
        parts = self.asking.terms[n]
        held = values if values is not None else (None,) * len(parts)
        own = tuple((part.name, value) for part, value in zip(parts, held, strict=True))
        return self.events.named((*(rest or ()), *own), (*self.asking.parts, *parts))

    def _facts(self, n: int, values: tuple[Any, ...] | None) -> Callable[[], Mapping[str, Any]]:
        names = [part.name for part in self.asking.terms[n]]
        name = names[0] if len(names) == 1 else names
        if values is None:
            return lambda: {"field": name, "missing_field": name}
        shown = [hide(part, value, self.rule.redact) for part, value in zip(names, values, strict=True)]
        return lambda: {"field": name, "new_field": name, "value": shown[0] if len(shown) == 1 else shown}

    def _sight(self, term: Term, sighting: Sighting) -> None:
        """Add a sighting, to the one before where it goes on."""
        known = self.sights[term]
        first, last, rest, _ = sighting
        if last <= self.settle:
            self.settled[term] = max(last, self.settled.get(term, last))
        if known and known[-1][2] == rest and known[-1][1] <= first < known[-1][1] + self.window:
            known[-1] = (known[-1][0], last, rest, known[-1][3])
            return
        known.append(sighting)
        self._count(1)

    def _lack(self, n: int, rest: Key, at: Millis, ties: int, severity: str) -> None:
        """Note events that lack a part of a field."""
        self._count(ties)
        self.lacked[(n, rest)] += [(at, severity)] * ties

    def _count(self, number: int) -> None:
        """Count what is kept; raises SourceError when it is too much."""
        self.number += number
        if self.number > MOST:
            raise SourceError(
                TOO_MANY,
                f"rule {self.rule.name}: more than {MOST:,} different terms, or events without any, in one evaluation",
                "narrow the filter, or look for new values of a field with fewer of them",
            )

    # --- as the server names them ------------------------------------------------------------------------------

    def _named(self, counting: Counting) -> Steps[None]:
        spans = [span for span in ((self.begin, self.settle), (self.settle, self.end)) if span[0] < span[1]]
        asked = [
            (TermPages(self.asking, counting, n, c, span, self.window), lacks)
            for span in spans
            for n, parts in enumerate(self.asking.terms)
            for c in counting.combinations
            for lacks in (False, True)
            if (self.condition.missing if lacks else all(part.field is not None for part in parts))
        ]
        answers = yield [pages.missing() if lacks else pages.request() for pages, lacks in asked]
        for (pages, lacks), answer in zip(asked, answers, strict=True):
            if not lacks and pages.n == asked[0][0].n:  # once for all fields
                self.events.read += answer.total or 0
            if lacks:
                for rest, at, ties in pages.read_missing(answer, self.source):
                    self._lack(pages.n, rest, at, ties, "")
                continue
            for rest, values, first, last in pages.read(answer, self.source):
                self.events.spent.buckets += 1
                if all(value != "" for value in values):
                    self._sight((pages.n, values), (first, last, rest, ""))

    # --- event by event ----------------------------------------------------------------------------------------

    def _read(self) -> None:
        unread: list[Hit] = []
        severity_from = self.rule.newest.get("severity")
        for at, hit in self.events.scanned(unread):
            self.events.spent.hits += 1
            severity = severity_of(severity_from, hit) if severity_from is not None else ""
            for n, parts in enumerate(self.asking.terms):
                held = [terms_of(part, hit) for part in parts]
                lacks = self.condition.missing and any(lacks_value(part, hit) for part in parts)
                for rest in self.events.keys_of(hit):
                    for values in product(*held):
                        self._sight((n, values), (at, at, rest, severity))
                    if lacks:
                        self._lack(n, rest, at, 1, severity)
        self.events.read = self.events.spent.hits
        self.events.spent.requests += 1 + self.events.spent.hits // PAGE
        self.events.warn_of(unread)

    # --- what was before ---------------------------------------------------------------------------------------

    def _before(self) -> Steps[dict[Term, Millis]]:
        """Return when terms were seen last before the span, of those that matter."""
        before: dict[Term, Millis] = {}
        left: list[Term] = []
        for term, sights in self.sights.items():
            oldest = min(first for first, *_ in sights) - self.window
            last = self.seen.last(term, self.begin, oldest)
            if last is not None:
                before[term] = last
            else:
                left.append(term)
        if self.asking.knows_terms:
            yield from self._look(left, before)
        elif left:
            self._read_before(left, before)
        for term in self.sights:
            last = self.settled.get(term, before.get(term))
            if last is not None:
                self.seen.note(term, last)
        return before

    def _read_before(self, left: Sequence[Term], before: dict[Term, Millis]) -> None:
        """Read the events of the window before the span that may have what is left."""
        wanted = set(left)
        events = TermEvents(self.rule, self.source, self.asking, self.begin - self.window, self.begin)
        number = 0
        for at, hit in events.scanned([], *may_have(self.asking, left)):
            number += 1
            for n, parts in enumerate(self.asking.terms):
                for values in product(*(terms_of(part, hit) for part in parts)):
                    self.seen.note((n, values), at)
                    if (n, values) in wanted:
                        before[(n, values)] = at
        self.events.spent.hits += number
        self.events.spent.requests += 1 + number // PAGE

    def _look(self, left: list[Term], before: dict[Term, Millis]) -> Steps[None]:
        """Ask when what is left was seen last before the span."""
        for back in (*(length for length in BACK if length < self.window), self.window):
            requests = [
                (n, TermLook(self.asking, n, terms[at : at + size], (self.begin - back, self.begin)))
                for n in range(len(self.asking.terms))
                if (terms := [values for m, values in left if m == n])
                for size in [ASKED // len(self.asking.terms[n])]
                for at in range(0, len(terms), size)
            ]
            answers = (yield [look.request() for _, look in requests]) if requests else []
            for (n, look), answer in zip(requests, answers, strict=True):
                for values, last in look.read(answer, self.source):
                    before[(n, values)] = last
            left = [term for term in left if term not in before]
