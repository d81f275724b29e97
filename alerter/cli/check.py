"""``alerter check``: validate rules and notifiers, all findings at once."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerter.cli.output import complain, note_shipped, say

if TYPE_CHECKING:
    from alerter.config import Settings
    from alerter.lint.facts import Facts
    from alerter.model.rule import Rule
    from alerter.ruleset.checking import AskFacts, Checked
    from alerter.ruleset.diagnostics import Diagnostic

EXAMPLE = """examples:
  alerter check                          # the rules and notifiers of the settings
  alerter check rules/order notifiers    # these files and folders
  alerter check --format json | jq '.diagnostics[] | select(.severity == "error")'
  alerter check --format sarif > alerter.sarif

A finding is silenced on its line or above it: # alerter: ignore[leading_wildcard] reason
What each one means: docs/check.md"""

UNANSWERED = "alerter check --offline checks the files alone"


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
    parser.add_argument(
        "--mapping", metavar="FILE", help="types of fields: JSON with properties, as an index's mapping"
    )
    parser.add_argument("--offline", action="store_true", help="ask no cluster, not even one that a rule names")
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
    note_shipped(() if paths else (*settings.rules, *settings.notifiers))
    result = check(paths, settings, strict=args.strict, ask=_ask(args, settings))
    _print(result, [d for d in result.diagnostics if not (args.quiet and d.severity == "info")], args.format)
    if settings.dead_mans_switch is not None:
        _say_switch(settings)
    if args.format in ("text", "github"):
        complain(summary(result.diagnostics, result.files, result.rules, result.silenced))
    if result.unanswered is not None:
        complain(f"alerter: the cluster was not asked: {result.unanswered.reason}\n  hint: {UNANSWERED}")
    return 2 if result.unanswered is not None else _exit_code(result.diagnostics)


def _ask(args: argparse.Namespace, settings: Settings) -> AskFacts | None:
    """Return how to learn of the rules' indices: from a mapping, from the cluster, or not at all."""
    if args.mapping:
        from alerter.lint.facts import of_mapping

        facts = of_mapping(_mapping(args.mapping))
        return lambda rules: [facts for _ in rules]
    return None if args.offline else lambda rules: _gathered(settings, rules)


def _gathered(settings: Settings, rules: Sequence[Rule]) -> Sequence[Facts | None]:
    """Ask the cluster of the settings, and those that rules name; without any of them nothing is known."""
    if not settings.es.urls and all(rule.cluster is None for rule in rules):
        return [None] * len(rules)
    from alerter.clock import SystemClock
    from alerter.lint.gathering import gather_all
    from alerter.sources.clusters import Clusters
    from alerter.sources.open import open_elasticsearch

    main = open_elasticsearch(settings) if settings.es.urls else None
    return gather_all(main, Clusters(), rules, SystemClock().now())


def _mapping(file: str) -> Mapping[str, Any]:
    import json
    from pathlib import Path

    from alerter.errors import UsageError

    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--mapping: cannot read {file}: {error}") from None
    if not isinstance(found, dict) or not {"properties", "mappings"} & found.keys():
        raise UsageError(f"--mapping: {file} has no properties", 'like {"properties": {"level": {"type": "keyword"}}}')
    return found


def _say_switch(settings: Settings) -> None:
    """Warn of a dead man's switch that ``alerter run`` would refuse; where checks run, secrets may be missing."""
    from alerter.errors import UsageError
    from alerter.watch.switch import require_way

    try:
        require_way(settings)
    except UsageError as error:
        complain(f"alerter: warning: {error.message}\n  hint: {error.hint}")


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
