"""Filters that Elasticsearch refuses to read, whatever the index holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from alerter.lint.model import Found, Path, Subject
from alerter.lint.queries import parsed
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
            yield from _query(*leaf.text)
            options = {**leaf.body, "query": "x"}
            reason = _refusal(leaf.name, options) if len(options) > 1 else ""
        else:
            reason = "" if leaf.name == "kql" else _refusal(leaf.name, leaf.body)
        if reason:
            yield Found(f"Elasticsearch refuses this clause: {reason}", "", leaf.path, key=True)


def _query(text: str, path: Path) -> Iterator[Found]:
    tree = parsed(text) if text.strip() else None
    if isinstance(tree, QueryError):
        reason = tree.reason.rpartition("]: ")[2].rpartition(" at column ")[0] or tree.reason
        reason = reason.replace("unexpected the end of the query", "it ends too early")
        at = min(len(text) if tree.offset is None else tree.offset, len(text) - 1)
        hint = "escape what is meant as a character, as in \\( \\: \\/, or put it in quotes"
        message = f"Elasticsearch refuses this query: {reason}"
        yield Found(message, hint, path, part=text[at].strip(), offset=at)


def _refusal(name: str, body: Any) -> str:
    """Return why a clause is refused whatever the mapping, "" when it is not."""
    try:
        _nowhere().search({"query": {name: body}, "size": 0}, now=_ANY_TIME)
    except RejectedQuery as error:
        return error.reason[:200]
    except QueryError:
        return ""  # what is not evaluated here may well be answered by a cluster
    return ""
