"""How the recorded cases fare with the evaluator; with ``--url``, whether a live server still answers as recorded.

    python -m tests.conformance [-v]
    python -m tests.conformance --url http://localhost:9200 [--cases FILE ...] [--write NAME]

With ``--url`` the eleven documents (and the log files, where they are at hand) are loaded into indices named
``test-conformance-*``, which are dropped at the end; a URL may hold user and password. Differences between the
recorded answers and the server's are printed; ``--write`` records the answers under the name of a server instead.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.conformance.judge import HERE, report


def main() -> int:
    """Run one of the two; 1 when something is wrong or differs, 2 when there is no server."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="list what the evaluator refuses too")
    parser.add_argument("--url", help="ask this server instead of the evaluator")
    parser.add_argument("--cases", type=Path, nargs="+", metavar="FILE", help="only these files of recorded cases")
    parser.add_argument("--write", metavar="NAME", help="record the answers as those of NAME, such as es-9.2.0")
    args = parser.parse_args()
    files = args.cases or [*sorted(HERE.glob("cases*.ndjson")), HERE / "logs_cases.ndjson"]
    if args.url is None:
        return report(files, args.verbose)
    from tests.conformance.asking import compare

    try:
        return compare(args.url, files, args.write)
    except (OSError, ValueError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
