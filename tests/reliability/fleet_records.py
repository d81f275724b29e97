"""What several engines wrote, as their proxies saw it, and the promises about it."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerter.model.incident import Checkpoint
from alerter.model.member import Member
from alerter.state.codec import loads
from alerter.state.records import checkpoint_id
from tests.reliability.steps import sources, state_step
from tests.support.fault_proxy import FaultProxy, Request, Seen


@dataclass(frozen=True)
class Write:
    """A document that Elasticsearch took from an engine; ``at`` (monotonic seconds) is when the request arrived."""

    engine: str
    at: float
    place: str
    seq_no: int
    checkpoint: Checkpoint | None = None
    member: Member | None = None


class Recorder(FaultProxy):
    """The proxy of one engine; knows when each request arrived."""

    def __init__(self, upstream: str, engine: str, prefix: str) -> None:
        """Forward for ``engine``; ``prefix`` is that of the state indices."""
        self._engine, self._prefix = engine, prefix
        self._arrived: dict[int, float] = {}
        super().__init__(upstream)

    def arrived(self, request: Request) -> None:
        """Note the time."""
        self._arrived[request.number] = time.monotonic()

    def writes(self) -> Iterator[Write]:
        """Yield what was written, in no order."""
        for seen in self.seen():
            if seen.accepted and state_step(seen.request, self._prefix):
                yield from self._of(seen)

    def dropped(self, rules: Iterable[str]) -> list[str]:
        """Return the rules whose checkpoints this engine deleted."""
        ids = {checkpoint_id(rule): rule for rule in rules}
        gone = (seen.request.path.partition("?")[0].rpartition("/")[2] for seen in self.seen("DELETE *"))
        return [ids[id] for id in gone if id in ids]

    def _of(self, seen: Seen) -> Iterator[Write]:
        answers = [item for entry in seen.answer.get("items", ()) for item in entry.values()] or [seen.answer]
        place = seen.request.path.strip("/").partition("/")[0].removeprefix(f"{self._prefix}-")
        for source, answer in zip(sources(seen.request, self._prefix), answers, strict=False):
            if answer.get("status", 200) < 300 and "_seq_no" in answer:
                at = self._arrived[seen.request.number]
                yield Write(self._engine, at, place, int(answer["_seq_no"]), **_record(source))


def _record(source: Mapping[str, Any]) -> dict[str, Any]:
    shapes = {"checkpoint": Checkpoint, "member": Member}
    kind = str(source.get("kind", ""))
    return {kind: loads(shapes[kind], json.loads(json.dumps(source["body"])))} if kind in shapes else {}


def shared_epochs(writes: Iterable[Write]) -> list[str]:
    """Return what two engines, or two sessions, wrote under one epoch of a rule."""
    engines, sessions = defaultdict[tuple[str, int], set[str]](set), defaultdict[tuple[str, int], set[str]](set)
    for write in writes:
        if write.checkpoint is not None:
            lease = (write.checkpoint.rule, write.checkpoint.epoch)
            engines[lease].add(write.engine)
            sessions[lease] |= {write.checkpoint.owner} - {""}
    return [f"{lease}: written by {sorted(found)}" for lease, found in engines.items() if len(found) > 1] + [
        f"{lease}: written in sessions {sorted(found)}" for lease, found in sessions.items() if len(found) > 1
    ]


def set_back(writes: Iterable[Write]) -> list[str]:
    """Return where a checkpoint, or its epoch, went back."""
    found, latest = [], dict[str, Checkpoint]()
    for write in sorted(writes, key=lambda w: w.seq_no):
        new = write.checkpoint
        if new is not None:
            old = latest.get(new.rule, new)
            if new.evaluated < old.evaluated or new.epoch < old.epoch:
                found.append(
                    f"{write.engine} set {new.rule} back: {old.evaluated, old.epoch} {new.evaluated, new.epoch}"
                )
            latest[new.rule] = new
    return found


def written_asleep(writes: Iterable[Write], woken: Sequence[tuple[str, float]]) -> list[str]:
    """Return what an engine wrote after it woke up and before it was on record again."""
    found = []
    ordered = sorted(writes, key=lambda w: w.at)
    for engine, at in woken:
        for write in ordered:
            if write.engine != engine or write.at < at:
                continue
            if write.member is not None:
                break
            if write.checkpoint is not None or write.place == "incidents":
                found.append(
                    f"{engine} wrote into {write.place} {write.at - at:.2f} s after it woke: {write.checkpoint}"
                )
    return found


def takeovers(writes: Iterable[Write], ends: Sequence[tuple[str, float]]) -> list[float]:
    """Return for each rule held by an engine at its end, after how many seconds another one wrote its checkpoint."""
    found = []
    ordered = sorted((w for w in writes if w.checkpoint is not None), key=lambda w: w.at)
    for engine, at in ends:
        holders = {w.checkpoint.rule: w.engine for w in ordered if w.at <= at and w.checkpoint is not None}
        for rule in [rule for rule, holder in holders.items() if holder == engine]:
            after = (w for w in ordered if w.at > at and w.checkpoint is not None and w.checkpoint.rule == rule)
            first = next(after, None)
            if first is not None and first.engine != engine:
                found.append(first.at - at)
    return found
