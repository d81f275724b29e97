"""What an evaluation asks of a source: searches, scans, and how many hits and buckets come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerter.sources.protocol import Answer, Hit, SearchRequest, Source, SourceError


class CountingSource:
    """Any source, counted. ``reset`` begins anew.

    ``rounds`` are calls of ``search``, ``searches`` the requests in them; ``scans`` are scans begun, ``pages`` the
    pages they gave; ``hits`` are documents returned by either; ``buckets`` are those of aggregations, at any depth;
    ``mappings`` are questions about field types.
    """

    def __init__(self, inner: Source) -> None:
        self.inner = inner
        self.reset()

    def reset(self) -> None:
        """Forget what was counted."""
        self.rounds = self.searches = self.scans = self.pages = self.hits = self.buckets = self.mappings = 0

    @property
    def kind(self) -> str:
        """The kind of the source that is counted."""
        return self.inner.kind

    @property
    def requests(self) -> int:
        """The requests of the source that is counted."""
        return self.inner.requests

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer, and count what was asked and answered."""
        self.rounds += 1
        self.searches += len(requests)
        answers = self.inner.search(requests)
        for answer in answers:
            if isinstance(answer, Answer):
                self.hits += len(answer.hits)
                self.buckets += buckets_in(answer.aggregations)
        return answers

    def scan(self, request: SearchRequest, page: int = 10_000) -> Iterator[Sequence[Hit]]:
        """Yield the pages, and count their hits as they are taken."""
        self.scans += 1
        for hits in self.inner.scan(request, page):
            self.pages += 1
            self.hits += len(hits)
            yield hits

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Answer, and count the question."""
        self.mappings += 1
        return self.inner.field_types(index, fields)

    def close(self) -> None:
        """Close the source that is counted."""
        self.inner.close()


def buckets_in(aggregations: Any) -> int:
    """Return how many buckets an answer's aggregations hold, those inside buckets too."""
    if not isinstance(aggregations, Mapping):
        return 0
    found = 0
    for name, value in aggregations.items():
        if name == "buckets":
            each = list(value.values()) if isinstance(value, Mapping) else value
            found += len(each) + sum(buckets_in(bucket) for bucket in each)
        else:
            found += buckets_in(value)
    return found
