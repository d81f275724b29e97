"""Small worlds made by throwing dice: a rule, documents with ties and gaps of exactly T, and how a span is cut.

The dice are a ``random.Random``: a seeded one, or hypothesis's, which shrinks what it threw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from alerter.clock import DAY, HOUR, MINUTE, SECOND, Millis
from alerter.model.rule import (
    AnyEvent,
    Condition,
    Flatline,
    Frequency,
    Realert,
    Rule,
    Schedule,
    Spike,
    SpikeType,
    TimeField,
    TimeKind,
    ValueList,
)
from alerter.testing import rule
from alerter.timetext import iso, parse_instant

T0: Millis = parse_instant("2026-03-10T11:00:00Z")
STAMP = "%d/%b/%Y:%H:%M:%S.%f %z"
TIMES = {
    "date": TimeField(),
    "nested": TimeField("event.created"),
    "nanos": TimeField("nanos"),
    "seconds": TimeField("epoch_s", TimeKind.UNIX),
    "fractions": TimeField("epoch_f", TimeKind.UNIX),
    "millis": TimeField("epoch_ms", TimeKind.UNIX_MS),
    "text": TimeField("stamp", TimeKind.CUSTOM, STAMP),
}
IN_FILES = tuple(name for name in TIMES if name != "nanos")
"""Times that the embedded source knows; it refuses nanoseconds by name."""
KEYWORD: dict[str, str] = {"type": "keyword"}
PROPERTIES: dict[str, Any] = {
    "@timestamp": {"type": "date"},
    "event": {"properties": {"created": {"type": "date"}}},
    "nanos": {"type": "date_nanos"},
    "epoch_s": {"type": "long"},
    "epoch_f": {"type": "double"},
    "epoch_ms": {"type": "long"},
    "n": {"type": "long"},
    **dict.fromkeys(("stamp", "k", "level", "world", "user"), KEYWORD),
}
LISTED = ("mallory", "eve")
VALUES: dict[str, Sequence[Any]] = {
    "k": ["a", "a", "a", "b", "b", None, ["a", "b"], ["b", "b"], [], "A"],
    "n": [1, 1, 2, None, [1, 2]],
    "user": ["mallory", "eve", "bob", "Eve", ["bob", "eve"], None, []],
}
KINDS = ("frequency", "spike", "flatline", "any", "blacklist", "whitelist")


@dataclass(frozen=True)
class Doc:
    """One document: when it happened, its fields, and in which evaluations it can be seen.

    It is there from evaluation ``arrives`` (0 is the first) up to, not including, evaluation ``gone``. Where
    ``arrives`` is None it is there from the start: then what has not happened yet must not matter.
    """

    at: Millis
    fields: Mapping[str, Any]
    selected: bool = True
    arrives: int | None = None
    gone: int | None = None

    def visible(self, nth: int) -> bool:
        """Whether an evaluation can see it."""
        return (self.arrives is None or self.arrives <= nth) and (self.gone is None or nth < self.gone)


@dataclass(frozen=True)
class World:
    """A rule, what is in its index, the first checkpoint, the cuts (the span's end last), restarts before cuts."""

    rule: Rule
    docs: tuple[Doc, ...]
    start: Millis
    cuts: tuple[Millis, ...]
    restarts: frozenset[int] = field(default_factory=frozenset)

    @property
    def end(self) -> Millis:
        """The end of the span."""
        return self.cuts[-1]

    def show(self) -> str:
        """Return everything there is to it, with times in milliseconds after T0."""
        lines = [
            f"{self.rule.condition} key={self.rule.query_key} time={self.rule.time.name} {self.rule.realert} "
            f"every={self.rule.schedule.every} resolve_after={self.rule.resolve_after} "
            f"buffer={self.rule.buffer_time} known={self.rule.known_keys_for}",
            f"start={self.start - T0} cuts={[c - T0 for c in self.cuts]} restarts={sorted(self.restarts)}",
        ]
        lines += [
            f"  {d.at - T0} {dict(d.fields)}{'' if d.selected else ' not selected'}"
            f"{'' if d.arrives is None else f' arrives {d.arrives}'}{'' if d.gone is None else f' gone {d.gone}'}"
            for d in self.docs
        ]
        return "\n".join(lines)


def make_world(
    dice: Random, kind: str, name: str = "a rule", *, times: Sequence[str] = tuple(TIMES), most: int = 40
) -> World:
    """Throw a world of a kind of rule; all documents are there from the start."""
    tested = make_rule(dice, kind, name, times)
    ats = [T0 + at for at in _times(dice, tested, dice.randint(1, most if kind != "flatline" else most // 3))]
    docs = [Doc(at, {**_fields(dice, tested), **_beside(dice, tested, at)}, dice.random() < 0.85) for at in ats]
    early = dice.choice([None, 0, -1, -30, -600])
    if early is not None:
        docs.insert(dice.randint(0, len(docs)), Doc(T0 + early * SECOND, {}, selected=False))
    start = T0 + dice.choice([-1, 0, 3, 30]) * SECOND + dice.choice([0, 1, 999])
    end = max(ats[-1], start) + dice.choice([0, 1, 5, 10, 70, 400]) * SECOND + 1
    cuts = sorted({dice.randint(start + 1, end) for _ in range(dice.randint(0, 6))} | {end})
    restarts = frozenset(n for n in range(len(cuts)) if dice.random() < 0.3)
    return World(tested, tuple(docs), start, tuple(cuts), restarts)


def make_rule(dice: Random, kind: str, name: str, times: Sequence[str]) -> Rule:
    """Throw a rule of a kind that selects the documents of its own world."""
    time = dice.choice(times)
    condition = make_condition(dice, kind, blunt=time == "seconds")
    odd = getattr(condition, "timeframe", 0) % 10  # then a day back is asked in buckets of a millisecond
    return rule(
        condition,
        name=name,
        filter=({"term": {"world": name}}, dice.choice(SELECTING)),
        query_key=dice.choice([(), ("k",), ("k",), ("k", "n")]),
        time=TIMES[time],
        realert=Realert(dice.choice([0, 1, 5, 30, 400]) * SECOND, written=True),
        resolve_after=dice.choice([None, None, 1 * SECOND, 1, 7 * SECOND, 60 * SECOND]),
        schedule=Schedule(dice.choice([4, 5, 20, 20] if kind != "flatline" else [5, 20, 20, 60]) * SECOND),
        known_keys_for=dice.choice([20, 120, 120 if odd else 86_400]) * SECOND,
        buffer_time=dice.choice([0, 10, 120]) * SECOND,
        max_catchup=10 * DAY,
    )


SELECTING: Sequence[Mapping[str, Any]] = (
    {"term": {"level": "error"}},
    {"query_string": {"query": "level:error AND NOT level:info"}},
    {"kql": "level : error"},
)


def make_condition(dice: Random, kind: str, *, blunt: bool = False) -> Condition:
    """Throw a condition that short streams can meet; ``blunt`` times know whole seconds only."""
    length = dice.choice([3_000, 5_000, 10_000, 60_000] if blunt else [3_000, 5_000, 7_001, 10_000, 60_000, 250])
    match kind:
        case "frequency":
            return Frequency(dice.randint(1, 4), length)
        case "flatline":
            return Flatline(dice.randint(1, 4), length, forget_keys=dice.random() < 0.5)
        case "spike":
            return Spike(
                dice.choice([1, 1.2, 1.5, 2, 3]),
                dice.choice(list(SpikeType)),
                length,
                threshold_ref=dice.randint(0, 2),
                threshold_cur=dice.randint(0, 2),
                alert_on_new_data=dice.random() < 0.5,
            )
        case "blacklist" | "whitelist":
            patterns = dice.choice([(), (), ("b.b",)])
            ignore = dice.random() < 0.5
            return ValueList("user", LISTED, kind == "blacklist", ignore_null=ignore, patterns=patterns)
        case _:
            return AnyEvent()


def _times(dice: Random, tested: Rule, number: int) -> list[Millis]:
    """Throw ascending times after T0: ties, neighbours, seconds, and gaps of one and two windows to the millisecond."""
    length = tested.timeframe or 10 * SECOND
    edges = [length - 1, length, length + 1, 2 * length]
    gaps = [0, 0, 0, 1, 1, 2, 500, 1_000, 1_000, 3_000, 5_000, *edges, *edges]
    if not isinstance(tested.condition, Flatline) or dice.random() < 0.1:
        gaps += [20_000, 299_999, 300_000]  # around the time in which a resolved incident re-opens
    at, found = 0, []
    for _ in range(number):
        found.append(at // SECOND * SECOND if tested.time.name == "epoch_s" else at)
        at += dice.choice(gaps)
    return found


def _fields(dice: Random, tested: Rule) -> dict[str, Any]:
    names = [*tested.query_key, *(["user"] if isinstance(tested.condition, ValueList) else [])]
    return {name: dice.choice(VALUES[name]) for name in names}


def _beside(dice: Random, tested: Rule, at: Millis) -> dict[str, str]:
    """Throw the ``@timestamp`` that some documents have beside the rule's own time: near it, or weeks away."""
    if tested.time.name == "@timestamp" or dice.random() < 0.5:
        return {}
    return {"@timestamp": iso(at + dice.choice([0, 3 * SECOND, 3 * SECOND, HOUR, -8 * DAY, 10 * DAY]))}


def with_late(dice: Random, world: World) -> World:
    """Return the world with documents that appear when they happened or later, and some that go away again."""
    deletes = dice.random() < 0.3
    docs = []
    for doc in world.docs:
        punctual = next((n for n, cut in enumerate(world.cuts) if doc.at <= cut), len(world.cuts))
        late = dice.choice([0, 0, 0, 1, 1, 2])
        gone = punctual + late + 1 + dice.choice([0, 1]) if deletes and dice.random() < 0.3 else None
        docs.append(replace(doc, arrives=punctual + late, gone=gone))
    return replace(world, docs=tuple(docs))


def big_world(dice: Random, kind: str, number: int, name: str = "a rule") -> World:
    """Throw a few bursts of thousands of events within milliseconds, over a thin stream; thresholds near their size."""
    length = dice.choice([3 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR])
    span = length * dice.choice([2, 4, 8])
    bursts = dice.randint(1, 4)
    ats = [dice.randint(0, span) for _ in range(number // 10)]
    for _ in range(bursts):
        begin, width = dice.randint(0, span), dice.choice([1, 5, 50, 999, length // 3, length + 1])
        ats += [begin + dice.randint(0, width) for _ in range(number * 9 // 10 // bursts)]
    size = number // bursts
    near = max(1, round(size * dice.choice([0.02, 0.1, 0.2, 0.3, 0.5, 0.9])) + dice.choice([-1, 0, 1]))
    every = max(length // dice.choice([1, 3, 10]), SECOND) // SECOND * SECOND
    many = kind != "frequency" or number > 20 * near  # then not every match is to be announced: test_rounds says why
    least = span // 20 if many else 0
    tested = replace(
        make_rule(dice, kind, name, ["date", "nested", "millis"]),
        condition=_big_condition(dice, kind, length, near),
        query_key=dice.choice([(), ("k",)]),
        schedule=Schedule(min(every, 5 * MINUTE)),
        realert=Realert(max(dice.choice([0, SECOND, length // 7, length, 2 * span]), least), written=True),
        resolve_after=dice.choice([None, None, length // 3, length]),
        buffer_time=0 if kind == "any" else 2 * MINUTE,
    )
    docs = [Doc(T0 + at, _fields(dice, tested), dice.random() < 0.95) for at in sorted(ats)]
    start = T0 + dice.choice([-1, span // 3])
    end = docs[-1].at + dice.choice([1, length, 2 * length])
    cuts = sorted({dice.randint(start + 1, end) for _ in range(dice.randint(0, 3))} | {end})
    return World(tested, tuple(docs), start, tuple(cuts), frozenset({1}) if dice.random() < 0.5 else frozenset())


def _big_condition(dice: Random, kind: str, length: Millis, near: int) -> Condition:
    match kind:
        case "frequency":
            return Frequency(near, length)
        case "flatline":
            return Flatline(near, length, forget_keys=dice.random() < 0.3)
        case "spike":
            direction = dice.choice(list(SpikeType))
            return Spike(
                dice.choice([1, 1.5, 3, 20]),
                direction,
                length,
                dice.choice([0, 1, near // 10]),
                dice.choice([0, near // 2]),
            )
        case _:
            return make_condition(dice, kind)


# --- documents -----------------------------------------------------------------------------------------------------

_WRITE: Mapping[str, Callable[[Millis], Any]] = {
    "@timestamp": iso,
    "event.created": iso,
    "nanos": lambda at: f"{iso(at)[:-1]}{at % 1_000_000:06}Z",
    "epoch_s": lambda at: at // SECOND,
    "epoch_f": lambda at: at / SECOND,
    "epoch_ms": lambda at: at,
    "stamp": lambda at: (datetime.fromtimestamp(at // SECOND, UTC) + timedelta(milliseconds=at % 1_000)).strftime(
        STAMP
    ),
}


def body_of(tested: Rule, doc: Doc) -> dict[str, Any]:
    """Return the document as it is indexed, with the rule's time field only."""
    value = _WRITE[tested.time.name](doc.at)
    time = {"event": {"created": value}} if tested.time.name == "event.created" else {tested.time.name: value}
    level = "error" if doc.selected else "info"
    return {**time, "world": tested.name, "level": level, **{f: v for f, v in doc.fields.items() if v is not None}}
