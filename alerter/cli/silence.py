"""``alerter silence add|list|expire``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from alerter.cli.output import complain, say

if TYPE_CHECKING:
    from alerter.model.silence import Matcher, Silence

EXAMPLE = """examples:
  alerter silence add --rule refund-surge --for 2h --comment "release, ticket 4711"
  alerter silence add --matcher 'domain="order"' --matcher 'severity!="critical"' --for 30m --comment maintenance
  alerter silence list
  alerter silence expire 1f0c2ab94d7e5a6b8c30"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its three parts."""
    parser = commands.add_parser(
        "silence",
        help="add, list and expire silences",
        description="A silence keeps matching incidents untold until it ends; matches stay as they are.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="settings file (default: alerter.yaml when there is one)")
    parts = parser.add_subparsers(dest="part", required=True, metavar="add|list|expire")
    add = parts.add_parser("add", help="silence incidents", epilog=EXAMPLE, formatter_class=parser.formatter_class)
    add.add_argument("--rule", metavar="NAME", help="incidents of this rule")
    add.add_argument("--key", action="append", default=[], metavar="FIELD=VALUE", help="incidents with this key")
    add.add_argument("--matcher", action="append", default=[], metavar="MATCHER", help="""like 'domain="order"'""")
    add.add_argument("--for", dest="length", required=True, metavar="LENGTH", help="2h, 30m, 1d ...")
    add.add_argument("--comment", required=True, metavar="TEXT", help="why")
    add.add_argument("--author", metavar="NAME", help="default: the login name")
    add.add_argument("--format", choices=["text", "json"], default="text")
    listing = parts.add_parser("list", help="list silences")
    listing.add_argument("--expired", action="store_true", help="those that are over, too")
    listing.add_argument("--format", choices=["text", "json"], default="text")
    expire = parts.add_parser("expire", help="end a silence now")
    expire.add_argument("id", metavar="ID")
    for part, work in ((add, _add), (listing, _list), (expire, _expire)):
        part.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="settings file")
        part.set_defaults(run=work)


def _add(args: argparse.Namespace) -> int:
    import json
    import secrets

    from alerter.cli.lengths import length_option
    from alerter.cli.silence_notes import notes_on
    from alerter.cli.state_access import opened_state
    from alerter.clock import SystemClock
    from alerter.errors import UsageError
    from alerter.model.silence import Silence
    from alerter.notifiers.text import one_line
    from alerter.timetext import iso

    matchers = tuple(_matchers(args))
    if all(m.matches({}) for m in matchers):
        hint = "give --rule, --key or a --matcher that does not match the empty value"
        raise UsageError("this silence would match everything", hint)
    length = length_option(args.length, "--for")
    if length <= 0:
        raise UsageError("--for must be longer than nothing")
    if not args.comment.strip():
        raise UsageError("--comment must say why")
    now = SystemClock().now()
    author = args.author or _login()
    silence = Silence(secrets.token_hex(10), matchers, now, now + length, author, args.comment.strip(), now)
    with opened_state(args.config) as (state, settings):
        state.save_silence(silence, None)
        notes = [one_line(note) for note in notes_on(matchers, state, settings)]
    if args.format == "json":
        say(json.dumps({**_as_json(silence, now), "notes": notes}, ensure_ascii=False))
        return 0
    say(f"{silence.id} until {iso(silence.end)}")
    for note in notes:
        complain(f"note: {note}")
    return 0


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's account without a name
        return "unknown"


def _matchers(args: argparse.Namespace) -> list[Matcher]:
    from alerter.errors import UsageError
    from alerter.model.silence import Matcher
    from alerter.routing.matchers import MatcherError, parse_matcher

    found = [Matcher("rule", "=", args.rule)] if args.rule else []
    for text in args.key:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--key {text!r}: write FIELD=VALUE", "like --key user.name=alice")
        found.append(Matcher(name, "=", value))
    for text in args.matcher:
        try:
            found.append(parse_matcher(text))
        except MatcherError as error:
            raise UsageError(f"--matcher: {error}", error.hint) from None
    return found


def _list(args: argparse.Namespace) -> int:
    import json

    from alerter.cli.state_access import existing_state
    from alerter.clock import SystemClock
    from alerter.notifiers.text import one_line

    now = SystemClock().now()
    with existing_state(args.config) as (state, _):
        found = [stored.value for stored in state.silences(now, expired=args.expired)]
    if args.format == "json":
        say(json.dumps([_as_json(s, now) for s in found], ensure_ascii=False))
        return 0
    for silence in found:
        shown = _as_json(silence, now)
        why = one_line(f"{silence.author}: {silence.comment}")
        say(f"{silence.id}  {shown['state']}  until {shown['end']}  {one_line(' '.join(shown['matchers']))}  {why}")
    if not found:
        say("no silences")
    return 0


def _as_json(silence: Silence, now: int) -> dict[str, Any]:
    from alerter.timetext import iso

    end = silence.end if silence.expired is None else min(silence.expired, silence.end)
    return {
        "id": silence.id,
        "state": silence.state(now),
        "matchers": [str(m) for m in silence.matchers],
        "start": iso(silence.start),
        "end": iso(end),
        "author": silence.author,
        "comment": silence.comment,
    }


def _expire(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from alerter.cli.state_access import existing_state
    from alerter.clock import SystemClock
    from alerter.errors import UsageError

    now = SystemClock().now()
    with existing_state(args.config) as (state, _):
        stored = next((s for s in state.silences(now, expired=True) if s.value.id == args.id), None)
        if stored is None:
            raise UsageError(f"there is no silence {args.id}", "see: alerter silence list")
        if stored.value.state(now) == "expired":
            say(f"{args.id} is over already")
            return 0
        state.save_silence(replace(stored.value, expired=now), stored.version)
    say(f"{args.id} expired")
    return 0
