"""What is left of rules that nobody runs any more: their checkpoints, and by these their open incidents."""

from __future__ import annotations

from collections.abc import Iterable

from alerter.cluster.fleet import Fleet


class Leavings:
    """Tells which of the rules that have a checkpoint are to be ended here."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._before: set[str] = set()

    def falls_here(self, name: str) -> bool:
        """Whether no engine runs a rule, and this one is to look after what it left; a guest runs its own unseen."""
        fleet = self._fleet
        return not (fleet.runs(name) or fleet.view.known(name)) and fleet.chosen(name)

    def found(self, checkpointed: Iterable[str]) -> set[str]:
        """Return those that nobody runs now and that fall here."""
        return {name for name in checkpointed if self.falls_here(name)}

    def lasting(self, checkpointed: Iterable[str]) -> set[str]:
        """Return those that nobody ran the last time either: the engine that runs one may just be starting again."""
        before, self._before = self._before, self.found(checkpointed)
        return self._before & before
