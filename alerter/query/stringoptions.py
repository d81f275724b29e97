"""The options of ``query_string``: which there are, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from alerter.query import patterns
from alerter.query.clauses import check, flag, whole, zone_of
from alerter.query.context import Context
from alerter.query.errors import RejectedQuery, UnsupportedQuery, parsing, shard
from alerter.query.fulltext import conjunction, everywhere, fields_of, no_analyzer, type_of
from alerter.query.match import Options
from alerter.query.names import names
from alerter.query.store import View

_ALLOWED = names("""
    query default_field fields default_operator analyzer quote_analyzer allow_leading_wildcard fuzzy_prefix_length
    fuzzy_max_expansions fuzzy_rewrite phrase_slop analyze_wildcard rewrite lenient time_zone minimum_should_match
    type tie_breaker fuzziness fuzzy_transpositions max_determinized_states auto_generate_synonyms_phrase_query
    enable_position_increments escape quote_field_suffix""")
_REFUSED = ("quote_analyzer", "quote_field_suffix")


@dataclass(frozen=True)
class Settings:
    """The options of one query string."""

    default: str | None
    """The one default field, ``*`` for all; None when ``fields`` are listed."""
    fields: Sequence[View]
    type: str
    conjunction: bool
    lenient: bool
    options: Options
    zone: tzinfo | None
    leading: bool
    analyze_wildcard: bool
    fuzziness: Any


def check_names(body: Mapping[str, Any]) -> None:
    """Raise RejectedQuery for a parameter that no server knows."""
    check("query_string", body, _ALLOWED)


def settings_of(context: Context, body: Mapping[str, Any]) -> Settings:
    """Read the options of a query string; raises RejectedQuery or UnsupportedQuery."""
    for option in _REFUSED:
        if option in body:
            raise UnsupportedQuery(f"query_string parameter [{option}]")
    name = "query_string"
    no_analyzer(name, body)
    if isinstance(body.get("fields"), str):
        raise parsing("[query_string] query does not support [fields]")
    type = type_of(body)
    listed, default = body.get("fields"), body.get("default_field")
    if listed is not None and default is not None:
        raise shard(
            "failed to create query: Validation Failed: 1: [query_string] cannot use [fields] parameter in "
            "conjunction with [default_field];"
        )
    if not listed and default is None:
        default = "*"
    names = listed if default is None else [str(default)]
    lenient = flag(name, body, "lenient", everywhere(names))
    fields = fields_of(context, name, names)
    options = Options(
        conjunction=conjunction(body.get("default_operator", "or")),
        fixed=whole(name, body, "fuzzy_prefix_length", 0),
        most=whole(name, body, "fuzzy_max_expansions", 50),
        swaps=flag(name, body, "fuzzy_transpositions", True),
        slop=whole(name, body, "phrase_slop", 0),
        lenient=lenient,
        without_words="null",
    )
    if body.get("fuzziness") is not None:
        patterns.fuzziness(body["fuzziness"], "")
    return Settings(
        None if default is None else str(default),
        fields,
        type,
        options.conjunction,
        lenient,
        options,
        _zone(body),
        flag(name, body, "allow_leading_wildcard", True),
        flag(name, body, "analyze_wildcard"),
        body.get("fuzziness", "AUTO"),
    )


def _zone(body: Mapping[str, Any]) -> tzinfo | None:
    if body.get("time_zone") is None:
        return None
    try:
        return zone_of(body)
    except RejectedQuery as error:
        raise RejectedQuery("zone_rules_exception", error.reason, 500) from None
