"""``alerter silence``: adding, listing, ending; what would silence everything is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alerter.cli.main import main
from alerter.clock import SystemClock
from alerter.config import load_settings
from alerter.model.incident import Incident
from alerter.routing.labels import labels_of
from alerter.state.protocol import State

NOTHING = "matches no open incident now"
ADD = ["silence", "add", "--for", "2h", "--comment", "release"]


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    """Return the JSON list of a call."""
    assert main(["silence", "list", "--format", "json", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


def test_life_of_a_silence(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """Added with an author and a comment, listed, ended by hand; then listed with --expired only."""
    assert main([*ADD, "--rule", "refunds", "--matcher", 'severity=~"warning|info"', "--author", "me"]) == 0
    (id, until, _) = capsys.readouterr().out.split()
    assert until == "until"
    (found,) = listed(capsys)
    assert (found["id"], found["state"], found["author"], found["comment"]) == (id, "active", "me", "release")
    assert found["matchers"] == ['rule="refunds"', 'severity=~"warning|info"']
    assert main(["silence", "expire", id]) == 0
    assert main(["silence", "expire", id]) == 0
    assert "over already" in capsys.readouterr().out
    assert listed(capsys) == []
    assert [s["state"] for s in listed(capsys, "--expired")] == ["expired"]
    assert state.silences(SystemClock().now()) == []


@pytest.mark.parametrize(
    ("options", "silenced"),
    [
        (["--rule", "refunds"], True),
        (["--rule", "other"], False),
        (["--key", "user.name=x"], True),
        (["--key", "user.name=y"], False),
        (["--rule", "refunds", "--key", "n=5"], True),
        (["--rule", "other", "--key", "n=5"], False),
        (["--matcher", 'domain="order"', "--matcher", "severity!=critical"], False),
        (["--matcher", "domain=~ord.*"], True),
        (["--matcher", "domain=~ord"], False),
    ],
)
def test_what_a_silence_covers(
    state: State,
    incident: Callable[..., Incident],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    silenced: bool,
) -> None:
    """Rule, key fields and labels, all of them together; regular expressions match the whole value."""
    assert main([*ADD, *options]) == 0
    capsys.readouterr()
    now = SystemClock().now()
    (stored,) = state.silences(now)
    labels = {"rule": "refunds", "severity": "critical", "domain": "order"}
    assert stored.value.mutes(labels_of(incident(labels=labels)), now) is silenced


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (ADD, "everything"),
        ([*ADD, "--matcher", 'domain=~".*"'], "everything"),
        ([*ADD, "--matcher", 'domain!="order"'], "everything"),
        ([*ADD, "--matcher", "domain"], "--matcher"),
        ([*ADD, "--matcher", 'domain=~"("'], "regular expression"),
        ([*ADD, "--key", "x"], "--key"),
        (["silence", "add", "--rule", "a", "--for", "soon", "--comment", "c"], "--for"),
        (["silence", "add", "--rule", "a", "--for", "0m", "--comment", "c"], "--for"),
        (["silence", "add", "--rule", "a", "--for", "1h", "--comment", " "], "--comment"),
    ],
)
def test_wrong_usage_is_named(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is said, with exit code 2; nothing is stored."""
    assert main(arguments) == 2
    assert named in capsys.readouterr().err
    assert not Path("alerter.db").exists()


@pytest.mark.usefixtures("state")
def test_an_unknown_silence_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Ending what is not there is an error."""
    assert main(["silence", "expire", "nope"]) == 2
    assert "there is no silence nope" in capsys.readouterr().err


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("cluster", [False, pytest.param(True, marks=pytest.mark.es)])
@pytest.mark.parametrize("arguments", [["silence", "list"], ["silence", "expire", "x"], ["incidents"]])
def test_looking_makes_no_state(
    cluster: bool,
    arguments: list[str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the wrong folder, or with a mistyped ALERTER_STATE_INDEX, that is said, and nothing is created."""
    if cluster:
        es, prefix = request.getfixturevalue("es"), f"alerter-{request.getfixturevalue('index_prefix')}"
        monkeypatch.setenv("ALERTER_ES_URL", es.url)
        monkeypatch.setenv("ALERTER_STATE_INDEX", prefix)
    assert main(arguments) == 2
    assert "there is no state yet" in capsys.readouterr().err
    assert list(Path().iterdir()) == []
    if cluster:
        from alerter.sources.es_client import connect

        assert dict(connect(load_settings(None).es).indices.get(index=f"{prefix}*")) == {}


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        (["--rule", "refunds"], []),
        (["--key", "n=5"], []),
        (["--rule", "refund"], ["no rule has the name 'refund' (did you mean refunds?)", NOTHING]),
        (["--rule", "alerter: an engine is gone"], [NOTHING]),
        (["--rule", "idle"], [NOTHING]),
        (
            ["--matcher", 'domian="order"'],
            ["no rule has a label or key field 'domian' (did you mean domain?)", NOTHING],
        ),
        (["--matcher", 'team="a"'], [NOTHING]),
        (["--key", "shop.id=zzz"], [NOTHING]),
        (["--key", "n=6"], [NOTHING]),
    ],
)
def test_what_matches_nothing_is_noted(
    alone: Path,
    state: State,
    incident: Callable[..., Incident],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    notes: list[str],
) -> None:
    """The silence is taken, as incidents may still come; a name that nothing has is named, with the nearest."""
    rule = "type: any\nindex: x\nlabels: {team: a}\nquery_key: shop.id\n"
    (alone / "rules").mkdir()
    (alone / "rules/idle.yaml").write_text(rule)
    state.save_incident(incident(labels={"rule": "refunds", "domain": "order"}), None)
    assert main([*ADD, *options]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [f"note: {note}" for note in notes]
    assert main([*ADD, *options, "--format", "json"]) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out)["notes"], said.err) == (notes, "")
    assert len(state.silences(SystemClock().now())) == 2


def test_lines_for_people(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """Each silence says until when, for what, by whom and why; a container's nameless account is no failure."""
    assert main(["silence", "list"]) == 0
    assert capsys.readouterr().out == "no silences\n"
    assert main([*ADD, "--rule", "refunds", "--comment", "line\nforged \x1b[31m \udcff", "--author", "me"]) == 0
    capsys.readouterr()
    assert main(["silence", "list"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    for part in ("active", "until", 'rule="refunds"', "me: line"):
        assert part in line
    assert "\x1b" not in line


@pytest.mark.usefixtures("alone")
def test_a_nameless_account(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A container's account without a name can silence too."""

    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert main([*ADD, "--rule", "refunds"]) == 0
    capsys.readouterr()
    assert listed(capsys)[0]["author"] == "unknown"
