"""The service as a process has it: reloading, health, following files; no threads, a manual clock."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.model.cost import Cost
from alerter.model.heartbeat import Load
from alerter.project import load_project
from alerter.schedule import slot_offset, slot_part
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso, parse_instant

T0 = parse_instant("2026-03-10T11:00:00Z")
RULE = "name: storm\ntype: frequency\nindex: logs\nnum_events: {n}\ntimeframe: 1m\nresolve_after: 1h\n"
ROUTES = "route: {receiver: here}\nreceivers:\n  - name: here\n    console: {}\n"


class Case:
    """A project folder and the service over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("rules/storm.yaml", RULE.format(n=3))
        self.write("notifiers/routes.yaml", ROUTES)
        self.write("events.ndjson", "")
        self.write("alerter.yaml", "rules: rules\nnotifiers: notifiers\ndata: [events.ndjson]\nquery_delay: 0s\n")
        self.settings: Settings = load_settings(str(folder / "alerter.yaml"), {})
        self.clock = ManualClock(T0)
        self.state = SqliteState(str(folder / "state.db"))
        self.state.init()
        self.service = self.start()

    def start(self) -> Service:
        """Start a process over the same state."""
        project = load_project(self.settings)
        return Service(self.settings, project, EmbeddedSource(), self.state, self.clock)

    def write(self, name: str, text: str) -> None:
        """Write a file; its time always moves on, so that a change is seen."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        at = path.stat().st_mtime_ns + 1_000_000
        os.utime(path, ns=(at, at))

    def happen(self, number: int) -> None:
        """Append events of now to the followed file."""
        with (self.folder / "events.ndjson").open("a") as file:
            for _ in range(number):
                file.write(json.dumps({"@timestamp": iso(self.clock.now())}) + "\n")

    def tick(self) -> None:
        """One run of all rules, and a delivery pass."""
        self.service.tick(self.service.project.rules)
        self.service.deliver()

    def told(self) -> list[tuple[str, str]]:
        """Return kind and state of all messages."""
        return [(str(d.kind), str(d.state)) for v in self.state.incidents() for d in v.value.deliveries]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Return a running service."""
    return Case(tmp_path)


def test_files_are_followed_and_restart_keeps_everything(case: Case) -> None:
    """Appended lines are seen; a new process goes on where the old one stopped."""
    case.tick()
    case.clock.advance(MINUTE)
    case.happen(3)
    case.tick()
    assert case.told() == [("firing", "sent")]
    case.service = case.start()
    case.clock.advance(MINUTE)
    case.tick()
    assert case.told() == [("firing", "sent")]


def test_data_that_cannot_be_read_is_said_and_evaluated_later(case: Case) -> None:
    """A file that cannot be followed stops nothing for good: not ready, then all of it is evaluated."""
    case.tick()
    case.clock.advance(MINUTE)
    packed = gzip.compress(b"{}")
    (case.folder / "events.ndjson").write_bytes(packed)
    case.tick()
    assert case.service.health.pages()["/readyz"]()[0] == 503
    assert b"packed with gzip" in case.service.health.pages()["/readyz"]()[2]
    case.write("events.ndjson", "")
    case.happen(3)
    case.tick()
    assert case.told() == [("firing", "sent")]
    assert case.service.health.pages()["/readyz"]()[0] == 200


def test_changed_rule_is_taken_over(case: Case) -> None:
    """A reload replaces the rules; without a change nothing is done."""
    assert case.service.reload() is False
    case.write("rules/storm.yaml", RULE.format(n=5))
    assert case.service.reload() is True
    assert [r.condition.num_events for r in case.service.project.rules] == [5]  # type: ignore[union-attr]


def test_bad_rule_file_keeps_the_old_rule(case: Case) -> None:
    """A file that has become bad is said, and its rule keeps running as it was."""
    case.write("rules/storm.yaml", "name: storm\ntype: [\n")
    case.service.reload()
    assert [r.name for r in case.service.project.rules] == ["storm"]
    assert b"alerter_reload_successful 0.0" in case.service.metrics.text(T0)


def test_changed_import_is_taken_over(case: Case) -> None:
    """What a rule imports is looked at too, wherever it lies; when it has become bad, the rule stays as it was."""
    case.write("parts/base.inc", RULE.format(n=5))
    case.write("rules/storm.yaml", "import: ../parts/base.inc\n")
    assert case.service.reload() is True
    assert case.service.reload() is False
    case.write("parts/base.inc", RULE.format(n=77))
    assert case.service.reload() is True
    assert [r.condition.num_events for r in case.service.project.rules] == [77]  # type: ignore[union-attr]
    for bad in ("num_events: [\n", "type: frequency\nindex: logs\nnum_events: many\ntimeframe: 1m\n"):
        case.write("parts/base.inc", bad)
        assert case.service.reload() is True
        assert [r.condition.num_events for r in case.service.project.rules] == [77]  # type: ignore[union-attr]
    assert case.service.reload() is False


