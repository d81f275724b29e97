"""ElastAlert 2 in an environment of its own, installed from the package registry when a test first asks for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import peer
from benchmarks.peer import Peer
from tests.servers import home

OLDEST = (2, 19)
"""The oldest version whose answers are known to be those compared here."""
CHILD = Path(__file__).with_name("child.py")


@cache
def installed() -> Peer:
    """Return ElastAlert 2, installing it once; raises Missing, with what to do."""
    how = f"it is installed with pip below {home.home()}: see that a package registry can be reached, and try again"
    try:
        with home.locked("elastalert"):
            found = peer.install()
    except RuntimeError as error:
        raise home.Missing(str(error).splitlines()[-1], how) from None
    if tuple(int(part) for part in found.version.split(".")[:2]) < OLDEST:
        raise home.Missing(f"ElastAlert 2.19 or newer, not {found.version}", how)
    return found


@dataclass(frozen=True)
class Case:
    """What ElastAlert is shown; see child.py. ``docs`` hold their own time in ``at``."""

    rule: Mapping[str, Any]
    steps: Sequence[Sequence[Any]]
    docs: Sequence[Mapping[str, Any]] = ()
    now: int | None = None


@dataclass(frozen=True)
class Said:
    """Its answer: (number of the step, match) each, and why it stopped before the last step, if it did."""

    matches: Sequence[tuple[int, Mapping[str, Any]]]
    failed: tuple[int, str] | None = field(default=None)


class ElastAlert:
    """A process that asks ElastAlert's rule classes."""

    def __init__(self, found: Peer) -> None:
        self.version = found.version
        command = [str(found.bin / "python"), "-P", str(CHILD)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, cases: Sequence[Case]) -> list[Said]:
        """Return what it says to each case."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([_written(case) for case in cases]) + "\n")
        process.stdin.flush()
        answers = json.loads(process.stdout.readline())
        assert len(answers) == len(cases)
        return [Said([(n, m) for n, m in a["matches"]], tuple(a["failed"]) if "failed" in a else None) for a in answers]

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def _written(case: Case) -> dict[str, Any]:
    written = {"rule": dict(case.rule), "steps": list(case.steps), "docs": list(case.docs)}
    return written if case.now is None else {**written, "now": case.now}
