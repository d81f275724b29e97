"""The states that every test of the protocol runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerter.state.memory import MemoryState
from alerter.state.protocol import State
from alerter.state.sqlite import SqliteState
from tests.support.client import client_of

KEPT = ["sqlite", pytest.param("elasticsearch", marks=pytest.mark.es)]


def opened(request: pytest.FixtureRequest) -> Iterator[State]:
    """Open the state that the fixture's parameter names, and close it afterwards."""
    if request.param == "memory":
        made: State = MemoryState()
    elif request.param == "sqlite":
        made = SqliteState(str(request.getfixturevalue("tmp_path") / "state.db"))
    else:
        from alerter.state.elasticsearch import ElasticsearchState

        es = request.getfixturevalue("es")
        prefix = request.getfixturevalue("index_prefix")
        made = ElasticsearchState(client_of(es), prefix)
    made.init()
    yield made
    made.close()


@pytest.fixture(params=["memory", *KEPT])
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    yield from opened(request)


@pytest.fixture(params=KEPT)
def kept(request: pytest.FixtureRequest) -> Iterator[State]:
    """Those that outlive the process, and so hold texts."""
    yield from opened(request)
