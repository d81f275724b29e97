"""The case table of ElastAlert's semantics: where each row is tested, and the rows that are tested nowhere else.

These are put to ElastAlert's own classes as well, where they can judge them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.elastalert.ours import T0, Event, matches, options, seconds
from tests.elastalert.peer import Case, ElastAlert
from tests.elastalert.thrown import SECOND

TESTS = Path(__file__).parents[1]
TABLE: Mapping[str, str] = {
    "frequency: T 10, n 2, two events 10 and 9.999 apart": "detectors/test_cases.py::frequency_matches_where",
    "frequency: T 10, n 3, 0..6": "detectors/test_cases.py::frequency_matches_where",
    "frequency: T 10, n 3, six events at 0": "detectors/test_cases.py::frequency_matches_where",
    "frequency: n 1": "detectors/test_cases.py::frequency_matches_where",
    "frequency: keys, one missing, one null": "detectors/test_cases.py::frequency_groups_missing_keys",
    "frequency: T 3600, n 59, 60, 61": "detectors/test_cases.py::frequency_matches_where",
    "whitelist and blacklist": "elastalert/test_cases.py::lists",
    "change: nulls that are passed over, two keys": "detectors/test_history_cases.py::change_matches_where",
    "change: within T": "detectors/test_history_cases.py::change_within_a_time",
    "change: 1, 0, 2, False": "detectors/test_history_cases.py::zero_is_nothing_and_false_is_a_value",
    "spike: up, 20 against 10, 19 against 10": "detectors/test_cases.py::spike_up_is_inclusive",
    "spike: down, 5 against 10, 6 against 10": "elastalert/test_cases.py::spike_down",
    "spike: thresholds of either window": "elastalert/test_cases.py::spike_thresholds",
    "new_term: a baseline, a missing value": "detectors/test_history_cases.py::new_term_matches_where",
    "metric: .1 to .8": "detectors/test_metric_cases.py::values_beyond_the_limits",
    "percentage: 25 to 75": "detectors/test_metric_cases.py::percentages_beyond_the_limits",
    "exponential_realert: steps": "test_incidents.py::exponent_moves_as_in_elastalert",
    "exponential_realert: steady": "test_incidents.py::steady_matches_double",
}
"""Each row, and the beginning of the name of the test that holds it."""


@pytest.mark.parametrize("row", TABLE)
def test_each_row_is_tested(row: str) -> None:
    """The test that the table names is there."""
    file, _, name = TABLE[row].partition("::")
    assert re.search(rf"^def test_{name}", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE)


def at(number: int, second: float = 0) -> list[Event]:
    """Return so many events of one instant."""
    return [Event(T0 + round(second * SECOND), {}) for _ in range(number)]


def told(given: Mapping[str, Any], events: Sequence[Event], end: float) -> list[tuple[float, int, Mapping[str, Any]]]:
    """Return (second, count, facts) of each match."""
    found = matches(given, events, T0 - 1, T0 + round(end * SECOND))
    return [((match.at - T0) / SECOND, match.count, match.facts) for match in found]


def by_elastalert(elastalert: ElastAlert, given: Mapping[str, Any], events: Sequence[Event]) -> list[Any]:
    """Return ElastAlert's matches of events that come in one query."""
    [said] = elastalert.ask([Case(given, [["data", [event.document for event in events]]])])
    assert said.failed is None
    return [match for _, match in said.matches]


VALUES: Sequence[Mapping[str, Any]] = [{"v": "bad"}, {"v": "BAD"}, {"v": 5}, {}, {"v": "bad "}]


@pytest.mark.parametrize(
    ("own", "seconds_told"),
    [
        ({"type_": "blacklist", "blacklist": ["bad", "5"]}, [0]),
        ({"type_": "whitelist", "whitelist": ["bad", "5"], "ignore_null": True}, [1, 2, 4]),
        ({"type_": "whitelist", "whitelist": ["bad", "5"], "ignore_null": False}, [1, 2, 3, 4]),
    ],
)
def test_lists(elastalert: ElastAlert, own: dict[str, Any], seconds_told: list[int]) -> None:
    """Lists are exact: in case, in type, in blanks; a missing value is in no list."""
    given = options(compare_key="v", **own)
    events = [Event(T0 + n * SECOND, fields) for n, fields in enumerate(VALUES)]
    assert [second for second, _, _ in told(given, events, 10)] == seconds_told
    assert len(by_elastalert(elastalert, given, events)) == len(seconds_told)


def spike(**own: Any) -> dict[str, Any]:
    """Return a spike of T 10, asked each 10 seconds."""
    return options("spike", spike_height=2, timeframe=seconds(10_000), run_every=seconds(10_000), **own)


@pytest.mark.parametrize(("number", "wanted"), [(5, [(20, 5, {"reference": 10})]), (6, [])])
def test_spike_down(elastalert: ElastAlert, number: int, wanted: list[Any]) -> None:
    """Half of the reference is a fall, one event more is none."""
    given = spike(spike_type="down")
    events = [*at(10), *at(10, 10), *at(number, 20)]
    assert told(given, events, 20) == wanted
    steps = [["data", [e.document for e in at(10) + at(10, 10)]], ["gc", T0 + 10_000]]
    whole = {**given, "threshold_cur": number}  # its classes ask after each event of an instant
    [said] = elastalert.ask([Case(whole, [*steps, ["data", [e.document for e in at(number, 20)]]])])
    assert [m["reference_count"] for _, m in said.matches] == [10 for _ in wanted]


@pytest.mark.parametrize(
    ("own", "number", "wanted"),
    [
        ({"threshold_cur": 1}, 1, [(20, 1, {"reference": 0})]),
        ({"threshold_ref": 1}, 100, []),
    ],
)
def test_spike_thresholds(elastalert: ElastAlert, own: dict[str, Any], number: int, wanted: list[Any]) -> None:
    """One event against none is a rise where the current window needs one, none where the reference does."""
    given = spike(spike_type="up", **own)
    assert told(given, [*at(1), *at(number, 20)], 20) == wanted
    steps = [["data", [e.document for e in at(1)]], ["gc", T0 + 10_000], ["data", [e.document for e in at(number, 20)]]]
    [said] = elastalert.ask([Case(given, steps)])
    assert [m["spike_count"] for _, m in said.matches] == [count for _, count, _ in wanted]
