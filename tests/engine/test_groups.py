"""Groups: their instants, and a dry run whose messages are those that delivery sends."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, Millis
from alerter.config import load_settings
from alerter.delivery.courier import Courier
from alerter.engine.closing import close_incident
from alerter.engine.dryrun import dry_run
from alerter.engine.groups import SETTLE, came_up, due, group_of, is_due, told_at
from alerter.engine.replay import steps
from alerter.engine.tick import Engine
from alerter.model.incident import (
    Change,
    Delivery,
    DeliveryState,
    Group,
    Incident,
    Kind,
    News,
    Reason,
    Roll,
    Transition,
)
from alerter.model.route import Destination
from alerter.model.rule import Rule
from alerter.routing.load import load_routing
from alerter.routing.tree import Node, Routing
from alerter.ruleset.load import load_rules
from alerter.schedule import slot_offset, slot_part
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.memory import MemoryState
from alerter.timetext import iso, parse_instant
from tests.delivery.fakes import FakeNotifier
from tests.engine.support import T0, single

ROUTES = """
route:
  receiver: order
  repeat_interval: 1m
  routes:
    - matchers: ['domain="user"']
      group_by: {by}
      group_wait: 45s
      group_interval: 4m
receivers:
  - name: order
    slack: {{channel: "#order"}}
