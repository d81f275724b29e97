"""The ``alerter`` command: parse, run one command, turn expected failures into exit codes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from alerter import __version__
from alerter.cli.collector import seldom_collected
from alerter.cli.output import complain
from alerter.errors import UsageError

COMMANDS = {
    "demo": "watch a User and an Order incident from start to end, with nothing installed",
    "run": "the service: evaluate rules, tell the right channel",
    "new": "write a commented starter rule with its test",
    "test-rule": "what a rule would have done over a past period or a file",
    "backtest": "what other settings of a rule would have done over the same past",
    "test": "run the tests of rules (NAME.test.yaml)",
    "check": "validate rules and notifiers, all findings at once",
    "route": "show the routing tree; say where labels would go, and why",
    "silence": "add, list and expire silences",
    "incidents": "list incidents and what was told of them",
    "why": "why you were told, or not: every decision with its reason",
    "status": "cluster, rules, incidents, outbox and silences at a glance",
    "init": "create or upgrade the state indices",
    "migrate": "from ElastAlert's config.yaml and silences to alerter's",
    "sigma": "Sigma rules to rule files",
    "schema": "print the JSON Schema of rule files, tests, routes or settings, for editors",
    "query": "answer search requests on files with the embedded evaluator",
    "notify-test": "send a test message to a receiver",
}

ELASTALERT = {"--days": "a span begins with --start: --start -3d for the last three days"}
"""What to write in place of options of ElastAlert's commands."""


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; with ``only`` just that command's own arguments are loaded, which keeps start-up short."""
    return _parsers(only)[0]


def _parsers(only: str | None) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return the parser and that of the command (without one, itself)."""
    parser = argparse.ArgumentParser(
        prog="alerter",
        description="Alerting for Elasticsearch: ElastAlert's rule files, exact windows, one message per incident.",
        epilog="example:\n  alerter test-rule rules/order/refund-surge.yaml --data orders.ndjson",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"alerter {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        if name == only:
            importlib.import_module(f"alerter.cli.{name.replace('-', '_')}").add_parser(commands)
        else:
            commands.add_parser(name, help=text, add_help=False)
    return parser, parser if only is None else commands.choices[only]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 fine, 1 findings, 2 usage or settings, 3 a bug."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = next((a for a in arguments if not a.startswith("-")), None)
    try:
        if named is not None and named not in COMMANDS:
            _refuse(named)
        with seldom_collected():
            args = _parsed(named, _joined(arguments))
            return int(args.run(args))
    except UsageError as error:
        complain(f"alerter: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""))
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from alerter.cli.bug import report

        return report(error)


def _refuse(name: str) -> NoReturn:
    """Raise UsageError for a command that there is none of, with the nearest one."""
    from alerter.ruleset.suggest import did_you_mean

    near = did_you_mean(name, COMMANDS)
    hint = "alerter --help lists the commands"
    raise UsageError(f"there is no command {name}", f"{near} {hint}" if near else hint)


def _parsed(named: str | None, arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; what the command does not know is said with its own usage."""
    parser, command = _parsers(named)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        options = [one.partition("=")[0] for one in unknown]
        spans = "--start" in command.format_usage()
        hint = f"\n  hint: {ELASTALERT[options[0]]}" if options[0] in ELASTALERT and spans else ""
        command.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return args


def _joined(arguments: list[str]) -> list[str]:
    """Return the arguments as argparse understands them, where a time is so long ago."""
    if not {"--start", "--end"} & set(arguments):
        return arguments
    from alerter.cli.moments import joined

    return list(joined(arguments))


if __name__ == "__main__":
    sys.exit(main())
