"""Documents in the state indices: read, listed, and changed by ``if_seq_no`` and ``if_primary_term`` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from alerter.sources.es_client import as_source_error, from_answer
from alerter.sources.protocol import UNREADABLE, SourceError, unreadable
from alerter.state.codec import dumps, loads
from alerter.state.mappings import FIELDS, role_command
from alerter.state.protocol import Conflict, StateError, Version, Versioned

T = TypeVar("T")
PAGE = 1_000
HEAVY = 20_000_000
"""Characters of documents in one bulk: by default the server takes no request of more than 100 MB."""
LARGEST = 10_000
"""Documents that one search may return; longer lists are read page by page from a point in time."""
KEPT_OPEN = "1m"
Doc = Mapping[str, Any]
Record = tuple[str, Mapping[str, Any], Version | None]
"""Id, source and version of a document to be written; without a version it is created."""
Listing = tuple[str, Sequence[Mapping[str, Any]], str, str]
"""What a list is of: index, clauses, the field it is ordered by, and ``asc`` or ``desc``."""


class Documents:
    """The indices ``prefix-state``, ``-incidents``, ``-silences`` and ``-decisions``.

    Lists show what this process wrote: by a refresh, where ``lagging`` does not name the index.
    """

    def __init__(self, client: Elasticsearch, prefix: str, lagging: str) -> None:
        self.client = client
        self.names = {suffix: f"{prefix}-{suffix}" for suffix in FIELDS}
        self._prefix = prefix
        self._lagging = lagging
        self._written: set[str] = set(FIELDS)  # the process before this one may have written a moment ago

    def get(self, suffix: str, id: str) -> Doc | None:
        """Read one document, in real time."""
        try:
            with self.errors():
                return _whole(self.client.get(index=self.names[suffix], id=id).body)
        except NotFoundError:
            return None

    def require(self, suffix: str) -> None:
        """Raise StateError when an index is gone: a write would make it again without its mapping."""
        self.get(suffix, "none")

    def get_all(self, suffix: str, ids: Sequence[str]) -> list[Doc]:
        """Read those of the documents that are there, in real time."""
        if not ids:
            return []
        with self.errors():
            docs = self.client.mget(index=self.names[suffix], ids=list(ids))["docs"]
            if any("error" in doc for doc in docs):
                raise no_indices()  # taking it for "not there yet" would start every rule afresh
            if [doc["_id"] for doc in docs] != list(ids):
                raise StateError("incomplete", f"an answer about {self.names[suffix]} is incomplete")
            return [_whole(doc) for doc in docs if doc["found"]]

    def put(self, suffix: str, id: str, source: Mapping[str, Any], version: Version | None) -> Version:
        """Write one document; ``version`` None creates. Raises Conflict."""
        once: dict[str, Any] = {"op_type": "create"} if version is None else _if(version)
        with self.errors():
            self._written.add(suffix)
            return version_of(self.client.index(index=self.names[suffix], id=id, document=source, **once).body)

    def put_over(self, suffix: str, id: str, source: Mapping[str, Any]) -> None:
        """Write one document over whatever is there."""
        with self.errors():
            self.client.index(index=self.names[suffix], id=id, document=source)
        self._written.add(suffix)

    def put_all(self, suffix: str, records: Sequence[Record]) -> list[Version | Conflict]:
        """Write documents by compare-and-set, as many in a request as a bulk may hold."""
        found: list[Version | Conflict] = []
        for portion in _portions(records):
            lines: list[Mapping[str, Any]] = []
            for id, source, version in portion:
                meta = {"_id": id}
                lines += [{"create": meta} if version is None else {"index": meta | _if(version)}, source]
            found += self._put_items(suffix, lines)
        return found

    def _put_items(self, suffix: str, lines: Sequence[Mapping[str, Any]]) -> list[Version | Conflict]:
        """Write in bulk; a conflict is the item's own, anything else fails the request as a whole."""
        if suffix != self._lagging:
            self._written.add(suffix)
        try:
            with self.errors():
                items = self.client.bulk(index=self.names[suffix], operations=lines)["items"]
                return [self._written_as(suffix, item) for _, item in zip(lines[::2], items, strict=True)]
        except StateError:
            self._written.add(suffix)  # what of it was written all the same nobody knows: the next list must see it
            raise

    def _written_as(self, suffix: str, item: Doc) -> Version | Conflict:
        (result,) = item.values()
        if result["status"] == 409:
            return Conflict("changed by another engine")
        if "error" in result:
            raise self._item_error(suffix, result)
        return version_of(result)

    def drop(self, suffix: str, id: str, version: Version) -> None:
        """Delete a document by compare-and-set; one that is gone already is no error. Raises Conflict."""
        try:
            with self.errors():
                self.client.delete(index=self.names[suffix], id=id, **_if(version))
        except NotFoundError:
            return
        self._written.add(suffix)

    def bulk(self, suffix: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Carry out operations that nobody else competes for."""
        self._written.add(suffix)
        with self.errors():
            answer = self.client.bulk(index=self.names[suffix], operations=operations)
            if answer["errors"]:
                items = [result for item in answer["items"] for result in item.values()]
                raise self._item_error(suffix, next(result for result in items if "error" in result))

    def select(
        self, suffix: str, clauses: Sequence[Mapping[str, Any]], field: str, *, order: str = "asc",
        limit: int | None = None, source: bool | str = True,
    ) -> list[Doc]:  # fmt: skip
        """List documents by a field, all of them or ``limit``; ``source`` may name the one field wanted."""
        body = {**_listing(clauses, field, order), "source": source}
        with self.errors():
            self._show_own(suffix)
            size = LARGEST if limit is None else min(limit, LARGEST)
            hits = self._hits(suffix, self.client.search(index=self.names[suffix], size=size, **body).body)
            if len(hits) < LARGEST or limit == LARGEST:
                return hits
            return self._pages(suffix, body)[:limit]

    def select_together(self, *lists: Listing) -> list[list[Doc]]:
        """List documents of several indices by one request, all of each. Raises StateError."""
        lines: list[Mapping[str, Any]] = []
        with self.errors():
            for suffix, clauses, field, order in lists:
                self._show_own(suffix)
                lines += [{"index": self.names[suffix]}, {"size": LARGEST, **_listing(clauses, field, order)}]
            answers = self.client.msearch(searches=lines)["responses"]
            found = [self._answered(each[0], answer) for each, answer in zip(lists, answers, strict=True)]
        return [
            docs if len(docs) < LARGEST else self.select(suffix, clauses, field, order=order)
            for (suffix, clauses, field, order), docs in zip(lists, found, strict=True)
        ]

    def _answered(self, suffix: str, answer: Mapping[str, Any]) -> list[Doc]:
        if "error" not in answer:
            return self._hits(suffix, answer)
        if answer["status"] == 404:
            raise no_indices()
        raise self._item_error(suffix, answer)

    def _show_own(self, suffix: str) -> None:
        """Let the next search see what this process wrote."""
        if suffix in self._written:
            self._written.discard(suffix)  # before the refresh: a write meanwhile asks for another one
            self.refresh(suffix)

    def _pages(self, suffix: str, body: Mapping[str, Any]) -> list[Doc]:
        """Read a list that is longer than a search may return, as it is at one point in time."""
        found: list[Doc] = []
        pit = self.client.open_point_in_time(index=self.names[suffix], keep_alive=KEPT_OPEN)["id"]
        try:
            after: dict[str, Any] = {}
            while True:
                place = {"id": pit, "keep_alive": KEPT_OPEN}
                page = self._hits(suffix, self.client.search(pit=place, size=LARGEST, **body, **after).body)
                found += page
                if len(page) < LARGEST:
                    return found
                after = {"search_after": page[-1]["sort"]}
        finally:
            self.client.close_point_in_time(id=pit)

    def _hits(self, suffix: str, answer: Mapping[str, Any]) -> list[Doc]:
        if answer["timed_out"] or answer["_shards"]["failed"]:
            raise StateError("incomplete", f"the list of {self.names[suffix]} is incomplete")
        return [_whole(hit) for hit in answer["hits"]["hits"]]

    def delete(self, suffix: str, clauses: Sequence[Mapping[str, Any]]) -> list[str]:
        """Delete what the clauses select; returns the ids."""
        gone: list[str] = []
        with self.errors():
            self.refresh(suffix)
        while True:
            hits = self.select(suffix, clauses, "_doc", limit=PAGE, source=False)
            if not hits:
                return gone
            self.bulk(suffix, [{"delete": {"_id": hit["_id"]}} for hit in hits])
            gone += [hit["_id"] for hit in hits]

    def refresh(self, suffix: str) -> None:
        """Let searches see what was written."""
        try:
            self.client.indices.refresh(index=self.names[suffix])
        except Exception:
            self._written.add(suffix)
            raise

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the client's errors into Conflict and StateError; a missing document stays NotFoundError."""
        try:
            yield
        except ConflictError:
            raise Conflict("changed by another engine") from None
        except NotFoundError as error:
            if "index_not_found_exception" in str(error):
                raise no_indices() from None
            if _is_no_document(error.body):
                raise
            found = as_source_error(error)  # a gateway, or a URL that leads elsewhere
            raise StateError(found.kind, found.reason, found.hint) from None
        except (StateError, Conflict):
            raise
        except UNREADABLE as error:
            raise StateError("incomplete", unreadable(error).reason) from None
        except Exception as error:
            found = as_source_error(error)
            raise StateError(found.kind, found.reason, self.hint(found)) from None

    def _item_error(self, suffix: str, result: Mapping[str, Any]) -> StateError:
        found = from_answer(int(result["status"]), result)
        return StateError(found.kind, f"{self.names[suffix]}: {found.reason}", self.hint(found))

    def hint(self, error: SourceError) -> str:
        """Return the remedy: where a privilege is missing, the whole role as a command."""
        if error.kind != "denied" or "403" not in error.reason:
            return error.hint
        return f"give the user this role (and read on the log indices):\n{role_command(self._prefix)}"


def _listing(clauses: Sequence[Mapping[str, Any]], field: str, order: str) -> dict[str, Any]:
    return {
        "query": {"bool": {"filter": [*clauses]}},
        "sort": [{field: order}],
        "seq_no_primary_term": True,
        "track_total_hits": False,
    }


def _is_no_document(body: object) -> bool:
    """Whether a 404 is Elasticsearch's word that a document is not there."""
    return isinstance(body, Mapping) and (body.get("found") is False or body.get("result") == "not_found")


def _portions(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Yield the records in order, by as many as one bulk may hold."""
    start, length = 0, 0
    for at, (_, source, _version) in enumerate(records):
        size = len(source.get("body", ""))
        if at - start == PAGE or (at > start and length + size > HEAVY):
            yield records[start:at]
            start, length = at, 0
        length += size
    if records:
        yield records[start:]


def no_indices() -> StateError:
    """Return what to say when the state is not there."""
    return StateError("missing", "the state indices are missing", "run: alerter init")


def source_of(record: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as a document: readable fields and the whole record as text."""
    return {**fields, "body": dumps(record)}


def load(shape: type[T], doc: Doc) -> Versioned[T]:
    """Return the record of a document, with its version. Raises StateError."""
    try:
        return Versioned(loads(shape, doc["_source"]["body"]), version_of(doc))
    except UNREADABLE as error:
        reason = f"the document {doc.get('_id')} of {doc.get('_index')} cannot be read: {type(error).__name__}: {error}"
        raise StateError("incomplete", reason[:300], "was it edited by hand?") from None


def _whole(doc: Doc) -> Doc:
    """Return a document that has an id and a version. Raises one of UNREADABLE."""
    if not isinstance(doc["_id"], str):
        raise TypeError("_id is no text")
    version_of(doc)
    return doc


def version_of(doc: Doc) -> Version:
    """Return the version to quote when the document is changed."""
    return f"{int(doc['_seq_no'])} {int(doc['_primary_term'])}"


def _if(version: Version) -> dict[str, Any]:
    seq_no, term = version.split()
    return {"if_seq_no": int(seq_no), "if_primary_term": int(term)}
