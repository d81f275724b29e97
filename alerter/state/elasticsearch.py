"""State in Elasticsearch: four small indices, every change by ``if_seq_no`` and ``if_primary_term``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from alerter.clock import Millis
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident, digest
from alerter.model.member import Member, RuleSet
from alerter.model.silence import Silence
from alerter.sources.es_client import as_source_error
from alerter.state.documents import Doc, Documents, Record, load, source_of, version_of
from alerter.state.mappings import VERSION, index_body
from alerter.state.protocol import HEARTBEAT_KEPT, Conflict, Retention, StateError, Version, Versioned
from alerter.state.recent import Recent
from alerter.state.records import (
    checkpoint_fields,
    checkpoint_id,
    decision_fields,
    heartbeat_fields,
    heartbeat_id,
    incident_fields,
    ruleset_fields,
    ruleset_id,
    silence_fields,
)
from alerter.state.roll import Roll
from alerter.state.unreadable import Unreadable

DECODED = 12_000
"""Incidents kept as read or written, so that one that did not change is not decoded again: an outbox and some more."""
FIRING = {"term": {"state": "firing"}}


class ElasticsearchState:
    """The State protocol on a cluster. Lists show what this process wrote: by a refresh, incidents without one."""

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        """Use the indices ``prefix-state``, ``-incidents``, ``-silences`` and ``-decisions``."""
        self._docs = Documents(client, prefix, lagging="incidents")
        self._roll = Roll(self._docs)
        self._recent = Recent()
        self._unreadable = Unreadable()
        self._incidents_known: dict[str, Versioned[Incident]] = {}

    def init(self, *, upgrade: bool = False) -> list[str]:
        """Create the missing indices; refuses those of a later version, and without ``upgrade`` of an earlier one.

        What was known of documents is forgotten: in an index made anew versions begin from the start.
        """
        done = []
        self._recent.clear()
        self._incidents_known.clear()
        names = self._docs.names
        with self._docs.errors():
            found = self._docs.client.indices.get_mapping(index=list(names.values()), ignore_unavailable=True).body
        for suffix, name in names.items():
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
        with self._docs.errors():
            self._docs.client.indices.put_mapping(index=name, **index_body(suffix)["mappings"])
        return [f"index {name} upgraded from version {version} to {VERSION}"]

    def _create(self, suffix: str, name: str) -> list[str]:
        try:
            self._docs.client.indices.create(index=name, **index_body(suffix))
        except Exception as error:
            if "resource_already_exists_exception" in str(error):
                return []  # another engine was quicker
            found = as_source_error(error)
            raise StateError(found.kind, f"cannot create {name}: {found.reason}", self._docs.hint(found)) from None
        return [f"index {name} created"]

    # --- checkpoints -------------------------------------------------------------------------------------------

    def checkpoints(self, rules: Sequence[str]) -> dict[str, Versioned[Checkpoint]]:
        """Read the checkpoints of the named rules, in real time."""
        ids = {checkpoint_id(rule): rule for rule in rules}
        return {ids[doc["_id"]]: load(Checkpoint, doc) for doc in self._docs.get_all("state", list(ids))}

    def checkpointed(self) -> list[str]:
        """Name every rule that has a checkpoint."""
        docs = self._docs.select("state", [{"term": {"kind": "checkpoint"}}], "rule", source="rule")
        with self._docs.errors():
            return sorted(str(doc["_source"]["rule"]) for doc in docs)

    def save_checkpoint(self, checkpoint: Checkpoint, version: Version | None) -> Version:
        """Write a checkpoint by compare-and-set."""
        source = source_of(checkpoint, checkpoint_fields(checkpoint))
        return self._docs.put("state", checkpoint_id(checkpoint.rule), source, version)

    def save_checkpoints(self, written: Sequence[tuple[Checkpoint, Version | None]]) -> list[Version | Conflict]:
        """Write several checkpoints in one bulk request, each for itself."""
        records = [(checkpoint_id(c.rule), source_of(c, checkpoint_fields(c)), version) for c, version in written]
        return self._docs.put_all("state", records)

    def drop_checkpoint(self, rule: str, version: Version) -> None:
        """Remove a checkpoint."""
        self._docs.drop("state", checkpoint_id(rule), version)

    # --- incidents ---------------------------------------------------------------------------------------------

    def incident(self, id: str) -> Versioned[Incident] | None:
        """Read one incident, in real time."""
        doc = self._docs.get("incidents", id)
        return None if doc is None else self._incident(doc)

    def incidents(
        self, *, rule: str | None = None, open_only: bool = False, since: Millis | None = None, limit: int | None = None
    ) -> list[Versioned[Incident]]:
        """List incidents, newest first."""
        clauses: list[dict[str, Any]] = []
        if rule is not None:
            clauses.append({"term": {"rule": rule}})
        if open_only:
            clauses.append(FIRING)
        if since is not None:
            recent = [{"range": {"resolved": {"gte": since}}}, FIRING]
            clauses.append({"bool": {"should": recent, "minimum_should_match": 1}})
        docs = self._docs.select("incidents", clauses, "opened", order="desc", limit=limit)
        return self._listed(docs, rule, since, open_only=open_only)[:limit]

    def _listed(
        self, docs: Sequence[Doc], rule: str | None = None, since: Millis | None = None, *, open_only: bool = False
    ) -> list[Versioned[Incident]]:
        """Return the incidents of a list, newest first, as they are by now."""

        def fits(incident: Incident) -> bool:
            ended = incident.resolved
            if (rule is not None and incident.rule != rule) or (open_only and ended is not None):
                return False
            return since is None or ended is None or ended >= since

        found = self._recent.laid_over(self._unreadable.leave_out(docs, self._surely), fits)
        return sorted(found, key=lambda v: -v.value.opened)

    def unfinished(self, limit: int | None = None) -> list[Versioned[Incident]]:
        """List incidents with something to deliver, oldest first."""
        docs = self._docs.select("incidents", [{"term": {"unfinished": True}}], "opened", limit=limit)
        found = self._recent.laid_over(self._unreadable.leave_out(docs, self._surely), lambda i: i.unfinished)
        return sorted(found, key=lambda v: v.value.opened)[:limit]

    def save_incident(self, incident: Incident, version: Version | None) -> Version:
        """Write an incident by compare-and-set."""
        (written,) = self.save_incidents([(incident, version)])
        if isinstance(written, Conflict):
            raise written
        return written

    def _surely(self, doc: Doc) -> Versioned[Incident]:
        """Read an incident of a list; what cannot be read is asked for once more, as only the answer may be damaged.

        One that this process has written since stands for what the list still shows.
        """
        own = self._recent.newer(doc["_id"], version_of(doc))
        if own is not None:
            return own
        try:
            return self._incident(doc)
        except StateError:
            again = self._docs.get("incidents", doc["_id"])
            if again is None:
                raise
            return self._incident(again)

    def _incident(self, doc: Doc) -> Versioned[Incident]:
        """Read an incident's document; one that did not change since it was read or written last is not read again."""
        id, version = doc["_id"], version_of(doc)
        known = self._incidents_known.get(id)
        if known is None or known.version != version:
            known = load(Incident, doc)
            self._keep(id, known)
        return known

    def _keep(self, id: str, incident: Versioned[Incident]) -> None:
        if len(self._incidents_known) >= DECODED:
            self._incidents_known.clear()
        self._incidents_known[id] = incident

    def save_incidents(self, written: Sequence[tuple[Incident, Version | None]]) -> list[Version | Conflict]:
        """Write several incidents in one bulk request, each for itself."""
        records = [(i.id, source_of(i, incident_fields(i)), version) for i, version in written]
        found = self._docs.put_all("incidents", records)
        for (incident, _), version in zip(written, found, strict=True):
            if isinstance(version, Conflict):
                self._recent.forget(incident.id)
            else:
                self._recent.wrote(incident, version)
                self._keep(incident.id, Versioned(incident, version))
        return found

    # --- silences and decisions --------------------------------------------------------------------------------

    def silences(self, now: Millis, *, expired: bool = False) -> list[Versioned[Silence]]:
        """List silences not yet over, and with ``expired`` all."""
        clauses = [] if expired else [_not_over(now)]
        return self._silences(self._docs.select("silences", clauses, "end"))

    def _silences(self, docs: Sequence[Doc]) -> list[Versioned[Silence]]:
        return self._unreadable.leave_out(docs, lambda doc: load(Silence, doc))

    def in_force(self, now: Millis) -> tuple[list[Versioned[Incident]], list[Versioned[Silence]]]:
        """List open incidents, and silences not yet over, by one request."""
        incidents, silences = self._docs.select_together(
            ("incidents", [FIRING], "opened", "desc"), ("silences", [_not_over(now)], "end", "asc")
        )
        return self._listed(incidents, open_only=True), self._silences(silences)

    def save_silence(self, silence: Silence, version: Version | None) -> Version:
        """Write a silence by compare-and-set; every engine sees it at once."""
        self._docs.require("silences")
        written = self._docs.put("silences", silence.id, source_of(silence, silence_fields(silence)), version)
        with self._docs.errors():
            self._docs.refresh("silences")
        return written

    def record(self, decisions: Iterable[Decision]) -> None:
        """Append to the record of decisions, in bulk; what an interrupted write left there already is passed over."""
        records: list[Record] = []
        met: Counter[str] = Counter()
        for decision in decisions:
            source = source_of(decision, decision_fields(decision))
            met[source["body"]] += 1
            records.append((digest("decision", source["body"], met[source["body"]]), source, None))
        if records:
            self._docs.require("decisions")
            self._docs.put_all("decisions", records)

    def decisions(
        self,
        *,
        rule: str | None = None,
        incident: str | None = None,
        since: Millis | None = None,
        until: Millis | None = None,
        limit: int | None = 1_000,
    ) -> list[Decision]:
        """Read the record, newest first."""
        named = {"rule": rule, "incident": incident}
        clauses: list[dict[str, Any]] = [{"term": {n: value}} for n, value in named.items() if value is not None]
        if since is not None or until is not None:
            clauses.append({"range": {"at": {"gte": since, "lte": until}}})
        docs = self._docs.select("decisions", clauses, "at", order="desc", limit=limit)
        return self._unreadable.leave_out(docs, lambda doc: load(Decision, doc).value)

    # --- engines -----------------------------------------------------------------------------------------------

    def save_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Write an engine's newest heartbeat over its former one."""
        self._docs.require("state")
        source = source_of(heartbeat, heartbeat_fields(heartbeat))
        self._docs.put_over("state", heartbeat_id(heartbeat.instance), source)

    def heartbeats(self) -> list[Heartbeat]:
        """Read the newest heartbeat of each engine."""
        docs = self._docs.select("state", [{"term": {"kind": "heartbeat"}}], "rule")
        return self._unreadable.leave_out(docs, lambda doc: load(Heartbeat, doc).value)

    def members(self) -> dict[str, Versioned[Member]]:
        """Read the documents of all engines of the fleet, in real time."""
        return self._roll.members()

    def save_member(self, member: Member, version: Version | None) -> Version:
        """Write an engine's document by compare-and-set."""
        return self._roll.save(member, version)

    def drop_member(self, instance: str, version: Version) -> None:
        """Remove an engine's document by compare-and-set."""
        self._roll.drop(instance, version)

    def rulesets(self, ids: Sequence[str]) -> dict[str, RuleSet]:
        """Read sets of rules by id, in real time."""
        docs = self._docs.get_all("state", [ruleset_id(id) for id in ids])
        return {found.id: found for found in (load(RuleSet, doc).value for doc in docs)}

    def save_ruleset(self, ruleset: RuleSet, now: Millis) -> None:
        """Write a set of rules; one that is there is the same."""
        self._docs.put_over("state", ruleset_id(ruleset.id), source_of(ruleset, ruleset_fields(ruleset, now)))

    def prune(self, retention: Retention, now: Millis) -> int:
        """Delete by id what is closed and older than the retention, and old heartbeats."""
        closed: list[dict[str, Any]] = [{"term": {"state": "resolved"}}, {"term": {"unfinished": False}}]
        ours = {"terms": {"kind": ["heartbeat", "ruleset"]}}
        old: dict[str, list[dict[str, Any]]] = {
            "incidents": [*closed, {"range": {"resolved": {"lt": now - retention.incidents}}}],
            "silences": [{"range": {"end": {"lt": now - retention.silences}}}],
            "decisions": [{"range": {"at": {"lt": now - retention.decisions}}}],
            "state": [ours, {"range": {"evaluated": {"lt": now - HEARTBEAT_KEPT}}}],
        }
        gone = {suffix: self._docs.delete(suffix, clauses) for suffix, clauses in old.items()}
        for id in gone["incidents"]:
            self._recent.forget(id)
        return sum(map(len, gone.values()))

    def close(self) -> None:
        """Close the connections."""
        self._docs.client.close()


def _not_over(now: Millis) -> dict[str, Any]:
    return {"range": {"end": {"gt": now}}}
