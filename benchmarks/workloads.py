"""The workloads with simulated time: W1 and W2 mixes, W3 volume, W5 keys, W6 catch-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import generate
from benchmarks.answers import REASONS, Firsts, agree, compare
from benchmarks.competitors import ElastAlert, Engine, Floor, MakeRules, Place
from benchmarks.generate import HOUR, MINUTE
from benchmarks.peer import Peer
from benchmarks.server import MINE
from benchmarks.trial import Competitor, Plan, is_slow, least, measure

START = 1_740_787_200_000
"""2025-03-01T00:00:00Z: the first event."""
SEED = 1
INDEX = f"{MINE}-events"


@dataclass(frozen=True)
class Sizes:
    """How large each workload is; ``passes`` by competitor's kind. Minutes unless said otherwise."""

    rate: int = 100
    span: int = 25
    minutes: int = 60
    w1: int = 100
    w2: int = 1_000
    w3: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    w3_stock: int = 1_000_000
    w5_keys: int = 10_000
    w5_rules: int = 3
    w6_hours: float = 6
    w6_rules: int = 20
    stock: int = 3
    lean: int = 2
    other: int = 25
    rounds: int = 3
    """How often everybody is measured who is not slow: the machine's speed changes from minute to minute, and a server
    that was just started compiles what it is asked often."""


FULL = Sizes()
QUICK = Sizes(
    span=12,
    minutes=20,
    w1=20,
    w2=60,
    w3=(1_000, 10_000),
    w3_stock=10_000,
    w5_rules=1,
    w6_hours=0.5,
    stock=1,
    lean=2,
    other=5,
    rounds=2,
)
WARM = 2
"""Passes before those that count; none where ElastAlert reads documents, whose passes take seconds to minutes each."""
W3_PASSES = 8


