"""Two rules, two clusters, one engine: each is asked of its own, and neither waits for the other."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.clock import MINUTE, ManualClock
from alerter.config import Settings, load_settings
from alerter.lanes import Crew, Lanes
from alerter.model.rule import Rule
from alerter.project import load_project
from alerter.service import Service
from alerter.sources.open import open_elasticsearch
from alerter.state.sqlite import SqliteState
from alerter.timetext import iso, parse_instant
from tests.servers.elastic import Node
from tests.support.fault_proxy import FaultProxy
from tests.support.faults import HANG

T0 = parse_instant("2026-03-10T11:00:00Z")
RULE = "name: {name}\ntype: frequency\nindex: {index}\nnum_events: {n}\ntimeframe: 5m\nrealert: 0s\n"
ROUTES = "route: {receiver: here}\nreceivers:\n  - name: here\n    console: {}\n"


class Both:
    """A service on one cluster with a rule that names another; each has its own events of one index name."""

    def __init__(self, folder: Path, here: Node, there: Node, index: str, address: str = "") -> None:
        self.index = f"{index}-logs"
        for node, number in ((here, 2), (there, 3)):
            node.request("PUT", self.index, {"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
            lines: list[Any] = []
            for _ in range(number):
                lines += [{"index": {}}, {"@timestamp": iso(T0 + 30_000)}]
            node.request("POST", f"{self.index}/_bulk?refresh=true", lines)
        named = f"es_host: {address or there.url}\n"
        self._write(folder / "rules/here.yaml", RULE.format(name="here", index=self.index, n=2))
        self._write(folder / "rules/there.yaml", RULE.format(name="there", index=self.index, n=3) + named)
        self._write(folder / "notifiers/routes.yaml", ROUTES)
        self._write(folder / "alerter.yaml", "rules: rules\nnotifiers: notifiers\nquery_delay: 0s\n")
        self.file = str(folder / "alerter.yaml")
        self.settings: Settings = load_settings(self.file, here.environment())
        self.clock = ManualClock(T0)
        self.state = SqliteState(":memory:")
        self.state.init()
        self.source = open_elasticsearch(self.settings)
        project = load_project(self.settings)
        self.rules: dict[str, Rule] = {rule.name: rule for rule in project.rules}
        self.service = Service(self.settings, project, self.source, self.state, self.clock)

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def counts(self) -> dict[str, int]:
        """Return the number of events in each incident's window, by rule."""
        return {stored.value.rule: stored.value.count for stored in self.state.incidents()}

    def close(self) -> None:
        self.service.leave()
        self.source.close()


def test_each_rule_asks_its_own(es: Node, es9: Node, index_prefix: str, tmp_path: Path) -> None:
    """In one tick as well; the metrics tell the clusters apart."""
    both = Both(tmp_path, es, es9, index_prefix)
    both.service.tick(list(both.rules.values()), punctual=False)
    both.clock.advance(MINUTE)
    report = both.service.tick(list(both.rules.values()))
    assert report is not None
    assert (report.failures, both.counts()) == ([], {"here": 2, "there": 3})
    text = both.service.metrics.text(both.clock.now()).decode()
    assert f'cluster="{es9.url}"' in text
    assert 'cluster="default"' in text
    loads = {load.cluster: load.rules for load in both.service.metrics.progress.loads(both.clock.now())}
    assert loads == {"default": 1, es9.url: 1}
    both.close()


def test_a_cluster_that_does_not_answer(es: Node, es9: Node, index_prefix: str, tmp_path: Path) -> None:
    """Its rules wait in threads of their own; the engine stays ready, and the failure names the cluster."""
    with FaultProxy(es9.url) as proxy:
        both = Both(tmp_path, es, es9, index_prefix, proxy.url)
        both.service.tick([both.rules["here"]], punctual=False)
        both.service.tick([both.rules["there"]], punctual=False)
        both.clock.advance(MINUTE)
        proxy.plan(HANG, times=0)
        begun, done = threading.Event(), threading.Event()

        def tick(rules: Any) -> None:
            if rules[0].name == "there":
                begun.set()
            both.service.tick(rules)
            if rules[0].name == "here":
                done.set()

        crews = {name: Crew(name, Lanes(lambda _: 0.0), tick) for name in both.rules}
        for name in ("there", "here"):
            crews[name].start()
            crews[name].lanes.add([both.rules[name]])
            if name == "there":
                assert begun.wait(10)
        assert done.wait(10)
        assert both.counts() == {"here": 2}
        assert both.service.pulse.ready
        proxy.down()
        for crew in crews.values():
            crew.stop()
        report = both.service.tick([both.rules["there"]])
        assert report is not None
        assert [failure.kind for failure in report.failures] == ["unreachable"]
        assert f"(cluster {proxy.url})" in report.failures[0].reason
        assert both.service.pulse.ready
        proxy.clear()
        proxy.up()
        both.service.tick([both.rules["there"]])
        assert both.counts() == {"here": 2, "there": 3}
        both.close()


