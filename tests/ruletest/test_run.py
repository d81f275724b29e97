"""Running a test: the production engine, nominal instants, late events, restarts, silences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.config import Settings
from alerter.routing.load import load_routing
from alerter.ruleset.load import load_rules
from alerter.ruletest.run import run_case
from alerter.ruletest.trace import Trace
from tests.ruletest.conftest import FOUR, Folder

EVENTS = f"events:\n  - {FOUR}"


def test_late_events_are_unseen_before_their_time(messages: Callable[..., list[str]]) -> None:
    """An evaluation before ``visible_at`` knows nothing of them; a later one tells the match of its true time."""
    events = EVENTS.replace("repeat", "visible_at: 10:01:30, repeat")
    steps = """
        steps:
          - {at: 10:01:00, expect: {only: true, incidents: []}}
          - {at: 10:02:00, expect: {messages: [{kind: firing, at: 10:00:21}]}}
        """
    assert messages(events, steps) == []


def test_a_lag_belongs_to_each_event(messages: Callable[..., list[str]]) -> None:
    """With +40s the third event, of 10:00:21, is seen from 10:01:01 on: an evaluation of 10:01 runs 2 s later."""
    events = EVENTS.replace("repeat", "visible_at: +40s, repeat")
    assert messages(events, "steps:\n  - {at: 10:01:00, expect: {firing: true}}") == []
    late = EVENTS.replace("repeat", "visible_at: +42s, repeat")
    assert messages(late, "steps:\n  - {at: 10:01:00, expect: {firing: false}}") == []


def test_events_later_than_buffer_time_are_lost(messages: Callable[..., list[str]]) -> None:
    """What comes later than ``buffer_time`` (2 min) allows is not read again, as in production."""
    events = EVENTS.replace("repeat", "visible_at: 10:20:00, repeat")
    assert messages(events, "expect: {only: true}") == []


def test_the_past_is_read_but_not_told(messages: Callable[..., list[str]]) -> None:
    """Matches before the start are not told; events before it count in windows that reach back."""
    assert messages(EVENTS, "start: 10:00:50".replace("start", "end"), "expect: {firing: true}") == []
    folder_start = "events:\n  - {at: 09:59:40, repeat: {count: 3, every: 10s}, document: {kind: reset}}"
    assert messages(folder_start, "expect: {matches: []}") == []
    reaching = "events:\n  - {at: 09:59:41, repeat: {count: 3, every: 10s}, document: {kind: reset}}"
    assert messages(reaching, "expect: {matches: [{at: 10:00:01, count: 3}]}") == []


def test_a_restart_loses_and_repeats_nothing(folder: Folder) -> None:
    """With an engine ended at every instant the messages are those of one that never ended."""
    plain = folder.one(EVENTS, "end: 5m", "expect: {messages: []}").trace
    steps = "".join(f"  - {{at: 10:00:{s:02}, restart: true}}\n" for s in range(5, 60, 5))
    restarted = folder.one(EVENTS, "end: 5m", f"steps:\n{steps}", "expect: {messages: []}").trace
    assert plain is not None
    assert restarted is not None
    assert len(restarted.restarts) == 11
    assert restarted.messages == plain.messages
    assert len(plain.messages) == 2


@pytest.mark.parametrize(
    "silence",
    [
        "{rule: resets, for: 10m}",
        "{matchers: ['domain=\"user\"'], for: 10m}",
        "{matchers: [rule=resets], for: {minutes: 10}}",
    ],
)
def test_a_silence_keeps_the_incident_untold(messages: Callable[..., list[str]], silence: str) -> None:
    """The incident exists, nobody is told, and the decision says why and until when."""
    expect = "expect: {incidents: [{state: resolved}], messages: [], decisions: [{reason: silence, until: 10:10:00}]}"
    assert messages(EVENTS, "end: 5m", f"steps:\n  - silence: {silence}", expect) == []
    assert (
        messages(
            EVENTS,
            "end: 5m",
            "steps:\n  - {at: 10:00:21, silence: {rule: resets, for: 1h}}",
            "expect: {messages: [{kind: firing}]}",
        )
        == []
    )


def test_a_silence_ends_and_what_still_fires_is_told(messages: Callable[..., list[str]]) -> None:
    """An incident that was silenced is told at the first nominal instant after the silence."""
    events = "events:\n  - {at: 10:00:01, repeat: {until: 10:06:00, every: 10s}, document: {kind: reset}}"
    steps = "steps:\n  - silence: {rule: resets, for: 90s}"
    expect = "expect: {messages: [{kind: firing, reason: silence_ended, at: 10:02:00}]}"
    assert messages(events, steps, expect) == []


def test_a_rule_that_cannot_be_evaluated_fails_the_test(folder: Folder) -> None:
    """The engine's reason is shown, where otherwise nothing would have happened."""
    folder.rule.write_text(folder.rule.read_text().replace("term: {kind.keyword: reset}", "script: {script: 'true'}"))
    failure = folder.one(EVENTS, "expect: {messages: []}").failures[-1]
    assert failure.message.startswith("resets could not be evaluated (unsupported)")


