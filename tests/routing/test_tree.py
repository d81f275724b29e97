"""The tree: Alertmanager's semantics, muting, inhibition."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.model.incident import Incident, Reason
from alerter.routing.labels import labels_of
from alerter.routing.load import load_routing
from alerter.routing.matchers import parse_matcher, parse_matchers
from alerter.routing.tree import Routing, console_routing
from alerter.timetext import parse_instant

NOON = parse_instant("2026-03-10T12:00:00Z")
RECEIVERS = "receivers: [{name: default, console: {}}, {name: a, console: {}}, {name: b, console: {}}]\n"


def routing(folder: Path, text: str) -> Routing:
    """Load one file that must be right."""
    (folder / "routes.yaml").write_text(RECEIVERS + text, encoding="utf-8")
    found, findings = load_routing([folder])
    assert found is not None, [f.text() for f in findings]
    return found


def receivers(found: Routing, at: int = NOON, **labels: str) -> list[str]:
    """Return who would hear."""
    return [d.receiver for d in found.destinations(labels, at)]


def test_first_match_wins_and_the_root_takes_the_rest(tmp_path: Path) -> None:
    """Siblings are asked in order; what none takes stays with the parent."""
    found = routing(tmp_path, 'route: {receiver: default, routes: [{receiver: a, matchers: [domain="order"]}]}')
    assert receivers(found, domain="order") == ["a"]
    assert receivers(found, domain="user") == ["default"]


def test_continue_asks_later_siblings_too(tmp_path: Path) -> None:
    """A route that continues adds its receiver and lets the search go on."""
    found = routing(
        tmp_path,
        'route: {receiver: default, routes: [{receiver: a, matchers: [x="1"], continue: true}, {receiver: b}]}',
    )
    assert receivers(found, x="1") == ["a", "b"]
    assert receivers(found, x="2") == ["b"]


def test_children_inherit_what_they_do_not_write(tmp_path: Path) -> None:
    """Receiver and timers come from above, field by field."""
    found = routing(
        tmp_path,
        """
route:
  receiver: default
  repeat_interval: 4h
  routes:
    - matchers: [domain="order"]
      receiver: a
      routes:
        - matchers: [severity="critical"]
          repeat_interval: 30m
""",
    )
    deep = found.destinations({"domain": "order", "severity": "critical"}, NOON)[0]
    assert (deep.receiver, deep.repeat_interval) == ("a", 30 * 60_000)
    assert deep.path == 'route > domain="order" > severity="critical"'
    assert found.destinations({"domain": "order"}, NOON)[0].repeat_interval == 4 * 3_600_000


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ('domain="order"', {"domain": "order"}, True),
        ("domain=order", {"domain": "order"}, True),
        ('domain!="order"', {}, True),
        ('severity=~"warn.*|critical"', {"severity": "warning"}, True),
        ('severity=~"warn"', {"severity": "warning"}, False),
        ('absent=""', {}, True),
        ('absent=~".+"', {}, False),
        ('"user.name"="a\\"b"', {"user.name": 'a"b'}, True),
    ],
)
def test_matchers(text: str, labels: dict[str, str], expected: bool) -> None:
    """Regular expressions are anchored, a missing label equals the empty one, names may be quoted."""
    assert parse_matcher(text).matches(labels) is expected


def test_matcher_lists_keep_commas_in_quotes() -> None:
    """A list in one text is split at commas outside quotes."""
    assert [str(m) for m in parse_matchers('{a="x,y", b=~"c"}')] == ['a="x,y"', 'b=~"c"']


@pytest.mark.parametrize("text", ["order", 'a="b', 'a=~"("'])
def test_wrong_matchers_say_so(text: str) -> None:
    """What is no matcher is refused with its text."""
    with pytest.raises(ValueError, match=r"matcher|quote|regular"):
        parse_matcher(text)


MUTED = """
route:
  receiver: default
  routes:
    - {receiver: a, matchers: [domain="order"], mute_time_intervals: [night]}
    - {receiver: b, matchers: [domain="user"], active_time_intervals: [office]}
time_intervals:
  - name: night
    time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}], location: Europe/Berlin}]
  - name: office
    time_intervals: [{weekdays: ["monday:friday"], times: [{start_time: "09:00", end_time: "17:00"}]}]
"""


def test_mute_times_follow_the_wall_clock_of_their_zone(tmp_path: Path) -> None:
    """22:00 in Berlin is 21:00 UTC in winter and 20:00 UTC in summer; the start counts, the end does not."""
    found = routing(tmp_path, MUTED)

    def muted(at: str) -> Reason | None:
        return found.destinations({"domain": "order"}, parse_instant(at))[0].muted

    assert muted("2026-03-10T20:59:59.999Z") is None
    assert muted("2026-03-10T21:00:00Z") is Reason.MUTE_TIME
    assert muted("2026-07-10T20:00:00Z") is Reason.MUTE_TIME
    assert muted("2026-07-10T22:00:00Z") is None


def test_active_times_mute_outside(tmp_path: Path) -> None:
    """Outside the active times a route is muted, and the interval is named."""
    found = routing(tmp_path, MUTED)
    sunday = found.destinations({"domain": "user"}, parse_instant("2026-03-08T12:00:00Z"))[0]
    assert (sunday.muted, sunday.muted_by) == (Reason.OUTSIDE_ACTIVE_TIME, "office")
    assert found.destinations({"domain": "user"}, NOON)[0].muted is None


INHIBIT = """
route: {receiver: default}
inhibit_rules:
  - {name: worse, source_matchers: [severity="critical"], target_matchers: [severity=~".+"], equal: [domain]}
"""


def test_inhibition_needs_equal_labels_and_never_is_mutual(tmp_path: Path) -> None:
    """Critical keeps warnings of its domain untold; two that match both sides do not silence each other."""
    found = routing(tmp_path, INHIBIT)
    critical = {"severity": "critical", "domain": "order", "rule": "r1"}
    warning = {"severity": "warning", "domain": "order"}
    assert found.inhibited(warning, [critical]) == "worse by r1"
    assert found.inhibited({**warning, "domain": "user"}, [critical]) is None
    assert found.inhibited(critical, [{**critical, "rule": "r2"}]) is None


def test_labels_show_key_fields_but_never_let_them_hide_a_label() -> None:
    """Matchers see the key's fields by their bare names; a label of the rule wins."""
    key = (("user.name", "x"), ("domain", "evil"), ("host", None))
    found = labels_of(Incident("i", "r", "any", key, {"domain": "order"}, 0))
    assert found == {"user.name": "x", "domain": "order", "host": ""}


def test_without_files_everything_goes_to_the_console() -> None:
    """The default routing has one receiver."""
    assert [d.receiver for d in console_routing().destinations({"domain": "order"}, NOON)] == ["console"]
