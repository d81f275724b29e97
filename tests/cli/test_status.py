"""``alerter status``: what stands, in one look."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.clock import MINUTE, SECOND, SystemClock
from alerter.model.heartbeat import Costly, Heartbeat, Load
from alerter.model.incident import Checkpoint, DeliveryState, Incident
from alerter.model.member import Member
from alerter.state.protocol import State
from alerter.timetext import iso, parse_instant
from tests.servers.elastic import Node

LONG_AGO = parse_instant("2025-03-10T12:00:00Z")


def test_everything_is_counted(
    state: State, incident: Callable[..., Incident], checkpoint: Checkpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules with how far they are, open incidents, what waits for delivery and for how long, silences."""
    now = SystemClock().now()
    state.save_checkpoint(checkpoint, None)
    state.save_incident(incident("open", opened=now, delivery=DeliveryState.PLANNED), None)
    state.save_incident(incident("over", opened=now - 9, resolved=now - 5), None)
    assert main(["silence", "add", "--rule", "refunds", "--for", "1h", "--comment", "c"]) == 0
    capsys.readouterr()
    assert main(["status", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rules"] == [{"rule": "refunds", "evaluated": "2027-01-15T08:00:00.000Z", "owner": "", "keys": 0}]
    assert found["leases"] == {"held": 0, "free": 1, "without_owner": ["refunds"]}
    assert found["unwell"] == ["no engine is running"]
    assert found["incidents"] == {"firing": 1, "critical": 1}
    assert found["outbox"]["depth"] == 1
    assert found["silences"] == 1
    assert found["cluster"].startswith(("embedded", "Elasticsearch 8."))


def test_lines_for_people(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A new state is a status too; without an engine it is not well, which only --check turns into an exit code."""
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    for part in ("cluster", "state", "rules      0 evaluated", "0 firing", "0 to deliver", "0 active"):
        assert part in said
    assert said.endswith("health     unwell:\n           no engine is running\n")
    assert main(["status", "--check"]) == 1
    state.save_heartbeat(beat("a:9797", SystemClock().now(), refused=0))
    assert main(["status", "--check"]) == 0
    assert capsys.readouterr().out.endswith("health     well\n")


@pytest.mark.parametrize("command", ["status", "incidents"])
def test_looking_makes_no_state(alone: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """In the wrong folder, or with the wrong settings, that is said instead."""
    assert main([command]) == 2
    assert "there is no state yet: alerter.db does not exist" in capsys.readouterr().err
    assert list(alone.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "incidents",
        "init",
        "why refunds",
        "silence list",
        "silence expire x",
        "silence add --rule r --for 1h --comment c",
    ],
)
def test_without_a_source_there_is_no_state(
    alone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """No engine runs with such settings: a silence in a file of its own would silence nothing. Both ways are named."""
    monkeypatch.delenv("ALERTER_DATA")
    assert main(command.split()) == 2
    assert "neither ALERTER_ES_URL nor data: is set" in capsys.readouterr().err
    assert list(alone.iterdir()) == []


@pytest.mark.es
@pytest.mark.parametrize("command", ["status", "incidents"])
def test_looking_makes_no_indices(
    alone: Path,
    es: Node,
    index_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """The same on a cluster."""
    monkeypatch.setenv("ALERTER_ES_URL", es.url)
    monkeypatch.setenv("ALERTER_STATE_INDEX", f"alerter-{index_prefix}")
    assert main([command]) == 2
    assert "there is no state yet: no indices" in capsys.readouterr().err
    assert main([command]) == 2


def beat(instance: str, at: int, **changes: object) -> Heartbeat:
    """Return a heartbeat of an engine that was started 3 h 2 min before."""
    values = {
        "rules": 2000,
        "refused": 1,
        "merged": 12,
        "skipped": 0,
        "clusters": (Load("default", 2000, 4, 0.2, 1.14, 31.0),),
        "costly": (
            Costly("refund surge", 7.25, 2.0, 4805.5, 30.0, 6800.0, heavy=True),
            Costly("quiet\x1b[31m", 0.004, 0.02, 1.0, 0.0, 0.3),
        ),
        **changes,
    }
    return Heartbeat(instance, "0.1.0", at - 182 * MINUTE, at, **values)  # type: ignore[arg-type]


def test_engines_are_shown_with_how_late_they_are(
    state: State, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lag, queue, merged runs and refused files of each engine; one that is silent or stopped is named."""
    now = SystemClock().now()
    monkeypatch.setattr(SystemClock, "now", lambda _clock: now)
    state.save_heartbeat(beat("a:9797", now - 2 * SECOND))
    state.save_heartbeat(beat("b:9797", LONG_AGO))
    state.save_heartbeat(beat("c:9797", LONG_AGO, stopped=True))
    assert main(["status"]) == 0
    said = capsys.readouterr().out.splitlines()
    at = said.index("engines    1 running")
    assert said[at + 1 : at + 5] == [
        "           a:9797: 0.1.0, up 3 h 2 min, heard of 2 s ago; holds 2,000 of 2,000 rules, files refused 1, runs"
        " merged 12, instants skipped 0",
        "             default: lag p50 0.20 s, p95 1.14 s, max 31.00 s; 4 of 2,000 rules due",
        "           b:9797: not heard of since 2025-03-10T12:00:00.000Z",
        "           c:9797: stopped 2025-03-10T12:00:00.000Z",
    ]


def test_engines_for_programs(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in JSON; an engine counts as running up to 60 s after its last beat, while it is a member."""
    now = SystemClock().now()
    state.save_heartbeat(beat("a:9797", now - 30 * SECOND, session="s1", held=1500))
    state.save_heartbeat(beat("b:9797", now - 61 * SECOND))
    state.save_member(Member("a:9797", "s1", now, "0.1.0"), None)
    state.save_heartbeat(beat("c:9797", now, session="s3"))
    assert main(["status", "--format", "json"]) == 0
    first, second, third = json.loads(capsys.readouterr().out)["engines"]
    assert 30 <= first.pop("silent_seconds") < 40
    assert first == {
        "instance": "a:9797",
        "version": "0.1.0",
        "session": "s1",
        "problem": "",
        "held": 1500,
        "started": iso(now - 30 * SECOND - 182 * MINUTE),
        "beat": iso(now - 30 * SECOND),
        "running": True,
        "stopped": False,
        "uptime_seconds": 10920.0,
        "rules": 2000,
        "refused": 1,
        "merged": 12,
        "skipped": 0,
        "clusters": [
            {
                "cluster": "default",
                "rules": 2000,
                "queue": 4,
                "lag_seconds": {"p50": 0.2, "p95": 1.14, "max": 31.0},
            }
        ],
    }
    assert (second["instance"], second["running"]) == ("b:9797", False)
    assert (third["instance"], third["running"]) == ("c:9797", False)


def test_costly_rules_as_a_table(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """Most seconds first, over all engines that are heard of; hostile names are shown, never obeyed."""
    now = SystemClock().now()
    state.save_heartbeat(beat("a:9797", now))
    state.save_heartbeat(beat("b:9797", now, costly=(Costly("middle", 1.0),)))
    state.save_heartbeat(beat("gone:9797", LONG_AGO, costly=(Costly("long gone", 99.0),)))
    assert main(["status", "--costly"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    head, *rows = said.splitlines()
    assert head == "s/run  requests  buckets  hits  server ms  lane   engine  rule"
    assert rows[0] == "7.250       2.0  4,805.5  30.0    6,800.0  heavy  a:9797  refund surge"
    assert rows[1] == "1.000       0.0      0.0   0.0        0.0  light  b:9797  middle"
    assert rows[2].startswith("0.004       0.0      1.0   0.0        0.3  light  a:9797  quiet")
    assert len(rows) == 3


def test_costly_rules_for_programs(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of objects; empty while nothing is known, which the table says in words."""
    assert main(["status", "--costly", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["status", "--costly"]) == 0
    assert "no engine is running" in capsys.readouterr().out
    state.save_heartbeat(beat("a:9797", SystemClock().now()))
    assert main(["status", "--costly", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0] == {
        "rule": "refund surge",
        "engine": "a:9797",
        "seconds": 7.25,
        "requests": 2.0,
        "buckets": 4805.5,
        "hits": 30.0,
        "server_ms": 6800.0,
        "lane": "heavy",
    }
