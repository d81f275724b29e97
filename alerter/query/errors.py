"""The two ways in which a search can fail: not implemented here, or refused as Elasticsearch would refuse it."""

from __future__ import annotations


class QueryError(Exception):
    """A search that has no answer; ``reason`` is written for people."""

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        """Position in the query's own text, in characters from 0, where it is known."""


class UnsupportedQuery(QueryError):
    """A query, parameter, option or aggregation that the embedded evaluator does not implement."""

    def __init__(self, name: str, detail: str = "", offset: int | None = None) -> None:
        text = f"{name} is not supported by the embedded evaluator" + (f" ({detail})" if detail else "")
        super().__init__(text + "; run this rule with Elasticsearch", offset)
        self.name = name
        self.type = "unsupported_query"
        self.status = 400


class RejectedQuery(QueryError):
    """A search that Elasticsearch would refuse; ``type`` and ``status`` are those of its answer."""

    def __init__(self, type: str, reason: str, status: int = 400, offset: int | None = None) -> None:
        super().__init__(reason, offset)
        self.type = type
        self.status = status


def shard(reason: str) -> RejectedQuery:
    """Name a query that a shard cannot build, such as a word sought in a number."""
    return RejectedQuery("query_shard_exception", reason)


def parsing(reason: str) -> RejectedQuery:
    """Name a request whose structure is wrong."""
    return RejectedQuery("parsing_exception", reason)


def content(reason: str) -> RejectedQuery:
    """Name an option that is unknown or of the wrong kind."""
    return RejectedQuery("x_content_parse_exception", reason)


def argument(reason: str) -> RejectedQuery:
    """Name an illegal value."""
    return RejectedQuery("illegal_argument_exception", reason)
