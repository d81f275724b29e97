"""What processes use, from /proc; standard library only, since ElastAlert's environment imports it too."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
MARK = "MARK"
RESULT = "RESULT "


def cpu_of(pid: int) -> float:
    """Return the user and system seconds of a process so far, all its threads; to a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(pid: int | str = "self") -> float:
    """Return the most resident memory a process ever had, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def own_cpu() -> float:
    """Return the user and system seconds of this process so far, all its threads; to a microsecond."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def pid_of_port(port: int) -> int:
    """Return the process that listens on a loopback port; raises LookupError when it is none of ours to see."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and any(link in sockets for link in _links(process / "fd")):
            return int(process.name)
    raise LookupError(f"no process found that listens on port {port}")


def _links(folder: Path) -> Iterator[str]:
    """Yield where the open files of a process lead; it may close one, or end, while they are read."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            yield str(entry.readlink())


@dataclass
class Used:
    """CPU seconds of this process and of the server, and seconds by the clock."""

    cpu: float
    server: float
    wall: float

    @staticmethod
    def now(server_pid: int) -> Used:
        """Read all three counters."""
        return Used(own_cpu(), cpu_of(server_pid), time.perf_counter())

    def since(self, before: Used) -> Used:
        """Return what was used after ``before``."""
        return Used(self.cpu - before.cpu, self.server - before.server, self.wall - before.wall)

    def plus(self, other: Used) -> Used:
        """Return both together."""
        return Used(self.cpu + other.cpu, self.server + other.server, self.wall + other.wall)


NOTHING = Used(0.0, 0.0, 0.0)


class Aside:
    """Work within the passes that is counted for itself: ``play`` takes it out of the pass it falls into.

    ``times`` it ran and used ``cpu`` seconds; ``whole`` is what the passes are shortened by, the counting included.
    Two marks stand around each piece of work, so that the parent can keep its traffic apart.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._pid = int(spec["server_pid"])
        self.times = 0
        self.cpu = 0.0
        self.whole = NOTHING

    def run(self, work: Callable[[], object]) -> None:
        """Do a piece of work."""
        outside = Used.now(self._pid)
        _mark(self._spec)
        inside = own_cpu()
        work()
        self.cpu += own_cpu() - inside
        self.times += 1
        _mark(self._spec)
        server, wall = cpu_of(self._pid), time.perf_counter()
        self.whole = self.whole.plus(Used(own_cpu(), server, wall).since(outside))


def play(
    spec: Mapping[str, Any],
    step: Callable[[int], None],
    after: Callable[[], Mapping[str, Any]],
    aside: Aside | None = None,
) -> None:
    """Take each simulated instant in turn, measure, and print the result for the parent.

    ``spec``: ``span`` (the first instant, which catches up from ``begin`` to there), ``warm`` and ``passes`` (instants,
    milliseconds), ``server_pid``, and ``marks``: tell the parent before and after the passes, and wait for its answer.
    What is done ``aside`` is no part of the passes; its totals over all of them are printed for themselves.
    """
    pid = int(spec["server_pid"])
    before = Used.now(pid)
    step(spec["span"])
    span = Used.now(pid).since(before)
    for at in spec["warm"]:
        step(at)
    _mark(spec)
    each = [_timed(pid, step, at, aside) for at in spec["passes"]]
    _mark(spec)
    result = {"span": asdict(span), "passes": [asdict(used) for used in each], "peak_mb": peak_mb()}
    if aside is not None and aside.times:
        result["aside"] = {"times": aside.times, "cpu": aside.cpu, "server": aside.whole.server}
    print(RESULT + _json(result | dict(after())), flush=True)


def _timed(pid: int, step: Callable[[int], None], at: int, aside: Aside | None) -> Used:
    done = aside.whole if aside is not None else NOTHING
    before = Used.now(pid)
    step(at)
    used = Used.now(pid).since(before)
    return used.since(aside.whole.since(done)) if aside is not None else used


def _mark(spec: Mapping[str, Any]) -> None:
    if spec["marks"]:
        print(MARK, flush=True)
        sys.stdin.readline()


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def mean(passes: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the mean of one counter over the passes; 0 without passes."""
    return sum(used[name] for used in passes) / len(passes) if passes else 0.0
