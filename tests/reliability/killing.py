"""The harness that kills an engine at one step, starts it again, and judges what came of it."""

from __future__ import annotations

import queue
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.child import AFTER, BEFORE, UNCOMMITTED
from tests.reliability.process import TRACE, Process, TooLong, until
from tests.reliability.stage import KEYED, PLAIN, Chapter, ElasticStore, FileStore, Stage
from tests.reliability.trap import Moment, Trap, TrappedElastic, TrappedSlack
from tests.servers.elastic import Node
from tests.servers.standin import TOKEN
from tests.support.client import client_of

TOGETHER = 8
"""Runs side by side: most of their time they wait."""
ONCE_EACH = {"[FIRING]": 1, "[REPEAT]": 1, "[RESOLVED]": 1}
PERIODIC = ("state: member", "state: heartbeat", "UPDATE members", "INSERT heartbeats")
FEW = 2
"""Of what is written again and again just the same, so many are steps of their own."""


@dataclass(frozen=True)
class Point:
    """Where a process is killed: at the ``nth`` step of a name, before, within or after it."""

    step: str
    nth: int
    moment: Moment | str

    def __str__(self) -> str:
        """Return the point in words."""
        moment = self.moment if isinstance(self.moment, str) else self.moment.value
        return f"{self.step} #{self.nth}, {moment}"


CALM = Point("", 1, Moment.ARRIVED)


@dataclass
class Ending:
    """What came of a run."""

    point: Point
    killed: bool
    steps: list[str]
    story: list[Chapter]
    problems: list[str] = field(default_factory=list)
    repeats: int = 0
    log: str = ""


def points(steps: Iterable[str], moments: Sequence[Moment | str]) -> list[Point]:
    """Return every step of a calm run, with the occurrences of each name counted, at each of the moments."""
    counts: Counter[str] = Counter()
    found = []
    for step in steps:
        counts[step] += 1
        if not step.startswith(PERIODIC) or counts[step] <= FEW:
            found += [Point(step, counts[step], moment) for moment in moments if _differs(step, moment)]
    return found


def calm_steps(endings: Sequence[Ending]) -> list[str]:
    """Return the steps that all these calm runs took, each as often as in every one; the order is that of the first."""
    common = Counter(endings[0].steps)
    for ending in endings[1:]:
        common &= Counter(ending.steps)
    taken: Counter[str] = Counter()
    found = []
    for step in endings[0].steps:
        taken[step] += 1
        found += [step] if taken[step] <= common[step] else []
    return found


def _differs(step: str, moment: Moment | str) -> bool:
    """Whether a death at that moment leaves something else behind than one before the next statement."""
    return moment != AFTER or not step.endswith(UNCOMMITTED)


