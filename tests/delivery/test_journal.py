"""What delivery leaves behind: one decision per outcome, errors by name, and which receivers are unwell now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from alerter.clock import MINUTE, SECOND, Millis
from alerter.delivery.journal import MOST_CODES, MOST_KEPT
from alerter.model.incident import Decision, Kind, Reason
from alerter.model.trouble import Trouble
from alerter.notifiers.protocol import Failure, NotifierError
from alerter.state.protocol import StateError
from tests.delivery.fakes import NOW, Desk, FakeNotifier, delivery, fail, incident


def outcomes(desk: Desk) -> list[tuple[str, str, str]]:
    """Return outcome, reason and detail of all decisions, oldest first."""
    return [(d.outcome, d.reason, d.detail) for d in reversed(desk.state.decisions(limit=None))]


def test_life_of_a_message_is_on_record() -> None:
    """Delivered when and where; refreshing counters is no decision, closing quietly is one."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.change("i1", count=50)
    desk.passes(60)
    desk.change("i1", resolved=NOW + MINUTE, resolve_reason="quiet", quiet_close=True)
    desk.passes(2)
    assert desk.order.done == ["post", "update", "update"]
    assert outcomes(desk) == [("delivered", "first_match", "#order"), ("edited", "quiet", "#order")]
    assert desk.read().posts[0].edits == 2
    assert {d.receiver for d in desk.state.decisions()} == {"order"}
    assert {d.incident for d in desk.state.decisions()} == {"i1"}


def test_end_is_one_decision_and_one_edit() -> None:
    """A resolution, which is an edit and a line, is one outcome."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.change("i1", delivery("d2", Kind.RESOLVED, reason=Reason.CONDITION_OVER), resolved=NOW + MINUTE)
    desk.passes(2)
    assert outcomes(desk)[1:] == [("delivered", "condition_over", "#order")]
    assert desk.read().posts[0].edits == 1


def test_failures_are_on_record_with_their_codes() -> None:
    """Unclear, found, refused and degraded are told apart."""
    desk = Desk(FakeNotifier(lose=1))
    desk.plan(incident("i1", delivery()))
    desk.passes(7)
    assert outcomes(desk) == [("unclear", "first_match", "#order timeout"), ("found", "first_match", "#order")]
    desk = Desk(FakeNotifier(failures=[fail(Failure.DEGRADE, "invalid_blocks"), fail(Failure.CHANNEL, "is_archived")]))
    desk.plan(incident("i1", delivery()))
    desk.passes(200)
    assert [(o, d) for o, _, d in outcomes(desk)] == [
        ("degraded", "#order invalid_blocks"),
        ("failed", "#order is_archived"),
        ("delivered", "#order"),
    ]


def test_same_failure_again_is_recorded_once() -> None:
    """An outage of minutes leaves one line, not one for each try."""
    desk = Desk(FakeNotifier(failures=[fail(Failure.WAIT, "refused", 5 * SECOND) for _ in range(20)]))
    desk.plan(incident("i1", delivery()))
    desk.passes(130)
    assert [o for o, _, _ in outcomes(desk)] == ["failed", "delivered"]


@pytest.mark.parametrize("failure", [Failure.WAIT, Failure.UNCLEAR, Failure.CHANNEL, Failure.CREDENTIALS])
def test_unwell_receiver_is_named_until_its_next_success(failure: Failure) -> None:
    """Class, code, since when, how often, and when it is tried again."""
    desk = Desk(FakeNotifier(failures=[fail(failure, "some_code", 30 * SECOND)]))
    desk.plan(incident("i1", delivery()))
    desk.courier.deliver()
    (found,) = desk.courier.troubles()
    assert replace(found, retry_at=0) == Trouble("order", "#order", str(failure), "some_code", NOW, 1, 0)
    assert found.retry_at > NOW
    desk.passes(200)
    assert desk.courier.troubles() == []


@pytest.mark.parametrize(
    ("failure", "wait", "said"),
    [
        (fail(Failure.WAIT, "ratelimited", 30 * SECOND), 30 * SECOND, "tried again at 11:05:30Z"),
        (fail(Failure.WAIT, "refused"), 2 * SECOND, "tried again at 11:05:02Z"),
        (fail(Failure.UNCLEAR, "timeout"), 5 * SECOND, "looked for at 11:05:05Z"),
        (fail(Failure.CHANNEL, "is_archived"), 3 * MINUTE, "tried again at 11:08:00Z"),
        (fail(Failure.CREDENTIALS, "invalid_auth"), 30 * SECOND, "tried again at 11:05:30Z"),
    ],
)
@pytest.mark.parametrize("fallback", [False, True])
def test_log_and_status_say_when_it_is_tried_again(
    failure: NotifierError, wait: Millis, said: str, fallback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """At the instant at which it is, with and without a fallback receiver."""
    caplog.set_level("INFO")
    desk = Desk(FakeNotifier(failures=[failure]), fallback=fallback)
    desk.plan(incident("i1", delivery()))
    desk.courier.deliver()
    (found,) = desk.courier.troubles()
    assert found.retry_at == NOW + wait
    assert [r.message for r in caplog.records if "order" in r.message] == [
        f"receiver order (#order): {failure}; {said}"
    ]
    before = len(desk.order.calls)
    desk.clock.advance(wait - 1)
    desk.plan(incident("i2", delivery("d2")))
    desk.courier.deliver()
    calls = {m.delivery.id for _, m in desk.order.calls[before:]}
    assert "d1" not in calls
    desk.clock.advance(1)
    desk.plan(incident("i3", delivery("d3")))
    desk.courier.deliver()
    assert len(desk.order.calls) > before


def test_edits_count_as_calls_too() -> None:
    """A receiver whose edits fail is unwell, with the number of failures in a row."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    desk.passes(1)
    desk.order.failures = [fail(Failure.WAIT, "ratelimited", 10 * SECOND) for _ in range(3)]
    desk.change("i1", resolved=NOW + MINUTE, quiet_close=True)
    desk.passes(25)
    assert [(t.code, t.count) for t in desk.courier.troubles()] == [("ratelimited", 3)]
    desk.passes(20)
    assert desk.courier.troubles() == []


