"""``alerter backtest``: what other settings of a rule would have done over the same past."""

from __future__ import annotations

import argparse

from alerter.cli.moments import TIME
from alerter.cli.output import complain, say

EXAMPLE = """examples:
  alerter backtest rules/order/refund-surge.yaml --sweep num_events=5,10,20,50 --sweep timeframe=5m,10m \\
      --data orders.ndjson.gz --expect known.yaml
  alerter backtest rules/user/password-reset-storm.yaml --sweep num_events=50,100 \\
      --start -7d --end now --format json

known.yaml lists the times at which something was wrong:
  - {from: 2026-03-10T11:04:00Z, to: 2026-03-10T11:12:00Z}

Without --data the cluster of ALERTER_ES_URL is asked (read-only); the default span is then the last 24 hours.
The events are read once, not once per setting. See docs/backtest.md."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "backtest",
        help="what other settings of a rule would have done over the same past",
        description="Try settings of a rule over a past span with the production engine, and compare them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rules", nargs=1, metavar="RULE", help="a rule file")
    parser.add_argument(
        "--sweep", action="append", required=True, metavar="OPTION=A,B,...", help="values to try; may be given again"
    )
    parser.add_argument("--rule", metavar="NAME", help="which rule, where the file holds several")
    parser.add_argument(
        "--data", nargs="+", action="extend", metavar="FILE", help="NDJSON files, plain or .gz; - stdin"
    )
    parser.add_argument("--start", metavar="TIME", help=f"{TIME}; exclusive (default: just before the first document)")
    parser.add_argument("--end", metavar="TIME", help=f"{TIME}; inclusive (default: the instant after the last one)")
    parser.add_argument("--expect", metavar="FILE", help="labelled times, YAML or NDJSON: what should be caught")
    parser.add_argument(
        "--early", default="5m", metavar="LENGTH", help="how long before a labelled time it may be caught (default: 5m)"
    )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="json: one object, one line")
    parser.add_argument("--plot", metavar="FILE", help="draw the incidents over time into an .svg, .html or .png file")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the comparison; exit 1 when labelled times are given and no setting catches all of them."""
    from pathlib import Path

    from alerter.backtest.labels import read_labels
    from alerter.backtest.report import as_json, as_text, draw_lanes
    from alerter.backtest.run import backtest
    from alerter.backtest.sweep import parse_sweeps, settings_of
    from alerter.charts.files import picture_path
    from alerter.cli.dryrun_inputs import Inputs, place_of
    from alerter.cli.lengths import length_option
    from alerter.cli.progress import Progress
    from alerter.config import load_settings
    from alerter.errors import UsageError
    from alerter.sources.protocol import SourceError

    plot = picture_path(args.plot) if args.plot else None
    early = length_option(args.early, "--early")
    inputs = Inputs.of(args)
    try:
        rule = inputs.the_rule(args.rule)
        inputs.turn_to(rule)
        settings = settings_of(rule, parse_sweeps(args.sweep, rule), load_settings(args.config))
        labels = read_labels(Path(args.expect), rule) if args.expect else ()
        with Progress(len(settings), "settings") as progress:
            inputs.progress = progress
            answer = backtest(settings, inputs.source, inputs.routing, inputs.span(rule), labels, early, progress.at)
    except SourceError as error:
        raise UsageError(f"{place_of(rule)}: {error.reason}", error.hint) from None
    finally:
        inputs.close()
    say(as_json(answer, inputs.source.kind) if args.format == "json" else as_text(answer))
    if plot is not None:
        draw_lanes(plot, answer)
        complain(f"drawn into {plot}")
    return 1 if labels and answer.suggestion.setting is None else 0
