"""A folder of rules as the Sigma converter writes them: how long loading takes, and one pass over an hour of events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.competitors import Place
from benchmarks.generate import Event, stamp
from benchmarks.measure import RESULT
from benchmarks.server import MINE, Server
from benchmarks.trial import PYTHON
from benchmarks.workbench import measured, row
from benchmarks.workloads import SEED, START

RULES, EVENTS = 4_000, 10_000
QUICK_RULES, QUICK_EVENTS = 400, 2_000
LONGEST = 250_000
"""Characters of the longest query; the longest one known to be real has as many."""
MOST_WILDCARDS = 3_000
"""Characters of a query that are lists with wildcards."""
FIELDS = ("process.executable", "process.command_line", "process.parent.executable", "file.path", "registry.path")
WORDS = ("whoami", "rundll32", "powershell", "certutil", "mshta", "regsvr32", "bitsadmin", "wmic", "schtasks", "net")
HOUR = 3_600_000
INDEX = f"{MINE}-sigma"
WORDY = {"dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}]}
"""Every text of an event is a keyword, as ECS has them."""


def write_rules(folder: Path, number: int) -> None:
    """Write so many rule files: nine of ten match events, the others count them or their values; one is LONGEST."""
    draw = random.Random(SEED)
    folder.mkdir(parents=True)
    for n in range(number):
        length = LONGEST if n == number // 2 else min(int(draw.lognormvariate(6, 1)), 60_000)
        rule: dict[str, Any] = {
            "description": f"Detects {draw.choice(WORDS)} as no. {n}",
            "filter": [{"query": {"query_string": {"query": query(draw, length)}}}],
            "index": INDEX,
            "name": f"Sigma {n} {draw.choice(WORDS)}",
            "priority": draw.randrange(5),
        }
        (folder / f"s{n:04d}.yaml").write_text(yaml.dump(rule | _condition(draw, n), Dumper=yaml.CSafeDumper))


def _condition(draw: random.Random, n: int) -> dict[str, Any]:
    """Return the type's options, in the converter's three shapes."""
    if n % 20 == 7:
        counted = {"num_events": draw.randint(3, 50), "timeframe": {"minutes": 5}}
        return {"type": "frequency", "query_key": ["user.name"], **counted}
    if n % 20 == 13:
        counted = {"metric_agg_type": "cardinality", "metric_agg_key": "host.name", "max_threshold": draw.randint(3, 9)}
        return {"type": "metric_aggregation", "buffer_time": {"minutes": 15}, "query_key": ["user.name"], **counted}
    return {"type": "any"}


def query(draw: random.Random, length: int) -> str:
    """Return a query of about so many characters: leading wildcards, lists, an exception; what is longer lists hashes.

    The longest real ones are lists of hashes. As many leading wildcards in one query end a small node: Elasticsearch
    makes an automaton of each.
    """
    parts = [rf"{draw.choice(FIELDS)}:*\\{draw.choice(WORDS)}.exe"]
    size = len(parts[0])
    while size < min(length, MOST_WILDCARDS):
        many = draw.randint(1, 12)
        values = " OR ".join(rf"*{draw.choice(WORDS)}\-{draw.randrange(10_000_000)}*" for _ in range(many))
        parts.append(f"{draw.choice(FIELDS)}:({values})")
        size += len(parts[-1]) + 5
    hashes = [f"{draw.getrandbits(256):064x}" for _ in range((length - size) // 68)]
    parts += [f"file.hash.sha256:({' OR '.join(hashes)})"] if hashes else []
    alternatives = " OR ".join(f"({part})" for part in parts)
    return f"({alternatives}) AND (NOT {draw.choice(FIELDS)}:C\\:\\\\Program\\ Files\\\\*)"


def events(number: int) -> Iterator[Event]:
    """Yield an hour of events; one of a hundred is what some rules look for."""
    draw = random.Random(SEED)
    for n in range(number):
        word = draw.choice(WORDS) if draw.random() < 0.01 else f"program{draw.randrange(500)}"
        program = rf"C:\Windows\{word}.exe"
        yield {
            "@timestamp": stamp(START + n * HOUR // number),
            "process": {"executable": program, "command_line": f"{program} -{n % 97}", "parent": {"executable": "x"}},
            "file": {"path": rf"C:\Users\u{n % 50}\a"},
            "user": {"name": f"u{draw.randrange(50)}"},
            "host": {"name": f"h{draw.randrange(20)}"},
        }


def run(place: Place, *, quick: bool) -> dict[str, Any]:
    """Load the rules, then evaluate all once over the hour, on the server; return a section with one row a figure."""
    number, many = (QUICK_RULES, QUICK_EVENTS) if quick else (RULES, EVENTS)
    folder = place.folder / "sigma"
    write_rules(folder / "rules", number)
    fill(place.server, many)
    rows = [_loading(folder, {} if quick else {"wall": 20, "peak_mb": 1_000}), _pass(folder, place.server.url, many)]
    for one in rows:
        print(f"sigma: {one['what']}: {one['wall']:.2f} s, CPU {one['cpu']:.2f} s", flush=True)
    return {"title": "Rules of the Sigma converter's shapes", "workbench": rows}


def fill(server: Server, number: int) -> None:
    """Make the index of the events."""
    settings = {"number_of_shards": 1, "number_of_replicas": 0}
    server.drop(INDEX)
    server.ask("PUT", INDEX, {"settings": settings, "mappings": WORDY})
    lines = "".join('{"index":{}}\n' + json.dumps(event) + "\n" for event in events(number))
    server.ask("POST", f"{INDEX}/_bulk?refresh=true&filter_path=errors", lines)


def _loading(folder: Path, aim: dict[str, float]) -> dict[str, Any]:
    used, found = _child(folder, "load", {})
    return row(f"load {found['rules']:,} rules, the longest query {LONGEST:,} characters", used, **aim)


def _pass(folder: Path, url: str, many: int) -> dict[str, Any]:
    _, found = _child(folder, "pass", {"url": url, "start": START, "end": START + HOUR})
    what = (
        f"one pass of {found['rules']:,} rules over {many:,} events of an hour: {found['requests']:,} requests, "
        f"{found['incidents']:,} incidents, {found['failed']:,} rules failed"
    )
    return row(what, {name: found[name] for name in ("wall", "cpu")})


def _child(folder: Path, name: str, spec: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"rules": str(folder / "rules"), **spec}))
    used, said = measured([*PYTHON, "benchmarks.sigma_child", str(file)], folder)
    return used, json.loads(said.rpartition(RESULT)[2])
