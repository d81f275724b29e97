"""What counts as caught, missed, false and late, and which setting is suggested."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from alerter.backtest.labels import Label
from alerter.backtest.run import Backtest, backtest
from alerter.backtest.sweep import Setting
from alerter.clock import MINUTE, SECOND
from alerter.model.rule import Frequency, Realert
from alerter.routing.intervals import parse_interval
from alerter.routing.tree import Routing
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
from tests.engine.support import T0, documents, routing

BURSTS = [*range(60, 90, 2), *range(600, 620, 4)]
"""Fifteen events from 11:01:00 on, and five from 11:10:00 on."""
FIRST = Label(T0 + MINUTE, T0 + 2 * MINUTE)
SECOND_ONE = Label(T0 + 10 * MINUTE, T0 + 11 * MINUTE)


def ran(
    numbers: Sequence[int],
    labels: Sequence[Label],
    seconds: Sequence[int] = BURSTS,
    early: int = 0,
    where: Routing | None = None,
) -> Backtest:
    """Return the backtest of thresholds over a minute, one a setting."""
    settings = [
        Setting((("num_events", str(n)),), rule(Frequency(n, MINUTE), realert=Realert(0, written=True), domain="order"))
        for n in numbers
    ]
    source = EmbeddedSource(documents=documents(seconds))
    return backtest(settings, source, where or routing(), (T0, T0 + 30 * MINUTE), labels, early)


def test_caught_missed_and_late() -> None:
    """A label is caught from the instant its incident opens; one that nothing opened in is missed."""
    low, high = ran([4, 10], [FIRST, SECOND_ONE]).scores
    assert [one.late for one in low.caught] == [6 * SECOND, 12 * SECOND]
    assert low.latest == 12 * SECOND
    assert [one.late for one in high.caught] == [18 * SECOND]
    assert (low.missed, high.missed) == ((), (SECOND_ONE,))
    assert low.false == high.false == ()


def test_false_is_what_opened_at_no_labelled_time() -> None:
    """With labels, an incident elsewhere is false; without any nothing is called so."""
    (one,) = ran([4], [FIRST]).scores
    assert [incident.opened for incident in one.false] == [T0 + 612 * SECOND]
    (unlabelled,) = ran([4], []).scores
    assert (unlabelled.false, unlabelled.caught, unlabelled.missed) == ((), (), ())


def test_what_fires_all_the_time_catches_nothing() -> None:
    """An incident that opened long before is false: it told nobody of what happened then."""
    steady = range(0, 1_200, 5)
    (one,) = ran([4], [SECOND_ONE], steady).scores
    assert len(one.incidents) == len(one.false) == 1
    assert one.missed == (SECOND_ONE,)


def test_an_incident_may_open_a_little_before_its_label() -> None:
    """Labels are made by people: up to ``early`` before its start is on time, not a millisecond more."""
    label = Label(T0 + 70 * SECOND, T0 + 2 * MINUTE)
    assert ran([4], [label], early=4 * SECOND).scores[0].latest == 0
    assert ran([4], [label], early=4 * SECOND).scores[0].caught
    assert ran([4], [label], early=4 * SECOND - 1).scores[0].missed == (label,)


def test_a_long_incident_catches_what_follows_in_it() -> None:
    """An incident that opened at one labelled time is known to people at the next one too."""
    steady = range(600, 1_200, 5)
    later = Label(T0 + 15 * MINUTE, T0 + 16 * MINUTE)
    (one,) = ran([4], [SECOND_ONE, later], steady).scores
    assert [caught.label for caught in one.caught] == [SECOND_ONE, later]
    assert one.false == ()


AGAIN = [*range(60, 90, 2), *range(240, 270, 2)]
"""Two bursts of a minute and more between them: the incident ends, and re-opens with the second."""


def test_a_reopened_incident_catches_its_label() -> None:
    """The message that it fires again tells of what happens then; the incident is not false for its early start."""
    label = Label(T0 + 4 * MINUTE, T0 + 5 * MINUTE)
    (one,) = ran([4], [label], AGAIN).scores
    assert len(one.incidents) == 1
    assert [(caught.firing.start - T0, caught.late) for caught in one.caught] == [(246 * SECOND, 6 * SECOND)]
    assert (one.missed, one.false) == ((), ())


def test_a_time_before_an_incident_is_true_is_not_caught() -> None:
    """An incident that opened at no labelled time catches what follows its re-opening in one, not what was before."""
    early, late = Label(T0 + 80 * SECOND, T0 + 90 * SECOND), Label(T0 + 4 * MINUTE, T0 + 5 * MINUTE)
    (one,) = ran([4], [early, late], AGAIN).scores
    assert [caught.label for caught in one.caught] == [late]
    assert one.missed == (early,)


def test_a_reopening_that_nobody_hears_of_catches_nothing() -> None:
    """Inside the receiver's mute time nobody is told: the labelled time is missed."""
    times = [{"start_time": "11:03", "end_time": "11:10"}]
    muted = routing(mute=("later",), intervals={"later": (parse_interval({"times": times}),)})
    label = Label(T0 + 4 * MINUTE, T0 + 5 * MINUTE)
    (one,) = ran([4], [label], AGAIN, where=muted).scores
    assert one.missed == (label,)
    assert len(one.false) == 1


