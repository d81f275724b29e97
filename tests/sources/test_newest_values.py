"""What many keys held before, asked at once: few searches, and no guess where two values are of one instant."""

from __future__ import annotations

from typing import Any

import pytest

from alerter.clock import MINUTE, SECOND
from alerter.model.history import ValueChange
from alerter.model.rule import Realert
from alerter.sources import changing, newest_values
from alerter.sources.opening import Reading
from alerter.testing import rule
from tests.detectors.test_history_cases import Live, documents
from tests.engine.support import T0

HOURS = -3_600


def live(ignore_null: bool = False) -> Live:
    now = Realert(0, written=True)
    return Live(rule(ValueChange(("v",), ignore_null), realert=now, query_key=("k",), buffer_time=0), start=0)


def opened(one: Live) -> Any:
    one.source.reset()
    (events,) = one.engine.reader.open([Reading(one.rule, T0, T0 + MINUTE, T0)])
    return events


def test_a_thousand_keys_take_a_few_searches() -> None:
    """Those that were never seen none of their own, and no document is read."""
    one = live()
    old = [(2 * HOURS if n % 2 else 300 * HOURS, {"k": f"k{n}", "v": "x"}) for n in range(500)]
    one.source.inner.extend(documents(*old, *[(1 + n / 1000, {"k": f"k{n}", "v": "y"}) for n in range(1_000)]))
    events = opened(one)
    assert len(events.keys()) == 500
    assert (one.source.searches <= 20, one.source.hits) == (True, 0)


@pytest.mark.parametrize(
    ("before", "ignore_null", "old"),
    [
        ([(-10, "a"), (-5, "b")], False, ["b"]),
        ([(-5, "a"), (-5, "b")], False, ["b"]),
        ([(-5, "b"), (-5, "a")], False, ["a"]),
        ([(-5, ["a", "b"])], False, [["a", "b"]]),
        ([(-9, "a"), (-5, None)], False, [None]),
        ([(-9, "a"), (-5, None)], True, ["a"]),
        ([(-9, "a"), (-5, "")], True, ["a"]),
        ([(-9, ["", "a"]), (-5, "")], True, [["", "a"]]),
        ([(30 * HOURS, "a"), (29 * HOURS, "b")], False, ["b"]),
    ],
)
def test_the_newest_event_decides(
    before: list[tuple[int, Any]], ignore_null: bool, old: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where values alone do not tell it, the event itself is looked at."""
    monkeypatch.setattr(changing, "TOGETHER", 1)
    one = live(ignore_null)
    written = [(at, {"k": "k", "v": value} if value is not None else {"k": "k"}) for at, value in before]
    one.source.inner.extend(documents(*written, (1, {"k": "k", "v": "y"})))
    events = opened(one)
    (fact,) = events.facts((("k", "k"),), T0 + SECOND)
    assert fact["old"] == old


def test_more_values_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of an answer that may be cut off are looked up one by one."""
    monkeypatch.setattr(newest_values, "PAGE", 5)
    one = live()
    old = [(-60 - n, {"k": f"k{n % 12}", "v": f"v{n}"}) for n in range(60)]
    one.source.inner.extend(documents(*old, *[(1, {"k": f"k{n}", "v": "new"}) for n in range(12)]))
    events = opened(one)
    facts = [events.facts((("k", f"k{n}"),), T0 + SECOND)[0]["old"] for n in range(12)]
    assert facts == [[f"v{n}"] for n in range(12)]
