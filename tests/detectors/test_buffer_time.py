"""Event types while ``buffer_time`` is changed: what was judged before is not told again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerter.clock import MINUTE
from alerter.model.history import NewTerm, ValueChange
from alerter.model.rule import AnyEvent
from alerter.testing import rule
from tests.detectors.test_history_cases import NOW, Live


@pytest.mark.parametrize(
    ("condition", "found"),
    [(AnyEvent(), [400, 650]), (NewTerm((("v",),)), [400, 650]), (ValueChange(("v",)), [650])],
)
def test_a_longer_buffer_time_tells_nothing_twice(condition, found):
    """What is remembered of judged events reaches back the old one; late events are seen in the new one from then on.

    A change rule knows only the value at the end of the old one: it sees them as time goes on.
    """
    live = Live(rule(condition, realert=NOW, buffer_time=MINUTE))
    first = live.go(600, (0, {"v": "a"}), (100, {"v": "b"}), (200, {"v": "c"}))
    assert first[-2:] == [100, 200]
    live.rule = replace(live.rule, buffer_time=10 * MINUTE)
    live.restart()
    assert live.go(660, (570, {"v": "d"})) == [570]
    live.restart()
    assert live.go(720, (650, {"v": "e"}), (400, {"v": "f"})) == found
    assert live.go(780) == []


def test_without_a_restart_nothing_is_told_twice():
    """The rule file is read again while the engine runs, and a shorter buffer_time made long again."""
    live = Live(rule(AnyEvent(), realert=NOW, buffer_time=10 * MINUTE))
    assert live.go(600, (100, {}), (200, {})) == [100, 200]
    live.rule = replace(live.rule, buffer_time=MINUTE)
    assert live.go(660) == []
    live.rule = replace(live.rule, buffer_time=10 * MINUTE)
    assert live.go(720, (650, {})) == [650]
    assert live.go(780, (640, {})) == [640]


def test_a_checkpoint_of_an_earlier_version_is_read_as_before():
    """It does not say how far back its events are remembered: as far as the rule's buffer_time."""
    live = Live(rule(AnyEvent(), realert=NOW, buffer_time=10 * MINUTE))
    assert live.go(600, (100, {"v": "b"}), (200, {"v": "c"})) == [100, 200]
    (stored,) = live.state.checkpoints([live.rule.name]).values()
    assert stored.value.buffer_time == 10 * MINUTE
    live.state.save_checkpoint(replace(stored.value, buffer_time=None), stored.version)
    live.restart()
    assert live.go(660, (300, {"v": "d"})) == [300]
