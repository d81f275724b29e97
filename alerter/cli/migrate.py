"""``alerter migrate``: from ElastAlert's configuration and silences to ours."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import complain, say

if TYPE_CHECKING:
    from alerter.migrate.config import Configuration
    from alerter.ruleset.load import LoadedRules

EXAMPLE = """examples:
  alerter migrate /etc/elastalert/config.yaml              # what each key means here; writes alerter.yaml and more
  alerter migrate config.yaml --dry-run --format json      # only says it
  alerter migrate --writeback elastalert --dry-run         # which silences would be taken over
  alerter migrate --writeback elastalert                   # takes them over; may be called again

Rules need no change. Then: alerter check, alerter test-rule RULE, alerter run. See docs/migrate.md."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "migrate",
        help="from ElastAlert's config.yaml and silences to alerter's",
        description="Show what every key of an ElastAlert configuration means here, and write alerter.yaml, "
        "defaults.yaml, notifiers/routes.yaml and alerter.env (no secrets). With --writeback take over "
        "ElastAlert's silences.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", metavar="CONFIG", help="ElastAlert's config.yaml")
    parser.add_argument("--writeback", metavar="INDEX", help="take over the silences of this writeback_index")
    parser.add_argument(
        "-o", "--output", default=".", metavar="DIR", help="where the files are written (default: here)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="alerter's settings, for --writeback (default: alerter.yaml)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what is asked for; exit 2 where neither is."""
    from alerter.errors import UsageError

    if (args.file is None) == (args.writeback is None):
        raise UsageError("name a config.yaml, or --writeback INDEX", "see: alerter migrate --help")
    return _configuration(args) if args.writeback is None else _silences(args)


def _configuration(args: argparse.Namespace) -> int:
    import json
    from pathlib import Path

    from alerter.migrate.config import read_configuration
    from alerter.migrate.files import file_texts, variables_of, write_files
    from alerter.migrate.routes import find_places
    from alerter.plurals import many

    config, folder = read_configuration(Path(args.file)), Path(args.output)
    loaded = _load(config)
    found = find_places(loaded, config.options)
    texts = file_texts(config, found, folder)
    written = [] if args.dry_run else write_files(texts, folder, force=args.force)
    refused = len(loaded.refused) + loaded.unread
    if args.format == "json":
        numbers = {"rules": len(loaded.rules), "refused": refused, "written": [str(path) for path in written]}
        names = [variable.name for variable in variables_of(config, found)]
        say(json.dumps({**_as_json(config), "environment": names, **numbers}, ensure_ascii=False))
        return 0
    for line in _lines(config):
        say(line)
    load = many(len(loaded.rules), "rule loads", "rules load")
    are = "is" if refused == 1 else "are"
    say(f"{load}, {refused:,} {are} refused" + (": alerter check says why" if refused else ""))
    for name, text in texts.items() if args.dry_run else ():
        say(f"\n--- {folder / name}\n{text.rstrip()}")
    for path in written:
        say(f"written: {path}")
    prefix = config.options.get("writeback_index", "elastalert")
    complain(f"next: set the variables of alerter.env; alerter check; alerter migrate --writeback {prefix}")
    return 0


def _load(config: Configuration) -> LoadedRules:
    """Load the rules above the defaults that are to be written."""
    import os
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from alerter.config import Settings
    from alerter.migrate.files import DEFAULTS, defaults_text
    from alerter.ruleset.load import load_rules

    with TemporaryDirectory(prefix="alerter-") as folder:
        file = Path(folder, DEFAULTS)
        file.write_text(defaults_text(config), encoding="utf-8")
        settings = Settings(rule_defaults=file if config.defaults else None, environ=os.environ)
        return load_rules([path for path in config.rules if path.exists()], settings)


def _as_json(config: Configuration) -> dict[str, Any]:
    keys = [
        {
            "key": row.key,
            "file": str(config.file),
            "line": row.line,
            "column": row.column,
            "status": str(row.fate),
            "becomes": row.becomes or None,
            "meaning": row.meaning,
        }
        for row in config.rows
    ]
    return {"keys": keys, "settings": config.settings, "defaults": config.defaults}


def _lines(config: Configuration) -> list[str]:
    from alerter.notifiers.text import one_line

    shown = []
    for row in config.rows:
        becomes = f"{row.becomes}: " if row.becomes else ""
        place = f"{config.file}:{row.line}:{row.column}"
        shown.append(one_line(f"{place}: {row.key} [{row.fate}] {becomes}{row.meaning}"))
    return shown


def _silences(args: argparse.Namespace) -> int:
    import json

    from alerter.cli.migrate_silences import lines, take_over

    taken = take_over(args.writeback, args.config, dry_run=args.dry_run)
    for line in [json.dumps(taken, ensure_ascii=False)] if args.format == "json" else lines(taken):
        say(line)
    return 0
