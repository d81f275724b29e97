"""The checkpoints of an engine's rules: read once, kept, written together at the end of a tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from alerter.clock import Millis
from alerter.model.incident import Checkpoint
from alerter.state.protocol import Conflict, State, Versioned


class Checkpoints:
    """Checkpoints by rule, as this engine knows them; every write is a compare-and-set.

    With ``patience`` a checkpoint of which nothing but the instant changed is written only when the stored one is
    that many milliseconds behind: evaluating those instants again after a crash gives the same answer.
    """

    def __init__(self, state: State, patience: Millis = 0) -> None:
        self._state = state
        self._patience = patience
        self._known: dict[str, Versioned[Checkpoint]] = {}
        self._stored: dict[str, Millis] = {}

    def read(self, rules: Sequence[str]) -> Mapping[str, Versioned[Checkpoint]]:
        """Return the checkpoints of rules that have one. Raises StateError."""
        unknown = [rule for rule in rules if rule not in self._known]
        if unknown:
            found = self._state.checkpoints(unknown)
            self._known |= found
            self._stored |= {rule: stored.value.evaluated for rule, stored in found.items()}
        return {rule: self._known[rule] for rule in rules if rule in self._known}

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

    def flush(self) -> list[str]:
        """Write every checkpoint that is ahead of the stored one. Raises StateError."""
        ahead = [v.value for rule, v in self._known.items() if v.value.evaluated > self._stored.get(rule, 0)]
        return self._write(ahead)

    def forget(self, rules: Iterable[str]) -> None:
        """Read these checkpoints from the state when they are needed next."""
        for rule in rules:
            self._known.pop(rule, None)

    def _may_wait(self, known: Checkpoint, checkpoint: Checkpoint) -> bool:
        behind = checkpoint.evaluated - self._stored.get(checkpoint.rule, 0)
        return behind < self._patience and _same(known, checkpoint)

    def _write(self, due: Sequence[Checkpoint]) -> list[str]:
        if not due:
            return []
        known = [self._known.get(checkpoint.rule) for checkpoint in due]
        pairs = [(c, k.version if k else None) for c, k in zip(due, known, strict=True)]
        lost = []
        for checkpoint, written in zip(due, self._state.save_checkpoints(pairs), strict=True):
            if isinstance(written, Conflict):
                self._known.pop(checkpoint.rule, None)
                lost.append(checkpoint.rule)
            else:
                self._known[checkpoint.rule] = Versioned(checkpoint, written)
                self._stored[checkpoint.rule] = checkpoint.evaluated
        return lost


def _same(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether only what a crash may forget differs: how far it is evaluated, and when keys were seen last."""
    if (one.meaning, one.covered, one.first_event, one.seen) != (
        other.meaning, other.covered, other.first_event, other.seen,
    ):  # fmt: skip
        return False
    if one.keys == other.keys:
        return True
    return one.keys.keys() == other.keys.keys() and all(
        replace(memory, last_seen=other.keys[key].last_seen) == other.keys[key] for key, memory in one.keys.items()
    )
