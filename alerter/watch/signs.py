"""Pure: from facts to what is wrong with the alerter itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerter.clock import HOUR, Millis
from alerter.config import WatchSettings
from alerter.model.heartbeat import Failing, FailingRule
from alerter.model.incident import Reason, View
from alerter.model.member import Member, RuleSet
from alerter.model.rule import Key
from alerter.notifiers.text import clock_text
from alerter.plurals import many
from alerter.timetext import iso, length_text
from alerter.watch.facts import Facts, Waiting

PREFIX = "alerter: "
NAMES: Mapping[str, str] = {
    "rules_failing": f"{PREFIX}rules cannot be evaluated",
    "outbox_old": f"{PREFIX}messages are not delivered",
    "catch_up_cut": f"{PREFIX}a span was not evaluated",
    "engine_lost": f"{PREFIX}an engine is gone",
    "rules_differ": f"{PREFIX}engines run different rules",
}
"""Each sign, by its setting, and the rule name of its incidents."""
ROWS = 5
"""Rules or sets named one by one, so that all fit into a message beside the key; the rest is summed."""
FEW = 3
"""Rules named in the sentence itself."""
SHOWN_FOR: Millis = HOUR
"""What happened once (a cut, a lost engine) is shown for this long, then closed quietly."""


@dataclass(frozen=True)
class Sign:
    """One thing that is wrong: ``key`` says what it is about, ``since`` (wall clock) when it began.

    ``opens``: it has lasted long enough to be told; before, it only keeps an open incident open. ``avoid`` names the
    receivers that would not hear of it.
    """

    name: str
    key: Key
    since: Millis
    opens: bool
    severity: str
    sentence: str
    count: int
    fields: tuple[tuple[str, str], ...] = ()
    avoid: frozenset[str] = frozenset()

    @property
    def rule(self) -> str:
        """The rule name of its incidents."""
        return NAMES[self.name]

    @property
    def view(self) -> View:
        """What a message shows."""
        return View(title=self.rule.removeprefix(PREFIX), sentence=self.sentence, fields=self.fields)


def signs(facts: Facts, after: WatchSettings) -> list[Sign]:
    """Return everything that is wrong; what is turned off is not looked for."""
    found: list[Sign] = []
    for name, look in _LOOKS.items():
        least = getattr(after, name)
        if least is not None:
            found += look(facts, least)
    return found


def over(name: str, key: Key, facts: Facts) -> Reason:
    """Return why a sign is no longer there: it is mended, or it happened once and was shown for long enough."""
    engine = dict(key or ()).get("engine")
    if name == "catch_up_cut" or (name == "engine_lost" and engine not in facts.members):
        return Reason.QUIET
    return Reason.CONDITION_OVER


def _rules_failing(facts: Facts, least: Millis) -> Iterator[Sign]:
    """One sign per kind of failure and cluster, over all engines."""
    groups: dict[tuple[str, str], list[tuple[Millis, Failing]]] = defaultdict(list)
    for beat in facts.engines:
        for one in beat.failing:
            groups[one.cluster, one.kind].append((beat.beat - one.since, one))
    every = sum(beat.rules if beat.held is None else beat.held for beat in facts.engines)
    for (cluster, kind), parts in sorted(groups.items()):
        number = sum(one.number for _, one in parts)
        total = max(every, number)
        since = min(one.since for _, one in parts)
        rules = sorted((rule for _, one in parts for rule in one.rules), key=lambda one: (one.since, one.rule))
        yield Sign(
            "rules_failing",
            (("cluster", cluster), ("kind", kind)),
            since,
            max(length for length, _ in parts) >= least,
            "critical" if 2 * number >= total else "warning",
            f"{number:,} of {many(total, 'rule')} {'gives' if total == 1 else 'give'} no answer,"
            f" the first since {clock_text(since)}: " + _few([one.rule for one in rules], number),
            number,
            _failing_rows(rules, number),
        )


def _failing_rows(rules: list[FailingRule], number: int) -> tuple[tuple[str, str], ...]:
    rows = [(one.rule, f"since {clock_text(one.since)}: {one.reason}") for one in rules[:ROWS]]
    return (*rows, *_more(number - len(rows), "rules"))


def _outbox_old(facts: Facts, least: Millis) -> Iterator[Sign]:
    """One sign per channel with messages that wait."""
    for one in facts.waiting:
        if max(one.waited, facts.now - one.oldest) < least:
            continue
        yield Sign(
            "outbox_old",
            (("channel", one.channel),),
            facts.now - one.waited,
            one.waited >= least,
            "critical",
            f"messages to {one.channel} wait for longer than {length_text(least)}",
            one.number,
            _waiting_rows(one, _why(one, facts)),
            facts.stuck | one.receivers,
        )


def _why(one: Waiting, facts: Facts) -> str:
    """Return what an engine last heard from the channel, else what stands at a message that waits there."""
    known = [trouble for beat in facts.engines for trouble in beat.troubles if trouble.channel == one.channel]
    oldest = min(known, key=lambda trouble: trouble.since, default=None)
    return one.error if oldest is None else f"{oldest.code} since {clock_text(oldest.since)}"


def _waiting_rows(one: Waiting, why: str) -> tuple[tuple[str, str], ...]:
    rows = (
        ("Waiting", f"{one.number:,}{' or more' if one.more else ''}"),
        ("Oldest", iso(one.oldest)),
        ("Error", why),
    )
    return tuple((name, text) for name, text in rows if text)


def _catch_up_cut(facts: Facts, least: Millis) -> Iterator[Sign]:
    """One sign per engine that gave up a span."""
    for beat in facts.engines:
        cut = beat.cut
        if cut is None or beat.beat - cut.at >= SHOWN_FOR or cut.end - cut.start < least:
            continue
        rules = "1 rule was" if cut.rules == 1 else f"{cut.rules:,} rules were"
        yield Sign(
            "catch_up_cut",
            (("engine", beat.instance),),
            cut.at,
            True,
            "warning",
            f"{rules} not evaluated between {iso(cut.start)} and {iso(cut.end)}, longer ago than max_catchup: "
            + _few(cut.names, cut.rules),
            cut.rules,
        )


def _engine_lost(facts: Facts, least: Millis) -> Iterator[Sign]:
    """One sign per engine that vanished without a clean stop."""
    for one in facts.lost:
        if not 0 <= facts.now - one.beat < SHOWN_FOR:
            continue
        yield Sign(
            "engine_lost",
            (("engine", one.instance),),
            one.beat,
            one.missed >= least,
            "warning",
            f"not heard of since {clock_text(one.beat)}; the others evaluate its rules",
            1,
        )


def _rules_differ(facts: Facts, least: Millis) -> Iterator[Sign]:
    """One sign for the fleet."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for instance, member in facts.members.items():
        groups[member.version, member.ruleset].append(instance)
    if len(groups) < 2:
        return
    rows = [
        (f"Version {version}, {_size(facts.rulesets.get(ruleset))}", ", ".join(sorted(engines)))
        for (version, ruleset), engines in sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]
    yield Sign(
        "rules_differ",
        None,
        facts.now - facts.differing,
        facts.differing >= least,
        "warning",
        f"{len(facts.members)} engines do not run the same: {differences(facts.members, facts.rulesets)}",
        len(groups),
        (*rows[:ROWS], *_more(len(rows) - ROWS, "sets")),
    )


