"""A request's body as it may be shown: the values of hidden fields as their hashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from alerter.model.rule import Redaction
from alerter.query import lucene
from alerter.query.errors import QueryError
from alerter.redact import BUILT_IN, hide, is_redacted

_OF_FIELDS = frozenset({"query_string", "simple_query_string", "multi_match", "combined_fields", "more_like_this"})
"""Clauses that name their fields beside what is sought in them."""
_SOUGHT = ("query", "like", "unlike")
_RANGE_ENDS = ("RANGEIN_END", "RANGEEX_END")


def hidden(body: Any, redaction: Redaction) -> Any:
    """Return a request's body with the values of hidden fields as their hashes, wherever a clause names one."""
    if isinstance(body, Mapping):
        secret = isinstance(body.get("field"), str) and is_redacted(body["field"], redaction)
        return {
            name: _values(name, value, redaction, sure=secret and name in ("include", "exclude", "missing"))
            for name, value in _after(body, redaction).items()
        }
    return [hidden(inner, redaction) for inner in body] if isinstance(body, list | tuple) else body


def _values(name: str, value: Any, redaction: Redaction, *, sure: bool) -> Any:
    """Return what stands below a name: below a hidden field every plain value is one to hide."""
    if sure or is_redacted(name, redaction):
        return _hashed(value)
    if name in _OF_FIELDS and isinstance(value, Mapping):
        return _of_fields(name, value, redaction)
    return hidden(value, redaction)


def _of_fields(name: str, body: Mapping[str, Any], redaction: Redaction) -> Mapping[str, Any]:
    """Return the body of a clause with what it seeks hidden, where one of its fields is."""
    listed = body.get("fields")
    named = [body.get("default_field"), *(listed if isinstance(listed, list | tuple) else [listed])]
    secret = any(_may_be_hidden(field.partition("^")[0], redaction) for field in named if isinstance(field, str))
    if name == "query_string" and isinstance(body.get("query"), str):
        return {**body, "query": _query_string(body["query"], secret, redaction)}
    return {key: _hashed(value) if secret and key in _SOUGHT else value for key, value in body.items()}


def _may_be_hidden(field: str, redaction: Redaction) -> bool:
    """Tell whether a field, or one that a pattern of names stands for, is hidden; ``*`` alone stands for none."""
    if "*" not in field or field == "*":
        return is_redacted(field, redaction)
    last = field.lower().rpartition(".")[2]
    names = [name.lower() for name in (*redaction.fields, *BUILT_IN)]
    return is_redacted(field, redaction) or any(fnmatchcase(n, p) for n in names for p in (field.lower(), last))


def _query_string(text: str, secret: bool, redaction: Redaction) -> str:
    """Return a query string with the words of hidden fields as hashes; ``secret`` says whether words without a field
    are; a text that is no query is hidden as a whole."""
    try:
        tokens = lucene.tokens_of(text)
        found = list(_leaves(lucene.parse(text)))
    except (QueryError, lucene.SyntaxFailure):
        return str(_hashed(text))
    starts = {item.at for item in found}
    shown, end = "", 0
    for item in found:
        if secret if item.field is None else _may_be_hidden(item.field, redaction):
            last = _last(tokens, item, starts)
            shown += f'{text[end : item.at]}"{_hashed(text[item.at : last])}"'
            end = last
    return shown + text[end:]


def _leaves(
    group: lucene.Group,
) -> Iterator[lucene.Words | lucene.Quoted | lucene.Pattern | lucene.Fuzzy | lucene.Range]:
    for clause in group.clauses:
        if isinstance(clause.item, lucene.Group):
            yield from _leaves(clause.item)
        else:
            yield clause.item


def _last(tokens: Sequence[lucene.Token], item: lucene.Item, starts: Iterable[int]) -> int:
    """Return where a leaf of a query string ends: behind its bracket, its last word, or its only token."""
    n = next(n for n, token in enumerate(tokens) if token.at == item.at)
    if isinstance(item, lucene.Range):
        n = next(m for m in range(n, len(tokens)) if tokens[m].kind in _RANGE_ENDS)
    elif isinstance(item, lucene.Words) and item.several:
        while tokens[n + 1].kind == "TERM" and tokens[n + 1].at not in starts and tokens[n + 2].kind != "COLON":
            n += 1
    return tokens[n].at + len(tokens[n].text)


def _hashed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _hashed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hashed(inner) for inner in value]
    return hide("secret", value, Redaction())


def _after(body: Mapping[str, Any], redaction: Redaction) -> Mapping[str, Any]:
    """Return a composite's page with the values after which it goes on hidden, as its sources name their fields."""
    after, sources = body.get("after"), body.get("sources")
    if not isinstance(after, Mapping) or not isinstance(sources, list):
        return body
    fields = {
        name: str(kind.get("field", ""))
        for source in sources
        for name, inner in source.items()
        for kind in inner.values()
    }
    shown = {n: _hashed(v) if is_redacted(fields.get(n, ""), redaction) else v for n, v in after.items()}
    return {**body, "after": shown}
