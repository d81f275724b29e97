"""The engines that share the rules: what each says of itself, and which rules a set of rules holds."""

from __future__ import annotations

from dataclasses import dataclass

from alerter.clock import Millis


@dataclass(frozen=True)
class Member:
    """One engine process; its document is written anew every few seconds while it lives.

    ``session`` is new with every start of a process and every time it was expelled; leases name it. ``ruleset`` is the
    id of the RuleSet it runs. ``beats`` counts, so that every beat changes the document. Nobody compares ``started``
    (its own wall clock) with another clock. A ``guest`` evaluates only what is left over.
    """

    instance: str
    session: str
    started: Millis
    version: str
    ruleset: str = ""
    beats: int = 0
    guest: bool = False


@dataclass(frozen=True)
class RuleSet:
    """The names of the rules that engines with this ``id`` run, and how each is defined (a digest)."""

    id: str
    rules: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of its rules."""
        return frozenset(name for name, _ in self.rules)


@dataclass(frozen=True)
class Roster:
    """The names of all members, so that each can be read in real time, by its id."""

    instances: tuple[str, ...] = ()
