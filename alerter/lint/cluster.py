"""What only the index can tell: fields, their types, how old its documents are and how late they come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerter.lint import refused
from alerter.lint.facts import LATELY, Facts, needed
from alerter.lint.fields import GROUPED, uses
from alerter.lint.messages import sought
from alerter.lint.model import Built, Found, Path
from alerter.model.history import NewTerm, ValueChange
from alerter.model.rule import Cardinality, Flatline, Rule, Spike, SpikeAggregation, TimeKind
from alerter.ruleset.options import CREDENTIALS, PLACE
from alerter.ruleset.suggest import did_you_mean
from alerter.sources.parts import TEXT, Types
from alerter.sources.timefield import DATES, NUMBERS
from alerter.timetext import length_text

_OF_HUNDRED = 1
"""Late events of a hundred that are still no finding."""
_NO_TERM = re.compile(r"[A-Z\s]")


@dataclass(frozen=True)
class Known:
    """A rule that loads, and what is known of its index."""

    built: Built
    facts: Facts

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.built.rule

    def path(self, *options: str) -> Path:
        """Return the first of these options that is written, else the rule's type."""
        return (next((name for name in options if name in self.built.subject.options), "type"),)


def cluster_not_asked(known: Known) -> Iterator[Found]:
    """The rule's own cluster does not answer, or not to its user."""
    if known.facts.unanswered:
        hint = "see es_host and the rule's other es_ options; alerter check --offline asks no cluster"
        path = known.path(*PLACE, *CREDENTIALS)
        yield Found(f"the rule's cluster says nothing: {known.facts.unanswered}", hint, path, key=True)


def unknown_index(known: Known) -> Iterator[Found]:
    """No index has the name, or it may not be read."""
    if known.facts.missing:
        hint = "is the name right, and may the user read it? an index that comes later may be ignored"
        yield Found(known.facts.missing, hint, known.path("index"))


def unknown_field(known: Known) -> Iterator[Found]:
    """The rule names a field that no document has."""
    types = known.facts.types
    if not types:
        return
    said: set[str] = set()
    for use in uses(known.built.subject):
        if use.field not in said and not has_field(types, use.field):
            said.add(use.field)
            hint = did_you_mean(use.field, types) or "no document has it yet; fields are case sensitive"
            message = f"{known.rule.index} has no field {use.field}"
            yield Found(message, hint, use.path, use.key, use.part, use.offset)


def key_on_text(known: Known) -> Iterator[Found]:
    """Events are told apart by a field that is analysed text."""
    types = known.facts.types
    for use in uses(known.built.subject):
        grouped = use.option in GROUPED or (use.path[-1] == "field" and use.option != "filter")
        if not grouped or types.get(use.field, frozenset()).isdisjoint(TEXT):
            continue
        if types.get(f"{use.field}.keyword"):
            message = f"{use.field} is analysed text: {use.field}.keyword is used, which leaves out long values"
            yield Found(message, f"write {use.field}.keyword", use.path)
        else:
            message = f"{use.field} is analysed text, which cannot be grouped by"
            yield Found(message, f"map it as keyword, or give it a sub-field {use.field}.keyword", use.path)


def term_on_text(known: Known) -> Iterator[Found]:
    """``term`` with capitals or blanks on analysed text, whose words are lower case."""
    for leaf in known.built.subject.leaves:
        own = known.facts.types.get(leaf.field or "", frozenset())
        if leaf.name not in ("term", "terms", "prefix", "wildcard") or not own or not own <= TEXT:
            continue
        value, path = leaf.value
        body = leaf.body[leaf.field] if leaf.field else None
        relaxed = isinstance(body, Mapping) and body.get("case_insensitive")
        listed = value if isinstance(value, list) else [value]
        wrong = next((v for v in listed if isinstance(v, str) and _NO_TERM.search(v)), None)
        if wrong is not None and (not relaxed or " " in wrong):
            shown = sought(repr(wrong), (leaf.field or "",), known.built.subject)
            exact = f", or {leaf.field}.keyword" if known.facts.types.get(f"{leaf.field}.keyword") else ""
            message = f"{leaf.name} {shown} finds nothing: {leaf.field} is analysed text, of single words in lower case"
            yield Found(message, f"use match or match_phrase{exact}", path)