"""


def roll(**changes: Any) -> Roll:
    """Return a group that began at T0, waits 30 s and then tells every five minutes."""
    group = Group(
        "g", (), 30 * SECOND, 5 * MINUTE, T0, **{k: v for k, v in changes.items() if k in ("cron", "timezone")}
    )
    return Roll(group, T0, changes.get("delay", 0), changes.get("told"))


def news(since: float, delay: Millis = 0, kind: Kind = Kind.FIRING) -> News:
    """Return a message that came up so many seconds after T0."""
    at = T0 + round(since * SECOND)
    group = Group("g", (), 30 * SECOND, 5 * MINUTE, at, delay)
    return News("i", Delivery("d", kind, "order", "#order", at, Reason.FIRST_MATCH, "", group=group))


@pytest.mark.parametrize(
    ("since", "told", "at"),
    [
        (0, None, 30),
        (30, None, 30),
        (30.001, None, 330),
        (330, None, 330),
        (331, None, 630),
        (20, 30, 330),
        (-60, None, 30),
        (10, 630, 930),
    ],
)
def test_told_at_the_first_instant_at_or_after_it_came_up(since: float, told: float | None, at: float) -> None:
    """group_wait after the first, then every group_interval; never twice at one."""
    before = None if told is None else T0 + round(told * SECOND)
    assert told_at(roll(told=before), news(since)) == T0 + round(at * SECOND)


@pytest.mark.parametrize(
    ("zone", "since", "told", "at"),
    [
        ("UTC", 0, None, "2026-03-11T08:00:00Z"),
        ("Europe/Berlin", 0, None, "2026-03-11T07:00:00Z"),
        ("UTC", 21 * 3600, None, "2026-03-11T08:00:00Z"),
        ("UTC", 21 * 3600, 21 * 3600, "2026-03-12T08:00:00Z"),
    ],
)
def test_cron_tells_at_its_fire_times(zone: str, since: float, told: float | None, at: str) -> None:
    """T0 is 11:00 UTC; what comes up at a fire time itself is told there."""
    before = None if told is None else T0 + round(told * SECOND)
    daily = roll(cron="0 8 * * *", timezone=zone, told=before)
    assert told_at(daily, news(since)) == parse_instant(at)


def test_groups_of_rules_that_are_computed_later() -> None:
    """A group's clock is that of its first rule: another one's message came up when that was computed."""
    one = roll(delay=2 * SECOND)
    assert came_up(one, news(0, 12 * SECOND)) == T0 + 10 * SECOND
    waiting = Roll(one.group, T0, 2 * SECOND, news=(news(0, 2 * SECOND), news(0, 40 * SECOND)))
    told = T0 + 32 * SECOND + SETTLE
    assert not is_due(waiting, told - 1)
    assert due(waiting, told) == [news(0, 2 * SECOND)]


def incident(**labels: str) -> Incident:
    """Return an incident with these labels."""
    return Incident("i", "r", "any", (("host", "a"),), {"rule": "r", "severity": "warning", **labels}, T0)


def identity(by: Sequence[str] | None, **labels: str) -> Group | None:
    """Return the group of an incident at a destination."""
    where = Destination("order", "route", group_by=None if by is None else tuple(by), group_wait=1, group_interval=2)
    return group_of(single(), incident(**labels), where, T0)


def test_groups_are_by_the_values_of_labels() -> None:
    """``[]`` is one group, ``...`` one for each set of labels; key fields are labels, and a missing one is ""."""
    assert identity(None) is None
    by = {id(g): g for g in (identity(["domain"], domain="a"), identity(["domain"], domain="b"), identity(["domain"]))}
    assert [g.labels for g in by.values() if g] == [(("domain", "a"),), (("domain", "b"),), (("domain", ""),)]
    assert len({g.id for g in by.values() if g}) == 3
    every, none = identity(["..."], domain="a"), identity([], domain="a")
    assert every is not None
    assert none is not None
    assert dict(every.labels) == {"domain": "a", "host": "a", "rule": "r", "severity": "warning"}
    assert none.labels == ()
    assert identity(["host", "domain"], domain="a") != identity(["domain"], domain="a")


# --- dry run and live ----------------------------------------------------------------------------------------------


def loaded(folder: Path, text: str, by: str = "[rule]") -> tuple[Rule, Routing]:
    """Return the rule of a text, and the routes."""
    (folder / "rule.yaml").write_text(text)
    (folder / "routes").mkdir()
    (folder / "routes" / "routes.yaml").write_text(ROUTES.format(by=by))
    found = load_rules([folder / "rule.yaml"], load_settings(None, {}))
    (rule,) = found.rules
    routing, problems = load_routing([folder / "routes"])
    assert routing is not None, problems
    return rule, routing


def events(*seconds: tuple[float, str]) -> list[dict[str, Any]]:
    """Return events so many seconds after T0 with a user each."""
    return [
        {"@timestamp": iso(T0 + round(s * SECOND)), "user": who, "host": {"name": f"h-{who}"}} for s, who in seconds
    ]


def live(rule: Rule, routing: Routing, documents: Sequence[Mapping[str, Any]], end: Millis) -> list[Any]:
    """Return what delivery sent: the engine at each nominal instant, delivery every second."""
    clock, state, notifier = ManualClock(T0), MemoryState(), FakeNotifier()
    source = EmbeddedSource(now=clock.now)
    engine = Engine(Reader(source), state, routing, gaps=False)
    courier = Courier(state, {"order": notifier}, routing, clock)
    engine.tick([rule], T0 + rule.query_delay)
    left = sorted(documents, key=lambda d: str(d["@timestamp"]))
    late = slot_offset(rule.schedule, slot_part(rule.name)) + rule.query_delay
    while clock.now() <= end + late + HOUR:
        while left and parse_instant(left[0]["@timestamp"]) <= clock.now():
            source.extend([left.pop(0)])
        if (clock.now() - late) % MINUTE < SECOND and clock.now() - late <= end:
            engine.tick([rule], clock.now(), punctual=True)
        courier.deliver()
        clock.advance(SECOND)
    sent = [m.delivery for how, m in notifier.calls if how in ("post", "reply")]
    return [essence(delivery) for delivery in sent]


def essence(delivery: Delivery) -> Any:
    """Return what a message is."""
    return delivery.at, delivery.id, delivery.kind, delivery.receiver, delivery.channel, delivery.reason, delivery.text


BURST = events((5, "a"), (8, "b"), (20, "a"), (100, "c"), (130, "a"), (400, "d"), (700, "a"), (5000, "e"))
RULES = {
    "period": "aggregation: {minutes: 5}",
    "a period from the match": "aggregation: {minutes: 5}\naggregate_by_match_time: true",
    "cron": 'aggregation: {schedule: "*/10 * * * *"}',
    "key": "aggregation: {minutes: 5}\naggregation_key: host.name",
    "key of the rule": "aggregation: {minutes: 5}\naggregation_key: user\nquery_key: user",
    "route": "domain: user\nquery_key: user\nrealert: {minutes: 0}",
    "route, quiet": "domain: user",
}


@pytest.mark.parametrize("name", RULES)
def test_dry_run_shows_what_live_sends(tmp_path: Path, name: str) -> None:
    """Kinds, instants, texts and identities of messages are the same, each once; so is what --show-messages draws."""
    text = (
        f"name: gathered\ntype: any\nindex: logs\nresolve_after: {'20m' if name == 'route' else '10m'}\n{RULES[name]}\n"
    )
    if name.endswith("quiet"):
        text = text.replace("resolve_after: 10m\n", "")
    rule, routing = loaded(tmp_path, text)
    end = T0 + 2 * HOUR + 5 * MINUTE
    source = EmbeddedSource(documents=BURST)
    answer = dry_run(rule, source, routing, T0, end)
    assert len(answer.incidents) >= 2 or name.endswith("quiet")
    assert sorted(map(essence, answer.messages)) == sorted(live(rule, routing, BURST, end))
    assert {str(d.reason) for d in answer.messages} == {"grouped"}
    drawn = [step.delivery.id for step in steps(answer, source, routing, 50)]
    assert sorted(drawn) == sorted(d.id for d in answer.messages)


def test_aggregated_rule_tells_once_per_period(tmp_path: Path) -> None:
    """Three users within the period are one message, and it is told when the period is over."""
    rule, routing = loaded(tmp_path, "name: g\ntype: any\nindex: logs\nquery_key: user\naggregation: {minutes: 5}\n")
    answer = dry_run(rule, EmbeddedSource(documents=BURST), routing, T0, T0 + 30 * MINUTE)
    first, *_ = answer.messages
    assert first.at == T0 + 6 * MINUTE
    assert first.text.startswith("[FIRING] [WARNING] 3 incidents, rule g: g - 1 event, user a")
    told = {i.key[0][1]: [d.id for d in i.deliveries] for i in answer.incidents if i.key}
    assert told["a"][0] == told["b"][0] == told["c"][0] == first.id
    assert len(set(itertools.chain(*told.values()))) == len(answer.messages)


def test_own_key_is_a_group_of_its_own(tmp_path: Path) -> None:
    """``aggregation_key`` splits what is told: one message for each value."""
    text = "name: g\ntype: any\nindex: logs\naggregation: {minutes: 5}\naggregation_key: host.name\n"
    rule, routing = loaded(tmp_path, text)
    answer = dry_run(rule, EmbeddedSource(documents=BURST), routing, T0, T0 + DAY)
    firing = [d for d in answer.messages if d.kind is Kind.FIRING]
    assert ["h-a" in d.text for d in firing].count(True) == 1
    assert len(firing) == 5


def test_tables_of_members_are_summed(tmp_path: Path) -> None:
    """The message of an aggregated rule has one table, of all its incidents; with the summary only, no list."""
    text = (
        "name: g\ntype: any\nindex: logs\nquery_key: user\naggregation: {minutes: 5}\n"
        "summary_table_fields: [host.name]\nalert_text_type: aggregation_summary_only\n"
    )
    rule, routing = loaded(tmp_path, text)
    documents = [*events((5, "a"), (8, "b")), *({**d, "user": "c", "host": {"name": "h-a"}} for d in events((9, "c")))]
    source = EmbeddedSource(documents=documents)
    answer = dry_run(rule, source, routing, T0, T0 + 10 * MINUTE)
    first, *_ = steps(answer, source, routing, 50)
    assert first.incident.view.summary == ""
    rows = [line.replace(" ", "") for line in first.incident.view.table.split("\n") if "h-" in line]
    assert rows == ["|h-a|2|", "|h-b|1|"]
    assert first.incident.view.sentence == "3 firing, 0 over"


def test_end_of_a_rule_that_is_gone_is_told_where_its_beginning_was() -> None:
    """Its group tells it like any other end, in words that say why; nobody else is told."""
    firing = Delivery("d", Kind.FIRING, "order", "#order", T0, Reason.FIRST_MATCH, "", group=news(0).delivery.group)
    opened = incident(domain="order")
    told = Transition(T0 + MINUTE, Change.RESOLVED, opened.key, Reason.RULE_REMOVED, opened.id, T0)
    in_group = replace(opened, deliveries=(replace(firing, state=DeliveryState.DROPPED, digest="document"),))
    (_, end) = close_incident(in_group, told, Routing(Node("order", "route"), {})).deliveries
    assert end.group is not None
    assert (end.kind, end.group.id, end.group.since, end.group.quiet) == (Kind.RESOLVED, "g", T0 + MINUTE, False)
    alone = replace(opened, deliveries=(replace(firing, state=DeliveryState.SENT),))
    (_, end) = close_incident(alone, told, Routing(Node("order", "route"), {})).deliveries
    assert end.group is None
    untold = replace(opened, deliveries=(replace(firing, state=DeliveryState.DROPPED),))
    assert len(close_incident(untold, told, Routing(Node("order", "route"), {})).deliveries) == 1
