"""``alerter status``: what stands, in one look."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from alerter.cli.main import main
from alerter.clock import SystemClock
from alerter.model.incident import Checkpoint, DeliveryState, Incident
from alerter.state.protocol import State


def test_everything_is_counted(
    state: State, incident: Callable[..., Incident], checkpoint: Checkpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules with their lag, open incidents, what waits for delivery and for how long, silences."""
    now = SystemClock().now()
    state.save_checkpoint(checkpoint, None)
    state.save_incident(incident("open", opened=now, delivery=DeliveryState.PLANNED), None)
    state.save_incident(incident("over", opened=now - 9, resolved=now - 5), None)
    assert main(["silence", "add", "--rule", "refunds", "--for", "1h", "--comment", "c"]) == 0
    capsys.readouterr()
    assert main(["status", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [rule["rule"] for rule in found["rules"]] == ["refunds"]
    assert found["rules"][0]["evaluated"] == "2027-01-15T08:00:00.000Z"
    assert found["incidents"] == {"firing": 1, "critical": 1}
    assert found["outbox"]["depth"] == 1
    assert found["silences"] == 1
    assert found["cluster"].startswith(("embedded", "Elasticsearch 8."))


def test_lines_for_people(state: State, checkpoint: Checkpoint, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty state is a status too; with a rule its lag is shown."""
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    for part in ("cluster", "state", "rules      0 evaluated", "0 firing", "0 to deliver", "0 active"):
        assert part in said
    state.save_checkpoint(checkpoint, None)
    assert main(["status"]) == 0
    assert "refunds: " in capsys.readouterr().out
