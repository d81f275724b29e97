"""How long 1,000 rule files take: to check, and from the start of the process to its first query."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import generate
from benchmarks import peer as elastalert
from benchmarks.competitors import Place
from benchmarks.generate import MINUTE
from benchmarks.live import ALERTER, running
from benchmarks.measure import cpu_of, peak_mb
from benchmarks.peer import Peer
from benchmarks.stubs import Proxy
from benchmarks.trial import PREFIX
from benchmarks.workloads import INDEX, SEED

FIRST_QUERY_SECONDS = 180
DUE_SECONDS = 65
"""After this long every rule is due again, so that a start has something to ask at once."""


class _Watch:
    """Notes when the first search over the events passes, and what the process had used by then."""

    def __init__(self) -> None:
        self.found = threading.Event()
        self.at = 0.0

    def see(self, at: float, path: str) -> None:
        """Take one request. Searches of an engine's own indices do not count."""
        asks = any(word in path for word in ("_search", "_msearch", "_count", "_pit"))
        if asks and (path.startswith((f"/{INDEX}", "/_msearch", "/_search"))) and not self.found.is_set():
            self.at = at
            self.found.set()

    def wait(self, began: float, pid: int) -> dict[str, float]:
        """Wait for it; return seconds, CPU seconds and MiB. Raises TimeoutError."""
        if not self.found.wait(FIRST_QUERY_SECONDS):
            raise TimeoutError(f"no query within {FIRST_QUERY_SECONDS} s")
        return {"wall": self.at - began, "cpu": cpu_of(pid), "peak_mb": peak_mb(pid)}


def run(place: Place, peer: Peer | None, *, rules: int) -> dict[str, Any]:
    """Time check and start of alerter, and the start of ElastAlert's unmodified program."""
    now = int(time.time()) * 1000
    place.server.load(INDEX, generate.events(SEED, now - 25 * MINUTE, 35 * 60, 2))
    made = generate.mixed_rules(SEED, rules, INDEX, 2, place.webhook)
    config = place.project(made)
    found = {"alerter check": _checked(config), "alerter run": _first_query(place, config)}
    if peer is not None:
        found["elastalert"] = _peer_first_query(place, peer, place.write(made))
    return {"title": f"{rules:,} rule files", "startup": found}


def _checked(config: Path) -> dict[str, float]:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [ALERTER, "check", "--quiet", "--config", str(config)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.perf_counter() - began, "cpu": cpu}


def _first_query(place: Place, config: Path) -> dict[str, float]:
    """Make the first checkpoints, wait until all rules are due, and time a start as of any later day."""
    began = time.monotonic()
    environment = {**os.environ, "ALERTER_ES_URL": place.server.url, "NO_PROXY": "localhost,127.0.0.1"}
    command = [ALERTER, "run", "--once", "--config", str(config)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(max(0.0, DUE_SECONDS - (time.monotonic() - began)))
    return _watched(place, lambda proxy: running(place, config, f"http://127.0.0.1:{proxy.port}"))


def _watched(place: Place, start: Callable[[Proxy], Any]) -> dict[str, float]:
    watch = _Watch()
    proxy = Proxy(place.server.port, watch.see)
    try:
        began = time.perf_counter()
        with start(proxy) as child:
            return watch.wait(began, child.pid)
    finally:
        proxy.close()


def _peer_first_query(place: Place, peer: Peer, rules: Path) -> dict[str, float]:
    watch = _Watch()
    proxy = Proxy(place.server.port, watch.see)
    file = place.folder / "elastalert.yaml"
    elastalert.configure(place.server, peer, file, rules, PREFIX, elastalert.BUFFERS["stock"], proxy.port)
    began = time.perf_counter()
    log = place.folder / "run.log"
    command = [str(peer.bin / "elastalert"), "--config", str(file)]
    environment = elastalert.environment(place.server)
    with log.open("wb") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as child:
        try:
            return watch.wait(began, child.pid)
        finally:
            child.kill()
            proxy.close()
            with suppress(RuntimeError):
                place.server.drop(PREFIX)
