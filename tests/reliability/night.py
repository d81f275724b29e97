"""One engine through a night of faults, driven by hand: the Service of a process, a manual clock, no threads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alerter.clock import MINUTE, SECOND, ManualClock, Millis
from alerter.config import Settings, load_settings
from alerter.engine.tick import Failed, TickReport
from alerter.model.incident import DeliveryState, Incident, Kind
from alerter.notifiers.protocol import Notifier
from alerter.project import load_project
from alerter.service import Service
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.es_client import connect
from alerter.sources.protocol import Source
from alerter.state.elasticsearch import ElasticsearchState
from alerter.state.protocol import State
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso
from tests.delivery.fakes import FakeNotifier
from tests.servers.elastic import Node

T0: Millis = 1_773_140_400_000
STORM = """name: storm
type: frequency
index: {index}
num_events: 3
timeframe: 1m
realert: 5m
resolve_after: 2m
filter: [{{term: {{level: error}}}}]
"""
BESIDE = STORM.replace("name: storm", "name: beside").replace("level: error", "level: beside")
ROUTES = "route: {receiver: here}\nreceivers:\n  - name: here\n    console: {}\n"
BURST = (10, 20, 30)
MAPPING = {"properties": {"@timestamp": {"type": "date"}, "level": {"type": "keyword"}}}
QUIET = "lease: {ttl: 6s}\nquery_delay: 0s\nhttp_port: 0\ninstance: night\n"


@dataclass
class Files:
    """What an engine is started with; written into a folder of its own."""

    rules: Mapping[str, str]
    routes: str = ROUTES
    settings: str = QUIET

    def write(self, folder: Path) -> None:
        """Write rules, routes and settings."""
        named = {f"rules/{name}.yaml": text for name, text in self.rules.items()}
        named |= {"notifiers/routes.yaml": self.routes}
        named["alerter.yaml"] = f"rules: rules\nnotifiers: notifiers\n{self.settings}"
        for name, text in named.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


class Night:
    """An engine with its clock. ``minute`` lets events happen, delivers every ``step`` seconds, and evaluates."""

    def __init__(
        self,
        folder: Path,
        files: Files,
        *,
        environ: Mapping[str, str] | None = None,
        now: Millis = T0,
        step: int = 10,
        notifier: Notifier | None = None,
    ) -> None:
        files.write(folder)
        self.settings: Settings = load_settings(str(folder / "alerter.yaml"), environ or {})
        self.clock = ManualClock(now // MINUTE * MINUTE)
        self.step = step
        self.notifier = notifier
        self.diary: list[list[dict[str, Any]]] = []
        self.source, self.state = self.parts()
        self.failures: list[Failed] = []
        self.start()

    def parts(self) -> tuple[Source, State]:
        """Return source and state of a first process."""
        raise NotImplementedError

    def start(self) -> None:
        """Start a process over what there is, as the runner does."""
        project = load_project(self.settings)
        assert not project.errors, [d.text() for d in project.errors]
        self.service = Service(self.settings, project, self.source, self.state, self.clock)
        self.state.init()
        self.service.fleet.beat()
        self.service.forget_removed()
        self.deaf()
        self.tick(punctual=False)

    def deaf(self) -> None:
        """Let the test's notifier take the place of every receiver."""
        if self.notifier is not None:
            self.service.courier.notifiers = dict.fromkeys(self.service.courier.notifiers, self.notifier)

    def tick(self, *, punctual: bool = True) -> TickReport | None:
        """Evaluate all rules now."""
        report = self.service.tick(self.service.project.rules, punctual=punctual)
        self.failures = list(report.failures) if report else []
        return report

    def put(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Make documents visible to the source."""
        raise NotImplementedError

    def happen(self, *seconds: float, **fields: Any) -> None:
        """Let events happen in the minute that begins now."""
        found = [{"@timestamp": iso(self.clock.now() + round(s * 1000)), "level": "error", **fields} for s in seconds]
        self.diary.append(found)
        self.put(found)

    def minute(self, *seconds: float) -> TickReport | None:
        """Live one minute in which events happen, with delivery passes, and evaluate it at its end."""
        end = self.clock.now() // MINUTE * MINUTE + MINUTE
        self.happen(*seconds)
        while self.clock.now() < end:
            self.clock.advance(min(self.step * SECOND, end - self.clock.now()))
            self.service.renew()
            self.service.deliver()
        report = self.tick()
        self.service.deliver()
        return report

    def minutes(self, *each: tuple[float, ...]) -> None:
        """Live several minutes, each with its events."""
        for seconds in each:
            self.minute(*seconds)

    # --- what there is afterwards ------------------------------------------------------------------------------

    def incidents(self) -> list[Incident]:
        """Return all incidents of rules, oldest first; digests left out."""
        found = [stored.value for stored in self.state.incidents()]
        return sorted((i for i in found if i.type != "digest"), key=lambda i: (i.opened, i.rule))

    def story(self) -> list[tuple[str, float, float | None, int]]:
        """Return rule, minutes of opening and of resolution, and announced matches of each incident."""
        start = self.began()

        def minutes(at: Millis | None) -> float | None:
            return None if at is None else (at - start) / MINUTE

        return [(i.rule, minutes(i.opened) or 0.0, minutes(i.resolved), i.matches) for i in self.incidents()]

    def began(self) -> Millis:
        """Return the instant of the first minute."""
        return self.clock.now() // MINUTE * MINUTE - len(self.diary) * MINUTE

    def evaluated(self) -> dict[str, float]:
        """Return how far each rule is evaluated, in minutes before now, as this engine knows it."""
        names = [rule.name for rule in self.service.project.rules]
        held = self.service.checkpoints.read(names).checkpoints
        return {name: (self.clock.now() - stored.value.evaluated) / MINUTE for name, stored in held.items()}

    def outcomes(self) -> list[tuple[str, str]]:
        """Return kind and state of every message, by time."""
        found = [d for stored in self.state.incidents() for d in stored.value.deliveries]
        return [(str(d.kind), str(d.state)) for d in sorted(found, key=lambda d: (d.at, d.kind))]

    def ready(self) -> tuple[int, str]:
        """Return what /readyz says."""
        status, _, body = self.service.health.pages()["/readyz"]()
        return status, body.decode().strip()

    def metric(self, line: str) -> float:
        """Return a sample of /metrics by its name and labels; 0 when it is not there."""
        text = self.service.health.pages()["/metrics"]()[2].decode()
        found = [row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(f"{line} ")]
        return float(found[0]) if found else 0.0

    def check(self) -> None:
        """Nothing lost and nothing doubled: all told once, the checkpoints up to now, the engine ready."""
        assert self.ready()[0] == 200, self.ready()
        assert set(self.evaluated().values()) == {0.0}
        assert not self.state.unfinished()
        digests = sum(stored.value.type == "digest" for stored in self.state.incidents())
        for incident in self.incidents():
            states = {d.kind: d.state for d in incident.deliveries if d.state is not DeliveryState.DROPPED}
            told = states.get(Kind.FIRING) is DeliveryState.SENT
            assert told or digests, f"{incident.rule} {iso(incident.opened)} was told to nobody"
            assert set(states.values()) <= {DeliveryState.SENT}, states
            if told and incident.resolved is not None and not incident.quiet_close:
                assert states.get(Kind.RESOLVED) is DeliveryState.SENT, f"the end of {incident.rule} was not told"
        if isinstance(self.notifier, FakeNotifier):
            assert len(set(self.notifier.there)) * 2 >= len(self.notifier.there)  # a resolution edits and replies
            posts = [m.delivery.id for how, m in self.notifier.calls if how == "post"]
            assert len(posts) == len(set(posts)), "a message was posted twice"


class FileNight(Night):
    """Over documents in memory and SQLite in a file."""

    def __init__(self, folder: Path, *, rules: Mapping[str, str] | None = None, **options: Any) -> None:
        self.folder = folder
        texts = rules or {"storm": STORM.format(index="logs")}
        options.setdefault("notifier", FakeNotifier("console"))
        super().__init__(folder, options.pop("files", None) or Files(texts), **options)

    def parts(self) -> tuple[Source, State]:
        """Return an empty source and a new file."""
        return EmbeddedSource(properties=MAPPING["properties"]), SqliteState(str(self.folder / "state.db"))

    def put(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Add them to those in memory."""
        assert isinstance(self.source, EmbeddedSource)
        self.source.extend(documents)


class ClusterNight(Night):
    """Over a real Elasticsearch; the engine reaches it at ``url``, its events are put there directly."""

    def __init__(self, folder: Path, node: Node, url: str, prefix: str, **options: Any) -> None:
        self.node = node
        self.index = f"{prefix}-logs"
        self.prefix = prefix
        for index in (self.index, f"{prefix}-beside"):
            node.request("PUT", index, {"mappings": MAPPING, "settings": {"number_of_shards": 2}})
        rules = {"storm": STORM.format(index=f"{prefix}-logs*"), "beside": BESIDE.format(index=f"{prefix}-beside")}
        environ = {"ALERTER_ES_URL": url, "ALERTER_STATE_INDEX": f"{prefix}-own"}
        options = {"notifier": FakeNotifier("console"), "step": 20, **options}
        super().__init__(folder, Files(rules), environ=environ, **options)

    def parts(self) -> tuple[Source, State]:
        """Return source and state, each with a client of its own as in a process."""
        self.clients = [connect(self.settings.es), connect(self.settings.es)]
        return ElasticsearchSource(self.clients[0]), ElasticsearchState(self.clients[1], self.settings.state_index)

    def patience(self, seconds: float) -> None:
        """Let the clients wait so long for an answer."""
        for client in self.clients:
            client._request_timeout = seconds

    def put(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Index them, and the same for the rule beside."""
        lines: list[Any] = []
        for document in documents:
            lines += [{"index": {"_index": self.index}}, document]
            lines += [{"index": {"_index": f"{self.prefix}-beside"}}, {**document, "level": "beside"}]
        if lines:
            self.node.request("POST", "_bulk?refresh=true", lines)

    def close(self) -> None:
        """Close the clients."""
        self.source.close()
        self.state.close()


def calm(night: Night, folder: Path) -> list[tuple[str, float, float | None, int]]:
    """Return the story of the same minutes when nothing fails."""
    folder.mkdir()
    rules = {rule.name: (BESIDE if rule.name == "beside" else STORM).format(index="logs")
             for rule in night.service.project.rules}  # fmt: skip
    undisturbed = FileNight(folder, rules=rules, now=night.began())
    for documents in night.diary:
        both = [*documents, *({**d, "level": "beside"} for d in documents if "beside" in rules)]
        undisturbed.put(both)
        undisturbed.minute()
    undisturbed.diary = undisturbed.diary[: len(night.diary)]
    return undisturbed.story()


def settled(incident: Incident) -> Incident:
    """Return an incident without what a fault may change: how often and when it was written."""
    return replace(incident, revision=0, updated=0, deliveries=(), posts=())
