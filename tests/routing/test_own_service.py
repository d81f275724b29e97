"""Rules that bring receivers, in the running service: posted where the rule says, ends too, nothing kept in clear."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from alerter.clock import HOUR, MINUTE, ManualClock
from alerter.config import load_settings
from alerter.project import load_project
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso, parse_instant
from tests.notifiers.standin import Answer, serve

T0 = parse_instant("2026-03-10T11:00:00Z")
RULE = "name: {name}\ntype: frequency\nindex: logs\nnum_events: 1\ntimeframe: 1m\n"
SETTINGS = "rules: rules\nnotifiers: notifiers\ndata: [e.ndjson]\nquery_delay: 0s\nhonour_rule_webhooks: true\n"
ROUTES = "route: {{receiver: default}}\nreceivers: [{{name: default, webhook: {{url: '{url}default'}}}}]\n"


def start(folder: Path, clock: ManualClock, url: str, hook: str) -> tuple[Service, SqliteState]:
    """Start a service over two rules, of which one has a Slack webhook and a POST of its own."""
    own = f"alert: [slack, post]\nslack_webhook_url: {url}{hook}\nhttp_post_url: {url}post\n"
    texts = {
        "rules/own.yaml": RULE.format(name="own") + own,
        "rules/routed.yaml": RULE.format(name="routed"),
        "notifiers/routes.yaml": ROUTES.format(url=url),
        "alerter.yaml": SETTINGS,
        "e.ndjson": "",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    settings = load_settings(str(folder / "alerter.yaml"), {})
    state = SqliteState(str(folder / "state.db"))
    state.init()
    return Service(settings, load_project(settings), EmbeddedSource(), state, clock), state


def play(folder: Path, service: Service, clock: ManualClock) -> None:
    """Let one event happen, and all that follows of it."""
    service.tick(service.project.rules)
    clock.advance(MINUTE)
    with (folder / "e.ndjson").open("a") as file:
        file.write(json.dumps({"@timestamp": iso(clock.now())}) + "\n")
    for wait in (0, MINUTE, HOUR):
        clock.advance(wait)
        service.tick(service.project.rules)
        service.deliver()


def test_a_rule_tells_its_own_receivers_and_nobody_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Start and end go to the rule's webhook and POST; the other rule goes by the routes; no address is kept."""
    clock = ManualClock(T0)
    with serve({"hushhushhush": [(200, {}, "ok")]}) as standin, caplog.at_level(logging.DEBUG):
        service, state = start(tmp_path, clock, standin.url, "hushhushhush")
        play(tmp_path, service, clock)
    sent = [(place, body.get("kind")) for place, body in standin.asked]
    assert sorted(place for place, _ in sent) == ["default", "default", "hushhushhush", "hushhushhush", "post", "post"]
    assert [kind for place, kind in sent if place == "post"] == ["firing", "resolved"]
    incidents = [stored.value for stored in state.incidents()]
    receivers = {i.rule: {d.receiver.rpartition("-")[0] for d in i.deliveries} for i in incidents}
    assert receivers == {"own": {"own-slack", "own-post"}, "routed": {""}}
    state.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("state.db*"))
    assert b"hushhush" not in kept
    assert "hushhush" not in caplog.text


@pytest.mark.parametrize("answer", [(404, {}, "no_service"), (410, {}, "hushhushhush is gone")])
def test_a_webhook_that_is_gone_falls_back_to_the_routes(tmp_path: Path, answer: Answer) -> None:
    """What the rule's own webhook refuses for good, the default receiver is told."""
    clock = ManualClock(T0)
    with serve({"hook": [answer]}) as standin:
        service, state = start(tmp_path, clock, standin.url, "hook")
        play(tmp_path, service, clock)
    default = [body["incident"]["rule"] for place, body in standin.asked if place == "default"]
    assert "own" in default
    state.close()
