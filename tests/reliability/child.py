"""``alerter`` as it is, but for one thing: it kills itself at one SQL statement that writes, before or after it.

``STEP_LOG`` names the file that takes the name of each such statement; ``KILL_STEP``, ``KILL_NTH`` and ``KILL_MOMENT``
say where it ends.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from alerter.cli.main import main
from tests.reliability.steps import record_step

UNCOMMITTED = ", in a transaction"
BEFORE, AFTER = "before the statement", "after the statement"
WRITES = re.compile(r"(INSERT(?: OR REPLACE)? INTO|UPDATE|DELETE FROM|COMMIT|PRAGMA (?=journal|user_version =)) ?(\w*)")
_counts: Counter[str] = Counter()
_lock = threading.Lock()


class Watched(sqlite3.Connection):
    """A connection that dies when it is told to."""

    _last = ""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Carry out one statement."""
        step = self._step(sql, [parameters])
        caught = _count(step)
        _die(caught, BEFORE)
        done = super().execute(sql, parameters)
        _die(caught, AFTER)
        return done

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Carry out one statement for many rows."""
        rows = list(parameters)
        caught = _count(self._step(sql, rows))
        _die(caught, BEFORE)
        done = super().executemany(sql, rows)
        _die(caught, AFTER)
        return done

    def _step(self, sql: str, rows: Iterable[Any]) -> str:
        found = WRITES.match(sql)
        if found is None:
            return ""
        verb, table = found.group(1).split()[0], found.group(2)
        if verb == "COMMIT":
            last, self._last = self._last, ""
            return f"COMMIT of {last}" if last else ""
        bodies = [value for row in rows for value in row if isinstance(value, str) and value.startswith("{")]
        what = "; ".join(sorted(record_step(table, {"body": body}) for body in bodies))
        self._last = f"{verb} {table}: {what}"
        return f"{self._last}{UNCOMMITTED if self.in_transaction else ''}"


def _count(step: str) -> bool:
    if not step:
        return False
    with _lock:
        _counts[step] += 1
        nth = _counts[step]
        with Path(os.environ["STEP_LOG"]).open("a", encoding="utf-8") as file:
            file.write(f"{step}\n")
    return step == os.environ.get("KILL_STEP") and nth == int(os.environ["KILL_NTH"])


def _die(caught: bool, moment: str) -> None:
    if caught and os.environ["KILL_MOMENT"] == moment:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sqlite3.connect = partial(sqlite3.connect, factory=Watched)  # type: ignore[assignment]
    sys.exit(main())
