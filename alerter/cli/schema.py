"""``alerter schema``: the JSON Schema of rule files, for editors."""

from __future__ import annotations

import argparse

from alerter.cli.output import say

EXAMPLE = """examples:
  alerter schema > rule.schema.json
  # first line of a rule file, for editors with the YAML language server:
  # yaml-language-server: $schema=rule.schema.json"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of rule files, for editors",
        description="Print the JSON Schema of rule files.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=["rule"], default="rule")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - the only choice is the rule
    """Print the schema."""
    import json

    from alerter.ruleset.schema import whole_schema

    say(json.dumps(whole_schema(), indent=2))
    return 0
