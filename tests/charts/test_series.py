"""What charts show: the numbers that the condition compares, exact where the rule matched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from alerter.charts.drawing import BLUE, Drawing, Line, Text
from alerter.charts.panels import PLOT, TITLE, add_curve
from alerter.charts.series import Series, series_of
from alerter.charts.terminal import ASCII, BLOCKS, draw, signs_for, width_in
from alerter.clock import MINUTE, SECOND
from alerter.engine.dryrun import dry_run
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, Windows
from alerter.model.rule import (
    AnyEvent,
    Cardinality,
    Condition,
    Flatline,
    Frequency,
    Realert,
    Spike,
    SpikeAggregation,
    SpikeType,
)
from alerter.sources.embedded import EmbeddedSource
from alerter.testing import rule
from tests.engine.support import T0, documents, routing

END = T0 + 20 * MINUTE


def charted(condition: Condition, seconds: Iterable[float], key: str = "", parts: int = 20) -> list[Series]:
    """Return the series of a dry run over twenty minutes."""
    found = [{**d, "user": "aab"[n % 3], "host": f"h{n % 5}"} for n, d in enumerate(documents(seconds))]
    tested = rule(condition, query_key=(key,) if key else (), realert=Realert(0, written=True))
    answer = dry_run(tested, EmbeddedSource(documents=found), routing(), T0, END)
    assert answer.counted is not None
    return series_of(tested, answer.counted, answer.matches, T0, END, parts=parts, most=4)


def test_frequency_shows_the_highest_window_of_each_part() -> None:
    """The curve reaches the threshold where, and only where, the rule matched."""
    (one,) = charted(Frequency(10, MINUTE), [*range(0, 1_200, 20), *range(600, 630, 3)])
    assert (one.limits, one.what, len(one.parts)) == ((10.0,), "events in 1 min", 20)
    high = [n for n, number in enumerate(one.parts) if number >= 10]
    assert high == sorted({(at - T0 - 1) // MINUTE for at in one.matches}) == [10]
    assert one.parts[:9] == (3.0,) * 9


def test_flatline_shows_the_lowest() -> None:
    """What must not fall is shown at nominal instants, where the rule asks."""
    (one,) = charted(Flatline(2, 2 * MINUTE), [*range(0, 600, 20), *range(900, 1_200, 20)])
    assert one.lowest
    assert [n for n, number in enumerate(one.parts) if number < 2] == [11, 12, 13, 14]
    assert one.parts[5] == 6.0


@pytest.mark.parametrize(("direction", "times"), [(SpikeType.UP, 3.0), (SpikeType.DOWN, 1 / 3)])
def test_spikes_show_what_they_are_compared_with(direction: SpikeType, times: float) -> None:
    """The second curve is the window before, times the height (or divided by it)."""
    (one,) = charted(Spike(3, direction, MINUTE), range(0, 1_200, 10))
    assert one.parts[5] == 6.0
    assert one.reference[5] == pytest.approx(6.0 * times)
    assert one.lowest == (direction is SpikeType.DOWN)


def test_cardinality_shows_different_values() -> None:
    """Values, not events."""
    (one,) = charted(Cardinality("host", MINUTE, maximum=4), range(0, 1_200, 5))
    assert one.parts[5] == 5.0
    assert one.what == "different host in 1 min"


def test_metrics_show_values_of_windows() -> None:
    """The value that is compared, with its limits; a key is charted by its own."""
    metric = Metric(MetricKind.VALUE_COUNT, "host")
    (one,) = charted(MetricAggregation(metric, Windows(MINUTE), Limits(7.5)), [*range(0, 600, 10), 700], parts=10)
    assert one.parts == (6.0, 6.0, 6.0, 6.0, 6.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    assert (one.what, one.limits, one.lowest) == ("number of values of host in 1 min", (7.5,), False)
    few = MetricAggregation(metric, Windows(MINUTE), Limits(minimum=2))
    assert [one.key for one in charted(few, range(0, 1_200, 10), key="user")] == [(("user", "b"),), (("user", "a"),)]
    (fall,) = charted(SpikeAggregation(metric, 2, SpikeType.DOWN, MINUTE), [*range(0, 600, 10), *range(600, 1_201, 30)])
    assert (fall.lowest, fall.matches) == (True, (T0 + 11 * MINUTE,))


def valued(metric: Metric, limits: Limits, fields: Iterable[dict[str, Any]], key: str = "") -> list[Series]:
    """Return the series of a metric over ten minutes, of an event every minute with these fields."""
    found = [d | more for d, more in zip(documents(range(30, 630, 60)), fields, strict=False)]
    tested = rule(MetricAggregation(metric, Windows(MINUTE), limits), query_key=(key,) if key else ())
    end = T0 + 10 * MINUTE
    answer = dry_run(tested, EmbeddedSource(documents=found), routing(), T0, end)
    assert answer.counted is not None
    return series_of(tested, answer.counted, answer.matches, T0, end, parts=20, most=1)


def test_values_below_zero_and_absent_ones_have_their_place() -> None:
    """The scale goes from the lowest number to the highest, zero among them; no value leaves a gap, not a zero."""
    numbers = [3.0, None, -50.5, -20.0]
    (one,) = valued(Metric(MetricKind.AVG, "v"), Limits(-30.0), ({"v": n} for n in numbers))
    assert one.parts[:9] == (None, 3, 3, None, None, -50.5, -50.5, -20, -20)
    assert (one.top, one.bottom, one.height(-50.5), one.height(3)) == (3, -50.5, 0, 1)
    lines = list(draw(one))
    assert (lines[1][:7], lines[9][:16]) == ("    3 ┤", "-50.5 ┼ ──  ────")
    assert not any("None" in line or len(line) > 120 for line in lines)
    drawing = Drawing()
    add_curve(drawing, "r", one, [])
    curve = [shape for shape in drawing.shapes if isinstance(shape, Line) and shape.colour == BLUE]
    assert len(curve) == 2
    inside = [y for shape in curve for _, y in shape.points]
    assert (min(inside), max(inside)) == (TITLE, TITLE + PLOT)


@pytest.mark.parametrize("numbers", [(-1.7e308, 1.7e308), (5e-324,), (0.0,), (-2.0,), (0.05,)])
def test_any_numbers_lie_within_the_chart(numbers: tuple[float, ...]) -> None:
    """However large, small or alike they are."""
    one = Series("v", None, T0, END, numbers, ())
    assert all(0 <= one.height(number) <= 1 for number in (*numbers, 0.0, one.top, one.bottom))
    assert max(map(len, draw(one))) < 60


def test_without_a_match_the_nearest_key_is_drawn() -> None:
    """Not the one with the most events."""
    users = [{"user": "often", "v": 1}] * 7 + [{"user": "near", "v": 9}, {"user": "far", "v": -20}]
    (one,) = valued(Metric(MetricKind.MAX, "v"), Limits(10), users, key="user")
    assert one.key == (("user", "near"),)
    counted = [{**d, "user": "many" if n % 20 else "few"} for n, d in enumerate(documents(range(0, 1_200, 2)))]
    for condition, key in ((Frequency(200, MINUTE), "many"), (Flatline(1, 2 * MINUTE), "few")):
        tested = rule(condition, query_key=("user",))
        answer = dry_run(tested, EmbeddedSource(documents=counted), routing(), T0, END)
        assert answer.counted is not None
        assert not answer.matches
        (one,) = series_of(tested, answer.counted, (), T0, END, parts=20, most=1)
        assert one.key == (("user", key),)


def test_events_are_shown_as_they_come() -> None:
    """A rule without a window has a bar for each part."""
    (one,) = charted(AnyEvent(), [*range(0, 60, 6), 900])
    assert one.parts[0] == 9.0  # the first event is at the excluded start
    assert sum(one.parts) == 10.0
    assert one.what == "events, a bar is 1 min"


def test_keys_with_most_matches_come_first() -> None:
    """Each key has a series of its own."""
    found = charted(Frequency(5, MINUTE), [*range(0, 600, 4), *range(601, 1_199, 2)], key="user")
    assert [one.key for one in found] == [(("user", "a"),), (("user", "b"),)]
    assert len(found[0].matches) > len(found[1].matches)


def test_the_terminal_shows_the_threshold_and_the_matches() -> None:
    """The picture of a burst: its height, a dashed line at the threshold, a mark below."""
    (one,) = charted(Frequency(10, MINUTE), [*range(0, 1_200, 20), *range(600, 630, 3)])
    lines = list(draw(one))
    assert lines[0] == "events in 1 min (┄ threshold 10)"
    assert lines[1].startswith("13 ┤")
    assert lines[2].startswith("10 ┤┄┄┄┄┄┄┄┄┄┄█┄")
    assert lines[-1].endswith("▲  1 match")
    assert lines[-1].index("▲") == lines[2].index("█")
    assert all(line.isprintable() for line in lines)


def test_a_threshold_near_the_top_takes_no_place_from_it() -> None:
    """A share of 100 % with a threshold of 95 %: the axis ends at 100, in text and in pictures, which name both."""
    one = Series("share", None, T0, END, (100.0, 100.0, 90.0, 100.0), (), (95.0,))
    lines = list(draw(one))
    assert lines[0].endswith("threshold 95)")
    assert lines[1].startswith("100 ")
    drawing = Drawing()
    add_curve(drawing, "r", one, [])
    texts = {shape.text: shape.y for shape in drawing.shapes if isinstance(shape, Text)}
    assert texts["95"] > texts["100"]


def test_a_span_shorter_than_a_bucket_has_one_part() -> None:
    """Nothing is drawn finer than it was counted."""
    tested = rule(Frequency(2, MINUTE))
    answer = dry_run(tested, EmbeddedSource(documents=documents([1, 2])), routing(), T0, T0 + 2 * SECOND)
    assert answer.counted is not None
    (one,) = series_of(tested, answer.counted, answer.matches, T0, T0 + 2 * SECOND, parts=72, most=1)
    assert one.parts == (2.0,)


def test_values_of_a_redacted_field_are_not_drawn() -> None:
    """What messages hide no chart shows; numbers of other fields it does."""
    for field, drawn in (("duration", 1), ("secret", 0)):
        measured = Metric(MetricKind.MAX, field)
        tested = rule(MetricAggregation(measured, Windows(5 * MINUTE), Limits(maximum=40)))
        found = [d | {field: n} for n, d in enumerate(documents(range(0, 600, 10)))]
        answer = dry_run(tested, EmbeddedSource(documents=found), routing(), T0, T0 + 10 * MINUTE)
        assert answer.counted is not None
        assert answer.matches
        charts = series_of(tested, answer.counted, answer.matches, T0, T0 + 10 * MINUTE, parts=10, most=1)
        assert len(charts) == drawn


def test_a_terminal_without_blocks_gets_ascii() -> None:
    """The same chart, where blocks would all be question marks."""
    (one,) = charted(Frequency(10, MINUTE), [*range(0, 1_200, 20), *range(600, 630, 3)])
    assert signs_for("utf-8") is signs_for(None) is BLOCKS
    assert signs_for("ascii") is signs_for("latin-1") is signs_for("no-such-encoding") is ASCII
    lines = list(draw(one, ASCII))
    assert all(line.isascii() for line in lines)
    assert lines[0] == "events in 1 min (~ threshold 10)"
    assert lines[2].startswith("10 |~~~~~~~~~~#~")
    assert lines[-1].endswith("^  1 match")
    assert [len(line) for line in lines] == [len(line) for line in draw(one)]


@pytest.mark.parametrize(("columns", "width"), [(None, 72), (80, 64), (150, 134), (10, 24), (1_000, 200)])
def test_a_chart_is_as_wide_as_the_terminal(columns: int | None, width: int) -> None:
    """Numbers and the last time have room beside the curve; a pipe has no width."""
    assert width_in(columns) == width
