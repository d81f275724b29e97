"""Filters that Elasticsearch refuses to read, whatever the index holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from alerter.lint.model import Found, Subject
from alerter.lint.queries import Leaf
from alerter.query import lucene
from alerter.query.errors import QueryError, RejectedQuery

if TYPE_CHECKING:
    from alerter.query.evaluator import Evaluator

_ANY_TIME = 1_700_000_000_000


@cache
def _nowhere() -> Evaluator:
    """Return an evaluator without documents: it reads every clause and finds nothing."""
    from alerter.query.evaluator import Evaluator

    return Evaluator()


def refused_filter(subject: Subject) -> Iterator[Found]:
    """A clause or a query string that Elasticsearch refuses to read."""
    for leaf in subject.leaves:
        if leaf.name == "query_string" and leaf.text is not None:
            text, path = leaf.text
            if not text.strip():
                continue
            try:
                lucene.parse(text)
            except (QueryError, lucene.SyntaxFailure) as error:
                at = getattr(error, "offset", None)
                reason = error.reason.rpartition("]: ")[2].rpartition(" at column ")[0] or error.reason
                reason = reason.replace("unexpected the end of the query", "it ends too early")
                at = len(text) - 1 if at is None else min(at, len(text) - 1)
                hint = "escape what is meant as a character, as in \\( \\: \\/, or put it in quotes"
                message = f"Elasticsearch refuses this query: {reason}"
                yield Found(message, hint, path, part=text[at].strip(), offset=at)
        elif leaf.name != "kql" and (reason := _refusal(leaf)):
            yield Found(f"Elasticsearch refuses this clause: {reason}", "", leaf.path, key=True)


def _refusal(leaf: Leaf) -> str:
    """Return why a clause is refused whatever the mapping, "" when it is not."""
    try:
        _nowhere().search({"query": {leaf.name: leaf.body}, "size": 0}, now=_ANY_TIME)
    except RejectedQuery as error:
        return error.reason[:200]
    except QueryError:
        return ""
    return ""
