"""What happens when alerter itself is wrong: one line on the screen, a file with the rest."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from alerter import __version__
from alerter.cli.output import complain


def report(error: BaseException) -> int:
    """Write versions and traceback to a file, name it in one line, and return exit code 3."""
    text = "".join(traceback.format_exception(error))
    head = f"alerter {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    with tempfile.NamedTemporaryFile("w", prefix="alerter-bug-", suffix=".log", delete=False) as log:
        log.write(f"{head}command: {Path(sys.argv[0]).name} {sys.argv[1:2]}\n\n{text}")
    complain(f"alerter: a bug: {type(error).__name__}; please report it with the file {log.name}")
    return 3