def test_the_time_between_an_end_and_a_reopening_does_not_count() -> None:
    """Open is what fired: from the fourth event of each burst until a minute holds fewer than four."""
    (one,) = ran([4], [], AGAIN).scores
    ends = [(firing.start - T0, firing.end and firing.end - T0) for firing in one.firings]
    assert [start for start, _ in ends] == [66 * SECOND, 246 * SECOND]
    assert one.open_for == one.longest == sum((end or 0) - start for start, end in ends) < 180 * SECOND


def test_only_its_key_catches_a_label() -> None:
    """A label of a key is not caught by another key's incident."""
    settings = [Setting((), rule(Frequency(4, MINUTE), query_key=("user",)))]
    source = EmbeddedSource(documents=[d | {"user": "x"} for d in documents(BURSTS[:15])])
    mine, other = (Label(FIRST.start, FIRST.end, (("user", name),)) for name in "xy")
    (one,) = backtest(settings, source, routing(), (T0, T0 + 30 * MINUTE), [mine, other]).scores
    assert [caught.label for caught in one.caught] == [mine]
    assert one.missed == (other,)


def test_messages_by_channel_and_hour() -> None:
    """Every firing, repeat and end is a message; hours are those of the messages."""
    (one,) = ran([4], []).scores
    assert one.messages == sum(one.by_hour.values()) == sum(len(i.deliveries) for i in one.incidents)
    assert one.by_channel == {"order": one.messages}
    assert list(one.by_hour) == [T0]


def test_fewest_messages_that_catch_all() -> None:
    """Of the settings that catch every label the one with the fewest messages is suggested."""
    answer = ran([2, 5, 10], [FIRST, SECOND_ONE])
    assert answer.scores[0].messages > answer.scores[1].messages > answer.scores[2].messages
    assert answer.suggestion.setting is answer.scores[1].setting


@pytest.mark.parametrize(
    ("numbers", "labels", "why"),
    [
        ([10, 50], [FIRST, SECOND_ONE], "no setting catches all 2 labelled times; num_events=10 catches most: 1 of 2"),
        ([50], [FIRST], "no setting catches the labelled time"),
        ([5], [], "nothing is suggested without labelled times (--expect FILE)"),
    ],
)
def test_no_suggestion_says_why(numbers: list[int], labels: list[Label], why: str) -> None:
    """Where none catches all, or nothing is known, none is suggested."""
    suggestion = ran(numbers, labels).suggestion
    assert (suggestion.setting, suggestion.why) == (None, why)
