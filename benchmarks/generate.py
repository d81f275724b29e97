"""Events and ElastAlert rule files from a seed: the same seed gives the same output. Pure but for ``write_rules``."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
TIMEFRAME_MINUTES = 10
DOMAINS = ("user", "order")
SERVICES = 40
BAD_USERS = [f"user-bad-{n:02d}" for n in range(5)]
LEVELS = {"DEBUG": 10, "INFO": 74, "WARN": 10, "ERROR": 6}
WORDS = [
    "request", "accepted", "validated", "persisted", "published", "consumed", "retried", "completed", "cache",
    "miss", "hit", "lookup", "upstream", "downstream", "connection", "pool", "timeout", "deadline", "session",
    "token", "basket", "checkout", "payment", "refund", "shipment", "address", "profile", "password"
]  # fmt: skip
MAPPING: dict[str, Any] = {
    "@timestamp": {"type": "date"},
    **{name: {"type": "keyword"} for name in ("domain", "service", "level", "trace", "host")},
    "message": {"type": "text"},
    "user": {"properties": {"id": {"type": "keyword"}}},
    "order": {"properties": {"id": {"type": "keyword"}}},
    "status": {"type": "integer"},
    "latency_ms": {"type": "float"},
    "sample": {"type": "integer"},
}

Event = dict[str, Any]


@dataclass(frozen=True)
class Universe:
    """The services that write events, with their shares of all events (1 to 5 % each, together 1)."""

    names: tuple[str, ...]
    shares: tuple[float, ...]

    @staticmethod
    def of(seed: int) -> Universe:
        """Draw the shares."""
        draw = random.Random(f"universe {seed}")
        weights = [draw.uniform(1, 4.2) for _ in range(SERVICES)]
        names = tuple(f"svc-{n:02d}" for n in range(SERVICES))
        return Universe(names, tuple(weight / sum(weights) for weight in weights))

    def domain(self, name: str) -> str:
        """Return the domain of a service."""
        return DOMAINS[self.names.index(name) % len(DOMAINS)]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one service in ``[start, end)``, seconds: its rate times ``factor`` (0: silence)."""

    service: str
    start: int
    end: int
    factor: int


