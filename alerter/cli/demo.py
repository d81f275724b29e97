"""``alerter demo``: a User and an Order incident from start to end, with nothing installed."""

from __future__ import annotations

import argparse

EXAMPLE = """examples:
  alerter demo
  alerter demo --speed 0 | less        # without pauses
  alerter demo --write logs.ndjson     # its logs, to try rules on: docs/tutorial.md"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="watch a User and an Order incident from start to end, with nothing installed",
        description="Run the production engine with the shipped rules over a built-in stream, in compressed time.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=4.0,
        metavar="N",
        help="minutes of the story per second on a terminal (0: no pauses)",
    )
    parser.add_argument("--format", choices=["text"], help="text: no pauses and no colour, on a terminal too")
    parser.add_argument("--write", metavar="FILE", help="play nothing, write the stream's logs as NDJSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the demo, or write its logs."""
    import sys

    from alerter.cli.output import say
    from alerter.clock import SECOND, SystemClock
    from alerter.demo.play import play

    if args.write:
        _write(args.write)
        return 0
    terminal = sys.stdout.isatty() and args.format is None
    length = round(SECOND / args.speed) if terminal and args.speed > 0 else 0
    clock = SystemClock()
    play(say, lambda: clock.wait(length) if length else None, colour=terminal)
    return 0


def _write(name: str) -> None:
    """Write the documents of the stream, one a line. Raises UsageError."""
    import json
    from pathlib import Path

    from alerter.cli.output import complain
    from alerter.demo.stream import documents
    from alerter.errors import UsageError

    lines = [json.dumps(document) + "\n" for document in documents()]
    try:
        Path(name).write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from None
    complain(f"{len(lines):,} events written to {name}")
