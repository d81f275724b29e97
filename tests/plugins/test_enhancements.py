"""Enhancements drop matches or add fields, live as in a dry run; what they break is their rule alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.main import main
from alerter.clock import MINUTE
from alerter.config import Settings
from alerter.engine.dryrun import dry_run
from alerter.engine.tick import Engine
from alerter.model.history import ValueChange
from alerter.model.rule import MessageTexts, Realert, Redaction
from alerter.ruleset.load import LoadedRules, load_rules
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.testing import rule
from alerter.why.words import decision_text
from tests.engine.support import T0, World, documents, routing, single, storm
from tests.plugins.conftest import Install

CODE = """
from alerter.plugins import DropMatch

seen = []

def no_tests(match):
    seen.append(match)
    if match.event.get("user", "").startswith("test"):
        raise DropMatch("a user of our tests")

def shop(match):
    return {"shop": match.event.get("user", "").upper(), "at_hour": match.at.hour, "count": -1, "value": "mine"}

def after_shop(match):
    return {"twice": match.facts["shop"] * 2}

def broken(match):
    raise RuntimeError("the \\x1b[31mtable is gone")

def leaves(match):
    raise SystemExit(3)

def a_set(match):
    return {"x": {1, 2}}

def a_list(match):
    return [1]

not_callable = 5
"""
NAMES = ("no_tests", "shop", "after_shop", "broken", "leaves", "a_set", "a_list", "not_callable")
POINTS = {"alerter.enhancements": {**{n: f"shop_plugins:{n}" for n in NAMES}, "gone": "shop_plugins:gone"}}
ALL = Realert(0, written=True)


@pytest.fixture
def shop(install: Install) -> Path:
    """Install the plug-ins."""
    return install(CODE, POINTS)


def users(*named: tuple[float, str]) -> list[dict[str, Any]]:
    """Return an event of each (second, user)."""
    return [one for at, user in named for one in documents([at], user=user)]


def told_at(found: Any) -> list[float]:
    return [(match.at - T0) / 1000 for match in found.matches]


def run(tested: Any, events: list[dict[str, Any]], seconds: float = 300) -> Any:
    return dry_run(tested, EmbeddedSource(documents=events), routing(), T0 - 1, T0 + round(seconds * 1000))


def test_a_dropped_match_is_not_told_and_the_reason_is_kept(shop: Path) -> None:
    """It is no match of a dry run, begins no incident, and is on record with what the enhancement says."""
    found = run(single(enhancements=("no_tests",), realert=ALL), users((1, "test-1"), (2, "eve"), (3, "test-2")))
    assert told_at(found) == [2]
    assert [(i.opened, i.matches) for i in found.incidents] == [(T0 + 2000, 1)]
    dropped = [(d.at - T0, d.outcome, d.detail) for d in found.decisions if d.reason == "enhancement"]
    assert [at for at, *_ in dropped] == [1000, 3000]
    assert dropped[0][1:] == ("suppressed", "a user of our tests")
    said = decision_text(found.decisions[0], T0)
    assert said == "matched, not announced: a user of our tests (dropped by an enhancement of the rule)"


def test_events_of_one_millisecond_are_shown_one_by_one(shop: Path) -> None:
    """Each match is shown its own event, not the newest of the instant."""
    found = run(
        single(enhancements=("no_tests",), realert=ALL), users((1, "eve"), (1, "test"), (1, "bob"), (1, "test"))
    )
    assert told_at(found) == [1, 1]
    import shop_plugins

    assert [match.event["user"] for match in shop_plugins.seen] == ["eve", "test", "bob", "test"]


def test_what_is_dropped_silences_its_key_all_the_same(shop: Path) -> None:
    """As in ElastAlert, where enhancements run after realert: the first event of each minute stands for it."""
    tested = single(enhancements=("no_tests",), realert=Realert(MINUTE, written=True))
    assert told_at(run(tested, users((1, "test"), (2, "eve"), (70, "bob"), (71, "eve")))) == [70]


def test_fields_are_added_to_messages(shop: Path) -> None:
    """Templates see them, later enhancements too; they never hide what alerter knows itself."""
    message = MessageTexts(summary="{{ shop }} {{ twice }} {{ at_hour }} {{ count }}")
    found = run(single(enhancements=("shop", "after_shop"), message=message), users((1, "eve")))
    assert found.incidents[0].view.summary == "EVE EVEEVE 11 1"


def test_what_a_type_found_is_not_replaced(shop: Path) -> None:
    """The sentence with the numbers is alerter's."""
    found = run(storm(enhancements=("shop",)), users((1, "a"), (2, "b"), (3, "c")))
    assert "3 in 1 min" in found.incidents[0].view.sentence


