"""State in Elasticsearch: four small indices, every change by ``if_seq_no`` and ``if_primary_term``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from alerter.clock import Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident
from alerter.model.silence import Silence
from alerter.sources.es_client import as_source_error, from_answer
from alerter.sources.protocol import SourceError
from alerter.state.codec import dumps, loads
from alerter.state.mappings import FIELDS, VERSION, index_body, role_command
from alerter.state.protocol import HEARTBEAT_KEPT, Conflict, Retention, StateError, Version, Versioned
from alerter.state.recent import Recent
from alerter.state.records import (
    checkpoint_fields,
    checkpoint_id,
    decision_fields,
    heartbeat_fields,
    heartbeat_id,
    incident_fields,
    silence_fields,
)

T = TypeVar("T")
PAGE = 1_000


class ElasticsearchState:
    """The State protocol on a cluster. Lists show what this process wrote: by a refresh, incidents without one."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        """Use the indices ``prefix-state``, ``-incidents``, ``-silences`` and ``-decisions``."""
        self._client = client
        self._prefix = prefix
        self._names = {suffix: f"{prefix}-{suffix}" for suffix in FIELDS}
        self._recent = Recent()
        self._incidents_read: dict[str, Versioned[Incident]] = {}
        self._written: set[str] = set(FIELDS)  # the process before this one may have written a moment ago

    def init(self, *, upgrade: bool = False) -> list[str]:
        """Create the missing indices; refuses those of a later version, and without ``upgrade`` of an earlier one."""
        done = []
        with self._errors():
            found = self._client.indices.get_mapping(index=list(self._names.values()), ignore_unavailable=True).body
        for suffix, name in self._names.items():
            if name not in found:
                done += self._create(suffix, name)
                continue
            version = (found[name]["mappings"].get("_meta") or {}).get("alerter_version")
            if version is None:
                message = f"there is an index {name} that alerter did not make"
                raise StateError("rejected", message, "delete it, or set another ALERTER_STATE_INDEX")
            if version > VERSION:
                message = f"the index {name} was written by a later version of alerter ({version} > {VERSION})"
                raise StateError("newer", message, "upgrade this alerter, or set another ALERTER_STATE_INDEX")
            if version < VERSION:
                done += self._upgrade(suffix, name, version, allowed=upgrade)
        return done

    def _upgrade(self, suffix: str, name: str, version: int, *, allowed: bool) -> list[str]:
        """Add the fields of this version; existing ones never change."""
        if not allowed:
            message = f"the index {name} is of an earlier version of alerter ({version} < {VERSION})"
            raise StateError("older", message, "run: alerter init --upgrade (needs the privilege manage on the index)")
        with self._errors():
            self._client.indices.put_mapping(index=name, **index_body(suffix)["mappings"])
        return [f"index {name} upgraded from version {version} to {VERSION}"]

    def _create(self, suffix: str, name: str) -> list[str]:
        try:
            self._client.indices.create(index=name, **index_body(suffix))
        except Exception as error:
            if "resource_already_exists_exception" in str(error):
                return []  # another engine was quicker
            found = as_source_error(error)
            raise StateError(found.kind, f"cannot create {name}: {found.reason}", self._hint(found)) from None
        return [f"index {name} created"]

    # --- checkpoints -------------------------------------------------------------------------------------------

    def checkpoints(self, rules: Sequence[str]) -> dict[str, Versioned[Checkpoint]]:
        """Read the checkpoints of the named rules, in real time."""
        if not rules:
            return {}
        ids = {checkpoint_id(rule): rule for rule in rules}
        with self._errors():
            answer = self._client.mget(index=self._names["state"], ids=list(ids))
        if any("error" in doc for doc in answer["docs"]):
            raise _no_indices()  # taking it for "no checkpoint yet" would start every rule afresh
        return {
            ids[doc["_id"]]: Versioned(_load(Checkpoint, doc["_source"]), _version(doc))
            for doc in answer["docs"]
            if doc.get("found")
        }

    def checkpointed(self) -> list[str]:
        """Name every rule that has a checkpoint."""
        return sorted(hit["_source"]["rule"] for hit in self._list("state", [{"term": {"kind": "checkpoint"}}], "rule"))

    def save_checkpoint(self, checkpoint: Checkpoint, version: Version | None) -> Version:
        """Write a checkpoint by compare-and-set."""
        return self._put("state", checkpoint_id(checkpoint.rule), checkpoint, checkpoint_fields(checkpoint), version)

    def save_checkpoints(self, written: Sequence[tuple[Checkpoint, Version | None]]) -> list[Version | Conflict]:
        """Write several checkpoints in one bulk request, each for itself."""
        records = [(checkpoint_id(c.rule), _source(c, checkpoint_fields(c)), version) for c, version in written]
        return self._put_all("state", records)

    def _put_all(
        self, suffix: str, records: Sequence[tuple[str, Mapping[str, Any], Version | None]]
    ) -> list[Version | Conflict]:
        """Write records by compare-and-set, as many in a request as a bulk may hold."""
        found: list[Version | Conflict] = []
        for start in range(0, len(records), PAGE):
            lines: list[Mapping[str, Any]] = []
            for id, source, version in records[start : start + PAGE]:
                meta = {"_id": id}
                lines += [{"create": meta} if version is None else {"index": meta | _if(version)}, source]
            found += self._written_items(suffix, lines)
        return found

    def _written_items(self, suffix: str, lines: Sequence[Mapping[str, Any]]) -> list[Version | Conflict]:
        """Write in bulk; a conflict is the item's own, anything else fails the request as a whole."""
        if suffix != "incidents":
            self._written.add(suffix)
        with self._errors():
            answer = self._client.bulk(index=self._names[suffix], operations=lines)
        found: list[Version | Conflict] = []
        for item in answer["items"]:
            (result,) = item.values()
            if result["status"] == 409:
                found.append(Conflict("changed by another engine"))
            elif "error" in result:
                failed = from_answer(int(result["status"]), result)
                raise StateError(failed.kind, f"{self._names[suffix]}: {failed.reason}", self._hint(failed))
            else:
                found.append(_version(result))
        return found

    def drop_checkpoint(self, rule: str, version: Version) -> None:
        """Remove a checkpoint."""
        try:
            with self._errors():
                self._client.delete(index=self._names["state"], id=checkpoint_id(rule), **_if(version))
        except NotFoundError:
            return
        self._written.add("state")

    # --- incidents ---------------------------------------------------------------------------------------------

    def incident(self, id: str) -> Versioned[Incident] | None:
        """Read one incident, in real time."""
        try:
            with self._errors():
                doc = self._client.get(index=self._names["incidents"], id=id).body
        except NotFoundError:
            return None
        return self._incident(doc)

    def incidents(
        self, *, rule: str | None = None, open_only: bool = False, since: Millis | None = None, limit: int = 10_000
    ) -> list[Versioned[Incident]]:
        """List incidents, newest first."""
        clauses: list[dict[str, Any]] = []
        if rule is not None:
            clauses.append({"term": {"rule": rule}})
        if open_only:
            clauses.append({"term": {"state": "firing"}})
        if since is not None:
            recent = [{"range": {"resolved": {"gte": since}}}, {"term": {"state": "firing"}}]
            clauses.append({"bool": {"should": recent, "minimum_should_match": 1}})
        hits = self._list("incidents", clauses, "opened", order="desc", limit=limit)

        def fits(incident: Incident) -> bool:
            ended = incident.resolved
            if (rule is not None and incident.rule != rule) or (open_only and ended is not None):
                return False
            return since is None or ended is None or ended >= since

        found = self._recent.laid_over(map(self._incident, hits), fits)
        return sorted(found, key=lambda v: -v.value.opened)[:limit]

    def unfinished(self, limit: int = 10_000) -> list[Versioned[Incident]]:
        """List incidents with something to deliver, oldest first."""
        clauses = [{"term": {"unfinished": True}}]
        hits = self._list("incidents", clauses, "opened", limit=limit)
        found = self._recent.laid_over(map(self._incident, hits), lambda i: bool(i.outbox or i.stale_posts))
        return sorted(found, key=lambda v: v.value.opened)[:limit]

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        """Write an incident by compare-and-set."""
        (written,) = self.save_incidents([(incident, version)])
        if isinstance(written, Conflict):
            raise written
        return written

    def _incident(self, doc: Mapping[str, Any]) -> Versioned[Incident]:
        """Read an incident's document; one that did not change since it was read last is not read again."""
        id, version = doc["_id"], _version(doc)
        known = self._incidents_read.get(id)
        if known is None or known.version != version:
            known = Versioned(_load(Incident, doc["_source"]), version)
            if len(self._incidents_read) >= PAGE:
                self._incidents_read.clear()
            self._incidents_read[id] = known
        return known

    def save_incidents(self, written: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        """Write several incidents in one bulk request, each for itself."""
        records = [(i.id, _source(i, incident_fields(i)), version) for i, version in written]
        found = self._put_all("incidents", records)
        for (incident, _), version in zip(written, found, strict=True):
            if isinstance(version, Conflict):
                self._recent.forget(incident.id)
            else:
                self._recent.wrote(incident, version)
        return found

    # --- silences and decisions --------------------------------------------------------------------------------

    def silences(self, now: Millis, *, expired: bool = False) -> list[Versioned[Silence]]:
        """List silences not yet over, and with ``expired`` all."""
        clauses = [] if expired else [{"range": {"end": {"gt": now}}}]
        return self._records(Silence, "silences", clauses, {"end": "asc"}, 10_000)

    def save_silence(self, silence: Silence, version: Version | None) -> Version:
        """Write a silence by compare-and-set; every engine sees it at once."""
        written = self._put("silences", silence.id, silence, silence_fields(silence), version)
        with self._errors():
            self._refresh("silences")
        return written

    def record(self, decisions: Iterable[Decision]) -> None:
        """Append to the record of decisions, in bulk."""
        lines: list[Mapping[str, Any]] = []
        for decision in decisions:
            lines += [{"index": {}}, _source(decision, decision_fields(decision))]
        for start in range(0, len(lines), 2 * PAGE):
            self._bulk("decisions", lines[start : start + 2 * PAGE])

    def decisions(self, *, rule: str | None = None, since: Millis | None = None, limit: int = 1_000) -> list[Decision]:
        """Read the record, newest first."""
        clauses: list[dict[str, Any]] = [{"term": {"rule": rule}}] if rule is not None else []
        if since is not None:
            clauses.append({"range": {"at": {"gte": since}}})
        return [v.value for v in self._records(Decision, "decisions", clauses, {"at": "desc"}, limit)]

    # --- engines -----------------------------------------------------------------------------------------------

    def save_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Write an engine's newest heartbeat over its former one."""
        id, document = heartbeat_id(heartbeat.instance), _source(heartbeat, heartbeat_fields(heartbeat))
        with suppress(NotFoundError), self._errors():  # the first one; an index that is gone is never created by a beat
            self._client.get(index=self._names["state"], id=id, source=False)
        with self._errors():
            self._client.index(index=self._names["state"], id=id, document=document)
        self._written.add("state")

    def heartbeats(self) -> list[Heartbeat]:
        """Read the newest heartbeat of each engine."""
        found = self._records(Heartbeat, "state", [{"term": {"kind": "heartbeat"}}], {"rule": "asc"}, PAGE)
        return [stored.value for stored in found]

    def prune(self, retention: Retention, now: Millis) -> int:
        """Delete by id what is closed and older than the retention, and old heartbeats."""
        closed: list[dict[str, Any]] = [{"term": {"state": "resolved"}}, {"term": {"unfinished": False}}]
        old: dict[str, list[dict[str, Any]]] = {
            "incidents": [*closed, {"range": {"resolved": {"lt": now - retention.incidents}}}],
            "silences": [{"range": {"end": {"lt": now - retention.silences}}}],
            "decisions": [{"range": {"at": {"lt": now - retention.decisions}}}],
            "state": [{"term": {"kind": "heartbeat"}}, {"range": {"evaluated": {"lt": now - HEARTBEAT_KEPT}}}],
        }
        return sum(self._delete(suffix, clauses) for suffix, clauses in old.items())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # --- inside ------------------------------------------------------------------------------------------------

    def _put(self, suffix: str, id: str, record: Any, fields: Mapping[str, Any], version: Version | None) -> Version:
        once: dict[str, Any] = {"op_type": "create"} if version is None else _if(version)
        with self._errors():
            answer = self._client.index(index=self._names[suffix], id=id, document=_source(record, fields), **once)
        self._written.add(suffix)
        return _version(answer.body)

    def _records(
        self, shape: type[T], suffix: str, clauses: Sequence[Mapping[str, Any]], sort: Mapping[str, str], limit: int
    ) -> list[Versioned[T]]:
        ((field, order),) = sort.items()
        hits = self._list(suffix, clauses, field, order=order, limit=limit)
        return [Versioned(_load(shape, hit["_source"]), _version(hit)) for hit in hits]

    def _list(
        self, suffix: str, clauses: Sequence[Mapping[str, Any]], field: str, *, order: str = "asc", limit: int = 10_000
    ) -> list[dict[str, Any]]:
        with self._errors():
            if suffix in self._written:
                self._written.discard(suffix)  # before the refresh: a write meanwhile asks for another one
                self._refresh(suffix)
            answer = self._client.search(
                index=self._names[suffix],
                size=min(limit, 10_000),
                query={"bool": {"filter": list(clauses)}},
                sort=[{field: order}],
                seq_no_primary_term=True,
                track_total_hits=False,
            )
        if answer["timed_out"] or answer["_shards"]["failed"]:
            raise StateError("incomplete", f"the list of {self._names[suffix]} is incomplete")
        return list(answer["hits"]["hits"])

    def _delete(self, suffix: str, clauses: Sequence[Mapping[str, Any]]) -> int:
        gone = 0
        with self._errors():
            self._refresh(suffix)
        while True:
            hits = self._list(suffix, clauses, "_doc", limit=PAGE)
            if not hits:
                return gone
            operations: list[Mapping[str, Any]] = [{"delete": {"_id": hit["_id"]}} for hit in hits]
            self._bulk(suffix, operations)
            for hit in hits:
                self._recent.forget(hit["_id"])
            gone += len(hits)

    def _bulk(self, suffix: str, operations: Sequence[Mapping[str, Any]]) -> None:
        self._written.add(suffix)
        with self._errors():
            answer = self._client.bulk(index=self._names[suffix], operations=operations)
        if answer["errors"]:
            items = [result for item in answer["items"] for result in item.values()]
            failed = next(result for result in items if "error" in result)
            found = from_answer(int(failed["status"]), failed)
            raise StateError(found.kind, f"{self._names[suffix]}: {found.reason}", self._hint(found))

    def _refresh(self, suffix: str) -> None:
        try:
            self._client.indices.refresh(index=self._names[suffix])
        except Exception:
            self._written.add(suffix)
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the client's errors into Conflict and StateError; a missing document stays NotFoundError."""
        try:
            yield
        except ConflictError:
            raise Conflict("changed by another engine") from None
        except NotFoundError as error:
            if "index_not_found_exception" in str(error):
                raise _no_indices() from None
            raise
        except (StateError, Conflict):
            raise
        except Exception as error:
            found = as_source_error(error)
            raise StateError(found.kind, found.reason, self._hint(found)) from None

    def _hint(self, error: SourceError) -> str:
        """Return the remedy: where a privilege is missing, the whole role as a command."""
        if error.kind != "denied" or "403" not in error.reason:
            return error.hint
        return f"give the user this role (and read on the log indices):\n{role_command(self._prefix)}"


def _no_indices() -> StateError:
    return StateError("missing", "the state indices are missing", "run: alerter init")


def _source(record: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**fields, "body": dumps(record)}


def _load(shape: type[T], source: Mapping[str, Any]) -> T:
    return loads(shape, source["body"])


def _version(doc: Mapping[str, Any]) -> Version:
    return f"{doc['_seq_no']} {doc['_primary_term']}"


def _if(version: Version) -> dict[str, Any]:
    seq_no, term = version.split()
    return {"if_seq_no": int(seq_no), "if_primary_term": int(term)}
