"""The fields that a rule names, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerter.lint.messages import texts_of
from alerter.lint.model import Found, Path, Subject
from alerter.lint.queries import Leaf, leaves
from alerter.lint.templates import event_fields
from alerter.lint.texts import text_fields
from alerter.query.errors import QueryError
from alerter.query.kql import kql_to_dsl

OPTIONS = ("query_key", "compare_key", "cardinality_field", "timestamp_field", "metric_agg_key", "fields", "include")
GROUPED = ("query_key", "cardinality_field", "fields")
"""Options whose field's values are told apart by an aggregation."""
COUNTED = ("query_key", "compare_key", "cardinality_field", "metric_agg_key", "fields")
"""Options whose field is read from each document, or aggregated."""
METADATA = {
    "_id": (
        "no cluster counts by _id unless indices.id_field_data.enabled is set, and files have none",
        "write the event's own id into a field when it is indexed (an ingest pipeline: set event.id), and name that",
    ),
    "_index": (
        "a cluster counts by _index, but files have none: in rule tests and with --data all events are one group",
        "name a field that says the same, like data_stream.dataset",
    ),
    "_type": ("documents have no types any more, so all events are one group", "remove it"),
}
"""Names that ElastAlert adds to each event: what is wrong with them, and what to write in their place."""
ATTRIBUTES = ("domain", "severity", "environment", "owner")


@dataclass(frozen=True)
class Use:
    """A mention of a field; ``option`` says where: an option, ``filter``, or ``message``. The place is as in Found."""

    field: str
    option: str
    path: Path
    key: bool = False
    part: str = ""
    offset: int = 0


def uses(subject: Subject) -> Iterator[Use]:
    """Yield the fields that a rule names, without patterns and the server's own (``_id``)."""
    filtered = (use for leaf in subject.leaves for use in of_leaf(leaf))
    for use in (*_options(subject), *filtered, *_shown(subject)):
        if use.field and "*" not in use.field and not use.field.startswith("_"):
            yield use


def metadata_field(subject: Subject) -> Iterator[Found]:
    """What ElastAlert copies into each event beside its fields, where events are counted or told apart by it."""
    for use in _options(subject):
        name = use.field.removesuffix(".keyword")
        if name in METADATA and use.option in COUNTED:
            why, hint = METADATA[name]
            yield Found(f"{use.option}: {name} is no field of the documents: {why}", hint, use.path)


def of_leaf(leaf: Leaf) -> Iterator[Use]:
    """Yield the fields of one clause of the filter."""
    if leaf.name == "exists" and leaf.field:
        yield Use(leaf.field, "filter", (*leaf.path, "field"))
    elif leaf.field is not None:
        yield Use(leaf.field, "filter", (*leaf.path, leaf.field), key=True)
    elif leaf.text is not None:
        text, path = leaf.text
        for name, before in dict(_in_text(leaf)).items():
            at = text.rfind(name, 0, before)
            yield Use(name, "filter", path, part=name if at >= 0 else "", offset=max(at, 0))


def _in_text(leaf: Leaf) -> Iterator[tuple[str, int]]:
    """Yield the fields of a query string or of KQL, each with the place before which it stands."""
    text = leaf.text[0] if leaf.text else ""
    if leaf.name == "kql":
        try:
            found = list(leaves(kql_to_dsl(text), ()))
        except QueryError:
            return
        named = [name for inner in found for name in (inner.field, *_listed(inner.body)) if name]
        yield from ((name, len(text)) for name in named)
    for item in leaf.terms:
        name = getattr(item, "field", None)
        if name == "_exists_":
            yield str(getattr(item, "text", "")), len(text)
        elif name:
            yield name, getattr(item, "at", len(text))


def _listed(body: Any) -> list[str]:
    found = body.get("fields") if isinstance(body, Mapping) else None
    return [str(name) for name in found] if isinstance(found, list) else []


def _shown(subject: Subject) -> Iterator[Use]:
    """Yield the fields that texts of the message fill in."""
    for path, text in texts_of(subject):
        for name in event_fields(text) if "{" in text else ():
            part = name if name in text else name.rpartition(".")[2]
            yield Use(name, "message", path, part=part, offset=max(text.find(part), 0))
    yield from (Use(name, "message", path) for path, name in text_fields(subject))
    top = subject.options.get("top_count_keys")
    names = [name.removesuffix(".keyword") for name in top if isinstance(name, str)] if isinstance(top, list) else []
    yield from (Use(name, "message", ("top_count_keys", n)) for n, name in enumerate(names))


def _options(subject: Subject) -> Iterator[Use]:
    for option in OPTIONS:
        written = subject.options.get(option)
        for n, name in enumerate(written if isinstance(written, list) else [written] if written else []):
            path: Path = (option, n) if isinstance(written, list) else (option,)
            if isinstance(name, str):
                yield Use(name, option, path)
            elif isinstance(name, list):  # the parts of one term
                yield from (Use(part, option, (*path, m)) for m, part in enumerate(name) if isinstance(part, str))
    labels = subject.options.get("labels")
    named: list[tuple[Path, Any]] = [((n,), subject.options.get(n)) for n in ATTRIBUTES]
    named += [(("labels", n), value) for n, value in labels.items()] if isinstance(labels, Mapping) else []
    for above, attribute in named:
        if isinstance(attribute, Mapping) and isinstance(attribute.get("field"), str):
            yield Use(attribute["field"], str(above[-1]), (*above, "field"))
