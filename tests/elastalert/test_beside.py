"""ElastAlert's own program beside alerter's on a real Elasticsearch: same events, same files, same first alerts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from alerter.clock import MINUTE, SECOND
from alerter.timetext import iso, parse_instant
from benchmarks import peer
from benchmarks.answers import Firsts
from benchmarks.server import Server
from tests.elastalert.peer import ElastAlert, installed
from tests.servers.elastic import Node

T0 = parse_instant("2025-03-10T11:00:00Z")
END = T0 + 60 * MINUTE
PROPERTIES = {
    "@timestamp": {"type": "date"},
    **{name: {"type": "keyword"} for name in ("kind", "user", "service", "country")},
    "ms": {"type": "double"},
}
TRIES = 6
"""Starts of ElastAlert: its scheduler leaves out runs that it could not begin in time, and it ends all the same."""
SECONDS = 60


def rules(index: str) -> dict[str, dict[str, Any]]:
    """Return nine rules, of which each tells a key once."""
    common = {"index": index, "timestamp_field": "@timestamp", "alert": "debug", "realert": {"days": 7}}

    def of(kind: str, **own: Any) -> dict[str, Any]:
        return {**common, "filter": [{"term": {"kind": kind}}], **own}

    found = {
        "any": of("rare", type="any"),
        "frequency": of("login", type="frequency", num_events=5, timeframe={"minutes": 10}, query_key="user"),
        "blacklist": of("login", type="blacklist", compare_key="user", blacklist=["mallory"]),
        "flatline": of("beat", type="flatline", threshold=1, timeframe={"minutes": 5}, buffer_time={"minutes": 1}),
        "spike": of("order", type="spike", spike_height=3, spike_type="up", threshold_ref=5, timeframe={"minutes": 10}),
        "cardinality": of(
            "login", type="cardinality", cardinality_field="user", max_cardinality=6, timeframe={"minutes": 7}
        ),
        "change": of("login", type="change", query_key="user", compare_key="country", ignore_null=True),
        "new_term": of("login", type="new_term", query_key="user", use_keyword_postfix=False),
        "metric": of(
            "order",
            type="metric_aggregation",
            metric_agg_key="ms",
            metric_agg_type="avg",
            max_threshold=100,
            query_key="service",
            buffer_time={"minutes": 5},
            run_every={"minutes": 5},
        ),
    }
    return {name: {"name": name, **rule} for name, rule in found.items()}


def events() -> Iterator[dict[str, Any]]:
    """Yield an hour of events, none in the first second of a minute.

    ElastAlert writes bounds on whole seconds without milliseconds, which servers take for the second's end.
    """
    dice = Random(5)
    for user in "ab":
        yield {"@timestamp": iso(T0 - 60 * MINUTE), "kind": "login", "user": user, "country": "DE"}
    for minute in range(60):
        at = T0 + minute * MINUTE
        if minute < 31 or minute > 40:
            yield {"@timestamp": iso(at + 20 * SECOND), "kind": "beat"}
        if minute == 17:
            yield {"@timestamp": iso(at + 1_234), "kind": "rare"}
        for _ in range(3 if minute < 35 else 12):
            ms = dice.randint(20, 80) + (200 if 44 < minute < 52 else 0)
            service = dice.choice(["a", "b"])
            yield {
                "@timestamp": _within(dice, at),
                "kind": "order",
                "ms": ms if service == "b" else 50,
                "service": service,
            }
        for _ in range(dice.choice([0, 1, 1, 2])):
            user = "mallory" if minute == 25 else dice.choice("abcdefgh" if minute > 30 else "aabc")
            country = "DE" if minute < 20 or dice.random() < 0.8 else "FR"
            yield {"@timestamp": _within(dice, at), "kind": "login", "user": user, "country": country}


def _within(dice: Random, minute: int) -> str:
    return iso(minute + dice.randint(1_000, 59_999))


def theirs(es: Node, folder: Path, prefix: str, wanted: Mapping[str, Any]) -> Firsts:
    """Return the first alerts that ElastAlert recorded, after each rule was run over the hour."""
    server = Server(int(es.url.rpartition(":")[2]), 0, es.version)
    program, config = installed(), folder / "elastalert.yaml"
    peer.configure(server, program, config, folder / "rules", prefix, 120, server.port)
    command = [str(program.bin / "elastalert"), "--config", str(config), "--verbose"]
    command += ["--start", iso(T0), "--end", iso(END)]
    ran: set[str] = set()
    for _ in range(TRIES):
        with (folder / "elastalert.log").open("w") as log:
            process = subprocess.Popen(command, env=peer.environment(server), stdout=log, stderr=log)
        try:
            ran |= _ran(process, folder / "elastalert.log", set(wanted) - ran)
        finally:
            process.terminate()
            process.wait(20)
        if ran == set(wanted):
            return peer.firsts(server, prefix, wanted)
    raise AssertionError((folder / "elastalert.log").read_text()[-2000:])


def _ran(process: subprocess.Popen[bytes], log: Path, wanted: set[str]) -> set[str]:
    """Wait until each rule was run, a minute at most; return those that were."""
    for _ in range(SECONDS * 5):
        lines = log.read_text(encoding="utf-8", errors="replace")
        ran = {name for name in wanted if f"Ran {name} from" in lines}
        if ran == wanted or process.poll() is not None:
            return ran
        time.sleep(0.2)  # another program's doing is waited for
    return ran


def ours(es: Node, folder: Path, wanted: Mapping[str, Any]) -> Firsts:
    """Return the first matches that ``alerter test-rule`` finds."""
    command = [sys.executable, "-m", "alerter.cli.main", "test-rule", str(folder / "rules"), "--format", "json"]
    command += ["--start", iso(T0), "--end", iso(END)]
    environment = {**os.environ, "ALERTER_ES_URL": es.url}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Firsts = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        for match in answer["matches"]:
            key = "".join(f"{name}={value}" for name, value in (match["key"] or {}).items())
            name, at = (answer["rule"], key), parse_instant(match["at"])
            found[name] = min(at, found.get(name, at))
    assert {name for name, _ in found} == set(wanted)
    return found


def test_first_alerts_are_the_same(es: Node, elastalert: ElastAlert, index_prefix: str, tmp_path: Path) -> None:
    """Nine types over an hour: each rule and key is told first at the same time by both.

    A spike is reported at the oldest event of its window by ElastAlert; so it may lie up to T before ours.
    """
    index = f"{index_prefix}-events"
    es.request("PUT", index, {"mappings": {"properties": PROPERTIES}})
    es.request("POST", f"{index}/_bulk?refresh=true", [line for e in events() for line in ({"index": {}}, e)])
    wanted = rules(index)
    (tmp_path / "rules").mkdir()
    for name, rule in wanted.items():
        text = "".join(f"{option}: {json.dumps(value)}\n" for option, value in rule.items())
        (tmp_path / "rules" / f"{name}.yaml").write_text(text)
    mine, others = ours(es, tmp_path, wanted), theirs(es, tmp_path, f"{index_prefix}-ea", wanted)
    spike = ("spike", "")
    assert 0 <= mine.pop(spike) - others.pop(spike) < 10 * MINUTE
    assert {k: iso(at) for k, at in mine.items()} == {k: iso(at) for k, at in others.items()}
    assert {name for name, _ in mine} == set(wanted) - {"spike"}
