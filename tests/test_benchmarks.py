"""The benchmarks' generator, its comparison of answers and its tables; nothing here runs a server or asserts a time."""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.clock import MINUTE, ManualClock
from alerter.config import Settings, load_settings
from alerter.project import load_project
from alerter.ruleset.load import load_rules
from alerter.service import Service
from alerter.sources.embedded import EmbeddedSource
from alerter.state.sqlite import SqliteState
from benchmarks import engine_child, generate, measure, report, sigma, workbench
from benchmarks.answers import agree, compare
from benchmarks.engine_child import Player, undelivered
from benchmarks.floor import question
from benchmarks.stubs import REQUEST, Traffic
from benchmarks.trial import Plan, apart, least

START = 1_740_787_200_000
HOOK = "http://127.0.0.1:9/hook"
MIXED = partial(generate.mixed_rules, 1, 100, "logs", 100, HOOK)


@pytest.mark.parametrize(
    "make",
    [
        partial(generate.events, start=START, seconds=3600, rate=100),
        partial(generate.volume, start=START, seconds=600, number=1000),
        partial(generate.many_keys, start=START, seconds=600, rate=100, keys=10_000),
    ],
)
def test_the_same_seed_gives_the_same_events_and_another_seed_others(make: Any) -> None:
    first, again, other = (list(itertools.islice(make(seed), 300)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert all(json.dumps(event) for event in first)


def test_events_lie_in_their_span_and_a_silence_is_silent() -> None:
    events = list(generate.events(1, START, 1200, 20))
    ends = generate.stamp(START), generate.stamp(START + 1_200_000)
    assert all(ends[0] <= event["@timestamp"] < ends[1] for event in events)
    quiet = next(trouble for trouble in generate.troubles(1, 1200) if trouble.factor == 0)
    within = [generate.stamp(START + 1000 * second) for second in (quiet.start, quiet.end)]
    heard = {e["service"] for e in events if within[0] <= e["@timestamp"] < within[1]}
    assert quiet.service not in heard
    assert len(heard) > 30


def test_volume_selects_exactly_as_many_events_as_asked_for() -> None:
    events = list(generate.volume(1, START, 960, 1600))
    rule = generate.volume_rule("logs", HOOK, 100, 1000, 1600)
    below = rule["filter"][0]["range"]["sample"]["lt"]
    assert sum(event["sample"] < below for event in events) == 160, "100 of every 1000"


def test_rules_are_the_mix_that_is_announced() -> None:
    rules = MIXED()
    kinds = Counter((rule["type"], "query_key" in rule) for rule in rules)
    assert kinds == {
        ("frequency", False): 40,
        ("frequency", True): 20,
        ("spike", False): 15,
        ("flatline", False): 15,
        ("blacklist", False): 10,
    }
    counting = MIXED(counting=True)
    assert sum("use_count_query" in rule for rule in counting) == 70
    assert sum("use_terms_query" in rule for rule in counting) == 20
    plain = [
        {k: v for k, v in r.items() if k not in ("use_count_query", "use_terms_query", "terms_size")} for r in counting
    ]
    assert plain == rules


@pytest.mark.parametrize(
    "rules",
    [
        MIXED(),
        MIXED(counting=True),
        generate.keyed_rules(3, "logs", HOOK, 10_000),
        [generate.volume_rule("logs", HOOK, 10, 10, 16)],
    ],
)
def test_every_rule_loads_in_alerter_without_an_error(rules: list[generate.Event], tmp_path: Path) -> None:
    generate.write_rules(tmp_path, rules)
    loaded = load_rules((tmp_path,), replace(Settings(), rules=(tmp_path,)))
    assert [found.text() for found in loaded.diagnostics if found.severity == "error"] == []
    assert [rule.name for rule in loaded.rules] == [rule["name"] for rule in rules]
    assert generate.read_rules(tmp_path) == rules


def test_the_floor_asks_whole_windows_or_the_newest_minute() -> None:
    spans = {"frequency": 11, "spike": 20, "flatline": 10, "blacklist": 1}
    for rule in MIXED():
        for newest, minutes in ((False, spans[rule["type"]]), (True, 1)):
            asked = question(rule, START, newest=newest)["query"]["bool"]["filter"][0]["range"]["@timestamp"]
            ends = generate.stamp(START - minutes * generate.MINUTE), generate.stamp(START)
            assert (asked["gt"], asked["lte"]) == ends


def test_a_plan_is_one_step_then_a_minute_each() -> None:
    plan = Plan(START, START + 25 * generate.MINUTE, 2, 3)
    spec = plan.spec()
    minutes = [(at - START) // generate.MINUTE for at in (spec["span"], *spec["warm"], *spec["passes"])]
    assert minutes == [25, 26, 27, 28, 29, 30]
    assert plan.end == spec["passes"][-1]


def test_one_missing_answer_or_one_millisecond_is_a_disagreement() -> None:
    types = {"f": "frequency", "s": "spike"}
    theirs = {("f", "user.id=a"): 5, ("f", "user.id=b"): 6, ("s", ""): 7}
    late = {**theirs, ("f", "user.id=late"): 99}
    assert agree(compare(theirs, late, types, 10)), "what comes after the end is not compared"
    assert agree(compare({**theirs, ("s", ""): 8}, theirs, types, 10)), "a spike may differ"
    assert not agree(compare({**theirs, ("f", "user.id=a"): 4}, theirs, types, 10))
    assert not agree(compare({("s", ""): 7}, theirs, types, 10))
    assert not agree(compare(late, theirs, types, 100))


def test_requests_are_counted_by_their_first_line() -> None:
    text = b"POST /_msearch HTTP/1.1\r\nHost: x\r\n\r\n{}GET /a/_search?x=1 HTTP/1.1\r\n"
    assert [match[1] for match in REQUEST.finditer(text)] == [b"/_msearch", b"/a/_search?x=1"]


def test_of_several_runs_the_least_of_each_cost_counts_and_the_most_memory() -> None:
    def run(cpu: float, server: float, peak: float, beats: float) -> dict[str, Any]:
        costs = {"cpu": cpu, "server": server, "wall": cpu + server}
        found = {
            "failed": 1,
            "rounds": 1,
            "peak_mb": peak,
            "delivering_ms": cpu / 2,
            "each_ms": costs,
            "traffic": {"requests": 3},
            "firsts": {("r", ""): 1},
        }
        return found | {"aside": {"times": 30, "cpu": beats, "server": beats}}

    both = least(run(1, 5, 50, 8), {**run(2, 4, 60, 7), "traffic": None})
    assert both["each_ms"] == {"cpu": 1, "server": 4, "wall": 6}
    assert (both["peak_mb"], both["delivering_ms"], both["failed"]) == (60, 0.5, 2)
    assert both["aside"] == {"times": 30, "cpu": 7, "server": 7}
    assert (both["rounds"], both["traffic"], both["same"]) == (2, {"requests": 3}, True)
    assert not least(both, {**run(2, 4, 60, 7), "firsts": {("r", ""): 2}})["same"]


def test_the_page_says_when_answers_do_not_agree() -> None:
    each = {"cpu": 0.5, "server": 1.0, "wall": 2.0}
    result = {"name": "alerter", "rules": 1, "failed": 0, "peak_mb": 50.0, "passes": 2, "each_ms": each}
    result |= {"delivering_ms": 0.1, "traffic": {"requests": 3, "sent": 1000, "received": 2000}}
    result |= {"aside": {"times": 30, "requests": 60, "cpu": 31.25, "server": 40}}
    slow = result | {"name": "ElastAlert stock", "each_ms": {"cpu": 50.0, "server": 10.0, "wall": 2.0}}
    row = {"same": 1, "other_time": 0, "ours_only": 1, "theirs_only": 0, "reason": "", "examples": ["r1: alerter only"]}
    answers = {"with": "ElastAlert stock", "agree": False, "until": "2025", "types": {"frequency": row}}
    section = {"title": "W1", "step": False, "results": [result, slow], "answers": answers}
    about = {"date": "2025", "command": "python", "machine": "2 cores", "versions": {"Elasticsearch": "8"}}
    page = report.page({**about, "sections": [section]})
    assert "DO NOT AGREE" in page
    assert "| ElastAlert stock | 50.000 | 100 |" in page
    assert "r1: alerter only" in page
    assert "30 a minute with 60 requests" in page
    assert "31.2 ms CPU a minute" in page


def test_delivery_runs_as_often_as_in_the_process() -> None:
    from alerter import runner

    assert engine_child.DELIVER_SECONDS == runner.DELIVER_SECONDS


COUNTED = START + 2 * MINUTE
SPEC = {"server_pid": os.getpid(), "marks": False, "span": START + MINUTE, "warm": [], "passes": [COUNTED]}


@pytest.fixture
def played(tmp_path: Path) -> tuple[Player, SqliteState]:
    """Return what plays a service with one rule, whose events come in the counted minute; and its state."""
    rule = "name: storm\ntype: frequency\nindex: logs\nnum_events: 3\ntimeframe: 1m\n"
    routes = "route: {receiver: here}\nreceivers: [{name: here, console: {}}]\n"
    settings = "rules: rules\nnotifiers: notifiers\nquery_delay: 0s\n"
    for name, text in {"rules/storm.yaml": rule, "notifiers/routes.yaml": routes, "alerter.yaml": settings}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    loaded = load_settings(str(tmp_path / "alerter.yaml"), {})
    clock, state = ManualClock(START), SqliteState(":memory:")
    state.init()
    events = EmbeddedSource(documents=[{"@timestamp": generate.stamp(START + MINUTE + 1 + n)} for n in range(3)])
    service = Service(loaded, load_project(loaded), events, state, clock)
    service.tick(service.project.rules)
    return Player(service, clock, SPEC), state


def test_a_counted_minute_has_every_beat_and_ends_with_every_message_delivered(
    played: tuple[Player, SqliteState],
) -> None:
    player, state = played
    player.step(SPEC["span"])
    assert player.beats.times == 0
    player.step(COUNTED)
    assert player.beats.times == 30
    assert player.service.fleet.valid()
    assert [str(d.state) for v in state.incidents() for d in v.value.deliveries] == ["sent"]
    assert undelivered(state) == {}


def test_a_message_that_was_planned_and_not_sent_is_missed(played: tuple[Player, SqliteState]) -> None:
    player, state = played
    player.clock.set(COUNTED)
    player.service.tick(player.service.project.rules)
    assert undelivered(state) == {"planned": 1}
    player.finish()
    assert undelivered(state) == {}


def test_work_aside_is_taken_out_of_the_pass(capsys: pytest.CaptureFixture[str]) -> None:
    aside = measure.Aside(SPEC)

    def step(at: int) -> None:
        if at in SPEC["passes"]:
            aside.run(lambda: None)
            aside.whole = aside.whole.plus(measure.Used(1000, 1000, 1000))

    measure.play(SPEC, step, lambda: {"rules": 1}, aside)
    result = json.loads(capsys.readouterr().out.removeprefix(measure.RESULT))
    assert all(used < -900 for used in result["passes"][0].values())
    assert result["aside"]["times"] == 1


def test_traffic_between_inner_marks_is_kept_apart() -> None:
    at = [Traffic(n, 10 * n, 100 * n) for n in (1, 4, 5, 7, 9, 20)]
    assert apart(at) == (Traffic(16, 160, 1600), Traffic(3, 30, 300))
    assert apart(at[:2]) == (Traffic(3, 30, 300), Traffic())
    with pytest.raises(ValueError, match="no pairs"):
        apart(at[:3])


def test_an_aim_that_is_missed_is_said_with_by_how_much() -> None:
    met = {"what": "a", "wall": 1.0, "cpu": 1.0, "peak_mb": 2400.0, "aim": {"wall": 2, "peak_mb": 2500}}
    missed = {"what": "b", "wall": 9.0, "cpu": 0.3, "aim": {"cpu": 0.15}}
    table = report.tables({"sections": [{"title": "W", "workbench": [met, missed]}]})
    assert "| a | 1.00 | 1.00 | 2400 | under 2 s, under 2,500 MB | yes, yes |" in table
    assert "| b | 9.00 | 0.30 |  | under 0.15 s CPU | no, 2 times |" in table


def test_copies_of_the_shipped_rules_pass_their_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = workbench.copies(tmp_path, 27)
    assert main(["test", "--config", str(config), "--format", "json", str(tmp_path / "rules")]) == 0
    assert json.loads(capsys.readouterr().out)["tests"] >= 27
    loaded = load_rules((tmp_path / "rules",), load_settings(str(config), {}))
    assert len({rule.name for rule in loaded.rules}) == len(loaded.rules) == 20


def test_the_rules_of_a_day_select_its_events() -> None:
    """Without a mapping ``service`` is text, of which ``term`` finds no value with a hyphen."""
    rules = workbench.day_rules(5_000)
    source = EmbeddedSource(documents=workbench.a_day(5_000))
    asked = {
        name: {"query": {"bool": {"filter": [f.get("query", f) for f in r["filter"]]}}} for name, r in rules.items()
    }
    found = {name: source.evaluator.search(body)["hits"]["total"]["value"] for name, body in asked.items()}
    assert {name for name, number in found.items() if number == 0} == {workbench.SILENT}
    assert rules["frequency by key"]["query_key"] == rules["blacklist"]["compare_key"] == "user.id.keyword"


def test_a_day_holds_as_many_events_as_asked_for() -> None:
    events = workbench.a_day(1000)
    assert len(events) == 1000
    assert events[0]["@timestamp"] < generate.stamp(workbench.START + 10 * MINUTE)
    assert events[-1]["@timestamp"] > generate.stamp(workbench.START + 1430 * MINUTE)


def test_rules_of_the_sigma_converters_shapes_load(tmp_path: Path) -> None:
    """Every shape, the longest query among them; what its events hold some of them find."""
    sigma.write_rules(tmp_path / "rules", 40)
    loaded = load_rules([tmp_path / "rules"], Settings())
    assert [d.text() for d in loaded.diagnostics if d.severity in ("error", "warning")] == []
    assert Counter(rule.type for rule in loaded.rules) == {"any": 36, "frequency": 2, "metric_aggregation": 2}
    lengths = [len(rule.filter[0]["query_string"]["query"]) for rule in loaded.rules]
    assert abs(max(lengths) - sigma.LONGEST) < 300
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in sigma.events(100)))
    assert EmbeddedSource([str(tmp_path / "events.ndjson")]).events == 100
