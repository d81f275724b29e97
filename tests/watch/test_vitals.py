"""The watch in a whole service: real rules, real routes, delivery, heartbeat and metrics, on the manual clock."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from alerter.clock import DAY, MINUTE, SECOND
from alerter.config import SwitchSettings
from alerter.model.incident import Incident
from alerter.secrets import Secret
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from tests.notifiers.standin import serve
from tests.test_service import ROUTES, RULE, Case


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Return a running service."""
    return Case(tmp_path)


def minutes(case: Case, number: int) -> None:
    """Let the jobs run four times a minute."""
    for _ in range(4 * number):
        case.clock.advance(15 * SECOND)
        case.service.renew()
        case.service.vitals.beat()
        case.tick()
        case.service.look()
        case.service.deliver()


def own(case: Case) -> list[Incident]:
    """Return the alerter's own incidents."""
    return [v.value for v in case.state.incidents() if v.value.labels.get("domain") == "alerter"]


def samples(case: Case) -> dict[tuple[str, ...], float]:
    """Return each sample of the metrics page by its name and label values."""
    text = case.service.health.pages()["/metrics"]()[2].decode()
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_data_that_cannot_be_read_becomes_an_incident(case: Case) -> None:
    """Told and resolved through the same routes and the same outbox as any other."""
    minutes(case, 1)
    (case.folder / "events.ndjson").write_bytes(gzip.compress(b"{}"))
    minutes(case, 4)
    assert own(case) == []
    minutes(case, 2)
    (incident,) = own(case)
    assert incident.rule == "alerter: rules cannot be evaluated"
    assert "1 of 1 rule gives no answer" in incident.view.sentence
    assert dict(incident.view.fields)["storm"].endswith("a packed file cannot be followed")
    assert case.told() == [("firing", "sent")]
    (beat,) = case.state.heartbeats()
    assert (beat.failing[0].kind, beat.failing[0].rules[0].rule) == ("unreadable", "storm")
    assert "packed with gzip" in beat.problem
    case.write("events.ndjson", "")
    minutes(case, 1)
    assert case.told() == [("firing", "sent"), ("resolved", "sent")]


def test_what_catching_up_gave_up_becomes_an_incident(case: Case) -> None:
    """A rule that slept for longer than max_catchup says so, whatever it finds afterwards."""
    minutes(case, 1)
    case.clock.advance(3 * DAY)
    minutes(case, 1)
    (incident,) = own(case)
    assert incident.rule == "alerter: a span was not evaluated"
    assert incident.view.sentence.startswith("1 rule was not evaluated between 2026-03-10T11:")


def test_what_is_scraped(case: Case) -> None:
    """Leases, living engines, readiness, and failures of the state by their kind."""
    found = samples(case)
    assert (found["alerter_ready",], found["alerter_leases",], found["alerter_fleet_members",]) == (0, 0, 1)
    minutes(case, 1)
    found = samples(case)
    assert (found["alerter_ready",], found["alerter_leases",], found["alerter_fleet_members",]) == (1, 1, 1)
    assert ("alerter_dead_mans_switch_success",) not in found
    case.state._db.execute("DROP TABLE heartbeats")
    case.service.vitals.beat()
    case.service.look()
    assert samples(case)["alerter_state_errors_total", "busy"] == 2


def test_signs_of_life_stop_with_the_engine(tmp_path: Path) -> None:
    """Sent while it evaluates; not once its data cannot be read; the metric follows."""
    with serve() as hook:
        case = Case(tmp_path)
        case.settings = replace(case.settings, dead_mans_switch=SwitchSettings(url=Secret(hook.url + "ping")))
        case.service = case.start()
        switch = case.service.vitals.switch
        assert switch is not None
        minutes(case, 1)
        switch.send()
        assert samples(case)["alerter_dead_mans_switch_success",] == 1
        (tmp_path / "events.ndjson").write_bytes(gzip.compress(b"{}"))
        minutes(case, 1)
        switch.send()
        assert samples(case)["alerter_dead_mans_switch_success",] == 0
    ((_, life),) = hook.asked
    assert (life["rules"], life["failing"], life["engines"], life["state"]) == (1, 0, 1, "well")


def test_an_engine_without_rules_still_knows_what_fires(case: Case) -> None:
    """Its metrics would else show what it saw when it last evaluated something."""
    minutes(case, 1)
    case.state.save_incident(Incident("i", "elsewhere", "any", None, {}, case.clock.now()), None)
    for _ in range(5):
        case.clock.advance(15 * SECOND)
        case.service.renew()
        case.service.look()
    assert samples(case)["alerter_incidents", "firing"] == 1


def test_who_never_beat_leaves_without_a_word(case: Case) -> None:
    """It may not have found its state; who did says that it stopped, well or not."""
    case.service.vitals.beat(stopped=True)
    assert case.state.heartbeats() == []
    case.service.vitals.beat()
    case.service.vitals.beat(stopped=True)
    (beat,) = case.state.heartbeats()
    assert beat.stopped
    assert not case.service.pulse.ready


def test_only_rules_of_this_engine_count_for_its_lag(tmp_path: Path) -> None:
    """Whoever notices first that another engine has come, and takes rules: this beat, or a look in between."""
    case = Case(tmp_path)
    for number in range(8):
        case.write(f"rules/more{number}.yaml", RULE.format(n=3).replace("storm", f"more {number}"))
    case.service = case.start()
    case.service.renew()
    assert samples(case)["alerter_queue_depth", "default"] == 0
    settings = replace(case.settings, instance="another")
    other = Service(settings, case.service.project, EmbeddedSource(), case.state, case.clock)
    other.renew()
    case.service.fleet.look()
    case.service.renew()
    (load,) = case.service.vitals.heartbeat().clusters
    (its,) = other.vitals.heartbeat().clusters
    assert 0 < load.rules < 9
    assert load.rules + its.rules == 9


def test_a_receiver_in_trouble_is_in_the_heartbeat(tmp_path: Path) -> None:
    """As the courier met it; gone with its next success."""
    with serve({"hook": [(429, {"Retry-After": "5"}, {}), (200, {}, {})]}) as hook:
        case = Case(tmp_path)
        case.write("notifiers/routes.yaml", ROUTES.replace("console: {}", f"webhook: {{url: '{hook.url}hook'}}"))
        case.service = case.start()
        minutes(case, 1)
        case.happen(3)
        case.clock.advance(MINUTE)
        case.tick()
        (trouble,) = case.service.vitals.heartbeat().troubles
        assert (trouble.receiver, trouble.failure, trouble.code, trouble.count) == ("here", "wait", "http_429", 1)
        minutes(case, 1)
        assert case.service.vitals.heartbeat().troubles == ()
