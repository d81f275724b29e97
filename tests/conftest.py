"""Fixtures shared by all tests: real servers, started when a test first asks, and a summary of what was left out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import elastic
from tests.servers.elastic import Node
from tests.servers.home import Missing
from tests.support import leftout
from tests.support.slack import Slack

_used: dict[str, Node] = {}
_versions: set[str] = set()
"""Of the servers that other processes of this run used."""
_failed: dict[str, Missing] = {}


@pytest.fixture(scope="session")
def es() -> Node:
    """Return Elasticsearch 8.19.9 without security: ``.url``, ``.version``, ``.environment()``, ``.request()``."""
    return _node("es8")


@pytest.fixture(scope="session")
def es9() -> Node:
    """Return Elasticsearch 9.2.0 without security, for tests of several clusters."""
    return _node("es9")


@pytest.fixture(scope="session", params=["es8", "es9"])
def es_all(request: pytest.FixtureRequest) -> Node:
    """Return each plain Elasticsearch in turn, 8.19.9 and (where a Java 21 or newer is found) 9.2.0."""
    return _node(str(request.param))


@pytest.fixture(scope="session")
def es_secure() -> Node:
    """Return Elasticsearch 8.19.9 with TLS and users: ``.environment(user, by="ca"|"fingerprint")``, ``.password``."""
    return _node("es8-secure")


@pytest.fixture
def index_prefix() -> Iterator[str]:
    """Return a fresh prefix; indices beginning with it, or with ``alerter-`` and it, are dropped at the end.

    The least-privilege user may read indices that begin with it and write those that begin with ``alerter-`` and it.
    """
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    yield prefix
    for node in _used.values():
        if node.healthy():
            node.drop(prefix)
            node.drop(f"alerter-{prefix}")


@pytest.fixture(scope="session")
def slack_server() -> Iterator[Slack]:
    """Start this run's own stand-in; tests ask for ``slack``."""
    try:
        server = Slack()
    except Missing as missing:
        _failed["slack"] = missing
        leftout.leave_out(missing)
        raise AssertionError from missing
    yield server
    server.close()


@pytest.fixture
def slack(slack_server: Slack) -> Slack:
    """Return the Slack stand-in behind the fault proxy, with nothing planned and no message of an earlier test."""
    slack_server.renew()
    return slack_server


def _node(name: str) -> Node:
    if name in _failed:
        leftout.leave_out(_failed[name], may_miss=name == "es9")
    try:
        node = elastic.start(elastic.NODES[name])
    except Missing as missing:
        _failed[name] = missing
        leftout.leave_out(missing, may_miss=name == "es9" and "Java" in missing.what)
        raise AssertionError from missing
    _used[name] = node
    return node


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server by its fixtures, so that ``-m "not es and not slack"`` never forgets one."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if names & {"es", "es9", "es_all", "es_secure"}:
            item.add_marker(pytest.mark.es)
        if names & {"slack", "slack_server"}:
            item.add_marker(pytest.mark.slack)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process used and left out to the one that reports, where tests run in several."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["servers"] = [node.version for node in _used.values()]
        output["left_out"] = sorted(leftout.reasons)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what one of several processes used and left out."""
    output = getattr(node, "workeroutput", {})
    _versions.update(output.get("servers", ()))
    leftout.reasons.update(output.get("left_out", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers ran, and what was left out and how to get it."""
    versions = _versions | {node.version for node in _used.values()}
    if versions:
        terminalreporter.write_line("servers: " + ", ".join(f"Elasticsearch {version}" for version in sorted(versions)))
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())]
    for reason in sorted(leftout.reasons):
        count = sum(reason in text for text in skipped)
        terminalreporter.write_line(f"left out: {count} tests: {reason}", yellow=True)
