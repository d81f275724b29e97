"""The hits of an answer: order, page, and the parts of each document that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.query import sorting
from alerter.query.context import Context
from alerter.query.dates import DateFormat, date_format
from alerter.query.errors import UnsupportedQuery, argument, content, parsing
from alerter.query.fieldtypes import as_text
from alerter.query.nodes import Docs
from alerter.query.patterns import simple_match
from alerter.query.store import View
from alerter.query.values import aggregatable, doc_value, field_value

INDEX = "documents"
"""The name every hit carries; all documents are of one index."""

WINDOW = 10_000
"""The greatest ``from`` + ``size``, as on a server."""

Source = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Fetch = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """Which hits to return, and how."""

    keys: Sequence[sorting.SortKey]
    start: int
    size: int
    cursor: Any
    source: Source | None
    parts: Sequence[Fetch]

    def of(self, context: Context, docs: Docs, index: str = INDEX) -> list[dict[str, Any]]:
        """Return the hits of a page."""
        if self.cursor is not None:
            docs = sorting.after(docs, self.keys, self.cursor)
        ordered = sorting.sort_docs(docs, self.keys) if self.keys and self.size else docs
        return [self.hit(context, doc, index) for doc in ordered[self.start : self.start + self.size]]

    def hit(self, context: Context, doc: int, index: str = INDEX) -> dict[str, Any]:
        """Write one hit."""
        store = context.store
        found: dict[str, Any] = {"_index": index, "_id": store.ids[doc], "_score": None if self.keys else 1.0}
        if store.ignoring and (ignored := store.ignored(doc)):
            found["_ignored"] = ignored
        if self.source is not None:
            found["_source"] = self.source(store.source(doc))
        fields: dict[str, Any] = {}
        for part in self.parts:
            fields.update(part(doc))
        if fields:
            found["fields"] = fields
        if self.keys:
            found["sort"] = [key.show(key.rank(doc)) for key in self.keys]
        return found


def page(context: Context, body: Mapping[str, Any], size: int = 10, window: int | None = WINDOW) -> Page:
    """Read the parts of a request that say which hits come back; raises RejectedQuery or UnsupportedQuery."""
    start, count = _number(body, "from", 0), _number(body, "size", size)
    if window is not None and start + count > window:
        raise argument(
            f"Result window is too large, from + size must be less than or equal to: [{window}] but was "
            f"[{start + count}]"
        )
    cursor = body.get("search_after")
    keys = sorting.sort_keys(context, body.get("sort"))
    if cursor is not None:
        if start > 0:
            raise UnsupportedQuery("[from] together with [search_after]")
        sorting.after((), keys, cursor)
    parts = [_doc_values(context, item) for item in _list(body, "docvalue_fields")]
    parts += [_fields(context, item) for item in _list(body, "fields")]
    return Page(keys, start, count, cursor, source_filter(body.get("_source", True)), parts)


def _number(body: Mapping[str, Any], key: str, default: int) -> int:
    value = body.get(key, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise UnsupportedQuery(f"search parameter [{key}] that is no number") from None
    if number < 0:
        raise argument(f"[{key}] parameter cannot be negative, found [{number}]")
    return number


def _list(body: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = body.get(key, [])
    if not isinstance(value, list):
        raise parsing(f"Unknown key for a value in [{key}].")
    return value


def _field_and_format(context: Context, item: Any) -> tuple[list[View], DateFormat | None]:
    if not isinstance(item, (Mapping, list)):
        item = {"field": as_text(item)}
    if not isinstance(item, Mapping) or not isinstance(item.get("field"), str):
        raise parsing("[docvalue_fields] requires a field")
    if "include_unmapped" in item:
        raise UnsupportedQuery("parameter [include_unmapped] of [fields]")
    for option in set(item) - {"field", "format"}:
        raise content(f"[field_and_format] unknown field [{option}]")
    if item["field"].startswith("_"):
        raise UnsupportedQuery(f"the metadata field [{item['field']}]")
    form = item.get("format")
    views = context.store.matching(item["field"])
    if not form or form == "use_field_mapping":
        return views, None
    for view in views:
        if not view.type.is_date:
            raise UnsupportedQuery(f"a format for the field [{view.type.name}] of type [{view.type.kind}]")
    return views, date_format(form)


def _doc_values(context: Context, item: Any) -> Fetch:
    views, form = _field_and_format(context, item)
    for view in views:
        if view.type.is_text:
            # an error for all servers where there are hits, for some of them also where there are none
            raise UnsupportedQuery(f"docvalue_fields of the text [{view.type.name}]")

    def fetch(doc: int) -> dict[str, Any]:
        found = {}
        for view in map(aggregatable, views):
            cell = view.cell(doc)
            if cell:
                ordered = sorted(set(cell)) if view.type.kind in ("keyword", "ip") else sorted(cell)
                found[view.type.name] = [doc_value(view.type, value, form) for value in ordered]
        return found

    return fetch


def _fields(context: Context, item: Any) -> Fetch:
    views, form = _field_and_format(context, item)

    def fetch(doc: int) -> dict[str, Any]:
        for view in views:
            if view.type.kind in ("text", "keyword") and view.column.code_of(doc) in view.column.respelt:
                raise UnsupportedQuery(f"[fields] of a number in [{view.type.name}]", "it is written unusually")
        return {
            view.type.name: [field_value(view.type, value, form) for value in view.cell(doc)]
            for view in views
            if view.cell(doc)
        }

    return fetch


def source_filter(spec: Any) -> Source | None:
    """Compile ``_source``; None when the source is not wanted."""
    if spec is False or spec == "false":
        return None
    if spec is True or spec == "true":
        return lambda source: source
    includes: Any = spec
    excludes: Any = []
    if isinstance(spec, Mapping):
        for option in set(spec) - {"includes", "include", "excludes", "exclude"}:
            raise parsing(f"Unknown key for a value in [{option}].")
        includes = spec.get("includes", spec.get("include", []))
        excludes = spec.get("excludes", spec.get("exclude", []))
    wanted, unwanted = _patterns(includes), _patterns(excludes)
    return lambda source: _filtered(source, "", wanted, unwanted, not wanted)


def _patterns(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in listed):
        raise parsing("Unknown key in [_source].")
    return listed


def _filtered(
    node: Mapping[str, Any], prefix: str, wanted: Sequence[str], unwanted: Sequence[str], whole: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in node.items():
        path = prefix + name
        if _fits(path, unwanted):
            continue
        inside = whole or _fits(path, wanted)
        if isinstance(value, Mapping):
            rest = _filtered(value, path + ".", wanted, unwanted, inside)
            if rest or (inside and not value):
                found[name] = rest
            elif inside:
                raise UnsupportedQuery("_source that leaves an object empty")
        elif isinstance(value, list) and any(isinstance(each, list) for each in value):
            raise UnsupportedQuery("a part of [_source] where arrays hold arrays")
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            kept: list[Any] = []
            for each in value:
                if isinstance(each, Mapping):
                    rest = _filtered(each, path + ".", wanted, unwanted, inside)
                    if rest:
                        kept.append(rest)
                    elif inside:
                        raise UnsupportedQuery("_source that leaves an object empty")
                elif inside:
                    kept.append(each)
            if kept:
                found[name] = kept
        elif inside:
            found[name] = value
    return found


def _fits(path: str, patterns: Sequence[str]) -> bool:
    parts = path.split(".")
    parents = [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
    return any(simple_match(pattern)(parent) for pattern in patterns for parent in parents)
