"""The status in words: a fleet with everything wrong, and one that is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alerter.cli.status_text import lines
from alerter.clock import HOUR, MINUTE, SECOND
from alerter.config import WatchSettings
from alerter.model.heartbeat import Load
from alerter.model.incident import Checkpoint, Incident, View
from alerter.model.member import RuleSet
from alerter.model.trouble import Trouble
from alerter.watch.report import Records, report
from tests.watch.support import NOON, beat, failing, member, planned

GOLDEN = Path(__file__).parent.parent / "golden" / "status"


def checkpoint(rule: str, owner: str, evaluated: int = NOON) -> Checkpoint:
    return Checkpoint(rule, "meaning", evaluated, NOON - HOUR, owner=owner)


def well() -> Records:
    """Return what two engines that are well leave behind."""
    loads = (Load("default", 20, 1, 0.2, 0.5, 2.0),)
    living = {name: member(name) for name in ("a:9797", "b:9797")}
    return Records(
        now=NOON,
        beats=[
            beat(name, NOON - 3 * SECOND, started=NOON - HOUR, held=20, clusters=loads, session=living[name].session)
            for name in living
        ],
        members=living,
        rulesets={"same": RuleSet("same", (("x", "1"),))},
        checkpoints={"x": checkpoint("x", "session of a:9797"), "y": checkpoint("y", "session of b:9797")},
        opened=[],
        unfinished=[],
        silences=2,
    )


def ill() -> Records:
    """Return what a night in which everything goes wrong leaves behind."""
    records = well()
    first, second = records.beats
    group = failing("unreachable", NOON - 7 * MINUTE, "evil\x1b[31m\nname", "other", number=12)
    first = replace(first, failing=(group, failing("rejected", NOON - MINUTE, "typo")), refused=2)
    late = (Load("default", 20, 18, 100.0, 400.0, 900.0),)
    second = replace(second, problem="state: no answer", clusters=late, version="1.1")
    gone = Trouble("order", "#order", "channel", "is_archived", NOON - MINUTE, 1, NOON + 2 * MINUTE)
    slow = Trouble("user", "#user", "wait", "ratelimited", NOON - SECOND, 3, NOON + 9 * SECOND)
    second = replace(second, troubles=(gone, slow))
    own = Incident("i", "alerter: an engine is gone", "alerter", (("engine", "c"),), {}, NOON)
    own = replace(own, view=View(sentence="not heard of since 11:50 UTC; the others evaluate its rules"))
    return replace(
        records,
        beats=[first, second, beat("c:9797", NOON - 10 * MINUTE), beat("d:9797", NOON - 10 * MINUTE, stopped=True)],
        members={"a:9797": member("a:9797"), "b:9797": member("b:9797", "1.1", "new")},
        rulesets={"same": RuleSet("same", (("x", "1"),)), "new": RuleSet("new", (("x", "2"), ("z", "1")))},
        checkpoints={
            **records.checkpoints,
            "freed a moment ago": checkpoint("freed a moment ago", ""),
            "left": checkpoint("left", "session of c:9797", NOON - HOUR),
        },
        opened=[own],
        unfinished=[planned("1", NOON - 6 * MINUTE)],
    )


def shown(records: Records) -> str:
    found = {"cluster": "Elasticsearch 8.19.9", "state": "alerter", **report(records, WatchSettings())}
    return "".join(f"{line}\n" for line in lines(found))


def test_a_fleet_that_is_well() -> None:
    """Who is there, how late they are, and that nothing is wrong."""
    assert shown(well()) == (GOLDEN / "well.txt").read_text(encoding="utf-8")


def test_a_fleet_that_is_not() -> None:
    """Each trouble is named where it belongs and again at the end; hostile names neither break lines nor colour."""
    assert shown(ill()) == (GOLDEN / "unwell.txt").read_text(encoding="utf-8")


def test_lists_are_bounded() -> None:
    """Thousands of rules that nobody owns are counted, and some named."""
    many = {f"rule {n:04}": checkpoint(f"rule {n:04}", "") for n in range(3_000)}
    found = report(replace(well(), checkpoints=many), WatchSettings())
    assert found["leases"]["free"] == 3_000
    assert len(found["leases"]["without_owner"]) == 20
    assert found["unwell"] == []


def test_lag_is_what_the_engines_know() -> None:
    """Not the age of the stored checkpoint, which is written only every few minutes."""
    old = {"x": checkpoint("x", "session of a:9797", NOON - 4 * MINUTE)}
    found = report(replace(well(), checkpoints=old), WatchSettings())
    assert found["clusters"] == [{"cluster": "default", "rules": 40, "queue": 2, "lag_seconds": 2.0}]
    assert "lag_seconds" not in found["rules"][0]
    assert found["unwell"] == []


def test_what_is_not_told_of_is_looked_at_all_the_same() -> None:
    """With the watch off, --check still finds rules that fail for five minutes."""
    off = WatchSettings(None, None, None, None, None)
    assert any("failing since" in line for line in report(ill(), off)["unwell"])
    later = WatchSettings(rules_failing=HOUR)
    assert not any("failing since" in line for line in report(ill(), later)["unwell"])
