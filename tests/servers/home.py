"""Where fetched servers, their data and the list of what runs are kept between test runs."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Missing(Exception):
    """A server cannot be had here; ``how`` says what to install."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(f"{what}; {how}")
        self.what = what
        self.how = how


def home() -> Path:
    """Return the cache folder: ALERTER_TEST_HOME, for root one that other accounts can enter, else below ~/.cache."""
    named = os.environ.get("ALERTER_TEST_HOME")
    if named:
        folder = Path(named)
    elif os.geteuid() == 0:
        folder = Path("/var/tmp/alerter-tests")
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alerter-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock between processes, so that two test runs do not fetch or start the same server at once."""
    with (home() / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def recall(name: str) -> dict[str, int]:
    """Return what was remembered of a server, ``{"port": ..., "pid": ...}``, or nothing."""
    with suppress(OSError, ValueError):
        found = json.loads((home() / "running" / f"{name}.json").read_text())
        if isinstance(found, dict):
            return {str(k): int(v) for k, v in found.items()}
    return {}


def remember(name: str, **values: int) -> None:
    """Remember a server's port and process for the next run."""
    folder = home() / "running"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(values))


def forget(name: str) -> None:
    """Forget a server that was stopped."""
    (home() / "running" / f"{name}.json").unlink(missing_ok=True)


def is_process(pid: int, mark: str) -> bool:
    """Tell whether the process runs and its command line holds the mark: a number may have been given anew."""
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return state != "Z" and mark in line
    return False
