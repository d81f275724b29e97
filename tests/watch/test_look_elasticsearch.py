"""The alerter's own incidents on a real cluster, where lists lag behind writes."""

from __future__ import annotations

from dataclasses import replace

from alerter.clock import HOUR, MINUTE, SECOND
from alerter.config import load_settings
from alerter.state.open import open_state
from tests.servers.elastic import Node
from tests.watch.support import NOON, Desk, Peers, beat, failing, planned


def test_two_engines_and_a_restart_tell_once(es: Node, index_prefix: str) -> None:
    """What one process wrote a moment ago is no news to the next, though no list shows it yet."""
    environ = {"ALERTER_ES_URL": es.url, "ALERTER_STATE_INDEX": f"alerter-{index_prefix}"}
    first, second = (open_state(load_settings(None, environ)) for _ in range(2))
    desk = Desk("b", state=first)
    desk.own = replace(desk.own, failing=(failing("busy", NOON, "x"),))
    first.save_incident(planned("1", NOON), None)
    first.save_heartbeat(beat("c", NOON))
    desk.passes(6 * MINUTE)
    other = Desk("b", state=second)
    other.clock.set(desk.clock.now())
    other.own = desk.own
    other.passes(MINUTE, other.start(Peers("a", "b")))
    assert sorted(incident.rule for incident in other.incidents()) == [
        "alerter: an engine is gone",
        "alerter: messages are not delivered",
        "alerter: rules cannot be evaluated",
    ]
    other.own = replace(other.own, failing=())
    other.passes(15 * SECOND)
    other.clock.advance(HOUR)
    other.passes(15 * SECOND)
    ended = {incident.rule: incident.resolve_reason for incident in other.incidents()}
    assert ended == {
        "alerter: an engine is gone": "quiet",
        "alerter: messages are not delivered": "",
        "alerter: rules cannot be evaluated": "condition_over",
    }
    assert sum(kind == "firing" for kind, _, _ in other.told()) == 3
    for state in (first, second):
        state.close()
