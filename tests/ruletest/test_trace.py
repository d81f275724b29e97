"""What expectations of a rule test see of a match."""

from __future__ import annotations

from alerter.cli.dryrun_report import _match
from alerter.model.incident import Match
from alerter.ruletest.trace import match_record


def test_what_a_plug_in_adds_stands_for_nothing_that_is_known():
    """Time, key and count are the match's own; the rest is added, and all of it is there as facts."""
    match = Match(0, (("host", "h1"),), 3, {"at": "never", "key": "evil", "count": 99, "rule": "x", "shop": "Harbour"})
    record = match_record("a rule", match)
    assert {name: record[name] for name in ("at", "key", "count", "rule", "shop")} == {
        "at": 0, "key": {"host": "h1"}, "count": 3, "rule": "a rule", "shop": "Harbour",
    }  # fmt: skip
    assert record["facts.count"] == 99
    shown = _match(match)
    assert (shown["at"], shown["key"], shown["count"]) == ("1970-01-01T00:00:00.000Z", {"host": "h1"}, 3)
