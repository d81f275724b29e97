"""Many seeds of a kind, one after the other, and what was wrong with which."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.simulation.history import History
from tests.simulation.judge import judge


@dataclass
class Runs:
    """What came of some seeds; ``wrong`` by the command that shows it again, ``seconds`` of CPU time."""

    kind: str
    histories: int = 0
    faults: int = 0
    incidents: int = 0
    messages: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        """Return the totals in a line."""
        each = self.seconds * 1000 / max(self.histories, 1)
        return (
            f"{self.kind}: {self.histories} histories, {self.faults} faults, {self.incidents} incidents, "
            f"{self.messages} messages, {len(self.wrong)} wrong, {each:.1f} ms each"
        )


def run(kind: str, seeds: Iterable[int]) -> Runs:
    """Run seeds and judge them."""
    runs, began = Runs(kind), time.process_time()
    with quiet():
        for seed in seeds:
            history = History(kind, seed)
            history.run()
            wrong = judge(history)
            runs.histories += 1
            runs.faults += history.happened
            runs.incidents += len(history.store.values("incidents"))
            runs.messages += len(history.space.messages)
            if wrong:
                runs.wrong[f'python -m tests.simulation --kind "{kind}" --seed {seed} --trace'] = wrong
    runs.seconds = time.process_time() - began
    return runs


def traced(kind: str, seed: int) -> Iterator[str]:
    """Yield everything that happens in one history, what is left of it at the end, and what is wrong."""
    history = History(kind, seed, traced=True)
    history.run()
    yield from history.trace
    for incident in history.store.values("incidents"):
        yield f"incident {incident.id[:6]} of {incident.rule} {incident.key}: {incident.state}"
        for d in incident.deliveries:
            told = [message.ts for message in history.space.told(d.id)]
            yield f"  {d.id[:6]} {d.kind} to {d.receiver}: {d.state} ({d.reason}) {d.error}, posted as {told}"
    yield from (f"WRONG: {line}" for line in judge(history))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the engines' log, which is all about the faults, from costing time."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
