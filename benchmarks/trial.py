"""One competitor, one run: a child process over simulated minutes, and what it used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.answers import Firsts
from benchmarks.generate import MINUTE
from benchmarks.measure import MARK, RESULT, mean
from benchmarks.server import MINE, Server
from benchmarks.stubs import Proxy, Traffic

ROOT = Path(__file__).resolve().parent.parent
PREFIX = f"{MINE}-run"
"""Of the indices in which competitors keep their state; dropped after every run."""
TRAFFIC_SPAN = 2 * MINUTE
TRAFFIC_PASSES = 1
SLOW = 10_000
"""Milliseconds a pass may take for a second run (for its traffic, or for lesser figures) to be worth it."""


@dataclass(frozen=True)
class Plan:
    """Simulated instants: from ``begin`` to ``span`` in one step, then ``warm`` and ``passes`` steps of a minute."""

    begin: int
    span: int
    warm: int
    passes: int

    def spec(self) -> dict[str, Any]:
        """Return what the child is told."""
        minutes = [self.span + n * MINUTE for n in range(1, self.warm + self.passes + 1)]
        return {"begin": self.begin, "span": self.span, "warm": minutes[: self.warm], "passes": minutes[self.warm :]}

    @property
    def end(self) -> int:
        """Return the last instant."""
        return self.span + (self.warm + self.passes) * MINUTE


@dataclass(frozen=True)
class Launch:
    """How to start a child: program, what its spec holds beside the plan, and its environment."""

    command: list[str]
    spec: Mapping[str, Any]
    environment: Mapping[str, str]


class Competitor(Protocol):
    """Something that evaluates rules."""

    @property
    def name(self) -> str:
        """Return what it is called in tables."""

    def prepare(self, port: int) -> Launch:
        """Write its files, make its state afresh; it will reach the server through ``port``."""

    def firsts(self) -> Firsts:
        """Return the first match of each rule and key that it recorded; nothing when it records none."""


def measure(
    server: Server, index: str, competitor: Competitor, plan: Plan, folder: Path, *, traffic: bool = True
) -> dict[str, Any]:
    """Run it once for CPU, memory and time, and, unless it is slow, once more through a proxy that counts ``traffic``.

    Returns a JSON object, with the first matches under ``firsts``.
    """
    try:
        server.drop(PREFIX)
        server.settle(index)
        raw, _ = _run(server, competitor.prepare(server.port), plan, folder, None)
        result = _summary(raw) | {"name": competitor.name, "end": plan.end, "firsts": competitor.firsts()}
        if traffic and plan.passes and not is_slow(result):
            short = replace(plan, begin=plan.span - TRAFFIC_SPAN, warm=min(plan.warm, 1), passes=TRAFFIC_PASSES)
            proxy = Proxy(server.port)
            server.drop(PREFIX)
            _, marks = _run(server, competitor.prepare(proxy.port), short, folder, proxy)
            proxy.close()
            passed, aside = apart(marks)
            result["traffic"] = {name: n / TRAFFIC_PASSES for name, n in asdict(passed).items()}
            if "aside" in result:
                result["aside"]["requests"] = aside.requests / TRAFFIC_PASSES
    finally:
        server.drop(PREFIX)
    return result


def is_slow(result: Mapping[str, Any]) -> bool:
    """Whether its passes take so long that it is run once only."""
    return bool(result["each_ms"]["wall"] * result["rules"] > SLOW)


def least(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return of two runs of the same the lesser costs and the larger memory; all else is that of the first.

    ``same`` is whether both gave the same first matches.
    """
    both: dict[str, Any] = {**one, "failed": one["failed"] + other["failed"]}
    both["rounds"] = one["rounds"] + other["rounds"]
    both["same"] = one.get("same", True) and one["firsts"] == other["firsts"]
    both["peak_mb"] = max(one["peak_mb"], other["peak_mb"])
    both["delivering_ms"] = min(one["delivering_ms"], other["delivering_ms"])
    both["each_ms"] = {name: min(cost, other["each_ms"][name]) for name, cost in one["each_ms"].items()}
    if "aside" in one:
        costs = {name: min(one["aside"][name], other["aside"][name]) for name in ("cpu", "server")}
        both["aside"] = {**one["aside"], **costs}
    return both


def apart(marks: Sequence[Traffic]) -> tuple[Traffic, Traffic]:
    """Return what passed between the first mark and the last one, and what of it between the pairs of inner marks.

    The first holds nothing of the second. Raises ValueError when the marks are no pairs.
    """
    if len(marks) < 2 or len(marks) % 2:
        raise ValueError(f"{len(marks)} marks are no pairs")
    aside = Traffic()
    for before, after in zip(marks[1:-1:2], marks[2:-1:2], strict=True):
        aside = aside.plus(after.since(before))
    return marks[-1].since(marks[0]).since(aside), aside


def _run(
    server: Server, launch: Launch, plan: Plan, folder: Path, proxy: Proxy | None
) -> tuple[Mapping[str, Any], Sequence[Traffic]]:
    """Start the child, answer its marks; return its result, and what had passed the proxy at each mark."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps({**plan.spec(), **launch.spec, "server_pid": server.pid, "marks": proxy is not None}))
    log = folder / "child.log"
    marks, result = [], None
    environment = {**launch.environment, "NO_PROXY": "localhost,127.0.0.1", "PYTHONPATH": str(ROOT)}
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*launch.command, str(spec)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True, cwd=folder,
        ) as child,
    ):  # fmt: skip
        assert child.stdin
        assert child.stdout
        for line in child.stdout:
            if line.startswith(RESULT):
                result = json.loads(line.removeprefix(RESULT))
            elif line.strip() == MARK and proxy is not None:
                marks.append(proxy.traffic)
                child.stdin.write("\n")
                child.stdin.flush()
    if result is None:
        raise RuntimeError(f"{launch.command} gave no result:\n{log.read_text(errors='replace')[-3000:]}")
    return result, marks


def _summary(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return means per rule and pass, milliseconds; peak MiB; and the totals of the first step, seconds.

    ``aside``, where there is any, is per pass: how often, and milliseconds.
    """
    rules, passes = raw["rules"], raw["passes"]
    each = {name: 1000 * mean(passes, name) / rules for name in ("cpu", "server", "wall")}
    delivering = 1000 * raw.get("delivering", 0.0) / (len(passes) or 1) / rules
    kept = {name: raw[name] for name in ("rules", "failed", "peak_mb", "span")}
    result = {**kept, "rounds": 1, "passes": len(passes), "each_ms": each, "delivering_ms": delivering}
    if "aside" in raw:
        factors = {"times": 1, "cpu": 1000, "server": 1000}
        result["aside"] = {name: factor * raw["aside"][name] / len(passes) for name, factor in factors.items()}
    return result


PYTHON = [sys.executable, "-P", "-m"]
