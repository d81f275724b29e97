"""The match family of the query DSL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerter.query import leaves, match, patterns
from alerter.query.clauses import check, field_of, flag, whole
from alerter.query.context import Context
from alerter.query.dsl import view_of
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, parsing
from alerter.query.fieldtypes import as_text
from alerter.query.match import Options
from alerter.query.names import METADATA
from alerter.query.nodes import Ids, Node, Nothing
from alerter.query.patterns import simple_match
from alerter.query.store import View

Body = Mapping[str, Any]
_FUZZY = {"fuzziness", "prefix_length", "max_expansions", "fuzzy_transpositions", "fuzzy_rewrite"}
_MATCH = {
    "query",
    "operator",
    "minimum_should_match",
    "analyzer",
    "lenient",
    "zero_terms_query",
    "auto_generate_synonyms_phrase_query",
    *_FUZZY,
}
_TYPES = {"best_fields", "most_fields", "phrase", "phrase_prefix", "bool_prefix"}


def conjunction(value: Any) -> bool:
    """Read an operator; raises RejectedQuery for anything but ``and`` and ``or``."""
    text = str(value).upper()
    if text not in ("AND", "OR"):
        raise argument(f"No enum constant org.elasticsearch.index.query.Operator.{text}")
    return text == "AND"


def no_analyzer(name: str, body: Body) -> None:
    """Refuse another analyzer than that of the field."""
    if body.get("analyzer") is not None:
        raise UnsupportedQuery(f"{name} parameter [analyzer]")


def type_of(body: Body) -> str:
    """Read how several fields are asked; raises RejectedQuery or UnsupportedQuery."""
    type = str(body.get("type", "best_fields")).lower()
    if type == "cross_fields":
        raise UnsupportedQuery("multi_match type [cross_fields]")
    if type not in _TYPES:
        raise RejectedQuery("parse_exception", f"failed to parse [multi_match] query type [{type}]. unknown type.")
    return type


def _options(name: str, body: Body) -> Options:
    no_analyzer(name, body)
    zero = str(body.get("zero_terms_query", "none")).lower()
    if zero not in ("none", "all"):
        raise parsing(f"Unsupported zero_terms_query value [{zero}]")
    slop = whole(name, body, "slop", 0)
    if slop < 0:
        raise argument("No negative slop allowed.")
    minimum = body.get("minimum_should_match")
    options = Options(
        conjunction=conjunction(body.get("operator", "or")),
        minimum=None if minimum is None else str(minimum),
        fuzziness=body.get("fuzziness"),
        fixed=whole(name, body, "prefix_length", 0),
        swaps=flag(name, body, "fuzzy_transpositions", True),
        most=whole(name, body, "max_expansions", 50),
        slop=slop,
        lenient=flag(name, body, "lenient"),
        without_words=zero,
    )
    if options.fuzziness is not None:
        patterns.fuzziness(options.fuzziness, "")
    return options


def _text(name: str, body: Body) -> Any:
    value = body.get("query")
    if value is None:
        raise (parsing if name == "match" else argument)(f"[{name}] requires query value")
    if isinstance(value, (list, dict)):
        raise parsing(f"[{name}] unknown token after [query]")
    return value


def _on_field(context: Context, name: str, body: Body, allowed: set[str], kind: str) -> Node:
    field, raw = field_of(name, body, "query", allowed)
    options, value = _options(name, raw), _text(name, raw)
    if field == "_id":
        return Ids(lambda: context.store.with_ids([as_text(value)]))
    view = view_of(context, field)
    if view is None:
        return Nothing()
    if kind in (match.BOOLEAN, match.PHRASE) and not view.type.is_text and options.plain:
        return leaves.term(context, view, value)  # a server makes it a term query, for which numbers are no texts
    return match.match(context, view, value, kind, options) or Nothing()


def match_query(context: Context, body: Body) -> Node:
    """Compile ``match``."""
    return _on_field(context, "match", body, _MATCH, match.BOOLEAN)


def match_phrase(context: Context, body: Body) -> Node:
    """Compile ``match_phrase``."""
    allowed = {"query", "slop", "analyzer", "zero_terms_query"}
    return _on_field(context, "match_phrase", body, allowed, match.PHRASE)


def match_phrase_prefix(context: Context, body: Body) -> Node:
    """Compile ``match_phrase_prefix``."""
    allowed = {"query", "slop", "analyzer", "zero_terms_query", "max_expansions"}
    return _on_field(context, "match_phrase_prefix", body, allowed, match.PHRASE_PREFIX)


def match_bool_prefix(context: Context, body: Body) -> Node:
    """Compile ``match_bool_prefix``."""
    allowed = {"query", "operator", "minimum_should_match", "analyzer", *_FUZZY}
    return _on_field(context, "match_bool_prefix", body, allowed, match.BOOL_PREFIX)


def fields_of(context: Context, name: str, fields: Any) -> list[View]:
    """Resolve a list of fields with patterns and weights; fields that are not mapped are left out."""
    found: dict[str, View] = {}
    if isinstance(fields, str):
        fields = [fields]
    if not isinstance(fields, list):
        raise parsing(f"[{name}] query does not support [fields]")
    for field in fields:
        if not isinstance(field, str):
            raise parsing(f"[{name}] unknown token in [fields]")
        pattern, caret, weight = field.partition("^")
        if caret:
            try:
                float(weight)
            except ValueError:
                raise RejectedQuery("number_format_exception", f'For input string: "{weight}"') from None
        if pattern.startswith("_") or (
            pattern.strip("*") and "*" in pattern and any(map(simple_match(pattern), METADATA))
        ):
            raise UnsupportedQuery(f"the metadata field [{pattern}]")
        for view in context.store.matching(pattern):
            if pattern != "*" or not view.type.name.startswith("_"):  # which a server takes for its own
                found[view.type.name] = view
    return list(found.values())


def everywhere(fields: Any) -> bool:
    """Tell whether all fields are asked for, which makes a query lenient unless it says otherwise."""
    listed = [fields] if isinstance(fields, str) else fields
    return isinstance(listed, list) and any(isinstance(f, str) and f.partition("^")[0] == "*" for f in listed)


def multi_match(context: Context, body: Body) -> Node:
    """Compile ``multi_match``."""
    name = "multi_match"
    check(name, body, {"fields", "type", "slop", "tie_breaker", *_MATCH})
    if body.get("query") is None:
        raise parsing("No text specified for multi_match query")
    type = type_of(body)
    options, value = _options(name, body), _text(name, body)
    if options.fuzziness is not None and type in ("phrase", "phrase_prefix"):
        raise parsing(f"Fuzziness not allowed for type [{type}]")
    if options.slop and type == "bool_prefix":
        raise argument("[slop] not allowed for type [bool_prefix]")
    fields = body.get("fields") or ["*"]
    if everywhere(fields):
        options = Options(**{**vars(options), "lenient": flag(name, body, "lenient", True)})
    return match.over_fields(context, fields_of(context, name, fields), value, type, options) or Nothing()