def test_redacted_fields_are_hidden_from_enhancements_and_in_what_they_add(shop: Path) -> None:
    """A plug-in cannot print what nobody may see."""
    message = MessageTexts(summary="{{ shop }}")
    hidden = Redaction(fields=("user",), patterns=("SECRET",))
    found = run(single(enhancements=("no_tests", "shop"), message=message, redact=hidden), users((1, "test")))
    assert told_at(found) == [1]
    import shop_plugins

    assert "test" not in str(shop_plugins.seen)


@pytest.mark.parametrize("step", [1, 7, 60, 400])
def test_live_and_after_restarts_the_same_is_told_as_in_a_dry_run(shop: Path, step: int) -> None:
    """Whatever the ticks, and with a new engine for each: an incident whose beginning was dropped opens when told."""
    events = users((1, "test"), (30, "test"), (65, "eve"), (130, "test"), (200, "eve"), (270, "test"))
    tested = single(enhancements=("no_tests",), realert=Realert(MINUTE, written=True))
    world = World(events, [tested])
    world.engine.tick([tested], T0 - 1 + tested.query_delay)
    for seconds in range(0, 401, step):
        world.tick(seconds)
        world = _restarted(world)
    world.tick(400)
    dry = run(tested, events, 400)
    expected = [(str(d.kind), str(d.reason), d.at) for i in dry.incidents for d in i.deliveries]
    found = [(str(d.kind), str(d.reason), d.at) for d in world.deliveries()]
    assert found == expected
    assert found[0] == ("firing", "first_match", T0 + 65_000)


def _restarted(world: World) -> World:
    """Return the world with a new engine: what it knows is the state."""
    again = World([], world.rules)
    again.state.close()
    again.source, again.state = world.source, world.state
    again.engine = Engine(Reader(again.source), again.state, again.routing)
    return again


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "the enhancement broken failed: RuntimeError: the  [31mtable is gone"),
        ("leaves", "the enhancement leaves failed: SystemExit: 3"),
        ("a_set", "it returned a value that JSON does not know"),
        ("a_list", "it must return None, or a mapping of names to values"),
    ],
)
def test_a_failing_enhancement_fails_its_rule_alone(shop: Path, name: str, said: str) -> None:
    """The rule's checkpoint stands still, it says so, and the others are told; once mended, nothing is lost."""
    bad, good = single(name="bad", enhancements=(name,)), single(name="good")
    world = World(users((1, "eve")), [bad, good])
    world.tick(0)
    report = world.tick(60)
    assert [(f.rule, f.kind) for f in report.failures] == [("bad", "plugin")]
    assert said in report.failures[0].reason
    assert [d.kind for d in world.deliveries()] == ["firing"]
    world.rules = [single(name="bad"), good]
    world.tick(120)
    assert [d.kind for d in world.deliveries()] == ["firing", "firing"]
    with pytest.raises(SourceError, match="failed"):
        run(single(enhancements=(name,)), users((1, "eve")))


RULE = "name: r\ntype: any\nindex: logs\n"


def loaded(folder: Path, text: str) -> LoadedRules:
    file = folder / "rule.yaml"
    file.write_text(RULE + text, encoding="utf-8")
    return load_rules([file], Settings())


def test_rules_name_installed_enhancements(shop: Path, tmp_path: Path) -> None:
    """A name or a list; the order is kept."""
    assert loaded(tmp_path, "match_enhancements: shop\n").rules[0].enhancements == ("shop",)
    found = loaded(
        tmp_path, "match_enhancements: [shop, no_tests]\nrealert: {minutes: 0}\nrun_enhancements_first: true\n"
    )
    assert found.rules[0].enhancements == ("shop", "no_tests")
    assert loaded(tmp_path, "match_enhancements: []\n").rules[0].enhancements == ()


@pytest.mark.parametrize(
    ("text", "code", "place", "said"),
    [
        ("match_enhancements: [shop, shopp]\n", "enhancement", (4, 28), "did you mean shop"),
        ("match_enhancements: [a.b.C]\n", "enhancement", (4, 22), "docs/plugins.md"),
        ("match_enhancements: [gone]\n", "enhancement", (4, 22), "AttributeError"),
        ("match_enhancements: not_callable\n", "enhancement", (4, 21), "is no function"),
        ("match_enhancements: [5]\n", "wrong_value", (4, 22), ""),
        ("match_enhancements: [shop]\nrun_enhancements_first: true\n", "unsupported_option", (5, 1), "realert"),
    ],
)
def test_what_cannot_be_asked_refuses_the_rule(
    shop: Path, tmp_path: Path, text: str, code: str, place: tuple[int, int], said: str
) -> None:
    """Leaving a filter out would tell too much; the error has its place and says what to do."""
    found = loaded(tmp_path, text)
    assert found.rules == ()
    (error,) = found.diagnostics
    assert (error.severity, error.code, error.line, error.column) == ("error", code, *place)
    assert said in error.message + error.hint


