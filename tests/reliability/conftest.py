"""Fixtures of the faults' tests: an engine over a real Elasticsearch behind the fault proxy; no traceback is logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reliability.night import BURST, ClusterNight
from tests.servers.elastic import Node
from tests.support.elastic_proxy import ElasticProxy

Begin = Callable[[], ClusterNight]


@pytest.fixture
def proxy(es: Node) -> Iterator[ElasticProxy]:
    """Return the fault proxy in front of Elasticsearch."""
    with ElasticProxy(es.url) as made:
        yield made


@pytest.fixture
def begin(es: Node, proxy: ElasticProxy, index_prefix: str, tmp_path: Path) -> Iterator[Begin]:
    """Return what starts an engine that is two minutes old and has an incident of each of two rules open."""
    nights: list[ClusterNight] = []

    def make() -> ClusterNight:
        night = ClusterNight(tmp_path / "night", es, proxy.url, index_prefix)
        nights.append(night)
        night.minutes((), BURST)
        assert len(night.incidents()) == 2
        return night

    yield make
    for night in nights:
        night.close()


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let no test pass that logged a traceback, or an error that is the engine's own."""
    logging.getLogger("elastic_transport.transport").setLevel(logging.WARNING)  # a line for each request
    with caplog.at_level(logging.INFO):
        yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    wrong = [r.getMessage() for r in records if r.levelno >= logging.INFO and (r.exc_info or "a bug" in r.getMessage())]
    assert not wrong, wrong
