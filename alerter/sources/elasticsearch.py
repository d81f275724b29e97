"""Events from Elasticsearch: bounded multi-searches, pages over a point in time, every item failing alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from elastic_transport import ConnectionTimeout
from elasticsearch import Elasticsearch

from alerter.clock import SECOND, Millis, SystemClock
from alerter.pressure import Pressure
from alerter.sources.es_client import TIMEOUT_SECONDS, as_source_error, from_answer
from alerter.sources.es_select import select
from alerter.sources.protocol import (
    UNREADABLE,
    Answer,
    Hit,
    SearchRequest,
    Selected,
    Selection,
    SourceError,
    unreadable,
)

BATCH = 100
"""Searches in one ``_msearch``."""
SHARED_TIMEOUT = "10s"
"""For how long the server works on a search that shares its request: one slow rule delays others by no more."""
ALONE_TIMEOUT = "25s"
"""The same for a search by itself, below the client's own time-out."""
KEEP_ALIVE = "2m"
UNAVAILABLE = {"ignore_unavailable": False, "allow_no_indices": True}
"""A named index that is not there, or may not be read, is an error; left out in silence it would count as empty."""


class ElasticsearchSource:
    """The Source protocol on a cluster; safe to use from several threads.

    ``place`` names a cluster that is not the one of the settings, for errors.
    """

    kind = "elasticsearch"

    def __init__(self, client: Elasticsearch, place: str = "") -> None:
        self._client = client
        self._place = place
        self._lock = threading.Lock()
        self._clock = SystemClock()
        self.pressure = Pressure()
        self._size = BATCH
        self.requests = 0
        self.waited: Millis = 0

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer each request in order; each fails alone."""
        answers: list[Answer | SourceError] = []
        start = 0
        while start < len(requests):
            size = self._size
            answers += self._batch(requests[start : start + size])
            start += size
        return answers

    def _batch(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        lines: list[Mapping[str, Any]] = []
        bounded = {"timeout": ALONE_TIMEOUT if len(requests) == 1 else SHARED_TIMEOUT}
        for request in requests:
            head = {"index": request.index, **UNAVAILABLE, "ignore_unavailable": request.lenient}
            lines += [
                head | ({"preference": request.preference} if request.preference else {}),
                {**bounded, **request.body},
            ]
        try:
            with self.pressure.slot(), self._counted():
                found = self._client.msearch(searches=lines)["responses"]
            if len(found) != len(requests):
                raise SourceError("incomplete", f"{len(found)} of {len(requests)} searches were answered")
        except Exception as error:
            failed = self._meant(error)
            self._felt([failed])
            if isinstance(error, ConnectionTimeout):  # too much for one request: less from now on
                self._size = max(len(requests) // 2, 1)
                failed.seconds = TIMEOUT_SECONDS / len(requests)
            if failed.kind != "rejected" or len(requests) == 1:
                return [failed] * len(requests)
            middle = len(requests) // 2  # one body that cannot be parsed fails the whole request: find it
            return self._batch(requests[:middle]) + self._batch(requests[middle:])
        answers = [self._readable(r, item) for r, item in zip(requests, found, strict=True)]
        self._felt(answers)
        self._size = min(self._size + 1, BATCH)
        return answers

    def _felt(self, answers: Sequence[Answer | SourceError]) -> None:
        """Note whether the cluster is busy; errors of another kind say nothing of it."""
        errors = [answer.kind for answer in answers if isinstance(answer, SourceError)]
        if "busy" in errors:
            self.pressure.busy()
        elif not errors:
            self.pressure.good()

    def scan(self, request: SearchRequest, page: int = 10_000) -> Iterator[Sequence[Hit]]:
        """Yield all hits in pages over a point in time; raises SourceError when anything is incomplete."""
        pit = {"id": self._open(request), "keep_alive": KEEP_ALIVE}
        try:
            yield from self._pages(request, pit, page)
        except Exception as error:
            raise self._meant(error) from None
        finally:
            self._close(pit["id"])

    def _pages(self, request: SearchRequest, pit: dict[str, str], page: int) -> Iterator[Sequence[Hit]]:
        body = dict(request.body)
        sort = [key for key in body.get("sort", ()) if key != "_doc"]
        body |= {"size": page, "sort": [*sort, {"_shard_doc": "asc"}], "pit": pit}
        while True:
            with self._counted():
                item = self._client.search(**_named(body)).body
            pit["id"] = item.get("pit_id", pit["id"])  # it may change; only the newest counts
            answer = self._readable(request, item)
            if isinstance(answer, SourceError):
                raise answer
            if answer.hits:
                yield answer.hits
            if len(answer.hits) < page:
                return
            body["search_after"] = list(answer.hits[-1].sort)

    def _readable(self, request: SearchRequest, item: Mapping[str, Any]) -> Answer | SourceError:
        """Read one answer. A wildcard under which nothing was searched is empty only if it may be read at all.

        With security on, the server leaves out what the user may not read and answers as if there were nothing.
        """
        index = request.index
        try:
            answer = _answer(request.body, item)
        except UNREADABLE as error:
            return unreadable(error)
        if isinstance(answer, SourceError) or item["_shards"]["total"] or ":" in index:
            return answer
        names = [name for name in index.split(",") if not name.startswith("-")]
        try:
            with self._counted():
                found = self._client.security.has_privileges(index=[{"names": names, "privileges": ["read"]}])
            allowed = bool(found["has_all_requested"])
        except Exception as error:
            failed = self._meant(error)
            return answer if failed.kind in ("rejected", "missing") else failed  # no security: nothing is hidden
        if allowed:
            return answer
        return SourceError("denied", f"the user may not read {index}", f"grant the privilege read on {index}")

    def select(self, selection: Selection) -> Selected:
        """Answer a query in EQL or ES|QL; raises SourceError when anything is incomplete."""
        try:
            with self.pressure.slot(), self._counted():
                found = select(self._client, selection)
        except Exception as error:
            failed = self._meant(error)
            self._felt([failed])
            raise failed from None
        self._felt([])
        return found

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Name the mapped types of each field; raises SourceError(kind="missing") when there is no such index."""
        try:
            with self._counted():
                answer = self._client.field_caps(
                    index=index, fields=list(dict.fromkeys(fields)), ignore_unavailable=False, allow_no_indices=True
                )
            found = answer["fields"].items()
            return {name: frozenset(types) - {"unmapped", "object", "nested"} for name, types in found}
        except Exception as error:
            raise self._meant(error) from None

    def _meant(self, error: Exception) -> SourceError:
        """Return what an error means; one of a cluster that a rule names says which, and where its access is."""
        failed = as_source_error(error)
        if not self._place or failed.kind not in ("unreachable", "denied", "busy", "unsupported"):
            return failed
        hint = failed.hint if failed.kind == "unsupported" else "see es_host and the rule's other es_ options"
        return SourceError(failed.kind, f"{failed.reason} (cluster {self._place})", hint)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _open(self, request: SearchRequest) -> str:
        try:
            with self._counted():
                answer = self._client.open_point_in_time(
                    index=request.index, keep_alive=KEEP_ALIVE, ignore_unavailable=request.lenient
                )
            return str(answer["id"])
        except Exception as error:
            raise self._meant(error) from None

    def _close(self, pit: str) -> None:
        try:
            with self._counted():
                self._client.close_point_in_time(id=pit)
        except Exception:  # it ends by itself after KEEP_ALIVE; the answer is complete either way
            return

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a request and the time it takes."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self.requests += 1
                self.waited += self._clock.monotonic() - began


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    names = {"_source": "source"}
    return {names.get(name, name): value for name, value in body.items()}


