"""The five that are compared: alerter, three settings of ElastAlert 2, and two floors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peer as elastalert
from benchmarks.answers import Firsts
from benchmarks.generate import Event, write_rules
from benchmarks.peer import BUFFERS, Peer
from benchmarks.server import Server
from benchmarks.trial import PREFIX, PYTHON, Launch

PAGE = 1_000
ROUTES = 'receivers:\n  - name: hook\n    webhook: {{url: "{url}"}}\nroute: {{receiver: hook}}\n'
MakeRules = Callable[[bool], Sequence[Event]]
"""Returns the rules; with True as ElastAlert's count mode reads them."""


@dataclass(frozen=True)
class Place:
    """Where the files of a run are, the server, and where messages go."""

    server: Server
    folder: Path
    webhook: str

    def write(self, rules: Sequence[Event]) -> Path:
        """Write the rule files, and no others; return their folder."""
        folder = self.folder / "rules"
        for old in folder.glob("*.yaml"):
            old.unlink()
        write_rules(folder, rules)
        return folder

    def project(self, rules: Sequence[Event], http_port: int = 0) -> Path:
        """Write rules, routes and settings of alerter; return the settings file."""
        self.write(rules)
        routes = self.folder / "notifiers" / "routes.yaml"
        routes.parent.mkdir(exist_ok=True)
        routes.write_text(ROUTES.format(url=self.webhook))
        settings = {"rules": "rules", "notifiers": "notifiers", "state_index": PREFIX, "http_port": http_port}
        file = self.folder / "alerter.yaml"
        file.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items()))
        return file


@dataclass
class Floor:
    """The same searches, the answers unread."""

    place: Place
    make: MakeRules
    newest: bool

    @property
    def name(self) -> str:
        """Return what it is called in tables."""
        return "floor, newest slice" if self.newest else "floor, whole windows"

    def prepare(self, port: int) -> Launch:
        """Write the rules."""
        rules = self.place.write(self.make(False))
        spec = {"url": f"http://127.0.0.1:{port}", "rules": str(rules), "slice": self.newest}
        return Launch([*PYTHON, "benchmarks.floor"], spec, os.environ)

    def firsts(self) -> Firsts:
        """Return nothing: it reads no answer."""
        return {}


@dataclass
class Engine:
    """alerter as it is run, but for the clock."""

    place: Place
    make: MakeRules
    name: str = "alerter"

    def prepare(self, port: int) -> Launch:
        """Write the project."""
        spec = {"url": f"http://127.0.0.1:{port}", "config": str(self.place.project(self.make(False)))}
        return Launch([*PYTHON, "benchmarks.engine_child"], spec, os.environ)

    def firsts(self) -> Firsts:
        """Return when the first incident of each rule and key opened, from the state index."""
        sources = [{name: {"terms": {"field": name}}} for name in ("rule", "key")]
        composite: dict[str, Any] = {"size": PAGE, "sources": sources}
        body = {"size": 0, "aggs": {"all": {"composite": composite, "aggs": {"at": {"min": {"field": "opened"}}}}}}
        self.place.server.ask("POST", f"{PREFIX}-incidents/_refresh")
        found: dict[tuple[str, str], int] = {}
        while True:
            answer = self.place.server.ask("POST", f"{PREFIX}-incidents/_search", body)["aggregations"]["all"]
            for bucket in answer["buckets"]:
                if bucket["key"]["rule"]:  # a digest of what a gap hid is no incident of a rule
                    found[(bucket["key"]["rule"], bucket["key"]["key"])] = int(bucket["at"]["value"])
            if "after_key" not in answer:
                return found
            composite["after"] = answer["after_key"]


@dataclass
class ElastAlert:
    """ElastAlert 2, in one of its settings: ``stock``, ``lean`` or ``count``."""

    place: Place
    make: MakeRules
    peer: Peer
    mode: str

    @property
    def name(self) -> str:
        """Return what it is called in tables."""
        return f"ElastAlert {self.mode}"

    def prepare(self, port: int) -> Launch:
        """Write rules and configuration, create its indices."""
        rules = self.place.write(self.make(self.mode == "count"))
        file = self.place.folder / "elastalert.yaml"
        elastalert.configure(self.place.server, self.peer, file, rules, PREFIX, BUFFERS[self.mode], port)
        command = [str(self.peer.bin / "python"), "-P", "-m", "benchmarks.peer_child"]
        return Launch(command, {"config": str(file)}, elastalert.environment(self.place.server))

    def firsts(self) -> Firsts:
        """Return its first matches; of ``count`` nothing, whose times are those of its runs."""
        if self.mode == "count":
            return {}
        rules: Mapping[str, Event] = {str(rule["name"]): rule for rule in self.make(False)}
        return elastalert.firsts(self.place.server, PREFIX, rules)
