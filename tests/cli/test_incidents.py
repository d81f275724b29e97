"""``alerter incidents``: the contract's JSON, the filters, and lines for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from alerter.cli.main import main
from alerter.clock import SystemClock
from alerter.model.incident import Delivery, DeliveryState, Group, Incident, Kind, News, Reason, Roll
from alerter.state.protocol import State
from tests.cli.conftest import NOW

Make = Callable[..., Incident]


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    """Return the JSON list of a call."""
    assert main(["incidents", "--format", "json", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


def test_json_is_the_contract(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of the contract, times in ISO 8601, the key as an object, messages with what was said."""
    state.save_incident(incident(silenced_until=NOW + 60_000), None)
    (found,) = listed(capsys)
    (message,) = found["messages"]  # type: ignore[misc]
    assert {name: found[name] for name in ("id", "rule", "key", "state", "matches")} == {
        "id": "i1", "rule": "refunds", "key": {"user.name": "x", "n": 5}, "state": "firing", "matches": 3,
    }  # fmt: skip
    assert found["opened"] == "2027-01-15T08:00:00.000Z"
    assert found["silenced_until"] == "2027-01-15T08:01:00.000Z"
    assert found["resolved"] is None
    assert message["at"] == found["opened"]
    assert (message["kind"], message["receiver"], message["channel"]) == ("firing", "slack-order", "#alerts-order")
    assert (message["reason"], message["text"], message["state"]) == ("first_match", "text of it", "sent")


def test_filters(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """--open, --rule and --since leave out the others; the newest comes first."""
    now = SystemClock().now()
    state.save_incident(incident("open", opened=now - 1000, key=None), None)
    state.save_incident(incident("fresh", opened=now - 7_200_000, resolved=now - 3_600_000), None)
    state.save_incident(incident("stale", opened=now - 9_000_000, resolved=now - 8_000_000, rule="other"), None)
    assert [i["id"] for i in listed(capsys)] == ["open", "fresh", "stale"]
    assert [i["id"] for i in listed(capsys, "--open")] == ["open"]
    assert [i["id"] for i in listed(capsys, "--rule", "other")] == ["stale"]
    assert [i["id"] for i in listed(capsys, "--since", "2h")] == ["open", "fresh"]
    assert listed(capsys, "--open")[0]["key"] is None
    assert listed(capsys, "--rule", "nobody") == []


def test_lines_for_people(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each: id, since when, rule, key, and where it was told; none is said too."""
    assert main(["incidents"]) == 0
    assert capsys.readouterr().out == "no incidents\n"
    state.save_incident(incident(), None)
    assert main(["incidents"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    for part in ("i1", "FIRING", "refunds", "user.name=x", "3 matches", "#alerts-order firing sent"):
        assert part in line


@pytest.mark.usefixtures("alone")
def test_a_wrong_length_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """What --since takes is said, with exit code 2."""
    assert main(["incidents", "--since", "soon"]) == 2
    assert "--since" in capsys.readouterr().err


def test_hostile_keys_stay_one_line(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """A key with line breaks or terminal codes neither forges a line nor colours the terminal."""
    state.save_incident(incident(key=(("k", "a\nforged  line\x1b[31m\x9b"),)), None)
    assert main(["incidents"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    assert "\x1b" not in out
    assert "\x9b" not in out


def test_what_a_group_holds_back_and_what_it_told(
    state: State, incident: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are its group's to tell; what waits for its instant is told apart, also for one rule alone."""
    group = Group("g", (("domain", "order"),), 30_000, 300_000, NOW)
    for id in ("told", "waits"):
        made = incident(id)
        message = replace(made.deliveries[0], state=DeliveryState.DROPPED, digest="doc", group=group)
        state.save_incident(replace(made, deliveries=(message,)), None)
    news = News("waits", Delivery("d-waits", Kind.FIRING, "slack-order", "#alerts-order", NOW, Reason.FIRST_MATCH, "t"))
    document = incident("doc", rule="", type="group", key=None, deliveries=())
    state.save_incident(replace(document, roll=Roll(group, NOW, 0, news=(news,))), None)
    assert main(["incidents", "--rule", "refunds"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["told"].endswith("(#alerts-order firing in a group's message)")
    assert lines["waits"].endswith("(#alerts-order firing waits for its group to tell)")
    held = {one["id"]: one["messages"][0]["held_back"] for one in listed(capsys)}  # type: ignore[index]
    assert held == {"told": False, "waits": True}