@dataclass(frozen=True)
class Bench:
    """What every workload needs; without a peer ElastAlert is left out."""

    place: Place
    peer: Peer | None
    sizes: Sizes

    def run(self, which: str) -> Iterator[dict[str, Any]]:
        """Run one workload, yield its sections."""
        yield from {"w1": self.w1, "w2": self.w2, "w3": self.w3, "w5": self.w5, "w6": self.w6}[which]()

    def w1(self) -> Iterator[dict[str, Any]]:
        """Yield a mix of rules against everybody."""
        yield self._mix("W1", self.sizes.w1, ("stock", "lean", "count"))

    def w2(self) -> Iterator[dict[str, Any]]:
        """Yield ten times as many rules; ElastAlert with its default is left out, which takes minutes a pass."""
        yield self._mix("W2", self.sizes.w2, ("lean", "count"))

    def w3(self) -> Iterator[dict[str, Any]]:
        """Yield one section per number of events in the timeframe."""
        sizes, server = self.sizes, self.place.server
        of, minutes = max(sizes.w3), 10 + WARM + W3_PASSES + 1
        total = of * minutes // 10
        server.load(INDEX, generate.volume(SEED, START, minutes * 60, total))
        for selected in sizes.w3:
            rule = partial(generate.volume_rule, INDEX, self.place.webhook, selected, of, total)

            def make(counting: bool, rule: Any = rule) -> list[generate.Event]:
                return [rule(counting=counting)]

            modes = ("stock", "count") if selected <= sizes.w3_stock else ("count",)
            title = f"W3: one rule, {selected:,} events in its timeframe"
            yield self._section(title, make, modes, span=10, most=W3_PASSES, stock=1)

    def w5(self) -> Iterator[dict[str, Any]]:
        """Yield rules over many keys."""
        sizes, server = self.sizes, self.place.server
        seconds = (sizes.span + WARM + sizes.other + 1) * 60
        server.load(INDEX, generate.many_keys(SEED, START, seconds, sizes.rate, sizes.w5_keys))
        make = self._maker(partial(generate.keyed_rules, sizes.w5_rules, INDEX, self.place.webhook, sizes.w5_keys))
        title = f"W5: {sizes.w5_rules} rules by user, {sizes.w5_keys:,} users"
        yield self._section(title, make, ("stock", "lean", "count"), span=sizes.span, stock=2)

    def w6(self) -> Iterator[dict[str, Any]]:
        """Yield one catch-up over hours, which is the first step of a plan without passes."""
        sizes, server = self.sizes, self.place.server
        seconds = int(sizes.w6_hours * HOUR) // 1000
        server.load(INDEX, generate.events(SEED, START, seconds + 60, sizes.rate))
        make = self._mixed(sizes.w6_rules)
        title = f"W6: {sizes.w6_rules} rules catch up over {sizes.w6_hours:g} hours in one step"
        yield self._section(title, make, ("stock",), span=seconds // 60, most=0)

    # --- inside ------------------------------------------------------------------------------------------------

    def _mix(self, name: str, count: int, modes: tuple[str, ...]) -> dict[str, Any]:
        events = generate.events(SEED, START, self.sizes.minutes * 60, self.sizes.rate)
        self.place.server.load(INDEX, events)
        title = f"{name}: {count:,} rules, {self.sizes.rate} events a second"
        return self._section(title, self._mixed(count), modes, span=self.sizes.span)

    def _mixed(self, count: int) -> MakeRules:
        return self._maker(partial(generate.mixed_rules, SEED, count, INDEX, self.sizes.rate, self.place.webhook))

    def _maker(self, rules: Any) -> MakeRules:
        return lambda counting: rules(counting=counting)

    def _section(
        self, title: str, make: MakeRules, modes: tuple[str, ...], *, span: int, most: int = 1000, stock: int = 1000
    ) -> dict[str, Any]:
        """Measure everybody in turn, who is not slow in several rounds; put the answers beside each other."""
        results: dict[str, dict[str, Any]] = {}
        everybody: list[Competitor] = [Floor(self.place, make, newest=False), Floor(self.place, make, newest=True)]
        everybody += [Engine(self.place, make)]
        everybody += [ElastAlert(self.place, make, self.peer, mode) for mode in modes] if self.peer else []
        for _ in range(self.sizes.rounds if most else 1):
            for competitor in everybody if most else everybody[2:]:
                before = results.get(competitor.name)
                if before is not None and is_slow(before):
                    continue
                kind = competitor.mode if isinstance(competitor, ElastAlert) else "other"
                passes = min(most, stock if kind == "stock" else most, getattr(self.sizes, kind, self.sizes.other))
                warm = WARM if most and kind in ("count", "other") else 0
                plan, place = Plan(START, START + span * MINUTE, warm, passes), self.place
                found = measure(place.server, INDEX, competitor, plan, place.folder, traffic=before is None)
                results[competitor.name] = found if before is None else least(before, found)
                _say(title, found)
        types = {str(rule["name"]): str(rule["type"]) for rule in make(False)}
        listed = list(results.values())
        return {"title": title, "step": not most, "results": listed, "answers": _answers(listed, types)}


def _answers(results: list[dict[str, Any]], types: Mapping[str, str]) -> dict[str, Any]:
    """Compare alerter with the first ElastAlert that downloads documents; empty when there is none."""
    firsts: dict[str, Firsts] = {result["name"]: result.pop("firsts") for result in results}
    ends = {result["name"]: result["end"] for result in results}
    other = next((name for name in ("ElastAlert stock", "ElastAlert lean") if name in firsts), None)
    if other is None:
        return {}
    same = all(result.get("same", True) for result in results)
    end = min(ends["alerter"], ends[other])
    found = compare(firsts["alerter"], firsts[other], types, end)
    rows = {kind: one.as_json() | {"reason": REASONS.get(kind, "")} for kind, one in sorted(found.items())}
    return {"with": other, "agree": same and agree(found), "until": generate.stamp(end), "types": rows}


def _say(title: str, result: Mapping[str, Any]) -> None:
    each, span = result["each_ms"], result["span"]
    print(
        f"{title}: {result['name']}: cpu {each['cpu']:.3f} ms, server {each['server']:.3f} ms a rule run, "
        f"{result['peak_mb']:.0f} MB, first step {span['wall']:.1f} s, {result['failed']} failed",
        flush=True,
    )
