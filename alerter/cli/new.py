"""``alerter new``: a commented starter rule with its test."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from alerter.cli.output import complain, say

EXAMPLE = """examples:
  alerter new frequency rules/order/payment-errors.yaml
  alerter new flatline                                   # writes flatline.yaml and flatline.test.yaml here

Both files are complete: alerter check and alerter test pass. Then change what the comments explain."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    from alerter.ruleset.options import TYPES

    parser = commands.add_parser(
        "new",
        help="write a commented starter rule with its test",
        description="Write a commented starter rule of a type, and its test beside it. Nothing is overwritten.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("type", metavar="TYPE", choices=TYPES, help=", ".join(TYPES))
    parser.add_argument("file", nargs="?", metavar="FILE", help="the rule's file (default: TYPE.yaml)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write both files; exit 2 when one of them is there already."""
    from alerter.errors import UsageError

    file = Path(args.file or f"{args.type}.yaml")
    if file.suffix not in (".yaml", ".yml") or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", file.stem):
        raise UsageError(f"{file} is no name of a rule file", "like rules/order/payment-errors.yaml")
    test = file.with_name(f"{file.stem}.test.yaml")
    for path in (file, test):
        if path.exists():
            raise UsageError(f"{path} is there already", "give another name")
    starters = Path(__file__).parent.parent / "starters"
    written = ((file, f"{args.type}.yaml"), (test, f"{args.type}.test.yaml"))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for path, starter in written:
            text = (starters / starter).read_text(encoding="utf-8")
            path.write_text(text.replace("{name}", file.stem).replace("{file}", str(file)), encoding="utf-8")
            say(str(path))
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    complain(f"next: alerter check {file}; alerter test {file}")
    return 0
