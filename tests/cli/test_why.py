"""``alerter why``: who was told, who was not, and why; on SQLite and on Elasticsearch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.clock import DAY, HOUR, MINUTE, SECOND, SystemClock
from alerter.model.heartbeat import Heartbeat
from alerter.model.incident import Checkpoint, Decision, Incident, Reason
from alerter.redact import hash_value
from alerter.state.protocol import State
from alerter.timetext import iso, parse_instant

Make = Callable[..., Incident]
RULE = """name: refunds
type: frequency
index: {index}
num_events: 5
timeframe: {{minutes: 5}}
query_key: [user.name, n]
filter:
- term: {{level: error}}
"""


@pytest.fixture
def files(alone: Path) -> Path:
    """Write a good, a disabled and a refused rule."""
    folder = alone / "rules" / "order"
    folder.mkdir(parents=True)
    text = RULE.format(index="nothing-here-*")
    (folder / "refunds.yaml").write_text(text)
    (folder / "off.yaml").write_text(text.replace("refunds", "asleep") + "is_enabled: false\n")
    (folder / "bad.yaml").write_text(text.replace("refunds", "broken").replace("num_events", "num_event"))
    return alone


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the JSON answer of a call."""
    assert main(["why", *arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def now() -> int:
    """Return the wall clock, which the command asks too."""
    return SystemClock().now()


def keep(state: State, *incidents: Incident) -> None:
    """Store incidents with the decision that opened each, and how far the rule is."""
    for made in incidents:
        state.save_incident(made, None)
        fired = Decision(
            made.opened, made.rule, made.key, "fired", "first_match", made.id, detail="7 in 5 min (threshold 5)"
        )
        state.record([fired])
    state.save_checkpoint(Checkpoint("refunds", "m", now(), now() - 9 * DAY), None)


@pytest.mark.usefixtures("files")
def test_told(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict comes first, then the incident with its decisions by time."""
    keep(state, incident(opened=now() - HOUR, resolved=now() - HOUR + MINUTE, resolve_reason="condition_over"))
    assert main(["why", "refunds"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("told: #alerts")
    assert "resolved" in said[0]
    assert any("[user.name=x, n=5]" in line and line.startswith("incident i1") for line in said)
    assert any("matched: 7 in 5 min (threshold 5); an incident opened" in line for line in said)


@pytest.mark.usefixtures("files")
def test_json(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Times in ISO 8601, keys as objects, one entry per decision with outcome, reason and origin."""
    opened = now() - HOUR
    keep(state, incident(opened=opened))
    found = asked(capsys, "refunds")
    assert (found["rule"], found["key"], found["told"], found["counted_now"]) == ("refunds", None, True, None)
    (one,) = found["incidents"]
    assert (one["id"], one["key"], one["opened"]) == ("i1", {"user.name": "x", "n": 5}, iso(opened))
    assert one["resolved"] is None
    (receiver,) = one["receivers"]
    assert (receiver["receiver"], receiver["channel"]) == ("slack-order", "#alerts-order")
    first = one["timeline"][0]
    assert (first["at"], first["outcome"], first["reason"]) == (iso(opened), "fired", "first_match")
    assert {entry["outcome"]: entry["origin"] for entry in one["timeline"]}["planned"] == "document"


@pytest.mark.usefixtures("files")
def test_an_incident_by_its_id(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """All of its life, however long ago."""
    opened = now() - 6 * DAY
    keep(state, incident(opened=opened, resolved=opened + HOUR, resolve_reason="condition_over"))
    found = asked(capsys, "i1")
    assert [one["id"] for one in found["incidents"]] == ["i1"]
    assert (found["start"], found["end"]) == (iso(opened), iso(opened + HOUR))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("option", ["--at", "--start", "--end"])
def test_an_id_takes_no_times(state: State, incident: Make, capsys: pytest.CaptureFixture[str], option: str) -> None:
    """The whole incident is told: that the id is known is said, and what the times are for."""
    state.save_incident(incident(), None)
    assert main(["why", "i1", option, "2026-03-10T14:05:00Z"]) == 2
    said = capsys.readouterr().err
    assert "i1 is an incident, and is told as a whole" in said
    assert f"leave {option} out, or name its rule: alerter why refunds {option} ..." in said


def test_keys_and_times_select(state: State, incident: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """A part of the key is enough; --at looks around an instant, --start and --end over a span."""
    old, new = now() - 5 * HOUR, now() - HOUR
    over = {"resolve_reason": "condition_over"}
    keep(
        state,
        incident("old", opened=old, resolved=old + MINUTE, **over),
        incident("new", opened=new, resolved=new + MINUTE, key=(("user.name", "y"), ("n", 5)), **over),
    )

    def ids(*arguments: str) -> list[str]:
        return [one["id"] for one in asked(capsys, "refunds", "--records-only", *arguments)["incidents"]]

    assert ids() == ["old", "new"]
    assert ids("--key", "user.name=y") == ["new"]
    assert ids("--key", "n=5") == ["old", "new"]
    assert ids("--key", "n=5", "--key", "user.name=x") == ["old"]
    assert ids("--at", iso(old + 2 * MINUTE)) == ["old"]
    assert ids("--start", iso(old + HOUR), "--end", iso(now())) == ["new"]
    assert ids("--start", iso(old + HOUR), "--end", iso(new - 1)) == []


@pytest.mark.usefixtures("files")
def test_many_incidents_are_counted_and_the_newest_shown(
    state: State, incident: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Totals are of all of the span."""
    opened, over = now() - HOUR, {"resolve_reason": "condition_over"}
    made = [incident(f"i{n:02}", opened=opened + n, resolved=opened + MINUTE + n, **over) for n in range(24)]
    keep(state, *made, incident("old", opened=opened - 1, resolved=opened, deliveries=(), **over))
    found = asked(capsys, "refunds")
    assert found["verdict"] == "25 incidents: 24 told, 1 not told; the newest 20 are shown below"
    assert found["totals"] == {"incidents": 25, "told": 24, "not_told": 1, "shown": 20}
    assert [one["id"] for one in found["incidents"]] == [f"i{n:02}" for n in range(4, 24)]


@pytest.mark.usefixtures("files")
def test_hidden_keys_are_asked_for_by_their_value(
    state: State, incident: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the question nor the answer shows more than the hash that is stored."""
    hidden = hash_value("hunter2")
    Path("rules/order/refunds.yaml").write_text(RULE.format(index="x").replace("user.name, n", "user.password"))
    keep(state, incident(opened=now() - HOUR, key=(("user.password", hidden),)))
    assert len(asked(capsys, "refunds", "--key", "user.password=hunter2")["incidents"]) == 1
    assert asked(capsys, "refunds", "--key", "user.password=other", "--records-only")["incidents"] == []


@pytest.mark.usefixtures("files")
def test_what_the_files_say(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A disabled rule is named with its line, a refused one with its error, by name and by file."""
    state.save_heartbeat(Heartbeat("host", "1", now(), now()))
    off = asked(capsys, "asleep")
    assert off["verdict"].endswith("the rule is disabled: is_enabled: false in rules/order/off.yaml:9")
    assert off["told"] is None
    for subject in ("broken", "rules/order/bad.yaml"):
        bad = asked(capsys, subject)
        assert "the rule is refused: rules/order/bad.yaml:2:1: the option num_events is missing" in bad["verdict"]
    assert asked(capsys, "rules/order/refunds.yaml", "--records-only")["rule"] == "refunds"


@pytest.mark.usefixtures("files")
def test_never_evaluated_and_no_engine(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule without a checkpoint, while an engine runs and while none does."""
    state.save_heartbeat(Heartbeat("host", "1", now(), now()))
    running = asked(capsys, "refunds", "--records-only")
    assert running["verdict"] == "nothing happened: no engine has evaluated the rule yet"
    assert [fact["code"] for fact in running["facts"]] == ["never_evaluated"]
    state.save_heartbeat(Heartbeat("host", "1", now(), now() - HOUR))
    assert [fact["code"] for fact in asked(capsys, "refunds", "--records-only")["facts"]] == [
        "never_evaluated",
        "no_engine",
    ]


@pytest.mark.usefixtures("files")
def test_skipped_spans_are_told(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """A part longer ago than max_catchup that reaches into the span is the reason."""
    keep(state)
    state.record([Decision(now() - 3 * DAY, "refunds", None, "skipped", str(Reason.GAP), until=now() - HOUR)])
    found = asked(capsys, "refunds", "--records-only")
    assert found["verdict"].startswith("nothing happened: not evaluated up to")
    assert [entry["outcome"] for entry in found["timeline"]] == ["skipped"]


def test_unknown_names_are_an_error(files: Path, state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest name there is, exit code 2."""
    assert main(["why", "refund"]) == 2
    said = capsys.readouterr().err
    assert "there is no rule and no incident 'refund'" in said
    assert "did you mean refunds? rules: asleep, broken, refunds; ids of incidents: alerter incidents" in said


def test_the_hint_names_ten_rules(files: Path, state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the files and those that only the state knows; the rest is counted."""
    for number in range(12):
        (files / f"rules/more{number}.yaml").write_text(RULE.format(index="x").replace("refunds", f"more {number:02}"))
    state.save_checkpoint(Checkpoint("a gone one", "m", now(), now() - DAY), None)
    assert main(["why", "nosuch"]) == 2
    said = capsys.readouterr().err
    assert "did you mean" not in said
    names = ["a gone one", "asleep", "broken", *(f"more {n:02}" for n in range(7))]
    assert f"hint: rules: {', '.join(names)} and 6 more; ids" in said


@pytest.mark.usefixtures("files", "state")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--at", "noon"], "--at 'noon' is not an ISO 8601 time"),
        (["--at", "2026-03-10T11:00:00Z", "--start", "2026-03-10T11:00:00Z"], "give one of them"),
        (["--start", "2026-03-10T11:00:00Z", "--end", "2026-03-10T11:00:00Z"], "--start must be before --end"),
        (["--key", "alice"], "--key 'alice': write FIELD=VALUE"),
    ],
)
def test_wrong_options_are_named(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what would be right."""
    assert main(["why", "refunds", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_state_is_said_and_none_is_made(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asking why never creates a state file."""
    assert main(["why", "refunds"]) == 2
    assert "no engine has run here: there is no state file alerter.db" in capsys.readouterr().err
    assert not (files / "alerter.db").exists()


def events(count: int, at: int, **fields: Any) -> list[dict[str, Any]]:
    """Return documents a second apart, the last one at an instant."""
    return [{"@timestamp": iso(at - n * SECOND), "level": "error", **fields} for n in reversed(range(count))]


def test_quiet_rules_are_counted_again_on_files(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fullest window of any key and when, or of the key asked for; or that there was nothing at all."""
    from alerter.config import load_settings
    from alerter.state.open import open_state

    near = now() - HOUR
    documents = [*events(3, near, user={"name": "x"}, n=5), *events(1, near + SECOND, user={"name": "y"}, n=5)]
    Path("events.ndjson").write_text("".join(json.dumps(document) + "\n" for document in documents))
    Path("alerter.yaml").write_text("rules: rules\nnotifiers: notifiers\ndata: [events.ndjson]\n")
    Path("notifiers").mkdir()
    made = open_state(load_settings(None))
    made.init()
    keep(made)
    made.close()
    found = asked(capsys, "refunds")
    assert found["counted_now"]["text"] == "the fullest window held 3 of 5 events"
    assert found["counted_now"]["nearest"] == {"at": iso(near), "key": {"user.name": "x", "n": 5}, "count": 3}
    assert asked(capsys, "refunds", "--key", "user.name=y")["counted_now"]["text"].startswith(
        "the fullest window held 1 "
    )
    assert "no events at all" in asked(capsys, "refunds", "--key", "user.name=z")["verdict"]
    assert asked(capsys, "refunds", "--records-only")["counted_now"] is None


def test_the_last_minutes_are_counted_too(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is stored may be five minutes behind, but the engine that holds the rule is not; without one it counts."""
    from alerter.config import load_settings
    from alerter.state.open import open_state

    Path("events.ndjson").write_text(
        "".join(json.dumps(d) + "\n" for d in events(3, now() - MINUTE, user={"name": "x"}, n=5))
    )
    Path("alerter.yaml").write_text("rules: rules\nnotifiers: notifiers\ndata: [events.ndjson]\n")
    made = open_state(load_settings(None))
    made.init()
    stored = Checkpoint("refunds", "m", now() - 4 * MINUTE, now() - DAY, owner="s1")
    made.save_checkpoint(stored, None)
    assert "there were no events" in asked(capsys, "refunds")["counted_now"]["text"]
    made.save_heartbeat(Heartbeat("host:1", "1", now() - DAY, now(), session="s1"))
    found = asked(capsys, "refunds")
    made.close()
    assert found["counted_now"]["text"] == "the fullest window held 3 of 5 events"
    assert parse_instant(found["counted_now"]["end"]) > stored.evaluated + 3 * MINUTE
    assert any(fact["code"] == "counted_on" for fact in found["facts"])


def test_a_file_spoiled_while_the_engine_runs(
    files: Path, state: State, incident: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The account is given all the same: the engine goes on with what the file held before."""
    state.save_checkpoint(Checkpoint("refunds", "m", now(), now() - DAY, owner="s1"), None)
    state.save_heartbeat(Heartbeat("host:1", "1", now() - DAY, now(), session="s1"))
    path = files / "rules/order/refunds.yaml"
    path.write_text(path.read_text().replace("num_events", "num_event"))
    found = asked(capsys, "refunds")
    assert found["verdict"].startswith("nothing matched up to")
    assert [fact["code"] for fact in found["facts"]][:2] == ["refused", "as_it_was"]
    path.unlink()
    path.with_name("several.yaml").write_text("name: refunds\nfilter: [\n")
    state.save_incident(incident(opened=now() - MINUTE), None)
    found = asked(capsys, "refunds")
    assert found["told"] is True
    assert [fact["code"] for fact in found["facts"]][:3] == ["removed", "unread", "as_it_was"]


def test_quiet_rules_are_counted_again_on_a_cluster(
    files: Path, es: Any, index_prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same on a real Elasticsearch; what would match by now is said."""
    from alerter.config import load_settings
    from alerter.state.open import open_state

    index = f"{index_prefix}-logs"
    text = RULE.format(index=index).replace("[user.name, n]", "user.name.keyword")
    (files / "rules/order/refunds.yaml").write_text(text)
    monkeypatch.setenv("ALERTER_ES_URL", es.url)
    monkeypatch.setenv("ALERTER_STATE_INDEX", f"alerter-{index_prefix}")
    near = now() - HOUR
    body = [*events(3, near, user={"name": "x"}), *events(6, near, user={"name": "y"})]
    state = open_state(load_settings(None))
    state.init()
    client = state._docs.client  # type: ignore[attr-defined]
    operations = [line for document in body for line in ({"index": {}}, document)]
    client.bulk(index=index, operations=operations, refresh=True)
    keep(state)
    found = asked(capsys, "refunds", "--key", "user.name.keyword=x")
    assert found["counted_now"]["text"] == "the fullest window held 3 of 5 events"
    assert "but counted now it would" in asked(capsys, "refunds")["verdict"]
    state.close()
    (files / "rules/order/refunds.yaml").write_text(
        text.replace("term: {level: error}", 'query_string: {query: "level:("}')
    )
    refused = asked(capsys, "refunds")
    assert refused["verdict"].startswith("nothing matched up to")
    assert any(fact["text"].startswith("not counted again: ") for fact in refused["facts"])
