"""The terms aggregation; exact, because nothing is cut off per shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alerter.query.aggregations.parts import (
    Aggregation,
    Aggregations,
    Result,
    as_key,
    cells,
    check,
    field,
    group,
    nothing_below,
    ordering,
    substitute,
    too_many,
    whole,
)
from alerter.query.context import Context
from alerter.query.dates import DateFormat, date_format
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, content
from alerter.query.names import names
from alerter.query.nodes import Docs
from alerter.query.regexps import compile_regexp
from alerter.query.store import View
from alerter.query.values import key_parts

_ALLOWED = names("""
    field size order min_doc_count include exclude missing shard_size format show_term_doc_count_error collect_mode
    execution_hint shard_min_doc_count value_type""")

Keep = Callable[[Any], bool]


def build(context: Context, name: str, options: Mapping[str, Any], below: Aggregations) -> Aggregation:
    """Compile ``terms``."""
    check("terms", options, _ALLOWED)
    view = field(context, options)
    size = whole("terms", options, "size", 10, least=1)
    least = whole("terms", options, "min_doc_count", 1)
    per_shard = whole("terms", options, "shard_size", -1, least=-1)
    if options.get("collect_mode", "breadth_first") not in ("breadth_first", "depth_first"):
        raise RejectedQuery("parse_exception", f"no [collect_mode] found for value [{options['collect_mode']}]")
    if "missing" in options and options["missing"] is None:
        raise content("[terms] failed to parse field [missing]")
    for option in ("shard_min_doc_count", "value_type"):
        if options.get(option):
            raise UnsupportedQuery(f"parameter [{option}] of the aggregation [terms]")
    order = ordering(options.get("order"), {"_count": "desc"}, lambda bucket: bucket["_sort"])
    first = _first_order(options.get("order"))
    rare_last, by_key = first == {"_count": "desc"}, first in ({"_key": "asc"}, {"_key": "desc"})
    form = _format(view, options)
    if view is None:
        return lambda _: {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": []}
    keep = _keeper(name, view, options)
    show_error = options.get("show_term_doc_count_error") in (True, "true")
    instead = substitute(view, options.get("missing"))

    def run(docs: Docs) -> Result:
        counted = _counted(view, options, docs, below)
        if least == 0:
            for value in _all_values(context, view, instead):
                counted.setdefault(value, (0, below(())))
        found = []
        for value, (count, more) in counted.items():
            if keep is None or keep(value):
                found.append({**key_parts(view.type, value, form), "_sort": value, "doc_count": count, **more})
        ordered = order(found)
        if 0 < per_shard <= size < len(ordered):
            raise UnsupportedQuery("parameter [shard_size] of the aggregation [terms] that cuts terms off")
        cut = max(per_shard if per_shard > 0 else size * 3 // 2 + 10, size)
        if least > 1 and len(ordered) > cut and not rare_last:
            raise UnsupportedQuery("[min_doc_count] of the aggregation [terms] with so many terms in this order")
        if len(ordered) > cut and order.undecided(ordered):
            raise UnsupportedQuery("[order] of so many terms by a number that some do not have")
        bound = -1 if not (rare_last or by_key) and len(ordered) >= cut else 0
        kept, rest = _first(ordered, size, size if by_key else cut, least)
        for bucket in kept:
            del bucket["_sort"]
            if show_error:
                bucket["doc_count_error_upper_bound"] = bound
        return {"doc_count_error_upper_bound": bound, "sum_other_doc_count": rest, "buckets": kept}

    return run


def _first(ordered: list[Result], size: int, cut: int, least: int) -> tuple[list[Result], int]:
    """Cut a list as a server does with one shard: first off, then the rare out, then to size; count what is left.

    The rare are counted only where they stand behind the first cut, which for an order by key is the size itself.
    """
    frequent = [bucket for bucket in ordered[:cut] if bucket["doc_count"] >= least]
    kept = frequent[:size]
    too_many(len(kept))
    return kept, sum(bucket["doc_count"] for bucket in [*ordered[cut:], *frequent[size:]])


def _first_order(spec: Any) -> Any:
    items = spec if isinstance(spec, list) else [spec]
    return {"_count": "desc"} if spec is None or not items else items[0]


def _format(view: View | None, options: Mapping[str, Any]) -> DateFormat | None:
    if options.get("format") is None:
        return None
    if view is None or not view.type.is_date:
        raise UnsupportedQuery("parameter [format] of the aggregation [terms] on numbers")
    return date_format(options["format"])


def _counted(view: View, options: Mapping[str, Any], docs: Docs, below: Aggregations) -> dict[Any, tuple[int, Result]]:
    if below is not nothing_below:
        groups = group(docs, cells(view, options.get("missing")))
        return {value: (len(members), below(members)) for value, members in groups.items()}
    # without nested aggregations it is enough to count codes
    codes, known = view.column.padded(), view.cells
    counts: dict[Any, int] = {}
    instead = substitute(view, options.get("missing"))
    for code, count in Counter(map(codes.__getitem__, docs)).items():
        for value in dict.fromkeys(known[code] or instead):
            counts[value] = counts.get(value, 0) + count
    return {value: (count, {}) for value, count in counts.items()}


def _all_values(context: Context, view: View, instead: Sequence[Any]) -> set[Any]:
    """Return the values of all documents, and what stands for a missing one where any document lacks the field."""
    used = set(view.column.padded()) if context.store.count else set()
    return {value for code in used for value in (view.cells[code] or instead)}


def _keeper(name: str, view: View, options: Mapping[str, Any]) -> Keep | None:
    include, exclude = (_one_keeper(name, view, options.get(key)) for key in ("include", "exclude"))
    if include is None and exclude is None:
        return None
    return lambda value: (include is None or include(value)) and (exclude is None or not exclude(value))


def _one_keeper(name: str, view: View, spec: Any) -> Keep | None:
    if spec is None:
        return None
    if spec == []:
        raise UnsupportedQuery("an empty list in [include] or [exclude]", "a server looks at it for some types only")
    if isinstance(spec, str):
        try:
            test = compile_regexp(spec)
        except RejectedQuery:
            raise content("[terms] failed to parse field [include] or [exclude]") from None
        if view.type.kind != "keyword":
            raise argument(
                f"Aggregation [{name}] cannot support regular expression style include/exclude settings as "
                "they can only be applied to string fields. Use an array of values for include/exclude clauses"
            )
        return test
    if isinstance(spec, Sequence):
        return _listed(view, spec)
    raise UnsupportedQuery("partitions of the aggregation [terms]")


def _listed(view: View, spec: Sequence[Any]) -> Keep:
    return {as_key(view, each, "[include] or [exclude]") for each in spec}.__contains__