def _answer(asked: Mapping[str, Any], item: Mapping[str, Any]) -> Answer | SourceError:
    """Read one answer; anything but a complete one is an error. Raises one of UNREADABLE.

    What was asked for and is not there must not be taken for nothing found.
    """
    if "error" in item:
        return from_answer(int(item.get("status", 500)), item)
    shards = item["_shards"]
    if item["timed_out"]:
        failed = SourceError("incomplete", "the search timed out on the server")
        failed.seconds = (item.get("took") or 0) / SECOND
        return failed
    if shards["failed"]:
        return SourceError("incomplete", f"{shards['failed']} of {shards.get('total')} shards failed: {_why(shards)}")
    hits = item["hits"]
    total = hits.get("total")
    number = total["value"] if isinstance(total, dict) else total
    if asked.get("track_total_hits", False) and not isinstance(number, int):
        raise ValueError("hits.total is missing")
    aggregations = item.get("aggregations") or {}
    if shards["total"]:
        for name in asked.get("aggs", ()):
            if not isinstance(aggregations.get(name), dict):
                raise ValueError("an aggregation is missing")
    return Answer(tuple(map(_hit, hits["hits"])), number, aggregations, item.get("took") or 0)


def _hit(found: Mapping[str, Any]) -> Hit:
    source, fields = found.get("_source"), found.get("fields") or {}
    if not isinstance(source, Mapping | None) or not isinstance(fields, Mapping):
        raise TypeError("a hit is no document")
    return Hit(found.get("_id", ""), found.get("_index", ""), source, fields, tuple(found.get("sort") or ()))


def _why(shards: Mapping[str, Any]) -> str:
    """Return the first reason why a shard failed, where the answer has one."""
    try:
        return str(shards["failures"][0]["reason"]["reason"])
    except UNREADABLE:
        return "unknown"
