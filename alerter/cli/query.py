"""``alerter query``: search requests answered over data files, one response object a line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alerter.cli.output import complain, say
from alerter.errors import UsageError

_EXAMPLE = """example:
  echo '{"query": {"query_string": {"query": "level:error"}}, "size": 3}' > body.json
  alerter query --data events.ndjson --body body.json

Each line of the output is one answer in Elasticsearch's shape, or {"error": {"type": ..., "reason": ...}}."""


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "query",
        help="answer search requests on files with the embedded evaluator",
        description="Answer search requests on data files as Elasticsearch would, with no server.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        metavar="FILE",
        nargs="+",
        action="extend",
        required=True,
        help="NDJSON files, plain or .gz, in this order",
    )
    parser.add_argument("--mapping", metavar="FILE", help="explicit properties; the rest is mapped dynamically")
    parser.add_argument("--now", metavar="T", help="what the word now means, such as 2026-03-10T12:00:00Z")
    bodies = parser.add_mutually_exclusive_group(required=True)
    bodies.add_argument("--body", metavar="FILE", help="one search request as JSON")
    bodies.add_argument("--bodies", metavar="FILE", help="search requests as NDJSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answer every request; returns 0 also when some answers are errors. Raises UsageError for unreadable files."""
    from alerter.query.errors import QueryError, RejectedQuery
    from alerter.sources.embedded import EmbeddedSource

    now = None if args.now is None else _instant(args.now)
    properties = _properties(args.mapping) if args.mapping else None
    requests = list(_requests(args))
    try:
        source = EmbeddedSource(args.data, properties=properties)
    except QueryError as error:
        refused = isinstance(error, RejectedQuery)
        hint = "a server refuses this mapping too" if refused else "map the field with a supported type"
        raise UsageError(f"{args.mapping}: {error.reason}", hint) from None
    for warning in source.warnings:
        complain(f"alerter: {warning}")
    for body in requests:
        say(json.dumps(_answer(source.evaluator, body, now)))
    return 0


def _answer(evaluator: Any, body: Any, now: int | None) -> Mapping[str, Any]:
    from alerter.query.errors import QueryError, RejectedQuery

    if isinstance(body, _Broken):
        return {"error": {"type": "parsing_exception", "reason": body.reason}, "status": 400}
    try:
        answer: Mapping[str, Any] = evaluator.search(body, now)
    except QueryError as error:
        kind = error.type if isinstance(error, RejectedQuery) else "unsupported_query"
        return {"error": {"type": kind, "reason": error.reason}, "status": 400}
    return answer


class _Broken:
    """A request that is no JSON; answered with an error in its place."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _requests(args: argparse.Namespace) -> Iterator[Any]:
    if args.body is not None:
        text = _read(args.body, "request")
        try:
            yield json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{args.body}: not JSON: {error}", "write one search request as a JSON object") from None
        return
    for number, line in enumerate(_read(args.bodies, "request").split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                yield _Broken(f"{args.bodies}:{number}: not JSON: {error}")


def _properties(path: str) -> Mapping[str, Any]:
    text = _read(path, "mapping")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}", 'write {"properties": {"field": {"type": "keyword"}}}') from None
    while isinstance(found, dict) and "mappings" in found:
        found = found["mappings"]
    properties = found.get("properties", found) if isinstance(found, dict) else None
    if not isinstance(properties, dict):
        raise UsageError(f"{path}: no mapping", 'write {"properties": {"field": {"type": "keyword"}}}')
    return properties


def _read(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read the {what} file {path}: {error.strerror}", "check the path") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}", f"save the {what} file as UTF-8") from None


def _instant(text: str) -> int:
    from alerter.query.dates import NotADate, date_format

    try:
        return date_format("strict_date_optional_time||epoch_millis").read(text)
    except NotADate:
        raise UsageError(f"--now {text}: not a time", "write it as 2026-03-10T12:00:00Z") from None