def time_not_a_date(known: Known) -> Iterator[Found]:
    """The time field is missing, or no date in the mapping."""
    time, types = known.rule.time, known.facts.types
    own = types.get(time.name, frozenset())
    if not types:
        return
    if not own and "timestamp_field" not in known.built.subject.options:
        yield Found(
            f"{known.rule.index} has no field {time.name}", "name the time: timestamp_field", known.path("index")
        )
    numeric = own <= NUMBERS and time.kind in (TimeKind.UNIX, TimeKind.UNIX_MS)
    if own and not own <= DATES and not numeric:
        message = f"{time.name} is mapped as {'/'.join(sorted(own))}, no date: every document of the index is read"
        yield Found(message, "map it as date", known.path("timestamp_field", "index"))


def short_buffer(known: Known) -> Iterator[Found]:
    """Events come later than ``buffer_time`` waits for."""
    rule, lag = known.rule, known.facts.lag
    allowed = rule.query_delay + rule.buffer_time
    if lag is None:
        return
    late = lag.later_than(allowed)
    if late * 100 > len(lag.sample) * _OF_HUNDRED:
        message = (
            f"{late} of the newest {len(lag.sample)} events came later than the {length_text(allowed)} "
            f"that are waited for, the last one after {length_text(lag.sample[-1])}"
        )
        hint = "make buffer_time longer, or take event.ingested as timestamp_field"
        yield Found(message, hint, known.path("buffer_time", "query_delay", "index"))


def young_index(known: Known) -> Iterator[Found]:
    """The oldest document is younger than the rule's window is long."""
    rule, oldest = known.rule, known.facts.oldest
    window = rule.timeframe * (2 if isinstance(rule.condition, Spike | SpikeAggregation) else 1)
    option = "timeframe"
    if isinstance(rule.condition, NewTerm):
        window, option = rule.condition.window, "terms_window_size"
    elif isinstance(rule.condition, ValueChange):
        return
    if oldest is None or not window or known.facts.now - oldest >= window:
        return
    age = length_text(max(known.facts.now - oldest, 0))
    message = f"the oldest document of {rule.index} is {age} old, the window needs {length_text(window)}"
    hint = "keep documents for longer, or look less far back; a new index is complete after that time"
    yield Found(message, hint, known.path(option))


def few_events(known: Known) -> Iterator[Found]:
    """The filter selected fewer events in a week than one window needs."""
    rule, lately = known.rule, known.facts.lately
    if lately is None or lately >= needed(rule) or rule.timeframe > LATELY:
        return
    if isinstance(rule.condition, Flatline):
        message = f"nothing was selected in the last {length_text(LATELY)}: the rule always fires"
    elif lately:
        message = (
            f"only {lately} events were selected in the last {length_text(LATELY)}, {needed(rule)} are needed at once"
        )
    else:
        message = f"nothing was selected in the last {length_text(LATELY)}"
    yield Found(message, "is the filter right? alerter test-rule shows what it selects", known.path("filter"), key=True)


def too_few_values(known: Known) -> Iterator[Found]:
    """More values than a boolean has."""
    condition = known.rule.condition
    if not isinstance(condition, Cardinality) or condition.maximum is None or condition.maximum < 2:
        return
    if known.facts.types.get(condition.field, frozenset()) == frozenset({"boolean"}):
        message = f"{condition.field} is a boolean: it never has more than two values"
        yield Found(message, "count another field", known.path("max_cardinality"))


def refused_filter(known: Known) -> Iterator[Found]:
    """The cluster itself refuses the filter, and what the file holds does not show why."""
    if known.facts.refused and not any(refused.refused_filter(known.built.subject)):
        message = known.facts.refused.removeprefix("Elasticsearch rejects the query: ")
        yield Found(f"Elasticsearch refuses the filter: {message}", "", known.path("filter"), key=True)


def has_field(types: Types, name: str) -> bool:
    """Tell whether there is a field, an object, or a flattened field above the name."""
    if types.get(name) or any(known.startswith(f"{name}.") for known in types):
        return True
    parts = name.split(".")
    above = (".".join(parts[:n]) for n in range(1, len(parts)))
    return any("flattened" in types.get(parent, frozenset()) for parent in above)
