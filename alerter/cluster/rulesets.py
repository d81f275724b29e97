"""What engines tell each other of the rules they run."""

from __future__ import annotations

from collections.abc import Iterable

from alerter.model.incident import digest
from alerter.model.member import RuleSet
from alerter.model.rule import Rule


def ruleset_of(rules: Iterable[Rule]) -> RuleSet:
    """Return names and digests of the rules; the same for the same files, whatever order they are read in."""
    named = tuple(sorted((rule.name, _definition(rule)) for rule in rules))
    return RuleSet(digest("ruleset", named), named)


def _definition(rule: Rule) -> str:
    """Return a digest of what was written and of the settings that count for it, wherever the file lies."""
    times = (rule.query_delay, rule.buffer_time, rule.max_catchup, rule.resolve_after)
    return digest(rule.file_text, repr(rule.schedule), times, repr(rule.realert))
