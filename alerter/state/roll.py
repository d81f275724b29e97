"""The engines' own documents in Elasticsearch: a roster that names them, and one for each, read in real time by id."""

from __future__ import annotations

from alerter.model.member import Member, Roster
from alerter.state.documents import Documents, load, source_of
from alerter.state.protocol import Conflict, StateError, Version, Versioned
from alerter.state.records import ROSTER_FIELDS, ROSTER_ID, member_fields, member_id

TRIES = 20
"""How often the roster is written again when other engines join or leave at the same moment."""


class Roll:
    """Members by name. A name may be on the roster without a document: that engine is gone, or about to join."""

    def __init__(self, docs: Documents) -> None:
        self._docs = docs
        self._named: tuple[str, ...] = ()
        self._own = ""

    def members(self) -> dict[str, Versioned[Member]]:
        """Read roster and members together; those that the roster named newly in a second request.

        Who takes a dead engine's name off the roster may take off its successor's: that one puts it on again here.
        """
        asked = tuple(dict.fromkeys((*self._named, *filter(None, [self._own]))))
        docs = self._docs.get_all("state", [ROSTER_ID, *map(member_id, asked)])
        found = {doc["_id"]: doc for doc in docs}
        roster = load(Roster, found.pop(ROSTER_ID)).value if ROSTER_ID in found else Roster()
        self._named = roster.instances
        if self._own and self._own not in roster.instances:
            self._enrol(self._own, wanted=True)
        new = [name for name in roster.instances if name not in asked]
        found |= {doc["_id"]: doc for doc in self._docs.get_all("state", [member_id(name) for name in new])}
        return {v.value.instance: v for v in (load(Member, doc) for doc in found.values())}

    def save(self, member: Member, version: Version | None) -> Version:
        """Write a member's document; a new one is put on the roster first."""
        if version is None:
            self._own = member.instance
            self._enrol(member.instance, wanted=True)
        source = source_of(member, member_fields(member))
        return self._docs.put("state", member_id(member.instance), source, version)

    def drop(self, instance: str, version: Version) -> None:
        """Remove a member's document, then its name. Raises Conflict when the document was written since."""
        self._docs.drop("state", member_id(instance), version)
        if instance == self._own:
            self._own = ""
        self._enrol(instance, wanted=False)

    def _enrol(self, instance: str, *, wanted: bool) -> None:
        for _ in range(TRIES):
            doc = self._docs.get("state", ROSTER_ID)
            stored = None if doc is None else load(Roster, doc)
            names = stored.value.instances if stored else ()
            if (instance in names) is wanted:
                return
            others = [name for name in names if name != instance]
            changed = Roster(tuple(sorted([*others, instance] if wanted else others)))
            try:
                self._docs.put(
                    "state", ROSTER_ID, source_of(changed, ROSTER_FIELDS), stored.version if stored else None
                )
            except Conflict:
                continue
            return
        raise StateError("busy", "the list of engines kept changing", "are engines restarting without end?")