def troubles(seed: int, seconds: int) -> list[Trouble]:
    """Draw two bursts and one silence per twenty minutes."""
    draw = random.Random(f"troubles {seed}")
    names = Universe.of(seed).names
    found = []
    for length, factor in ((180, 6), (960, 0), (240, 4)):
        for _ in range(max(1, seconds // 1200)):
            start = draw.randint(60, max(61, seconds - length - 60))
            found.append(Trouble(draw.choice(names), start, start + length, factor))
    return found


def stamp(at: int) -> str:
    """Write milliseconds since the epoch as ISO 8601, always with milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


class _Writer:
    """Draws whole events; about 385 bytes each as JSON."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"events {seed}")
        self._universe = Universe.of(seed)

    def event(self, at: int, service: str, level: str = "", user: str = "") -> Event:
        draw = self.draw
        level = level or draw.choices(list(LEVELS), list(LEVELS.values()))[0]
        failed = level == "ERROR" and draw.random() < 0.7
        return {
            "@timestamp": stamp(at),
            "domain": self._universe.domain(service),
            "service": service,
            "level": level,
            "message": " ".join(draw.choices(WORDS, k=14)),
            "user": {"id": user or self._user()},
            "order": {"id": f"order-{draw.randrange(10**6):07d}"},
            "status": draw.choice((500, 502, 503) if failed else (200, 200, 200, 201, 204, 404)),
            "latency_ms": round(draw.lognormvariate(3.5, 0.8), 2),
            "trace": f"{draw.getrandbits(128):032x}",
            "host": f"{service}-{draw.randrange(6)}",
            "sample": draw.randrange(10**6),
        }

    def _user(self) -> str:
        """Return one of 2,000 users, few of them often; two in ten thousand events are of a listed user."""
        if self.draw.random() < 2e-4:
            return self.draw.choice(BAD_USERS)
        return f"user-{int(2000 * self.draw.random() ** 2):05d}"


def events(seed: int, start: int, seconds: int, rate: int) -> Iterator[Event]:
    """Yield ``rate`` events a second from ``start`` (milliseconds) on, nearly in time order, troubles mixed in."""
    writer, universe, wrong = _Writer(seed), Universe.of(seed), troubles(seed, seconds)
    draw, share = writer.draw, dict(zip(universe.names, universe.shares, strict=True))
    for number in range(seconds * rate):
        second = (number + draw.random()) / rate
        at, service = start + int(second * 1000), draw.choices(universe.names, universe.shares)[0]
        now = [trouble for trouble in wrong if trouble.start <= second < trouble.end]
        for trouble in now:
            if trouble.factor and draw.random() < (trouble.factor - 1) * share[trouble.service]:
                yield writer.event(at, trouble.service, "ERROR", f"user-{draw.randrange(3):05d}")
        if not any(trouble.factor == 0 and trouble.service == service for trouble in now):
            yield writer.event(at, service)


def volume(seed: int, start: int, seconds: float, number: int) -> Iterator[Event]:
    """Yield evenly spread events; ``sample`` is a permutation of 0..number-1, so ``sample < k`` selects exactly k.

    The first is two milliseconds after ``start``: ElastAlert, which is told a millisecond more (``peer_child``), leaves
    out what lies at the very start of its first query.
    """
    order = list(range(number))
    draw = random.Random(f"volume {seed}")
    draw.shuffle(order)
    texts = [" ".join(draw.choices(WORDS, k=14)) for _ in range(500)]
    for n, sample in enumerate(order):
        yield {
            "@timestamp": stamp(start + 2 + int((n + 0.5) * seconds * 1000 / number)),
            "domain": DOMAINS[n % 2],
            "service": "svc-00",
            "level": "ERROR",
            "message": texts[n % 500],
            "user": {"id": f"user-{n * 7919 % 2000:05d}"},
            "order": {"id": f"order-{n:07d}"},
            "status": 500,
            "latency_ms": n % 977 / 3,
            "trace": f"{n:032x}",
            "host": f"svc-00-{n % 6}",
            "sample": sample,
        }


def many_keys(seed: int, start: int, seconds: int, rate: int, keys: int) -> Iterator[Event]:
    """Yield events of ``keys`` users, all about equally often; one event in fifty is of one of twenty loud users."""
    writer = _Writer(seed)
    names = Universe.of(seed).names
    for number in range(seconds * rate):
        at = start + int((number + writer.draw.random()) / rate * 1000)
        loud = writer.draw.random() < 0.02
        user = keys + writer.draw.randrange(20) if loud else writer.draw.randrange(keys)
        yield writer.event(at, writer.draw.choice(names), user=f"user-{user:06d}")


# --- rules -----------------------------------------------------------------------------------------------------------


def mixed_rules(seed: int, count: int, index: str, rate: float, webhook: str, *, counting: bool = False) -> list[Event]:
    """Return the mix: of 20 rules 8 frequency, 4 frequency by user, 3 spike, 3 flatline, 2 blacklist.

    ``counting`` is ElastAlert's cheapest reading: ``use_count_query`` or ``use_terms_query`` wherever it allows them.
    """
    draw = random.Random(f"rules {seed}")
    universe = Universe.of(seed)
    rules = []
    for number in range(count):
        selected, share = _filter(draw, universe)
        condition = _condition(draw, number % 20, share * rate * 60 * TIMEFRAME_MINUTES)
        rules.append(
            _rule(f"r{number:04d}", index, selected, condition, webhook, DOMAINS[number % 2], counting=counting)
        )
    return rules


def keyed_rules(count: int, index: str, webhook: str, keys: int, *, counting: bool = False) -> list[Event]:
    """Return frequency rules by user over every event of ``many_keys``; only the loud users can reach the number."""
    rules = []
    for number in range(count):
        condition = {"type": "frequency", "num_events": 40 + number, "query_key": "user.id"}
        selected = [{"terms": {"level": list(LEVELS)}}]
        rule = _rule(f"k{number:04d}", index, selected, condition, webhook, DOMAINS[number % 2], counting=counting)
        rules.append({**rule, "terms_size": 2 * keys} if counting else rule)
    return rules


def volume_rule(index: str, webhook: str, selected: int, of: int, total: int, *, counting: bool = False) -> Event:
    """Return one frequency rule that selects ``selected`` of every ``of`` events of ``volume`` (``total`` in all).

    It matches once, before the timeframe is full, and then needs nearly a whole timeframe to match again.
    """
    below = selected * total // of
    condition = {"type": "frequency", "num_events": selected * 9 // 10}
    chosen = [{"range": {"sample": {"lt": below}}}]
    return _rule("v0000", index, chosen, condition, webhook, DOMAINS[0], counting=counting)


def _filter(draw: random.Random, universe: Universe) -> tuple[list[Event], float]:
    """Return a filter, and the share of all events that it selects."""
    place = draw.choices(range(SERVICES))[0]
    name, share = universe.names[place], universe.shares[place]
    kind = draw.random()
    if kind < 0.6:
        return [{"term": {"service": name}}], share
    if kind < 0.8:
        return [{"query": {"query_string": {"query": f"service:{name} AND NOT level:DEBUG"}}}], share * 0.9
    if kind < 0.9:
        return [{"term": {"domain": universe.domain(name)}}, {"range": {"status": {"gte": 500}}}], 0.5 * 0.042
    two = draw.sample(range(SERVICES), 2)
    names = [universe.names[n] for n in two]
    levels = ["WARN", "ERROR", "INFO"]
    return [{"terms": {"service": names}}, {"terms": {"level": levels}}], 0.9 * sum(universe.shares[n] for n in two)


def _condition(draw: random.Random, slot: int, expected: float) -> Event:
    """Return the type's options; ``expected`` is the usual number of selected events in a timeframe."""
    if slot < 8:
        return {"type": "frequency", "num_events": max(2, int(expected * draw.uniform(1.15, 2.5)))}
    if slot < 12:
        return {"type": "frequency", "num_events": draw.choice((80, 120, 200)), "query_key": "user.id"}
    if slot < 15:
        height = draw.choice((1.5, 2, 3))
        return {"type": "spike", "spike_height": height, "spike_type": "up", "threshold_ref": 10, "threshold_cur": 20}
    if slot < 18:
        return {"type": "flatline", "threshold": max(1, int(expected * draw.uniform(0.1, 0.5)))}
    return {"type": "blacklist", "compare_key": "user.id", "blacklist": BAD_USERS}


def _rule(
    name: str,
    index: str,
    selected: Sequence[Mapping[str, Any]],
    condition: Mapping[str, Any],
    webhook: str,
    domain: str,
    *,
    counting: bool,
) -> Event:
    rule = {"name": name, "index": index, "timestamp_field": "@timestamp", "filter": list(selected), **condition}
    if condition["type"] != "blacklist":
        rule["timeframe"] = {"minutes": TIMEFRAME_MINUTES}
        if counting:
            rule |= {"use_terms_query": True, "terms_size": 50} if "query_key" in rule else {"use_count_query": True}
    rule |= {"realert": {"minutes": 1}, "owner": domain, "alert": ["slack"]}
    return rule | {"slack_webhook_url": webhook, "slack_channel_override": f"#{domain}"}


def rule_text(rule: Mapping[str, Any]) -> str:
    """Write a rule as YAML: one ``key: JSON`` a line, which needs no library to write or to read."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in rule.items())


def write_rules(folder: Path, rules: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Write one file a rule; return how many there are of each type."""
    folder.mkdir(parents=True, exist_ok=True)
    for rule in rules:
        (folder / f"{rule['name']}.yaml").write_text(rule_text(rule))
    return Counter(str(rule["type"]) for rule in rules)


def read_rules(folder: Path) -> list[Event]:
    """Read what ``write_rules`` wrote, in the order of names."""
    lines = [[line.partition(": ") for line in file.read_text().splitlines()] for file in sorted(folder.glob("*.yaml"))]
    return [{name: json.loads(value) for name, _, value in rule} for rule in lines]