def differences(members: Mapping[str, Member], rulesets: Mapping[str, RuleSet]) -> str:
    """Return in words how the engines differ: in versions, in rules; "" when they do not."""
    versions = sorted({member.version for member in members.values()})
    words = [f"versions {', '.join(versions)}"] if len(versions) > 1 else []
    ids = {member.ruleset for member in members.values()}
    if len(ids) > 1:
        known = [frozenset(rulesets[id].rules) for id in ids if id in rulesets]
        same = frozenset.intersection(*known) if known else frozenset()
        names = sorted({name for rules in known for name, _ in rules - same})
        words.append(f"rules {_few(names, len(names))}" if names else "rules")
    return "; ".join(words)


def _size(ruleset: RuleSet | None) -> str:
    return "rules unknown" if ruleset is None else many(len(ruleset.rules), "rule")


def _few(names: Sequence[str], number: int) -> str:
    """Return some names and how many more there are."""
    named = ", ".join(names[:FEW])
    return named if number <= FEW else f"{named} and {number - FEW:,} more"


def _more(number: int, what: str) -> tuple[tuple[str, str], ...]:
    return (("More", f"{number:,} more {what}"),) if number > 0 else ()


_LOOKS: Mapping[str, Callable[[Facts, Millis], Iterator[Sign]]] = {
    "rules_failing": _rules_failing,
    "outbox_old": _outbox_old,
    "catch_up_cut": _catch_up_cut,
    "engine_lost": _engine_lost,
    "rules_differ": _rules_differ,
}