def test_a_span_that_no_test_means_is_refused(messages: Callable[..., list[str]]) -> None:
    """Two years of minutes are a mistake in a time, not a test to wait for."""
    (found,) = messages(EVENTS, "end: 2028-03-10T10:00:00Z", "expect: {messages: []}")
    assert found.endswith("resets has more than 50,000 nominal instants")


def test_several_rules_run_together(folder: Folder) -> None:
    """Rules of several files share events and state, so that one incident can inhibit another."""
    folder.write(
        "also.yaml",
        folder.rule.read_text()
        .replace("resets", "also")
        .replace("num_events: 3\ntimeframe: 1m", "num_events: 6\ntimeframe: 2m"),
    )
    inhibit = "inhibit_rules:\n  - {source_matchers: [rule=resets], target_matchers: [rule=also]}\n"
    (folder.path / "routes/inhibit.yaml").write_text(inhibit)
    late = FOUR.replace("count: 4", "count: 9")
    (result,) = folder.run(
        f"""
        rule: [resets.yaml, also.yaml]
        tests:
          - name: both
            start: 2026-03-10T10:00:00Z
            events: [{late.replace("every: 10s", "every: 15s")}]
            expect:
              messages: [{{rule: resets, kind: firing}}]
              decisions: [{{rule: also, outcome: suppressed, reason: inhibited, receiver: user}}]
        """
    )
    assert [f.message for f in result.failures] == []


def _trace(folder: Folder, text: str, *, every_instant: bool) -> Trace:
    (file,) = folder.load(text).files
    routing, _ = load_routing([folder.path / "routes"])
    assert routing is not None
    return run_case(file.cases[0], load_rules([folder.rule], Settings()).rules, routing, every_instant=every_instant)


events = st.lists(
    st.tuples(st.integers(-90, 900), st.integers(0, 4), st.sampled_from([0, 0, 0, 1, 30, 70, 100, 300])), max_size=14
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events, type_=st.sampled_from(["frequency", "any", "spike"]), steps=st.lists(st.integers(1, 1000)))
def test_quiet_instants_may_be_evaluated_together(
    folder: Folder, events: list[tuple[int, int, int]], type_: str, steps: list[int]
) -> None:
    """Random events, late ones too: leaving out quiet instants changes no message, decision or incident."""
    rule = {
        "frequency": "num_events: 2\ntimeframe: 1m",
        "any": "",
        "spike": "spike_height: 2\nspike_type: up\ntimeframe: 1m\nthreshold_cur: 1",
    }[type_]
    folder.rule.write_text(f"name: resets\ntype: {type_}\nindex: logs\nrealert: 2m\ndomain: user\n{rule}\n")
    listed = ", ".join(
        f"{{at: {at}s, repeat: {{count: {n + 1}, every: 1s}}, visible_at: +{lag}s, document: {{a: 1}}}}"
        for at, n, lag in events
    )
    stepped = ", ".join(f"{{at: {at}s, restart: true}}" for at in sorted(steps))
    text = f"tests: [{{name: x, end: 20m, events: [{listed}], steps: [{stepped}], expect: {{messages: []}}}}]"
    merged, single = (_trace(folder, text, every_instant=each) for each in (False, True))
    assert merged.messages == single.messages
    assert merged.matches == single.matches
    assert [vars(i) | {"updated": 0} for i in merged.incidents] == [vars(i) | {"updated": 0} for i in single.incidents]
    assert sorted(map(repr, merged.decisions)) == sorted(map(repr, single.decisions))
