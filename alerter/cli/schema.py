"""``alerter schema``: the JSON Schemas of all files that people write, for editors."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from alerter.cli.output import say

EXAMPLE = """examples:
  alerter schema > rule.schema.json
  alerter schema test > test.schema.json
  alerter schema routes > routes.schema.json
  alerter schema config > config.schema.json
  # first line of a rule file, for editors with the YAML language server:
  # yaml-language-server: $schema=rule.schema.json"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of rule files, rule tests, routes or settings, for editors",
        description="Print the JSON Schema of rule files, rule tests, routing files or the settings, with examples.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=list(SCHEMAS), default="rule", help="kind of file (default: rule)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    import json

    say(json.dumps(SCHEMAS[args.what](), indent=2))
    return 0


def _rule() -> dict[str, Any]:
    from alerter.schemas.rule import whole

    return whole()


def _test() -> dict[str, Any]:
    from alerter.ruletest.schema import whole_schema

    return whole_schema()


def _routes() -> dict[str, Any]:
    from alerter.schemas.routes import whole

    return whole()


def _config() -> dict[str, Any]:
    from alerter.schemas.settings import whole

    return whole()


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {"rule": _rule, "test": _test, "routes": _routes, "config": _config}
"""Each kind of file and what describes it."""
