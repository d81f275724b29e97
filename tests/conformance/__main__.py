"""Print how the recorded cases fare: ``python -m tests.conformance [-v]``."""

from __future__ import annotations

import sys

from tests.conformance.judge import report

if __name__ == "__main__":
    sys.exit(report(verbose="-v" in sys.argv[1:]))
