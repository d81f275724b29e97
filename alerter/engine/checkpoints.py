"""The checkpoints of an engine's rules, which are its leases too: taken, kept, written together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerter.clock import Millis
from alerter.model.changed import changed
from alerter.model.incident import Checkpoint
from alerter.state.protocol import Conflict, State, StateError, Versioned


class Leases(Protocol):
    """What an engine among others knows of who may hold a lease; see alerter.cluster.fleet."""

    @property
    def session(self) -> str:
        """What this engine's leases name as their owner."""

    def valid(self) -> bool:
        """Whether this engine may still trust its leases."""

    def is_free(self, owners: Iterable[str]) -> dict[str, bool]:
        """Tell for each owner whether its leases may be taken. Raises StateError."""


@dataclass(frozen=True)
class Held:
    """The checkpoints that may be written here, and the rules that another engine holds."""

    checkpoints: Mapping[str, Versioned[Checkpoint]]
    elsewhere: frozenset[str]


class Checkpoints:
    """Checkpoints by rule, as this engine knows them; every write is a compare-and-set.

    Several threads may call, each for rules of its own: what is shared is only ever read whole or changed in one step.
    With ``leases`` a checkpoint is read, and its rule evaluated, only once this engine owns it; without, the state is
    nobody else's. With ``patience`` a checkpoint of which nothing but the instant changed is written only when the
    stored one is that many milliseconds behind: evaluating those instants again after a crash gives the same answer.
    """

    def __init__(self, state: State, patience: Millis = 0, leases: Leases | None = None) -> None:
        self._state = state
        self._patience = patience
        self._leases = leases
        self._session = leases.session if leases else ""
        self._known: dict[str, Versioned[Checkpoint]] = {}
        self._stored: dict[str, Millis] = {}
        self._unsure: set[str] = set()  # written, and not known whether it arrived: the lease may be held here
        self._mark = object()

    def read(self, rules: Sequence[str]) -> Held:
        """Return the checkpoints of the rules held here, after taking those that nobody holds. Raises StateError."""
        self._mind_session()
        unknown = [rule for rule in rules if rule not in self._known]
        elsewhere = self._take(self._state.checkpoints(unknown)) if unknown else frozenset()
        found = ((rule, self._known.get(rule)) for rule in rules)
        return Held({rule: stored for rule, stored in found if stored is not None}, elsewhere)

    def holds(self, rule: str) -> bool:
        """Whether this engine owns a rule's checkpoint, as far as it knows."""
        return rule in self._known and (self._leases is None or self._session == self._leases.session)

    def is_unsure(self, rule: str) -> bool:
        """Whether a rule may be owned here without this engine knowing: an answer was lost."""
        return rule in self._unsure and rule not in self._known

    @property
    def mark(self) -> object:
        """Another object as soon as ``holds`` or ``is_unsure`` may say anything else of any rule."""
        return self._mark

    def held(self) -> int:
        """Return the number of leases held."""
        return len(self._known)

    def names(self) -> set[str]:
        """Return the rules whose checkpoints are owned here."""
        return set(self._known)

    def check(self, rules: Iterable[str] = ()) -> None:
        """Raise StateError (``fenced``) when this engine may no longer trust its leases, or has lost one of these.

        It then writes nothing: an evaluation begun before a long pause is not for the session that began after it.
        """
        if self._leases is None:
            return
        if not self._leases.valid():
            raise StateError("fenced", "no beat of this engine arrived for too long; others may have taken over")
        self._mind_session()
        if any(rule not in self._known for rule in rules):
            raise StateError("fenced", "another engine may have taken over while this was evaluated")

    def save(self, checkpoints: Iterable[Checkpoint]) -> list[str]:
        """Take over new checkpoints, and write those that are due; returns the rules somebody else advanced first.

        Raises StateError: then none of those that were to be written is taken over.
        """
        due: list[Checkpoint] = []
        for checkpoint in checkpoints:
            known = self._known.get(checkpoint.rule)
            if known is not None and self._may_wait(known.value, checkpoint):
                self._known[checkpoint.rule] = Versioned(checkpoint, known.version)
            else:
                due.append(checkpoint)
        return self._write(due)

    def release(self, rules: Iterable[str] | None = None) -> list[str]:
        """Write these checkpoints (default: all) as they are, free for other engines; returns those held so far.

        Raises StateError.
        """
        self._mind_session()
        wanted = set(self._known) | self._unsure if rules is None else set(rules)
        if wanted & self._unsure - set(self._known):
            self._learn_own(self._state.checkpoints(sorted(wanted & self._unsure)))
        known = [stored.value for rule, stored in list(self._known.items()) if rule in wanted]
        held = [checkpoint.rule for checkpoint in known]
        self._write([c for c in known if self._leases is not None or self._is_ahead(c)], owner="")
        if self._leases is not None:
            self.forget(held)
        return held

    def restore(self) -> int:
        """Write what is known once more, where the state has nothing any more; returns how many. Raises StateError.

        Nothing is replaced: a checkpoint that is there, or that another engine has written by now, stays.
        """
        known = dict(self._known)
        found = self._state.checkpoints(list(known))
        gone = [stored.value for rule, stored in known.items() if rule not in found]
        written = zip(gone, self._state.save_checkpoints([(c, None) for c in gone]), strict=True) if gone else ()
        self.forget(c.rule for c in gone)
        self._learn({c.rule: Versioned(c, new) for c, new in written if not isinstance(new, Conflict)})
        return len(gone)

    def forget(self, rules: Iterable[str]) -> None:
        """Read these checkpoints from the state when they are needed next."""
        for rule in rules:
            self._stored.pop(rule, None)
            if self._known.pop(rule, None) is not None:
                self._changed()

    # --- inside ------------------------------------------------------------------------------------------------

    def _mind_session(self) -> None:
        """Forget what was known when this engine was taken for dead: others may have written since."""
        if self._leases is not None and self._leases.session != self._session:
            self._session = self._leases.session
            self._known.clear()
            self._stored.clear()
            self._unsure.clear()
            self._changed()

    def _changed(self) -> None:
        """Note a change of what is held or unsure; after it, so that whoever sees the old mark looks once more."""
        self._mark = object()

    def _take(self, found: Mapping[str, Versioned[Checkpoint]]) -> frozenset[str]:
        """Take over what was read, by a write where it was not owned here; returns what another engine holds."""
        if self._leases is None:
            self._learn(found)
            return frozenset()
        self._learn_own(found)
        others = {rule: v for rule, v in found.items() if v.value.owner != self._session}
        free = self._leases.is_free({v.value.owner for v in others.values()})
        taken = {rule: v for rule, v in others.items() if free[v.value.owner]}
        if taken:
            self.check()
            pairs = [(self._owned(v.value, v.value.epoch + 1), v.version) for v in taken.values()]
            self._unsure |= set(taken)
            self._changed()
            written = zip(pairs, self._state.save_checkpoints(pairs), strict=True)
            self._learn({c.rule: Versioned(c, new) for (c, _), new in written if not isinstance(new, Conflict)})
        return frozenset(rule for rule in others if rule not in self._known)

    def _learn_own(self, found: Mapping[str, Versioned[Checkpoint]]) -> None:
        """Learn what of this is owned here already: an answer was lost, or a write refused."""
        self._learn({rule: v for rule, v in found.items() if v.value.owner == self._session})
        self._unsure -= set(found)
        self._changed()

    def _learn(self, found: Mapping[str, Versioned[Checkpoint]]) -> None:
        new = found.keys() - self._known.keys()
        self._known |= found
        self._unsure -= set(found)
        self._stored |= {rule: stored.value.evaluated for rule, stored in found.items()}
        if new:
            self._changed()

    def _owned(self, checkpoint: Checkpoint, epoch: int) -> Checkpoint:
        return changed(checkpoint, owner=self._session, epoch=epoch)

    def _may_wait(self, known: Checkpoint, checkpoint: Checkpoint) -> bool:
        behind = checkpoint.evaluated - self._stored.get(checkpoint.rule, 0)
        return behind < self._patience and _same(known, checkpoint)

    def _is_ahead(self, checkpoint: Checkpoint) -> bool:
        return checkpoint.evaluated > self._stored.get(checkpoint.rule, 0)

    def _write(self, due: Sequence[Checkpoint], owner: str | None = None) -> list[str]:
        if not due:
            return []
        self.check()
        pairs = []
        for checkpoint in due:
            known = self._known.get(checkpoint.rule)
            epoch = known.value.epoch if known else 1 if self._leases else 0
            owned = changed(checkpoint, owner=self._session if owner is None else owner, epoch=epoch)
            pairs.append((owned, known.version if known else None))
        lost = []
        if self._leases:
            self._unsure |= {checkpoint.rule for checkpoint in due}
        if any(version is None for _, version in pairs):
            self._changed()
        for (checkpoint, _), written in zip(pairs, self._state.save_checkpoints(pairs), strict=True):
            if isinstance(written, Conflict):
                self.forget([checkpoint.rule])
                lost.append(checkpoint.rule)
            else:
                self._learn({checkpoint.rule: Versioned(checkpoint, written)})
        return lost


def _same(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether only what a crash may forget differs: how far it is evaluated, and when keys were seen last."""
    if (one.meaning, one.covered, one.first_event, one.seen, one.buffer_time) != (
        other.meaning, other.covered, other.first_event, other.seen, other.buffer_time,
    ):  # fmt: skip
        return False
    if one.keys == other.keys:
        return True
    return one.keys.keys() == other.keys.keys() and all(
        changed(memory, last_seen=other.keys[key].last_seen) == other.keys[key] for key, memory in one.keys.items()
    )
