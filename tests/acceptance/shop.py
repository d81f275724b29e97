"""A project as a user has it: rules for two domains, routes, and the real ``alerter`` binary run from its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RULE = """
name: {name}
type: frequency
index: {index}
num_events: 3
timeframe: 1m
realert: {realert}
resolve_after: {resolve}
domain: {domain}
severity: critical
filter:
  - term: {{kind.keyword: {kind}}}
message:
  title: {name} title
"""
ROUTES = """
route:
  receiver: default
  routes:
    - matchers: [domain="user"]
      receiver: slack-user
    - matchers: [domain="order"]
      receiver: slack-order
receivers:
  - name: default
    slack: {channel: "#alerts"%s}
  - name: slack-user
    slack: {channel: "#alerts-user"%s}
  - name: slack-order
    slack: {channel: "#alerts-order"%s}
"""
SETTINGS = "rules: rules\nnotifiers: notifiers\nrun_every: 1s\nquery_delay: 0s\nbuffer_time: 1s\n"
TIMEOUT = 120


def binary() -> str:
    """Return the program to try: that of ALERTER_BIN (an installed wheel), else of this environment."""
    return os.environ.get("ALERTER_BIN") or str(Path(sys.executable).with_name("alerter"))


class Shop:
    """One folder, one state, one index of events."""

    def __init__(self, folder: Path, node: Any, prefix: str, access: Mapping[str, str], **settings: str) -> None:
        self.folder = folder
        self.node = node
        self.index = f"{prefix}-events"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ALERTER_STATE_INDEX": f"alerter-{prefix}",
            "ALERTER_HTTP_PORT": "0",
            **access,
        }
        self._settings = {"realert": "1h", "resolve": "2s", **settings}
        for domain in ("user", "order"):
            self.rule(domain)
        self.write("notifiers/routes.yaml", ROUTES % ("", "", ""))
        self.write("alerter.yaml", SETTINGS)

    def rule(self, domain: str, **changes: str) -> None:
        """Write the rule of a domain."""
        values = {"name": f"{domain} storm", "index": self.index, "domain": domain, "kind": domain, **self._settings}
        self.write(f"rules/{domain}/storm.yaml", RULE.format(**{**values, **changes}))

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the binary; fails when the exit code is another one (None takes any)."""
        done = subprocess.run(
            [binary(), *arguments], cwd=self.folder, env=self.environ, text=True, capture_output=True, timeout=TIMEOUT
        )
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr + done.stdout
        return done

    def happen(self, kind: str, number: int = 3, **fields: Any) -> None:
        """Let events happen now, visible at once."""
        self._create()
        lines: list[Any] = []
        for n in range(number):
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            lines += [{"index": {}}, {"@timestamp": at, "kind": kind, "n": n, **fields}]
        self.node.bulk(self.index, lines)

    def _create(self) -> None:
        self.node.ensure(self.index)


class Cluster:
    """What the tests do to the events' index, by whoever may."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ensure(self, index: str) -> None:
        """Create the index when it is missing."""
        if not self._client.indices.exists(index=index):
            self._client.indices.create(index=index, mappings={"properties": {"@timestamp": {"type": "date"}}})

    def bulk(self, index: str, lines: list[Any]) -> None:
        """Write the lines and make them visible."""
        answer = self._client.bulk(index=index, operations=lines, refresh=True)
        assert not answer["errors"]
