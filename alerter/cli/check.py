"""``alerter check``: validate rules and notifiers, all findings at once."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from alerter.cli.output import complain, say

if TYPE_CHECKING:
    from alerter.ruleset.checking import Checked
    from alerter.ruleset.diagnostics import Diagnostic

EXAMPLE = """examples:
  alerter check                          # the rules and notifiers of the settings
  alerter check rules/order notifiers    # these files and folders
  alerter check --format json | jq '.diagnostics[] | select(.severity == "error")'
  alerter check --format sarif > alerter.sarif

A finding is silenced on its line or above it: # alerter: ignore[leading_wildcard] reason
What each one means: docs/check.md"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="validate rules and notifiers, all findings at once",
        description="Validate and lint rule files and routing files. Exit 1 when there is an error.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: those of the settings)")
    parser.add_argument("--format", choices=["text", "json", "sarif", "github"], default="text")
    parser.add_argument("--strict", action="store_true", help="an unknown option is an error")
    parser.add_argument("--quiet", action="store_true", help="errors and warnings only")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every finding; 1 with an error among them, 2 when a path does not exist or cannot be read."""
    from pathlib import Path

    from alerter.config import load_settings
    from alerter.errors import UsageError
    from alerter.lint.formats import summary
    from alerter.ruleset.checking import check

    settings = load_settings(args.config)
    paths = [Path(p) for p in args.paths]
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist", "name rule files, routing files or folders")
    result = check(paths, settings, strict=args.strict)
    _print(result, [d for d in result.diagnostics if not (args.quiet and d.severity == "info")], args.format)
    if args.format in ("text", "github"):
        complain(summary(result.diagnostics, result.files, result.rules, result.silenced))
    return _exit_code(result.diagnostics)


def _print(result: Checked, shown: list[Diagnostic], form: str) -> None:
    from alerter.lint import formats

    if form == "json":
        say(formats.as_json(shown, result.files, result.rules))
    elif form == "sarif":
        from alerter.lint.sarif import as_sarif

        say(as_sarif(shown))
    else:
        for text in formats.as_github(shown) if form == "github" else formats.as_text(shown):
            say(text)


def _exit_code(findings: Iterable[Diagnostic]) -> int:
    codes = {d.code for d in findings if d.severity == "error"}
    return 2 if codes & {"unreadable", "no_such_file"} else 1 if codes else 0
