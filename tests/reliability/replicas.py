"""Several real engines on one index, harmed at random: ``python -m tests.reliability.replicas --seed N``."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alerter.clock import MINUTE, SECOND, Millis
from alerter.config import load_settings
from alerter.engine.dryrun import dry_run
from alerter.model.incident import DeliveryState, Incident
from alerter.project import load_project
from alerter.sources.open import open_source
from alerter.timetext import iso
from tests.reliability import fleet_records as records
from tests.reliability.process import TRACE, Process, TooLong, until
from tests.reliability.stage import ElasticStore
from tests.servers import standin
from tests.servers.elastic import NODES, Node, start
from tests.servers.standin import TOKEN
from tests.support.client import client_of
from tests.support.slack_proxy import SlackProxy

NAMES = ("north", "south", "west")
RULES = tuple(f"rule {n}" for n in range(6))
RULE = """name: {name}
type: frequency
index: {index}
num_events: 3
timeframe: 1s
realert: 500ms
resolve_after: 1s
domain: "{name}"
filter: [{{term: {{kind: "{name}"}}}}]
"""
SETTINGS = """rules: ../rules
notifiers: ../notifiers
run_every: 1s
query_delay: 0s
buffer_time: 1s
lease: {{ttl: {ttl}}}
delivery: {{first_look: 200ms, second_look: 600ms}}
watch: {{engine_lost: off, rules_failing: off, rules_differ: off, outbox_old: off, catch_up_cut: off}}
http_port: 0
"""
DRAINED = 180.0
"""Seconds in which the edits, 40 a minute for all engines together, are made."""
Told = tuple[str, object, Millis, Millis | None, tuple[tuple[str, Millis], ...]]


@dataclass(frozen=True)
class Blow:
    """What is done to an engine: at a second, of a kind, undone after some seconds."""

    at: float
    engine: int
    kind: str
    length: float


def blows(rng: random.Random, engines: int, seconds: float) -> list[Blow]:
    """Return what happens to each engine, one thing after the other; engines are harmed independently."""
    found = []
    for engine in range(engines):
        at = rng.uniform(1, 4)
        while at < seconds - 4:
            kind = rng.choice(("kill", "pause", "cut", "stop"))
            length = rng.uniform(0, 5) if kind in ("kill", "stop") else rng.uniform(3, 6)
            found.append(Blow(at, engine, kind, length))
            at += length + rng.uniform(2, 7)
    return sorted(found, key=lambda blow: blow.at)


@dataclass
class Outcome:
    """What came of a night; empty ``problems``: every promise was kept."""

    seed: int
    blows: Sequence[Blow]
    incidents: int = 0
    messages: int = 0
    repeats: int = 0
    takeovers: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    logs: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Return it in a line."""
        slowest = f"{max(self.takeovers):.1f} s" if self.takeovers else "none"
        harmed = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(b.kind for b in self.blows).items()))
        told = f"{self.incidents} incidents, {self.messages} messages, {self.repeats} of them twice"
        return f"seed {self.seed}: {told}; {harmed}; slowest take-over {slowest}; {len(self.problems)} problems"


