"""W4: the real ``alerter run`` against the clock, on events whose time comes while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks import generate
from benchmarks.competitors import Place
from benchmarks.generate import MINUTE
from benchmarks.measure import cpu_of, peak_mb
from benchmarks.trial import PREFIX
from benchmarks.workloads import INDEX, SEED
from tests.servers.home import free_port

BEFORE_MINUTES = 25
"""Events before the start: more than the two timeframes that a spike looks at."""
ALERTER = str(Path(sys.executable).with_name("alerter"))
READY_SECONDS = 300
SETTLE_SECONDS = 120
"""From ready until counting begins: the first checkpoints, and the first windows that are read whole."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Seen:
    """Counters at one moment."""

    at: float
    cpu: float
    server: float
    runs: Mapping[str, float]
    failures: float
    merged: float
    ages: Mapping[str, float]
    lags: Mapping[str, float]


def run(place: Place, *, rules: int, minutes: int, rate: int) -> dict[str, Any]:
    """Run so many rules at one run a minute; count for so many minutes after it has settled."""
    now = int(time.time()) * 1000
    ahead = minutes + (READY_SECONDS + SETTLE_SECONDS) // 60
    events = generate.events(SEED, now - BEFORE_MINUTES * MINUTE, (BEFORE_MINUTES + ahead) * 60, rate)
    place.server.load(INDEX, events)
    port = free_port()
    made = generate.mixed_rules(SEED, rules, INDEX, rate, place.webhook)
    with running(place, place.project(made, http_port=port), place.server.url) as child:
        _await_ready(child, port)
        time.sleep(SETTLE_SECONDS)
        seen = [_look(place, child.pid, port)]
        for _ in range(minutes):
            time.sleep(max(0.0, seen[0].at + 60 * len(seen) - time.monotonic()))
            seen.append(_look(place, child.pid, port))
        peak = peak_mb(child.pid)
    return {"title": f"W4: {rules:,} rules live for {minutes} minutes", "live": _summary(seen, rules, minutes, peak)}


@contextmanager
def running(place: Place, config: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``alerter run`` until the block ends, then stop it and drop its state."""
    environment = {**os.environ, "ALERTER_ES_URL": url, "NO_PROXY": "localhost,127.0.0.1"}
    command = [ALERTER, "run", "--config", str(config)]
    log = place.folder / "run.log"
    with log.open("wb") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as child:
        try:
            yield child
        except TimeoutError:
            print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
            raise
        finally:
            child.terminate()
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
            place.server.drop(PREFIX)


def _await_ready(child: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and child.poll() is None:
        try:
            DIRECT.open(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(f"alerter was not ready within {READY_SECONDS} s")


def _look(place: Place, pid: int, port: int) -> Seen:
    at, cpu, server = time.monotonic(), cpu_of(pid), cpu_of(place.server.pid)
    with DIRECT.open(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    runs, ages, lags, failures, merged = {}, {}, {}, 0.0, 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "alerter_evaluations_total":
                runs[sample.labels["rule"]] = sample.value
            elif sample.name == "alerter_evaluation_failures_total":
                failures += sample.value
            elif sample.name == "alerter_instants_caught_up_total":
                merged += sample.value
            elif sample.name == "alerter_evaluation_lag_seconds" and "rule" in sample.labels:
                ages[sample.labels["rule"]] = sample.value
            elif "lag" in sample.name and "quantile" in sample.labels:
                lags[sample.labels["quantile"]] = sample.value
    return Seen(at, cpu, server, runs, failures, merged, ages, lags)


def _summary(seen: list[Seen], rules: int, minutes: int, peak: float) -> dict[str, Any]:
    first, last = seen[0], seen[-1]
    seconds = last.at - first.at
    runs = sum(last.runs.values()) - sum(first.runs.values())
    merged = last.merged - first.merged
    ages = sorted(age for look in seen[1:] for age in look.ages.values())
    due = rules * minutes
    result = {
        "rules": rules,
        "minutes": minutes,
        "due": due,
        "runs": runs,
        "merged": merged,
        "skipped": max(0.0, due - runs - merged),
        "failures": last.failures - first.failures,
        "never_ran": rules - sum(value > 0 for value in last.runs.values()),
        "cpu_share": (last.cpu - first.cpu) / seconds,
        "server_share": (last.server - first.server) / seconds,
        "cpu_ms": 1000 * (last.cpu - first.cpu) / max(runs, 1),
        "server_ms": 1000 * (last.server - first.server) / max(runs, 1),
        "peak_mb": peak,
        "age_s": {name: _quantile(ages, q) for name, q in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))},
    }
    lags = {name: max(look.lags.get(name, 0.0) for look in seen[1:]) for name in last.lags}
    return result | ({"lag_s": lags} if lags else {})


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0