def test_codes_in_metrics_are_bounded() -> None:
    """However many names of errors a service makes up, the metric has a bounded number."""
    codes = [f"code {n}" for n in range(MOST_CODES + 30)]
    desk = Desk(FakeNotifier(failures=[fail(Failure.WAIT, code, SECOND) for code in codes]))
    desk.plan(incident("i1", delivery()))
    desk.passes(200)
    lines = [n for n in desk.metrics.text(NOW).decode().splitlines() if n.startswith("alerter_delivery_errors_total")]
    assert len(lines) == MOST_CODES + 1
    assert any('code="other"' in line and line.endswith(" 30.0") for line in lines)


def refusing(monkeypatch: pytest.MonkeyPatch, desk: Desk, kind: str = "busy") -> None:
    """Let the state take no decisions."""

    def refuse(decisions: Iterable[Decision]) -> None:
        if list(decisions):
            raise StateError(kind, "read-only")

    monkeypatch.setattr(desk.state, "record", refuse)


def test_decisions_that_the_state_does_not_take_are_written_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that cannot be written now is not lost, fails no pass, holds up no message, and is said once."""
    caplog.set_level("INFO")
    desk = Desk()
    desk.plan(incident("i1", delivery()), incident("i2", delivery("e1")))
    with monkeypatch.context() as patched:
        refusing(patched, desk)
        desk.passes(5)
    assert desk.order.done == ["post", "post"]
    assert outcomes(desk) == []
    desk.passes(2)
    assert [o for o, _, _ in outcomes(desk)] == ["delivered", "delivered"]
    said = [record.message for record in caplog.records if "decisions" in record.message]
    assert said == [
        "decisions cannot be recorded, messages go out all the same: read-only",
        "decisions are recorded again",
    ]


def test_decisions_kept_for_later_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the state takes none, the newest stay."""
    desk = Desk()
    desk.obstacle = (Reason.SILENCE, "silence s1 by jin: deploy", NOW + MINUTE)
    with monkeypatch.context() as patched:
        refusing(patched, desk)
        for start in (0, 700):
            desk.plan(*(incident(f"i{n}", delivery(f"d{n}")) for n in range(start, start + 700)))
            desk.passes(1)
    desk.passes(1)
    kept = {d.incident for d in desk.state.decisions(limit=None)}
    assert len(kept) == MOST_KEPT
    assert kept >= {f"i{n}" for n in range(700, 1_400)}


def test_decisions_refused_for_good_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the state can never take is not written again and again beside its neighbours."""
    desk = Desk()
    desk.plan(incident("i1", delivery()))
    with monkeypatch.context() as patched:
        refusing(patched, desk, "rejected")
        desk.passes(1)
    desk.passes(1)
    assert outcomes(desk) == []
