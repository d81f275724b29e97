"""EQL and ES|QL on a cluster, where it has them."""

from __future__ import annotations

from collections.abc import Mapping

from elasticsearch import ApiError, Elasticsearch

from alerter.model.language import Language
from alerter.sources.languages import WITHOUT_SOURCE, eql_body, eql_events, esql_body, esql_rows
from alerter.sources.protocol import Selected, Selection, SourceError

NO_HANDLER = ("no handler found for uri", "Incorrect HTTP method for uri")
"""How a server says that it has no such interface."""


def select(client: Elasticsearch, selection: Selection) -> Selected:
    """Send a query and read its answer. Raises SourceError, one of UNREADABLE, and what the client raises."""
    try:
        return _answered(client, selection)
    except ApiError as error:
        reason = error.body.get("error") if isinstance(error.body, Mapping) else None
        if isinstance(reason, str) and reason.startswith(NO_HANDLER):
            raise no_module(selection.query.language) from None
        raise


def _answered(client: Elasticsearch, selection: Selection) -> Selected:
    if selection.query.language is Language.ESQL:
        return esql_rows(selection, client.esql.query(body=esql_body(selection)).body)
    found = client.eql.search(
        index=selection.index,
        ignore_unavailable=selection.lenient,
        allow_no_indices=True,
        filter_path=None if selection.whole else WITHOUT_SOURCE,
        body=eql_body(selection),
    )
    return eql_events(found.body)


def no_module(language: Language) -> SourceError:
    """Return that a server does not have a language."""
    hint = "it belongs to Elastic's default distribution; else write the filter as query_string, kql or query DSL"
    return SourceError("unsupported", f"this server has no {language.called}: its module is not installed", hint)
