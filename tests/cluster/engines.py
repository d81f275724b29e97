"""Several engines' memberships and leases on one state, each with its own monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from alerter.clock import ManualClock
from alerter.cluster.fleet import Fleet
from alerter.engine.checkpoints import Checkpoints
from alerter.model.incident import Checkpoint, digest
from alerter.model.member import RuleSet
from alerter.state.protocol import State

TTL = 6_000
NOW = 1_800_000_000_000


def ruleset(*names: str, definition: str = "d") -> RuleSet:
    named = tuple((name, definition) for name in sorted(names))
    return RuleSet(digest(named), named)


@dataclass
class Engine:
    """One engine; ``clock`` starts wherever its machine's does."""

    name: str
    state: State
    rules: tuple[str, ...]
    version: str = "1"
    offset: int = 0
    guest: bool = False
    clock: ManualClock = field(init=False)
    fleet: Fleet = field(init=False)
    leases: Checkpoints = field(init=False)

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW + self.offset)
        self.start()

    def start(self) -> None:
        """Begin as a process does that knows nothing."""
        self.fleet = Fleet(self.state, self.clock, self.name, TTL, self.version, guest=self.guest)
        self.fleet.run(ruleset(*self.rules))
        self.leases = Checkpoints(self.state, 0, self.fleet)

    def take(self) -> list[str]:
        """Take what this engine shall evaluate, as a tick does; returns what it holds then."""
        wanted = [name for name in self.rules if self.fleet.chosen(name)]
        self.leases.release([name for name in self.rules if name not in wanted])
        held = self.leases.read(wanted)
        self.leases.save(
            Checkpoint(name, "m", NOW, NOW)
            for name in wanted
            if name not in held.checkpoints and name not in held.elsewhere
        )
        return [name for name in self.rules if self.leases.holds(name)]


def beat_all(*engines: Engine, seconds: int = 2) -> None:
    """Let time pass for everybody, and everybody beat."""
    for engine in engines:
        engine.clock.advance(seconds * 1_000)
        engine.fleet.beat()