@pytest.mark.parametrize(
    "text",
    ["route: {receiver: nobody}\n", "route: [\n", ROUTES.replace("console: {}", "webhook: {url_env: NOT_SET_HERE}")],
)
def test_bad_routes_keep_the_old_ones(case: Case, text: str) -> None:
    """Bad routes, or a receiver whose secret is missing, change nothing."""
    before = case.service.engine.routing
    case.write("notifiers/routes.yaml", text)
    case.service.reload()
    assert case.service.engine.routing.root == before.root
    assert [r.name for r in case.service.project.rules] == ["storm"]


def test_bad_routes_at_start_are_usage_errors(case: Case) -> None:
    """Without former routes there is nothing to keep: the start is refused."""
    case.write("notifiers/routes.yaml", "route: {receiver: nobody}\n")
    with pytest.raises(UsageError):
        load_project(case.settings)


def test_removed_rule_resolves_on_reload(case: Case) -> None:
    """A rule file that is gone resolves its incident, and who heard of it is told."""
    case.tick()
    case.clock.advance(MINUTE)
    case.happen(3)
    case.tick()
    (case.folder / "rules/storm.yaml").unlink()
    case.service.reload()
    case.service.deliver()
    assert case.told() == [("firing", "sent"), ("resolved", "sent")]


def test_health_pages(case: Case) -> None:
    """Ready after the first good tick; not healthy when the delivery loop stands still."""
    pages = case.service.health.pages()
    assert pages["/readyz"]()[0] == 503
    case.tick()
    assert pages["/readyz"]()[0] == 200
    assert pages["/healthz"]()[0] == 200
    case.clock.advance(6 * MINUTE)
    assert pages["/healthz"]()[0] == 503
    assert b"alerter_rules" in pages["/metrics"]()[2]


def test_a_heartbeat_says_how_the_engine_is_doing(case: Case) -> None:
    """Rules, lag and merged runs as another process reads them from the state; the same as the metrics."""
    case.tick()
    for minutes in (1, 3):
        case.clock.advance(minutes * MINUTE)
        case.tick()
    case.clock.advance(MINUTE)
    case.service.vitals.beat()
    [beat] = case.state.heartbeats()
    assert (beat.instance, beat.started, beat.beat) == (case.settings.instance, T0, T0 + 5 * MINUTE)
    assert (beat.rules, beat.refused, beat.merged, beat.skipped) == (1, 0, 2, 0)
    spread = slot_offset(case.service.project.rules[0].schedule, slot_part("storm"))
    late = (
        2 * MINUTE - spread
    ) / SECOND  # the oldest of three instants: what was due at minute two was evaluated at minute four
    assert beat.clusters == (Load("default", 1, 0, late, late, late),)
    assert b"alerter_merged_runs_total 2.0" in case.service.metrics.text(case.clock.now())


def test_a_state_that_takes_no_heartbeat_stops_nothing(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and the engine goes on."""
    case.state._db.execute("DROP TABLE heartbeats")
    case.service.vitals.beat()
    assert "heartbeat" in caplog.text


def test_a_rule_run_by_itself_says_nothing_about_the_source(case: Case) -> None:
    """While the others are evaluated, one monster that fails makes nobody believe that the source is gone."""
    case.tick()
    storm = case.service.project.rules[0]
    broken = replace(storm, filter=({"no such query": {}},))
    case.clock.advance(MINUTE)
    case.service.metrics.spent({"storm": Cost(60.0)})
    assert case.service.tick([broken]).failures  # type: ignore[union-attr]
    assert case.service.health.pages()["/readyz"]()[0] == 200
    case.service.metrics.progress.replace([], T0)
    case.service.metrics.progress.replace([storm], T0)
    case.service.tick([broken])
    assert case.service.health.pages()["/readyz"]()[0] == 200  # a query that is refused is the rule's own


def test_a_record_that_cannot_be_read_stops_nothing_else(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    """One incident was edited by hand: rules are evaluated, and the others' messages go out."""
    case.write("rules/other.yaml", RULE.format(n=3).replace("storm", "other"))
    case.service.reload()
    case.tick()
    case.clock.advance(MINUTE)
    case.happen(3)
    case.service.tick(case.service.project.rules)
    case.state._db.execute("""UPDATE incidents SET body = '{"deliveries": 1}' WHERE rule = 'other'""")
    case.service.deliver()
    assert case.told() == [("firing", "sent")]
    for _ in range(3):
        case.clock.advance(MINUTE)
        case.happen(1)
        report = case.service.tick(case.service.project.rules)
        case.service.deliver()
        assert report is not None
        assert "storm" not in {failure.rule for failure in report.failures}
    assert case.service.health.pages()["/readyz"]()[0] == 200
    assert case.told() == [("firing", "sent")]
    assert caplog.text.count("it is left out") == 1
    assert "Traceback" not in caplog.text
