"""``alerter test``: run the tests of rules."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from alerter.cli.output import complain, note_shipped, say

if TYPE_CHECKING:
    import re
    from pathlib import Path

    from alerter.ruletest.load import Loaded
    from alerter.ruletest.suite import Result, Suite

EXAMPLE = """examples:
  alerter test                                   # every *.test.yaml below the rules of the settings
  alerter test rules/order/refund-surge.yaml     # the tests beside a rule
  alerter test rules --run 'storm|silent' --diff
  alerter test rules --coverage --junit report.xml

A test, in refund-surge.test.yaml beside refund-surge.yaml:
  tests:
    - name: a surge tells the order channel
      start: 2026-03-10T11:00:00Z
      events:
        - at: 11:00:01
          repeat: {count: 45, every: 1s}
          document: {log_message: "Order [{{ n }}] returned for refund"}
      steps:
        - at: 11:01:00
          expect:
            messages: [{kind: firing, receiver: slack-order, text: Refund}]

Every key: docs/rule-tests.md."""
MOST_JOBS = 64


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "test",
        help="run the tests of rules (NAME.test.yaml)",
        description="Run rule tests with the production engine. Exit 1 when a test fails or a file cannot be read.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: the settings' rules)")
    parser.add_argument("--run", dest="select", metavar="REGEX", help="only tests whose name this is found in")
    parser.add_argument("--routes", nargs="+", default=[], metavar="PATH", help="routing files instead of all others")
    parser.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML, too")
    parser.add_argument("--diff", action="store_true", help="show expected against happened in full")
    parser.add_argument("--update", action="store_true", help="put right what is written as one plain value")
    parser.add_argument("--coverage", action="store_true", help="what no test reaches: rules, routes, thresholds")
    parser.add_argument(
        "--jobs",
        type=_jobs,
        metavar="N",
        help="run in N processes (default: with hundreds of tests, one for each CPU; 1 with --coverage)",
    )
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the tests; 0 all passed, 1 a failed test or a file with errors, 2 nothing to run or to read."""
    from alerter.cli.progress import Progress
    from alerter.config import load_settings
    from alerter.ruletest.load import load_tests
    from alerter.ruletest.spread import processes
    from alerter.ruletest.suite import Suite

    settings = load_settings(args.config)
    paths = _paths(args.paths) if args.paths else list(settings.rules)
    note_shipped(() if args.paths else paths)
    suite = Suite(settings, tuple(_paths(args.routes)), _pattern(args.select))
    results: list[Result] = []
    loaded = load_tests(paths)
    number = len(suite.selected(loaded.files))
    jobs = 1 if args.coverage else args.jobs or processes(number)
    with Progress(number, "tests") as progress:
        suite.run(loaded.files, results.append, jobs, progress.at, keep=args.coverage)
    _require(loaded, results, args)
    if args.junit:
        _write_junit(args.junit, results, loaded)
    _report(args, suite, paths, loaded, results)
    if args.update:
        _update(results)
    if any(finding.code == "unreadable" for finding in loaded.diagnostics):
        return 2
    return 1 if loaded.diagnostics or not all(r.passed for r in results) else 0


def _jobs(text: str) -> int:
    """Read the number of processes."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 1 to {MOST_JOBS}")
    return int(text)


def _paths(given: list[str]) -> list[Path]:
    from pathlib import Path

    from alerter.errors import UsageError

    paths = [Path(p) for p in given]
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist", "name test files, rule files or folders")
    return paths


def _pattern(text: str | None) -> re.Pattern[str] | None:
    import re

    from alerter.errors import UsageError

    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise UsageError(f"--run {text!r}: {error}", "a regular expression, searched for in the names") from None


def _require(loaded: Loaded, results: list[Result], args: argparse.Namespace) -> None:
    """Refuse to pass when nothing was run: a wrong path must not look like success."""
    from alerter.errors import UsageError

    if not loaded.found and not loaded.diagnostics:
        where = ", ".join(args.paths) or "the rules of the settings"
        raise UsageError(f"no tests found in {where}", "tests of NAME.yaml stand beside it in NAME.test.yaml")
    if not results and not loaded.diagnostics:
        raise UsageError(f"no test's name matches --run {args.select!r}")


def _report(args: argparse.Namespace, suite: Suite, paths: list[Path], loaded: Loaded, results: list[Result]) -> None:
    from alerter.ruletest.report import as_json, failed_text, summary

    covered = None
    if args.coverage:
        from alerter.ruletest.coverage import measure

        covered = measure(paths, suite, results)
    if args.format == "json":
        import json

        answer = as_json(results, loaded.diagnostics, loaded.found, covered.as_json() if covered else None)
        say(json.dumps(answer, ensure_ascii=False))
        return
    for finding in loaded.diagnostics:
        say(finding.text())
    for result in results:
        if not result.passed:
            say(failed_text(result, diff=args.diff) + "\n")
    if covered is not None:
        say(covered.as_text())
    say(summary(results, loaded.diagnostics))


def _write_junit(name: str, results: list[Result], loaded: Loaded) -> None:
    from pathlib import Path

    from alerter.errors import UsageError
    from alerter.ruletest.junit import junit

    try:
        Path(name).write_text(junit(results, loaded.diagnostics), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}", "--junit takes a file name") from None


def _update(results: list[Result]) -> None:
    from alerter.ruletest.update import update

    for line in update([r for r in results if not r.passed]):
        complain(line)