def test_two_packages_of_one_name_are_refused(shop: Path, install: Install, tmp_path: Path) -> None:
    """Which one is meant cannot be known."""
    install("def other(match): ...\n", {"alerter.enhancements": {"shop": "more_plugins:other"}}, "more_plugins")
    (error,) = loaded(tmp_path, "match_enhancements: [shop]\n").diagnostics
    assert "several packages have shop" in error.message


def test_the_command_line_finds_what_is_installed(shop: Path, tmp_path: Path) -> None:
    """``alerter test-rule`` in a process of its own, with the package on its path."""
    file = tmp_path / "rule.yaml"
    file.write_text(RULE + "match_enhancements: [no_tests]\nrealert: {minutes: 0}\n", encoding="utf-8")
    data = tmp_path / "logs.ndjson"
    events = [
        f'{{"@timestamp": "2026-03-10T11:00:0{n}Z", "user": "{user}"}}\n' for n, user in enumerate(("test", "eve"))
    ]
    data.write_text("".join(events))
    command = [
        sys.executable,
        "-m",
        "alerter.cli.main",
        "test-rule",
        str(file),
        "--data",
        str(data),
        "--format",
        "json",
    ]
    paths = os.pathsep.join([str(shop), *sys.path])
    answer = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=True
    )
    assert '"matches":[{"at":"2026-03-10T11:00:01' in answer.stdout.replace(": ", ":")
    assert '"reason":"enhancement"' in answer.stdout.replace(": ", ":")


def test_the_example_of_the_docs_works(install: Install) -> None:
    """docs/plugins.md, installed as it stands there: the night is dropped, the shop is named."""
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    points = dict(line.replace('"', "").split(" = ") for line in text.splitlines() if '= "shop_plugins:' in line)
    assert set(points) == {"office_hours", "shop"}
    install(code, {"alerter.enhancements": points})
    tested = single(enhancements=tuple(points), message=MessageTexts(summary="{{ shop }}"))
    day, night = (documents([at], till=7) for at in (1, 12 * 3600))
    assert run(tested, day).incidents[0].view.summary == "Harbour"
    found = run(tested, night, 13 * 3600)
    assert found.incidents == ()
    assert [d.detail for d in found.decisions] == ["23:00 is outside office hours"]


def test_a_change_is_shown_the_event_that_changed(shop: Path) -> None:
    """Of several events of one millisecond it is the one with the new value."""
    tested = rule(ValueChange(("user",)), enhancements=("no_tests",), realert=ALL)
    found = run(tested, users((1, "eve"), (1, "test"), (2, "bob")))
    assert told_at(found) == [2]
    import shop_plugins

    assert [match.event["user"] for match in shop_plugins.seen] == ["test", "bob"]


@pytest.mark.parametrize(
    ("old", "new"), [("eve", "bob"), (["eve"], ["bob"]), (["eve", "al"], ["al", "bob"]), ({"a": 1}, {"a": 2})]
)
@pytest.mark.parametrize("redact", [Redaction(), Redaction(fields=("who",))])
def test_a_change_is_shown_its_event_whatever_the_value(shop: Path, old: Any, new: Any, redact: Redaction) -> None:
    """Arrays, objects and hidden values are compared as the change tells them."""
    tested = rule(ValueChange(("who",)), enhancements=("no_tests",), realert=ALL, redact=redact)
    events = [*documents([1], who=old), *documents([2], who=old, user="before"), *documents([2], who=new, user="after")]
    assert told_at(run(tested, events)) == [2]
    import shop_plugins

    assert [match.event["user"] for match in shop_plugins.seen] == ["after"]


RULE_TEST = """
rule: rule.yaml
tests:
  - name: tests are dropped
    start: 2026-03-10T11:00:00Z
    end: 2026-03-10T11:10:00Z
    events:
      - {at: 11:00:01, document: {user: test-1}}
      - {at: 11:01:01, document: {user: eve}}
    expect:
      only: true
      matches: [{at: 11:01:01}]
      messages: [{kind: firing, at: 11:01:01}]
      decisions: [{at: 11:00:01, reason: enhancement}]
"""


def test_a_rule_test_sees_what_is_dropped(shop: Path, tmp_path: Path) -> None:
    """``alerter test`` evaluates with the plug-in, and may expect that it drops."""
    (tmp_path / "rule.yaml").write_text(RULE + "match_enhancements: [no_tests]\n", encoding="utf-8")
    (tmp_path / "rule.test.yaml").write_text(RULE_TEST, encoding="utf-8")
    assert main(["test", str(tmp_path / "rule.test.yaml")]) == 0
    (tmp_path / "rule.yaml").write_text(RULE, encoding="utf-8")
    assert main(["test", str(tmp_path / "rule.test.yaml")]) == 1
