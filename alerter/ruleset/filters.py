"""A rule's ``filter`` in all its historical shapes, as a list of clauses that are ANDed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alerter.model.language import Language, plain_clauses
from alerter.query.errors import QueryError
from alerter.query.kql import kql_to_dsl
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.server_queries import Refusal, of_single_events
from alerter.ruleset.yaml_positions import Document


def clean_filter(
    written: Any, document: Document, findings: list[Diagnostic], path: tuple[Any, ...] = ("filter",)
) -> tuple[Mapping[str, Any], ...]:
    """Return the clauses, with the legacy ``query:`` wrapper removed; problems go to ``findings``.

    One of them may be a query in EQL or ES|QL, in a rule's own filter only.
    """
    if written is None:
        return ()
    items = written if isinstance(written, list) else [written]
    found = [
        clause
        for n, item in enumerate(items)
        for clause in _clauses(item, document, findings, (*path, n) if isinstance(written, list) else path)
    ]
    if len(found) - len(plain_clauses(found)) > 1:
        message = "a filter has one query in EQL or ES|QL, this one has several"
        hint = "join them: where a and b; ElastAlert takes the last one and says nothing"
        findings.append(document.diagnostic("error", "unsupported_filter", message, hint, path))
    return tuple(found)


def _clauses(
    item: Any, document: Document, findings: list[Diagnostic], path: tuple[Any, ...]
) -> Iterator[Mapping[str, Any]]:
    if not isinstance(item, Mapping) or len(item) == 0:
        message = f"a filter item is a clause, not {type(item).__name__}"
        hint = "like query_string: {query: 'level: error'}"
        findings.append(document.diagnostic("error", "filter", message, hint, path))
        return
    if len(item) > 1:
        names = ", ".join(str(n) for n in item)
        message = f"a filter item has one clause, this one has several: {names}"
        findings.append(document.diagnostic("error", "filter", message, "indent them, or write a bool clause", path))
        return
    (name, inner) = next(iter(item.items()))
    if name == "query":
        for wrapped in inner if isinstance(inner, list) else [inner]:
            yield from _clauses(wrapped, document, findings, (*path, name))
    elif name in set(Language):
        yield from _server_query(Language(name), inner, document, findings, path)
    else:
        _check_kql(item, document, findings, path)
        yield item


def _server_query(
    language: Language, text: Any, document: Document, findings: list[Diagnostic], path: tuple[Any, ...]
) -> Iterator[Mapping[str, Any]]:
    """Yield the clause of a query that selects single events; what is added to it must fit."""
    if path[0] != "filter" or not isinstance(text, str) or not text.strip():
        message = f"a query in {language.called} is a text, and the whole filter of a rule has one"
        hint = "elsewhere write query_string, kql or query DSL"
        findings.append(document.diagnostic("error", "unsupported_filter", message, hint, path))
        return
    cleaned = of_single_events(language, text)
    if isinstance(cleaned, Refusal):
        findings.append(
            document.diagnostic("error", "unsupported_filter", cleaned.message, cleaned.hint, (*path, language))
        )
        return
    if cleaned.left_out:
        message = f"{cleaned.left_out} is left out: every event is read, however many there are"
        findings.append(document.diagnostic("warning", "limit_left_out", message, "remove it", (*path, language)))
    yield {str(language): cleaned.text}


def _check_kql(item: Any, document: Document, findings: list[Diagnostic], path: tuple[Any, ...]) -> None:
    """Find KQL that is none, at any depth: it is translated here, so no server would name the place."""
    if isinstance(item, list):
        for n, inner in enumerate(item):
            _check_kql(inner, document, findings, (*path, n))
    elif isinstance(item, Mapping):
        for name, inner in item.items():
            if name == "kql" and isinstance(inner, str):
                try:
                    kql_to_dsl(inner)
                except QueryError as error:
                    findings.append(document.diagnostic("error", "kql", error.reason[:300], "", (*path, name)))
            else:
                _check_kql(inner, document, findings, (*path, name))
