"""What the rule author's commands take: the evaluator, a replay, rule tests, ``check``, ``--help``. Needs no server."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import generate
from benchmarks.generate import Event
from benchmarks.measure import RESULT
from benchmarks.trial import PYTHON, ROOT
from benchmarks.workloads import SEED, START

ALERTER = str(Path(sys.executable).with_name("alerter"))
DAY_SECONDS = 86_400
INDEX = "events"
HOOK = "http://127.0.0.1:9/hook"
"""Written into rules and routes; nothing is sent."""
TYPES = {"frequency": 0, "frequency by key": 8, "spike": 12, "flatline": 15, "blacklist": 18}
"""Where in the mix of twenty rules the first one of each type stands."""
SILENT = "flatline that holds all day"
"""Of which nothing is ever heard: one incident with a reminder a minute."""
REPEATS = 7
"""How often the short commands are run; the median counts."""
ROUTES = f'receivers:\n  - name: hook\n    webhook: {{url: "{HOOK}"}}\nroute: {{receiver: hook}}\n'
SHIPPED = ("common", "order", "user")


@dataclass(frozen=True)
class Sizes:
    """How much of everything; ``aims`` holds for the full sizes only."""

    load: int = 1_000_000
    replay: int = 100_000
    tests: int = 1_000
    rules: int = 1_000
    aims: bool = True


FULL = Sizes()
QUICK = Sizes(load=100_000, replay=10_000, tests=100, rules=100, aims=False)


def run(folder: Path, sizes: Sizes) -> dict[str, Any]:
    """Run everything in a folder; return a section with one row a figure. Raises RuntimeError when a command fails."""
    measured([ALERTER, "check", "--help"], folder)  # whatever has to be compiled first
    rows: list[dict[str, Any]] = []
    for row in _figures(folder, sizes):
        print(f"workbench: {row['what']}: {row['wall']:.2f} s, CPU {row['cpu']:.2f} s", flush=True)
        rows.append(row if sizes.aims else row | {"aim": {}})
    return {"title": "The rule author's commands", "workbench": rows}


def _figures(folder: Path, sizes: Sizes) -> Iterator[dict[str, Any]]:
    yield _loading(folder, sizes.load)
    yield from _replays(folder, sizes.replay)
    yield _tests(folder, sizes.tests)
    yield from _checks(folder, sizes.rules)
    yield row("alerter --help", _median([ALERTER, "--help"], folder), cpu=0.15)


# --- the figures -------------------------------------------------------------------------------------------------


def _loading(folder: Path, number: int) -> dict[str, Any]:
    """Time ``alerter query`` of one cheap question: nearly all of it is loading."""
    data, body = folder / "load.ndjson", folder / "body.json"
    _write(data, islice(generate.events(SEED, START, number // 90, 100), number))
    body.write_text(json.dumps({"size": 0, "track_total_hits": True}))
    used, said = measured([ALERTER, "query", "--data", str(data), "--body", str(body)], folder)
    data.unlink()
    found = json.loads(said)["hits"]["total"]["value"]
    if found != number:
        raise RuntimeError(f"{found} of {number} events were loaded")
    return row(f"load {number:,} events (alerter query)", used, wall=15, peak_mb=2_500)


def _replays(folder: Path, number: int) -> Iterator[dict[str, Any]]:
    """Replay a day once a minute, for a rule of each type; then the dry run of the same day as a user calls it."""
    data, rules = folder / "day.ndjson", folder / "day"
    _write(data, a_day(number))
    written = day_rules(number)
    generate.write_rules(rules, list(written.values()))
    end = START + 1000 * DAY_SECONDS
    spec = folder / "replay.json"
    spec.write_text(json.dumps({"rules": str(rules), "data": str(data), "start": START, "end": end}))
    _, said = measured([*PYTHON, "benchmarks.workbench_child", str(spec)], folder)
    found = json.loads(said.rpartition(RESULT)[2])
    for name, rule in written.items():
        used = found["rules"][rule["name"]]
        what = f"replay {name}: {used['runs']:,} runs over {number:,} events, {used['incidents']} incidents"
        yield row(what, {"wall": used["wall"], "cpu": used["cpu"]}, wall=2)
    span = ["--start", generate.stamp(START), "--end", generate.stamp(end)]
    first = rules / f"{written['frequency']['name']}.yaml"
    used, _ = measured([ALERTER, "test-rule", str(first), "--data", str(data), *span, "--format", "json"], folder)
    yield row(f"alerter test-rule: load {number:,} events, and a day of the frequency rule", used)
    data.unlink()


def day_rules(number: int) -> dict[str, Event]:
    """Return a rule of each type for so many events a day without a mapping, where words are text with a keyword."""
    mix = generate.mixed_rules(SEED, 20, INDEX, number / DAY_SECONDS, HOOK)
    text = {name: json.dumps(mix[at]) for name, at in TYPES.items()}
    text = {name: re.sub(r'(?<=[" ])(service|level|domain)(?="?:)', r"\1.keyword", rule) for name, rule in text.items()}
    rules = {name: json.loads(rule.replace('"user.id"', '"user.id.keyword"')) for name, rule in text.items()}
    rules["frequency by key"]["num_events"] = 3  # so few events a minute that no user has many
    nobody = [{"term": {"service.keyword": "nobody"}}]
    return rules | {SILENT: rules["flatline"] | {"name": "silent", "filter": nobody}}


def a_day(number: int) -> list[Event]:
    """Return so many events of a day, evenly taken from twice a second."""
    everything = list(generate.events(SEED, START, DAY_SECONDS, 2))
    return [everything[n * len(everything) // number] for n in range(number)]


def _tests(folder: Path, number: int) -> dict[str, Any]:
    """Time ``alerter test`` of copies of the shipped rules with their tests."""
    project = folder / "tested"
    config = copies(project, number)
    command = [ALERTER, "test", "--config", str(config), "--format", "json"]
    used, said = measured(command, project)
    ran = json.loads(said)["tests"]
    if ran < number:
        raise RuntimeError(f"{ran} of {number} rule tests ran")
    return row(f"{ran:,} rule tests (alerter test)", used, wall=5)


def copies(project: Path, tests: int) -> Path:
    """Copy the shipped rules, renamed, until they have at least so many tests; return the settings file."""
    texts = {file: file.read_text() for name in SHIPPED for file in sorted((ROOT / "rules" / name).glob("*.yaml"))}
    each = sum(len(re.findall(r"^ *- name:", text, re.M)) for file, text in texts.items() if ".test." in file.name)
    names = [found for text in texts.values() for found in re.findall(r"^name: (.+)$", text, re.M)]
    name = re.compile(rf"\b({'|'.join(names)})\b(?!\.yaml)")
    for number in range(-(-tests // each)):
        for file, text in texts.items():
            copy = project / "rules" / file.parent.name / f"{number:03d}" / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(name.sub(rf"\1-{number:03d}", text).replace("../../notifiers", "../../../notifiers"))
    (project / "notifiers").mkdir()
    for file in (ROOT / "notifiers").rglob("*.yaml"):
        copy = project / "notifiers" / file.relative_to(ROOT / "notifiers")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text())
    return _settings(project)


def _checks(folder: Path, number: int) -> Iterator[dict[str, Any]]:
    """Time ``alerter check`` of a project of many rules, and of one file of it."""
    project = folder / "checked"
    generate.write_rules(project / "rules", generate.mixed_rules(SEED, number, INDEX, 100, HOOK))
    (project / "notifiers").mkdir()
    (project / "notifiers" / "routes.yaml").write_text(ROUTES)
    config = _settings(project)
    used, _ = measured([ALERTER, "check", "--quiet", "--config", str(config)], project)
    yield row(f"alerter check of {number:,} rules", used, wall=3)
    one = [ALERTER, "check", "--quiet", "--config", str(config), str(project / "rules" / "r0000.yaml")]
    yield row("alerter check of one file", _median(one, project), cpu=0.4)


def _settings(project: Path) -> Path:
    file = project / "alerter.yaml"
    file.write_text("rules: rules\nnotifiers: notifiers\n")
    return file


# --- measuring ---------------------------------------------------------------------------------------------------


def row(what: str, used: dict[str, float], **aim: float) -> dict[str, Any]:
    """Return a row; ``aim`` names what it must stay under, in the units of ``used``.

    Memory stands only where there is an aim: to the system a small process is as large as the one that started it.
    """
    return {"what": what, **{name: n for name, n in used.items() if name != "peak_mb" or name in aim}, "aim": aim}


def _write(file: Path, events: Iterable[Event]) -> None:
    with file.open("w") as out:
        out.writelines(json.dumps(event) + "\n" for event in events)


def _median(command: Sequence[str], folder: Path) -> dict[str, float]:
    runs = [measured(command, folder)[0] for _ in range(REPEATS)]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def measured(command: Sequence[str], folder: Path) -> tuple[dict[str, float], str]:
    """Run a command to its end; return seconds, CPU seconds and peak MB (10^6 bytes), and what it printed.

    Raises RuntimeError when it fails.
    """
    said, wrong = folder / "said.txt", folder / "wrong.txt"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with said.open("wb") as out, wrong.open("wb") as errors:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=errors, cwd=folder, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        last = (wrong.read_text(errors="replace") + said.read_text(errors="replace"))[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{last}")
    figures = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss * 1024 / 1e6}
    return figures, said.read_text()
