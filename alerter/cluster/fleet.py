"""One engine among others: it beats, sees who else is alive, and knows what it shall and may do."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from alerter.clock import Clock, Millis
from alerter.cluster.hashing import winner
from alerter.cluster.watch import Watch
from alerter.errors import UsageError
from alerter.model.member import Member, RuleSet
from alerter.state.protocol import Conflict, State, StateError, Version, Versioned

log = logging.getLogger(__name__)
BEATS = 3
"""Beats in a ttl: two may be lost before others take over."""


@dataclass(frozen=True)
class View:
    """The living members by instance, and the rules that each runs; ``found`` keeps what was worked out."""

    members: Mapping[str, Member] = field(default_factory=dict)
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)
    found: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def sessions(self) -> frozenset[str]:
        """The sessions that may hold a lease."""
        return frozenset(member.session for member in self.members.values())

    def known(self, name: str) -> list[str]:
        """Return the members that run a rule, guests left out."""
        return [instance for instance in self._candidates() if name in self.rules.get(instance, ())]

    def chosen(self, name: str) -> str | None:
        """Return who shall evaluate a rule; what nobody runs any more falls to one of all."""
        if name not in self.found:
            self.found[name] = winner(name, self.known(name) or self._candidates())
        return self.found[name]

    def _candidates(self) -> list[str]:
        return [instance for instance, member in self.members.items() if not member.guest]


class Fleet:
    """This engine's membership. Any thread may call; whatever talks to the state does so one at a time.

    The session is lost when another engine took this one for dead and removed its record (``beat`` then begins a new
    one), or when another process runs under the same name (then this one gives up: UsageError).
    """

    def __init__(
        self, state: State, clock: Clock, instance: str, ttl: Millis, version: str, *, guest: bool = False
    ) -> None:
        self._state = state
        self._clock = clock
        self._ttl = ttl
        self._lock = threading.RLock()
        self._me = Member(f"{instance} once" if guest else instance, _session(), clock.now(), version, guest=guest)
        self._stored: Version | None = None
        self._beaten: Millis | None = None
        self._watch = Watch(ttl, 2 * self.interval)
        self._ruleset = RuleSet("")
        self._superseded: UsageError | None = None
        self._rulesets: dict[str, RuleSet] = {}
        self._view = View()

    @property
    def interval(self) -> Millis:
        """Milliseconds from beat to beat."""
        return self._ttl // BEATS

    @property
    def name(self) -> str:
        """The instance this engine is on record as."""
        return self._me.instance

    @property
    def session(self) -> str:
        """What leases of this engine name as their owner."""
        return self._me.session

    def run(self, ruleset: RuleSet) -> None:
        """Say from the next beat on that these rules are run."""
        with self._lock:
            self._ruleset = ruleset
            self._rulesets[ruleset.id] = ruleset

    def remind(self) -> None:
        """Write the set of rules once more, so that it is not taken for one of long ago. Raises StateError."""
        self._state.save_ruleset(self._ruleset, self._clock.now())

    def valid(self) -> bool:
        """Whether the last beat is younger than two thirds of the ttl: nothing is written or sent otherwise."""
        return self._beaten is not None and self._clock.monotonic() - self._beaten < 2 * self._ttl // 3

    def refresh(self) -> None:
        """Beat when the last beat is too old. Raises StateError, UsageError."""
        if not self.valid():
            self.beat()

    def beat(self) -> bool:
        """Write this engine's record and read the others'; returns whether the fleet changed.

        Raises StateError, and UsageError when another process goes by the same name.
        """
        with self._lock:
            if self._superseded is not None:
                raise self._superseded
            started = self._clock.monotonic()
            changed = self._look()  # first: where the state is gone, a write would make an index without its mapping
            self._write()
            self._beaten = started
            return changed

    def look(self) -> None:
        """Read who is there now. Raises StateError."""
        with self._lock:
            self._look()

    def leave(self) -> None:
        """Remove this engine's record: its rules are free at once. Raises StateError."""
        with self._lock:
            self._beaten = None
            if self._stored is not None:
                try:
                    self._state.drop_member(self._me.instance, self._stored)
                except Conflict:
                    log.info("another process already goes by the name %s", self._me.instance)
                self._stored = None

    # --- what follows from who is there --------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """Who was there at the last look."""
        return self._view

    def size(self) -> int:
        """Return the number of living members, this one included; never less than 1."""
        return max(len(self._view.members), 1)

    def chosen(self, name: str) -> bool:
        """Whether this engine shall evaluate a rule, or look after what belongs to one that nobody runs any more."""
        chosen = self._view.chosen(name)
        return chosen in (None, self._me.instance) or (self._me.guest and self.runs(name))

    def is_free(self, owners: Iterable[str]) -> dict[str, bool]:
        """Tell for each session named by a lease whether the lease may be taken: nobody living holds it.

        An unknown one may have joined a moment ago: then the members are read once more. Raises StateError.
        """
        others = {owner for owner in owners if owner not in ("", self.session)}
        if others - self._view.sessions:
            self.look()
        return {owner: owner not in self._view.sessions or owner == self.session for owner in owners}

    def unheard(self) -> list[str]:
        """Return the other members that have not beaten since this engine began to look: they may be dead."""
        return [name for name in self._watch.unheard() if name != self._me.instance]

    def differing(self) -> list[Member]:
        """Return the other members that run other rules, or another version."""
        mine = (self._me.version, self._ruleset.id)
        others = (m for name, m in self._view.members.items() if name != self._me.instance)
        return [m for m in others if (m.version, m.ruleset) != mine]

    def runs(self, name: str) -> bool:
        """Whether a rule is among those of this engine."""
        return name in self._ruleset.names

    # --- inside ------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        if self._me.ruleset != self._ruleset.id or self._stored is None:
            self._state.save_ruleset(self._ruleset, self._clock.now())
        wanted = replace(self._me, beats=self._me.beats + 1, ruleset=self._ruleset.id)
        try:
            if self._stored is None:
                self._join(wanted)
            else:
                self._stored, self._me = self._state.save_member(wanted, self._stored), wanted
        except Conflict:
            try:
                self._settle(wanted)
            except Conflict:
                raise StateError("busy", f"the record of the engine {wanted.instance} keeps changing") from None

    def _join(self, wanted: Member) -> None:
        found = self._state.members().get(wanted.instance)
        if found is not None and found.value.session != wanted.session:
            log.info("the engine %s was here before: its rules are taken over at once", wanted.instance)
        self._stored, self._me = self._state.save_member(wanted, found.version if found else None), wanted

    def _settle(self, wanted: Member) -> None:
        """A beat conflicted: it arrived though its answer did not, or the session was ended by somebody."""
        found: Versioned[Member] | None = self._state.members().get(wanted.instance)
        if found is not None and found.value.session == wanted.session:
            self._stored, self._me = found.version, replace(found.value)
            return
        joined = self._stored is not None
        self._stored = None
        if found is not None and joined:
            self._beaten = None
            message = f"another process runs as the engine {wanted.instance}"
            self._superseded = UsageError(message, "give every engine its own ALERTER_INSTANCE")
            raise self._superseded
        if joined:
            log.warning("this engine was silent for too long and taken for dead; it joins again")
            wanted = replace(wanted, session=_session())
        self._me = wanted
        self._join(wanted)

    def _look(self) -> bool:
        found = self._state.members()
        dead = [name for name in self._watch.look(found, self._clock.monotonic()) if name != self._me.instance]
        for name in dead:
            if self._expel(name, found[name].version):
                found.pop(name)
        members = {name: stored.value for name, stored in found.items()}
        # whoever is on record under this name is this engine's past; what it runs now is said with the next write
        members[self._me.instance] = replace(self._me, ruleset=self._ruleset.id)
        self._learn({member.ruleset for member in members.values()})
        rules = {n: self._rulesets[m.ruleset].names for n, m in members.items() if m.ruleset in self._rulesets}
        changed = _marks(members) != _marks(self._view.members)
        if changed or rules != self._view.rules:
            self._view = View(members, rules)
        if changed:
            self._say()
        return changed

    def _expel(self, name: str, version: Version) -> bool:
        try:
            self._state.drop_member(name, version)
        except Conflict:
            return False  # it beat a moment ago
        log.warning("the engine %s was not heard of for %d s; its rules are taken over", name, self._ttl // 1000)
        return True

    def _learn(self, ids: set[str]) -> None:
        unknown = sorted(ids - set(self._rulesets))
        self._rulesets |= self._state.rulesets(unknown) if unknown else {}
        self._rulesets = {id: r for id, r in self._rulesets.items() if id in ids or id == self._ruleset.id}

    def _say(self) -> None:
        others = sorted(name for name in self._view.members if name != self._me.instance)
        log.info("engines: %s", ", ".join([f"{self._me.instance} (this one)", *others]))
        for member in self.differing():
            rules = "" if member.ruleset == self._ruleset.id else ", other rules"
            log.warning(
                "the engine %s runs version %s%s; this one %s", member.instance, member.version, rules, self._me.version
            )


def _marks(members: Mapping[str, Member]) -> dict[str, tuple[str, str, str]]:
    """Return what makes a difference between two views: beats do not."""
    return {name: (m.session, m.ruleset, m.version) for name, m in members.items()}


def _session() -> str:
    return uuid.uuid4().hex[:16]