class Replica:
    """An engine with its own way to Elasticsearch."""

    def __init__(self, folder: Path, name: str, ttl: str, store: ElasticStore, node: Node, slack: SlackProxy) -> None:
        self.name = name
        folder = folder / name
        folder.mkdir()
        (folder / "alerter.yaml").write_text(SETTINGS.format(ttl=ttl))
        self.proxy = records.Recorder(node.url, name, store.prefix)
        environ = {
            **store.environ, "ALERTER_ES_URL": self.proxy.url, "ALERTER_INSTANCE": name,
            "ALERTER_SLACK_BASE_URL": slack.base_url, "ALERTER_SLACK_TOKEN": TOKEN,
        }  # fmt: skip
        self.process = Process(folder, environ)

    def harm(self, kind: str) -> None:
        """Do it."""
        if kind == "cut":
            self.proxy.down()
        else:
            self.process.signal({"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "stop": signal.SIGTERM}[kind])

    def heal(self, kind: str) -> None:
        """Undo it."""
        if kind == "cut":
            self.proxy.up()
        elif kind == "pause":
            self.process.signal(signal.SIGCONT)
        else:
            self.process.wait()
            self.process.start()


class Fleet:
    """Two or three engines on one index, what happens to them, and what is expected."""

    def __init__(self, folder: Path, node: Node, slack_url: str, engines: int, *, ttl: str = "2s") -> None:
        self._client = client_of(node)
        self._store = ElasticStore(self._client, f"test-{random.getrandbits(48):012x}", node.url)
        first = SlackProxy(slack_url, TOKEN)
        channels = {rule: f"{self._store.index[-20:-7]}-{n}" for n, rule in enumerate(RULES)}
        for channel in channels.values():
            first.ask("conversations.create", name=channel)
        first.close()
        self._slack = SlackProxy(slack_url, TOKEN)
        self._folder = folder
        _write_project(folder, self._store.index, channels)
        self.replicas = [Replica(folder, name, ttl, self._store, node, self._slack) for name in NAMES[:engines]]
        self._zero = self._end = 0
        self.ended: list[tuple[str, float]] = []
        self.woken: list[tuple[str, float]] = []

    def close(self) -> None:
        """End everything."""
        for replica in self.replicas:
            replica.process.kill()
            replica.process.wait()
            replica.proxy.close()
        self._slack.close()
        self._store.drop()
        self._client.close()

    def start(self) -> None:
        """Start all engines; returns once every rule has begun."""
        for replica in self.replicas:
            replica.process.start()
        for replica in self.replicas:
            until(lambda one=replica: one.process.joined(one.name), f"{replica.name} joins")
        with self._store.state() as state:
            until(lambda: len(state.checkpoints(RULES)) == len(RULES), "every rule begins")

    def happen(self, rng: random.Random, seconds: float) -> None:
        """Write all events of the coming seconds now, at their times: none of them is ever late.

        Every second rule has a key, and an incident for each burst; the others' incidents fire again.
        """
        self._zero = time.time_ns() // 1_000_000 + SECOND
        events = []
        for rule in RULES:
            at = rng.uniform(0, 6)
            while at < seconds:
                bursts = (0.0, 0.6) if rng.random() < 0.3 else (0.0,)
                times = [self._zero + round((at + b) * SECOND) + 10 * n for b in bursts for n in range(3)]
                events += [{"@timestamp": iso(t), "kind": rule, "user": f"user at {at:.3f}"} for t in times]
                at += rng.uniform(6, 12)
        self._store.put(events)
        self._end = self._zero + round(seconds * SECOND) + 5 * SECOND

    def expected(self) -> list[Told]:
        """Return what a dry run over the same events says."""
        settings = load_settings(str(self._folder / self.replicas[0].name / "alerter.yaml"), self._store.environ)
        project = load_project(settings)
        assert not project.errors
        source = open_source(settings)
        try:
            runs = [dry_run(r, source, project.routing, self._zero - MINUTE, self._end) for r in project.rules]
        finally:
            source.close()
        return sorted(_told(incident) for run in runs for incident in run.incidents)

    def live(self, plan: Sequence[Blow], seconds: float) -> None:
        """Let the time pass, with its blows; at the end everybody is well again."""
        begun, pause = time.monotonic(), threading.Event()
        acts = [(b.at, True, b) for b in plan] + [(b.at + b.length, False, b) for b in plan]
        for at, harms, blow in sorted(acts, key=lambda act: act[0]):
            pause.wait(max(0.0, begun + at - time.monotonic()))
            replica, now = self.replicas[blow.engine], time.monotonic()
            if harms:
                replica.harm(blow.kind)
                self.ended += [(replica.name, now)] if blow.kind == "kill" else []
            else:
                self.woken += [(replica.name, now)] if blow.kind == "pause" else []
                replica.heal(blow.kind)
        pause.wait(max(0.0, begun + seconds - time.monotonic()))

    def settle(self, expected: Sequence[Told]) -> None:
        """Wait until all that is expected is told, to the last time that an incident fires again. Raises TooLong."""

        def done() -> bool:
            found = self._incidents()
            over = [_told(i) for i in found if i.resolved is not None and not i.outbox and not i.stale_posts]
            return sorted(over) == expected and len(over) == len(found)

        until(done, "all is told", DRAINED)

    def stop(self) -> list[str]:
        """Stop all engines cleanly; returns who did not."""
        for replica in self.replicas:
            replica.process.signal(signal.SIGTERM)
        return [f"{r.name} ended with {r.process.code}" for r in self.replicas if r.process.wait() != 0]

    # --- what came of it ---------------------------------------------------------------------------------------

    def writes(self) -> list[records.Write]:
        """Return what all engines wrote."""
        return [write for replica in self.replicas for write in replica.proxy.writes()]

    def judge(self, expected: Sequence[Told], outcome: Outcome) -> None:
        """Hold what happened against the promises."""
        incidents, writes = self._incidents(), self.writes()
        found = sorted(_told(incident) for incident in incidents)
        problems = [f"not expected: {one}" for one in found if one not in expected]
        problems += [f"missing: {one}" for one in expected if one not in found]
        posts = self._slack.accepted("chat.postMessage")
        counts = Counter(str(p.request.payload["metadata"]["event_payload"]["delivery"]) for p in posts)
        ids = {d.id: d for i in incidents for d in i.deliveries}
        problems += [f"not sent: {d}" for d in ids.values() if d.state is not DeliveryState.SENT or not counts[d.id]]
        problems += [f"nobody's message: {id}" for id in counts if id not in ids]
        problems += [f"told {n} times: {ids[id]}" for id, n in counts.items() if n > 2 and id in ids]
        outcome.repeats = sum(n - 1 for n in counts.values())
        if outcome.repeats > len(outcome.blows):
            problems.append(f"{outcome.repeats} messages twice, more than anything was harmed")
        outcome.incidents, outcome.messages = len(incidents), len(ids)
        problems += records.shared_epochs(writes) + records.set_back(writes)
        problems += records.written_asleep(writes, self.woken)
        problems += [f"checkpoint deleted: {r}" for replica in self.replicas for r in replica.proxy.dropped(RULES)]
        with self._store.state() as state:
            held = [rule for rule, v in state.checkpoints(RULES).items() if v.value.owner]
            problems += [f"still held: {held}"] if held else []
        for replica in self.replicas:
            lines = replica.process.log().splitlines()
            problems += [f"{replica.name}: {line}" for line in lines if TRACE in line or "a bug" in line]
        outcome.takeovers = records.takeovers(writes, self.ended)
        outcome.problems += problems

    def logs(self) -> str:
        """Return what all engines said."""
        return "\n".join(f"== {r.name}\n{r.process.log()}" for r in self.replicas)

    def _incidents(self) -> list[Incident]:
        with self._store.state() as state:
            return [stored.value for stored in state.incidents()]


def night(folder: Path, node: Node, slack_url: str, *, engines: int, seed: int, seconds: float) -> Outcome:
    """Let some engines live through a seeded night."""
    rng = random.Random(seed)
    plan = blows(rng, engines, seconds)
    outcome = Outcome(seed, plan)
    fleet = Fleet(folder, node, slack_url, engines)
    try:
        fleet.start()
        fleet.happen(rng, seconds)
        expected = fleet.expected()
        fleet.live(plan, seconds)
        try:
            fleet.settle(expected)
            outcome.problems += fleet.stop()
        except TooLong as late:
            outcome.problems.append(str(late))
        fleet.judge(expected, outcome)
    finally:
        outcome.logs = fleet.logs()
        fleet.close()
    return outcome


def _write_project(folder: Path, index: str, channels: dict[str, str]) -> None:
    for name in ("rules", "notifiers"):
        (folder / name).mkdir()
    for number, rule in enumerate(RULES):
        keyed = "query_key: user\n" if number % 2 else ""
        (folder / "rules" / f"{number}.yaml").write_text(RULE.format(name=rule, index=index) + keyed)
    routes = [f"    - {{matchers: ['domain=\"{rule}\"'], receiver: '{rule}'}}" for rule in RULES]
    receivers = [f"  - {{name: '{rule}', slack: {{channel: '#{channel}'}}}}" for rule, channel in channels.items()]
    lines = ["route:", f"  receiver: '{RULES[0]}'", "  routes:", *routes, "receivers:", *receivers]
    (folder / "notifiers" / "routes.yaml").write_text("\n".join(lines) + "\n")


def _told(incident: Incident) -> Told:
    messages = tuple((str(d.kind), d.at) for d in incident.deliveries)
    return (incident.rule, str(incident.key), incident.opened, incident.resolved, messages)


def main() -> int:
    """Live through nights, seed after seed, until the time is over; prints each, and stops at a broken promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.replicas", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="go on with the next seed for so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", type=int, choices=(2, 3), help="2 and 3 in turn when it is not given")
    parser.add_argument("--seconds", type=float, default=60.0, help="the length of a night")
    asked = parser.parse_args()
    node, seed, end = start(NODES["es8"]), asked.seed, time.monotonic() + 60 * asked.minutes
    while True:
        slack = standin.start()  # answers no more than 5,000 requests
        try:
            with tempfile.TemporaryDirectory() as folder:
                engines = asked.engines or 2 + seed % 2
                outcome = night(Path(folder), node, slack.url, engines=engines, seed=seed, seconds=asked.seconds)
        finally:
            slack.stop()
        print(outcome, flush=True)
        if outcome.problems:
            print("\n".join([*outcome.problems, f"again: --seed {seed} --engines {engines} --seconds {asked.seconds}"]))
            print(outcome.logs)
            return 1
        if time.monotonic() > end:
            return 0
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
