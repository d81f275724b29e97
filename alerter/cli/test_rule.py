"""``alerter test-rule``: what rules would have done over a past period, on a cluster or on files."""

from __future__ import annotations

import argparse

from alerter.cli.output import complain, say

EXAMPLE = """examples:
  alerter test-rule rules/order/refund-surge.yaml --data orders.ndjson.gz
  alerter test-rule rules/ --start 2026-03-10T00:00:00Z --end 2026-03-11T00:00:00Z --format json
  alerter test-rule rules/user/password-reset-storm.yaml --data - --fail-on-match < events.ndjson

Without --data the cluster of ALERTER_ES_URL is asked (read-only); the default span is then the last 24 hours."""


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
    parser.add_argument("--start", metavar="TIME", help="ISO 8601, exclusive (default: just before the first document)")
    parser.add_argument("--end", metavar="TIME", help="ISO 8601, inclusive (default: the instant after the last one)")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="json: one object per rule, a line")
    parser.add_argument("--fail-on-match", action="store_true", help="exit 1 when a rule matched")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one answer per rule; exit 1 with --fail-on-match and a match, 2 when nothing could be asked."""
    from alerter.cli.dryrun_inputs import Inputs
    from alerter.cli.dryrun_report import as_json, as_text
    from alerter.errors import UsageError
    from alerter.sources.protocol import SourceError

    inputs = Inputs.of(args)
    matched = broken = False
    for rule in inputs.rules:
        try:
            answer = inputs.dry_run(rule)
        except SourceError as error:
            if error.kind in ("unreachable", "denied"):
                raise UsageError(f"{rule.name}: {error.reason}", error.hint) from None
            complain(f"{rule.position.file}:{rule.position.line}: error[{error.kind}]: {rule.name}: {error.reason}")
            if error.hint:
                complain(f"  hint: {error.hint}")
            broken = True
            continue
        matched = matched or bool(answer.matches)
        warnings = inputs.warnings(rule, answer)
        say(as_json(answer, inputs, warnings) if args.format == "json" else as_text(answer, inputs, warnings))
    inputs.close()
    if broken:
        return 2
    return 1 if inputs.refused or (args.fail_on_match and matched) else 0
