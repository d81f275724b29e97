"""A folder with a rule and its test file, and the suite over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from alerter.config import Settings
from alerter.ruletest.load import Loaded, load_tests
from alerter.ruletest.suite import Result, Suite

RULE = """
    name: resets
    type: frequency
    index: logs
    num_events: 3
    timeframe: 1m
    realert: 2m
    domain: user
    filter: [{term: {kind.keyword: reset}}]
    """
ROUTES = """
    route:
      receiver: default
      routes:
        - {matchers: ['domain="user"'], receiver: user}
        - {matchers: ['domain="order"'], receiver: order}
    receivers:
      - {name: default, console: {}}
      - {name: user, slack: {channel: "#user"}}
      - {name: order, slack: {channel: "#order"}}
    """
FOUR = "{at: 10:00:01, repeat: {count: 4, every: 10s}, document: {kind: reset}}"
"""Events at 10:00:01, :11, :21 and :31: the rule matches at 10:00:21 with three of them."""


class Folder:
    """Writes files into a folder and runs its tests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rule = path / "resets.yaml"
        self.tests = path / "resets.test.yaml"
        self.write("resets.yaml", RULE)
        self.write("routes/routes.yaml", ROUTES)

    def write(self, name: str, text: str) -> Path:
        """Write a file, without the text's common indentation."""
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def load(self, text: str, name: str = "resets.test.yaml") -> Loaded:
        """Write and read a test file."""
        return load_tests([self.write(name, text)])

    def run(self, text: str, routes: str = "routes") -> list[Result]:
        """Write and run a test file."""
        loaded = self.load(text)
        assert not loaded.diagnostics, [d.text() for d in loaded.diagnostics]
        results: list[Result] = []
        Suite(Settings(), (self.path / routes,)).run(loaded.files, results.append)
        return results

    def one(self, *lines: str, start: str = "2026-03-10T10:00:00Z") -> Result:
        """Run one test, given by its lines below ``name`` and ``start``."""
        body = "".join(f"    {line}\n" for text in lines for line in dedent(text).strip("\n").splitlines())
        text = f"tests:\n  - name: a test\n    start: {start}\n{body}"
        (result,) = self.run(text)
        return result


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a folder with the rule ``resets`` and routes."""
    return Folder(tmp_path)


@pytest.fixture
def messages(folder: Folder) -> Callable[..., list[str]]:
    """Return a function from a test's lines to the messages of its failures."""
    return lambda *lines: [f.message for f in folder.one(*lines).failures]
