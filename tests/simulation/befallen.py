"""What people do while engines run: silences, edits of rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from alerter.clock import SECOND, Millis
from alerter.model.incident import Incident
from alerter.model.rule import Flatline, Frequency, Rule, Spike
from alerter.model.silence import Matcher, Silence

if TYPE_CHECKING:
    from tests.simulation.history import History

SILENCE_KNOWN: Millis = 3 * SECOND
"""After this an engine that is not held up knows of a new silence."""


def silence(history: History) -> None:
    """Make a silence that begins now, or end one early."""
    dice, now = history.dice, history.now
    made = [v.value for v in history.store.listed("silences", now, None) if v.value.state(now) == "active"]
    if made and dice.random() < 0.4:
        ended = dice.choice(made)
        row = history.store.table("silences")[ended.id]
        history.store.put("silences", ended.id, replace(ended, expired=now), str(row.version), now, None)
        history.note(None, f"silence {ended.id} is ended")
        return
    id, length = f"s{len(history.store.table('silences'))}", dice.choice([10, 30, 90]) * SECOND
    matcher = Matcher("rule", "=", dice.choice(history.world.rules).name)
    history.store.put("silences", id, Silence(id, (matcher,), now, now + length, "a person", "", now), None, now, None)
    history.note(None, f"silence {id}: {matcher} for {length}")


def mind_silence(history: History, incident: Incident) -> None:
    """Blame a page that goes out although a silence was known that forbids it."""
    for made in history.store.values("silences"):
        known = made.created + SILENCE_KNOWN <= history.now
        if known and made.mutes({"rule": incident.rule}, history.now):
            history.blame(f"incident {incident.id[:6]} is told while {made.id} forbids it")


def edit(history: History) -> None:
    """Remove a rule, bring it back, or change what it means or when it matches; engines notice one by one."""
    dice, world = history.dice, history.world
    rule = dice.choice(world.rules)
    others = tuple(one for one in history.rules if one.name != rule.name)
    history.rules = others if rule in history.rules and dice.random() < 0.4 else (*others, _edited(history, rule))
    history.note(None, f"rules are {[one.name for one in history.rules]}")
    for machine in history.machines:
        machine.stale = True


def _edited(history: History, rule: Rule) -> Rule:
    condition, dice = rule.condition, history.dice
    match condition:
        case Frequency():
            condition = replace(condition, num_events=dice.randint(2, 3), timeframe=dice.choice([10, 30]) * SECOND)
        case Flatline():
            condition = replace(condition, threshold=dice.randint(1, 2))
        case Spike():
            condition = replace(condition, timeframe=dice.choice([10, 30]) * SECOND)
    return replace(rule, condition=condition)