class Bench:
    """Proxies and channels that one run at a time may use."""

    def __init__(self, folder: Path, slack_url: str, node: Node | None) -> None:
        self._folder, self._node = folder, node
        name = f"k-{uuid.uuid4().hex[:6]}"
        self._channels = (f"{name}-bot", f"{name}-hook")
        first = TrappedSlack(slack_url, TOKEN)
        for channel in self._channels:
            first.ask("conversations.create", name=channel)
        first.close()
        self._slack = TrappedSlack(slack_url, TOKEN)
        self._elastic = TrappedElastic(node.url) if node else None
        self._client = client_of(node) if node else None

    def close(self) -> None:
        """Close the proxies."""
        for proxy in (self._slack, self._elastic):
            if proxy is not None:
                proxy.close()
        if self._client is not None:
            self._client.close()

    def run(self, point: Point) -> Ending:
        """Play the story, the engine killed at a point and started again, and judge."""
        folder = self._folder / uuid.uuid4().hex[:8]
        folder.mkdir(parents=True)
        self._slack.clear()
        trap = Trap(point.step, point.nth, point.moment) if isinstance(point.moment, Moment) else Trap()
        self._slack.trap = trap
        if self._client is None or self._elastic is None:
            ending = self._play(point, trap, Stage(folder, FileStore(folder), self._slack, *self._channels))
        else:
            store = ElasticStore(self._client, f"test-{folder.name}", self._elastic.url)
            self._elastic.clear()
            self._elastic.prefix, self._elastic.trap = store.prefix, trap
            try:
                ending = self._play(point, trap, Stage(folder, store, self._slack, *self._channels))
            finally:
                store.drop()
        shutil.rmtree(folder)
        return ending

    def _play(self, point: Point, trap: Trap, stage: Stage) -> Ending:
        steps = stage.folder / "steps"
        environ = {**stage.environ, "STEP_LOG": str(steps)}
        child = (sys.executable, "-m", "tests.reliability.child") if self._node is None else ()
        engine = Process(stage.folder, environ, child)
        trap.kill = engine.kill
        suicide = {} if isinstance(point.moment, Moment) else _suicide(point)
        ending = Ending(point, killed=False, steps=trap.steps, story=[])
        try:
            engine.start(**suicide)
            _drive(engine, stage)
            ending.story = stage.story()
            ending.problems = [*_judge(ending, stage), *stage.loose_ends()]
        except TooLong as late:
            ending.problems = [f"{late}\n{engine.log()}"]
        finally:
            engine.kill()
            engine.wait()
        ending.killed = engine.starts > 1
        ending.log = engine.log()
        ending.problems += [line for line in ending.log.splitlines() if TRACE in line or "a bug" in line]
        ending.steps = [*(steps.read_text().splitlines() if steps.exists() else ()), *trap.steps]
        return ending


def _suicide(point: Point) -> dict[str, str]:
    return {"KILL_STEP": point.step, "KILL_NTH": str(point.nth), "KILL_MOMENT": str(point.moment)}


def _drive(engine: Process, stage: Stage) -> None:
    """Begin, let things happen, come to rest, stop; what was killed on the way is started again, once.

    Nothing is taken for done before the process has begun: until then it would not hear that it is to stop.
    """

    def alive(condition: Callable[[], bool]) -> Callable[[], bool]:
        def found() -> bool:
            if not engine.running:
                if engine.code != -9 or engine.starts > 1:
                    raise TooLong(f"the engine ended by itself: {engine.code}\n{engine.log()}")
                engine.start()
            return engine.joined("one") and condition()

        return found

    until(alive(stage.ready), "both rules begin")
    stage.happen()
    until(alive(stage.at_rest), "all is told")
    if engine.stop() == -9:
        engine.start()
        until(alive(stage.at_rest), "all is told")
        engine.stop()
    if engine.code != 0:
        raise TooLong(f"the clean stop ended with {engine.code}")


def _judge(ending: Ending, stage: Stage) -> list[str]:
    """The bot can read back what it posted: exactly once. The webhook cannot: at most one message twice."""
    bot, hook = stage.told(KEYED), stage.told(PLAIN)
    found = [] if bot == ONCE_EACH else [f"the bot told {dict(bot)}"]
    ending.repeats = sum(hook.values()) - len(ONCE_EACH)
    if set(hook) != set(ONCE_EACH) or ending.repeats > (1 if ending.point.step else 0):
        found.append(f"the webhook told {dict(hook)}")
    roots = stage.roots()
    if len(roots) != 1 or not roots[0].startswith("[RESOLVED]"):
        found.append(f"the bot's channel shows {roots}")
    return found


def run_all(benches: Sequence[Bench], wanted: Sequence[Point]) -> list[Ending]:
    """Run all points, as many side by side as there are benches; a point that was not reached is tried once more."""
    free: queue.Queue[Bench] = queue.Queue()
    for bench in benches:
        free.put(bench)

    def run(point: Point) -> Ending:
        bench = free.get()
        try:
            ending = bench.run(point)
            return ending if ending.killed or not point.step else bench.run(point)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(benches)) as pool:
        return list(pool.map(run, wanted))


SQL_MOMENTS = (BEFORE, AFTER)
