"""``alerter why``: every decision about a rule, a key or an incident, with its reason."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from alerter.cli.output import say

if TYPE_CHECKING:
    from alerter.cli.why_inputs import Inputs
    from alerter.config import Settings
    from alerter.why.account import Account

EXAMPLE = """examples:
  alerter why refund-surge
  alerter why password-reset-storm --key user.name=alice --at 2026-03-10T14:05:00Z
  alerter why refund-surge --start 2026-03-10T00:00:00Z --end 2026-03-11T00:00:00Z --format json
  alerter why 1f0c2ab94d7e5a6b8c30"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "why",
        help="why you were told, or not: every decision with its reason",
        description=(
            "Explain what happened with a rule or an incident, from the records of the state: a verdict first, then\n"
            "every decision by time. Where nothing matched, the events are counted again to say how near it came."
        ),
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subject", metavar="RULE | INCIDENT-ID", help="a rule's name or file, or an incident's id")
    parser.add_argument("--key", action="append", default=[], metavar="FIELD=VALUE", help="only of this key")
    parser.add_argument("--at", metavar="TIME", help="ISO 8601: what happened around then")
    parser.add_argument("--start", metavar="TIME", help="ISO 8601 (default: a day before the end)")
    parser.add_argument("--end", metavar="TIME", help="ISO 8601 (default: now)")
    parser.add_argument("--records-only", action="store_true", help="ask the state only, count nothing again")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the account."""
    from alerter.cli.state_access import engine_settings, opened_state
    from alerter.cli.why_inputs import gather, require_known
    from alerter.clock import SystemClock
    from alerter.errors import UsageError
    from alerter.why.report import as_json, as_text

    settings = engine_settings(args.config)
    if not settings.es.urls and not settings.state_file.exists():
        hint = "alerter run writes it; is this the settings file that the engine runs with?"
        raise UsageError(f"no engine has run here: there is no state file {settings.state_file}", hint)
    with opened_state(args.config, create=False) as (state, _):
        inputs = gather(args, state, settings, SystemClock().now())
        require_known(inputs, state, settings)
    answer = _account(inputs, settings, count_again=not args.records_only)
    say(as_json(answer) if args.format == "json" else as_text(answer))
    return 0


def _account(inputs: Inputs, settings: Settings, *, count_again: bool) -> Account:
    """Return the account; a source that does not answer costs the count only."""
    from alerter.cli.why_inputs import count
    from alerter.errors import UsageError
    from alerter.sources.protocol import SourceError
    from alerter.why.account import account, with_note, worth_counting

    asked, definition, records = inputs.asked, inputs.definition, inputs.records
    if not count_again or not worth_counting(asked, definition, records):
        return account(asked, definition, records)
    try:
        return account(asked, definition, records, count(inputs, settings))
    except SourceError as error:
        reason = error.reason
    except UsageError as error:
        reason = error.message
    return with_note(account(asked, definition, records), "not_counted", f"not counted again: {reason}")
