"""What a dry run's data say against its rule: fields that no document has, data outside the span."""

from __future__ import annotations

from collections.abc import Iterator

from alerter.clock import MINUTE, Millis
from alerter.lint.cluster import Known, unknown_field
from alerter.lint.facts import Facts
from alerter.lint.fields import uses
from alerter.lint.model import Built, Subject
from alerter.lint.places import placed
from alerter.model.rule import Rule
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.yaml_positions import Document
from alerter.sources.languages import columns_of
from alerter.sources.protocol import Source, SourceError
from alerter.timetext import iso


def field_warnings(rule: Rule, document: Document, source: Source) -> Iterator[Diagnostic]:
    """Yield each field that the rule names and no document has, at its place in the file.

    Documents are there when they have the rule's time field; without any, ``span_warnings`` says so.
    """
    built = Built(rule, Subject(document, rule))
    names = [n for use in uses(built.subject) for n in _around(use.field)]
    try:
        types = source.field_types(rule.everywhere, list(dict.fromkeys((rule.time.name, *names)))) if names else {}
        types = {**types, **(columns_of(source, rule) if names else {})}
    except SourceError:
        return  # no such index: the run itself says so
    for found in unknown_field(Known(built, Facts({n: t for n, t in types.items() if t}))):
        yield placed(document, "unknown_field", "warning", found)


def _around(name: str) -> Iterator[str]:
    """Yield a field, what is below it, and what is above: an object has no type of its own."""
    yield from (name, f"{name}.*")
    parts = name.split(".")
    yield from (".".join(parts[:n]) for n in range(1, len(parts)))


def span_warnings(
    extent: tuple[Millis | None, Millis | None], start: Millis, end: Millis, now: Millis
) -> Iterator[str]:
    """Yield what is odd about the times of the index's documents, as ``code: sentence``."""
    first, last = extent
    if first is None or last is None:
        yield "no_data: no document has the rule's time field"
        return
    if last <= start or first > end:
        yield f"outside: no document lies in the span; they are from {iso(first)} to {iso(last)}"
    if last > now + MINUTE:
        yield f"future: the newest document is of {iso(last)}, which is still to come"
