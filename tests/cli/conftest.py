"""State for commands that look at it: the same on SQLite and on Elasticsearch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alerter.config import load_settings
from alerter.model.incident import Checkpoint, Delivery, DeliveryState, Incident, Kind, Reason
from alerter.state.open import open_state
from alerter.state.protocol import State

NOW = 1_800_000_000_000
DAY = 86_400_000


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with no setting in the environment but what an engine reads there."""
    import os

    for name in [n for n in os.environ if n.startswith("ALERTER_") and n != "ALERTER_TEST_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALERTER_DATA", "events.ndjson")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["sqlite", pytest.param("elasticsearch", marks=pytest.mark.es)])
def state(request: pytest.FixtureRequest, alone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """Return the state that the commands will find."""
    if request.param == "elasticsearch":
        monkeypatch.setenv("ALERTER_ES_URL", request.getfixturevalue("es").url)
        monkeypatch.setenv("ALERTER_STATE_INDEX", f"alerter-{request.getfixturevalue('index_prefix')}")
    made = open_state(load_settings(None))
    made.init()
    yield made
    made.close()


@pytest.fixture
def incident() -> Callable[..., Incident]:
    """Return a maker of incidents with one planned message."""

    def make(id: str = "i1", **changes: object) -> Incident:
        told = Delivery(
            f"d-{id}", Kind.FIRING, "slack-order", "#alerts-order", NOW, Reason.FIRST_MATCH, "text of it",
            changes.pop("delivery", DeliveryState.SENT),  # type: ignore[arg-type]
        )  # fmt: skip
        values = {
            "id": id,
            "rule": "refunds",
            "type": "frequency",
            "key": (("user.name", "x"), ("n", 5)),
            "labels": {"severity": "critical", "domain": "order"},
            "opened": NOW,
            "matches": 3,
            "deliveries": (told,),
            **changes,
        }
        return Incident(**values)  # type: ignore[arg-type]

    return make


@pytest.fixture
def checkpoint() -> Checkpoint:
    """Return how far the rule is."""
    return Checkpoint("refunds", "meaning", NOW, NOW - DAY)