def test_a_cluster_whose_secret_is_missing(es: Node, es9: Node, index_prefix: str, tmp_path: Path) -> None:
    """The rule fails and says which option it is; nothing is sent without the credential, and no other rule waits."""
    both = Both(tmp_path, es, es9, index_prefix, f"{es9.url}\nes_bearer: $NOT_THERE_3")
    both.service.tick(list(both.rules.values()), punctual=False)
    both.clock.advance(MINUTE)
    report = both.service.tick(list(both.rules.values()))
    assert report is not None
    assert [(failure.rule, failure.kind) for failure in report.failures] == [("there", "denied")]
    assert report.failures[0].reason.startswith("es_bearer: the variable that it names is not set (cluster ")
    assert (both.counts(), both.service.pulse.ready) == ({"here": 2}, True)
    both.close()


def test_check_asks_without_a_cluster_of_the_settings(
    es: Node, index_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule's own cluster is asked all the same; --offline leaves it alone, and needs none of its secrets."""
    for name in es.environment():
        monkeypatch.delenv(name, raising=False)
    ignored = "# alerter: ignore[unknown_index] comes later\nname: here\ntype: any\nindex: x\n"
    (tmp_path / "here.yaml").write_text(ignored)
    there = tmp_path / "there.yaml"
    there.write_text(RULE.format(name="there", index=f"{index_prefix}-none", n=1) + f"es_host: {es.url}\n")
    assert main(["check", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"no index is called {index_prefix}-none" in said
    assert "unused_ignore" not in said  # nothing was asked of that rule
    there.write_text(there.read_text() + "es_bearer: $NOT_THERE_2\nca_certs: nowhere.pem\n")
    for command in (["check", "--offline"], ["check"]):  # which says what is missing, and not that nobody answered
        assert main([*command, str(there), "--format", "json"]) == 0
        found = json.loads(capsys.readouterr().out)["diagnostics"]
        codes = [d["code"] for d in found if d["severity"] == "warning" and d["code"] != "default_route_only"]
        assert codes == ["unset_variable", "access_file"]
    (tmp_path / "events.ndjson").write_text(json.dumps({"@timestamp": iso(T0)}) + "\n")
    data = ["--data", str(tmp_path / "events.ndjson")]
    assert main(["test-rule", str(there), *data]) == 0
    assert "es_bearer: the variable that it names is not set" in capsys.readouterr().out
    assert main(["test-rule", str(there), "--start", iso(T0), "--end", iso(T0 + MINUTE)]) == 2
    assert "es_bearer: the variable that it names is not set (cluster" in capsys.readouterr().err


def test_dry_runs_and_checks(
    es: Node, es9: Node, index_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """``test-rule`` and ``check`` ask the rule's cluster too, and say so; with --data every rule is asked of that."""
    both = Both(tmp_path, es, es9, index_prefix)
    both.close()
    for name, value in es.environment().items():
        monkeypatch.setenv(name, value)
    rules, span = str(tmp_path / "rules"), ["--start", iso(T0), "--end", iso(T0 + MINUTE)]
    assert main(["test-rule", rules, *span, "--config", both.file, "--format", "json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {a["rule"]: [m["count"] for m in a["matches"]] for a in answers} == {"here": [2], "there": [3]}
    assert main(["test-rule", f"{rules}/there.yaml", *span, "--config", both.file]) == 0
    assert f"answered by Elasticsearch at {es9.url}" in capsys.readouterr().out
    (tmp_path / "rules/there.yaml").write_text(RULE.format(name="t", index="no-such", n=1) + f"es_host: {es9.url}\n")
    main(["check", rules, "--config", both.file])
    assert "no index is called no-such" in capsys.readouterr().out
    (tmp_path / "rules/there.yaml").write_text(RULE.format(name="t", index="x", n=1) + "es_host: http://localhost:1\n")
    main(["check", rules, "--config", both.file])
    said = capsys.readouterr().out
    assert "there.yaml:7:1: warning[cluster_not_asked]: the rule's cluster says nothing: " in said
    assert "unknown_index" not in said
    assert main(["test-rule", rules, *span, "--config", both.file, "--format", "json"]) == 2
    captured = capsys.readouterr()
    assert [json.loads(line)["rule"] for line in captured.out.splitlines()] == ["here"]
    assert "(cluster http://localhost:1)" in captured.err
    (tmp_path / "events.ndjson").write_text(json.dumps({"@timestamp": iso(T0 + 1)}) + "\n")
    data = ["--data", str(tmp_path / "events.ndjson"), "--format", "json"]
    assert main(["test-rule", f"{rules}/there.yaml", *data, "--config", both.file]) == 0
    assert json.loads(capsys.readouterr().out)["matches"][0]["count"] == 1
