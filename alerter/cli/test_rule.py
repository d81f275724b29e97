"""``alerter test-rule``: what rules would have done over a past period, on a cluster or on files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from alerter.cli.moments import TIME
from alerter.cli.output import complain, say

if TYPE_CHECKING:
    from alerter.cli.dryrun_inputs import Inputs
    from alerter.engine.dryrun import DryRun
    from alerter.model.rule import Rule
    from alerter.sources.protocol import SourceError

EXAMPLE = """examples:
  alerter test-rule rules/order/refund-surge.yaml --data orders.ndjson.gz --show-messages
  alerter test-rule rules/ --start 2026-03-10T00:00:00Z --end 2026-03-11T00:00:00Z --format json
  alerter test-rule rules/user/password-reset-storm.yaml --data - --fail-on-match < events.ndjson
  alerter test-rule rules/order --start -6h --plot orders.html --explain

Without --data the cluster of ALERTER_ES_URL is asked (read-only); the default span is then the last 24 hours."""

FINDINGS = ("rejected", "unsupported", "missing", "too_many", "plugin")
"""Kinds of failures that are the rule's, or its index's: the same question meets them again."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "test-rule",
        help="what a rule would have done over a past period or a file",
        description="Run rules over a past span with the production engine: matches, incidents, messages, reasons.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rules", nargs="+", metavar="RULE", help="rule files or folders")
    parser.add_argument(
        "--data", nargs="+", action="extend", metavar="FILE", help="NDJSON files, plain or .gz; - stdin"
    )
    parser.add_argument("--start", metavar="TIME", help=f"{TIME}; exclusive (default: just before the first document)")
    parser.add_argument("--end", metavar="TIME", help=f"{TIME}; inclusive (default: the instant after the last one)")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="json: one object per rule, a line")
    parser.add_argument("--show-messages", action="store_true", help="draw each message as Slack shows it")
    parser.add_argument("--plot", metavar="FILE", help="draw the count curves into an .svg, .html or .png file")
    parser.add_argument(
        "--explain", action="store_true", help="print the requests as curl lines (no secret is in them)"
    )
    parser.add_argument("--fail-on-match", action="store_true", help="exit 1 when a rule matched")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one answer per rule; exit 1 with --fail-on-match and a match, and where a rule itself cannot be answered.

    2 when the source gave no answer that another try may have.
    """
    from alerter.charts.files import picture_path
    from alerter.cli.dryrun_inputs import Inputs
    from alerter.cli.dryrun_report import summary
    from alerter.cli.progress import Progress
    from alerter.sources.protocol import SourceError

    plot = picture_path(args.plot) if args.plot else None
    inputs = Inputs.of(args)
    answers: list[DryRun] = []
    texts: list[str] = []
    broken: list[str] = []
    with Progress(len(inputs.rules), "rules") as progress:
        inputs.progress = progress
        for number, rule in enumerate(inputs.rules):
            progress.at(number, rule.name)
            try:
                answers.append(inputs.dry_run(rule))
                texts.append(_printed(answers[-1], inputs, args))
            except SourceError as error:
                progress.clear()
                _complain(rule, error)
                broken.append(error.kind)
                continue
            progress.clear()
            say(texts[-1])
    inputs.close()
    if not broken:
        _say_lints(args)
    if args.format == "text" and len(inputs.rules) > 1:
        say(summary(answers, len(broken)))
    if plot is not None and answers:
        from alerter.cli.dryrun_picture import draw_answers

        draw_answers(plot, answers, "\n\n".join(texts))
        complain(f"drawn into {plot}")
    if broken:
        return _exit_code(broken)
    return 1 if inputs.refused or (args.fail_on_match and any(a.matches for a in answers)) else 0


def _exit_code(kinds: Sequence[str]) -> int:
    """Return what failures mean: findings about the rules, a server that does not answer, or a bug."""
    if "bug" in kinds:
        return 3
    return 1 if all(kind in FINDINGS for kind in kinds) else 2


def _say_lints(args: argparse.Namespace) -> None:
    """Say in a line that lints find something in these rules."""
    from pathlib import Path

    from alerter.config import load_settings
    from alerter.ruleset.checking import lint_note

    note = lint_note([Path(path) for path in args.rules], load_settings(args.config))
    if note:
        complain(f"alerter: {note}")


def _complain(rule: Rule, error: SourceError) -> None:
    """Say why a rule could not be evaluated; raises UsageError where no other can be either."""
    from alerter.errors import UsageError

    at = rule.position
    if error.kind in ("unreachable", "denied") and rule.cluster is None:
        raise UsageError(f"{rule.name}: {error.reason}", error.hint)
    complain(f"{at.file}:{at.line}:{at.column}: error[{error.kind}]: {rule.name}: {error.reason}")
    if error.hint:
        complain(f"  hint: {error.hint}")


def _printed(answer: DryRun, inputs: Inputs, args: argparse.Namespace) -> str:
    """Return the answer as it is to be printed. Raises SourceError."""
    from alerter.cli.dryrun_report import as_json, as_text

    requests = inputs.explained()
    warnings = inputs.warnings(answer.rule, answer)
    if args.format == "json":
        return as_json(answer, inputs, warnings, requests)
    lines = [as_text(answer, inputs, warnings)]
    if args.show_messages:
        from alerter.cli.dryrun_messages import message_lines

        lines += message_lines(answer, inputs)
    if requests is not None:
        lines += ["", "  requests, each by itself (alerter sends many in one _msearch)", *(f"  {r}" for r in requests)]
    return "\n".join(lines) + "\n"
