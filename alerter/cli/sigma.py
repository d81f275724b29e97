"""``alerter sigma convert``: Sigma rules to rule files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import complain, say

if TYPE_CHECKING:
    from alerter.migrate.sigma import Conversion

EXAMPLE = """examples:
  pip install 'alerter[sigma]'
  alerter sigma convert sigma/rules/windows --pipeline ecs_windows --index 'winlogbeat-*' -o rules/windows
  alerter sigma convert one.yml --pipeline ecs_windows --pipeline mine.yml -o rules

Then: alerter check rules/windows. See docs/sigma.md."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "sigma",
        help="Sigma rules to rule files (the extra alerter[sigma])",
        description="Convert Sigma rules by pySigma-backend-elasticsearch, one rule file for each.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="convert")
    part = parts.add_parser("convert", help="write rule files", epilog=EXAMPLE, formatter_class=parser.formatter_class)
    part.add_argument("rules", nargs="+", metavar="RULES", help="Sigma files, or folders with them")
    part.add_argument("--pipeline", action="append", default=[], metavar="NAME", help="such as ecs_windows, or a file")
    part.add_argument("--index", metavar="PATTERN", help="in place of *, where the pipeline names no index")
    part.add_argument("-o", "--output", default="rules", metavar="DIR", help="where they are written (default: rules)")
    part.add_argument("--force", action="store_true", help="overwrite files that are there")
    part.add_argument("--format", choices=["text", "json"], default="text")
    part.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files; 1 when a rule cannot be converted, or does not load."""
    import json
    from pathlib import Path

    from alerter.config import Settings
    from alerter.migrate.files import write_files
    from alerter.migrate.sigma import convert
    from alerter.ruleset.load import load_rules

    found, folder = convert([Path(rule) for rule in args.rules], args.pipeline, args.index), Path(args.output)
    written = write_files({str(name): text for name, text in found.texts.items()}, folder, force=args.force)
    errors = [d for d in load_rules(written, Settings()).diagnostics if d.severity == "error"]
    if args.format == "json":
        files = [str(path) for path in written]
        say(json.dumps({"written": files, "failures": _failures(found), "errors": [d.as_json() for d in errors]}))
    else:
        _say(found, len(written), folder)
        for error in errors:
            complain(error.text())
    return 1 if found.failures or errors else 0


def _failures(found: Conversion) -> list[dict[str, Any]]:
    return [{"file": str(one.file), "message": one.message} for one in found.failures]


def _say(found: Conversion, written: int, folder: object) -> None:
    from alerter.notifiers.text import one_line
    from alerter.plurals import many

    for one in found.failures:
        complain(one_line(f"{one.file}: not converted: {one.message}"))
    say(f"{many(written, 'rule')} written to {folder}, {len(found.failures)} not converted")
