"""Labels: what routing sees of an incident."""

from __future__ import annotations

import pytest

from alerter.engine.words import build_labels
from alerter.model.rule import AnyEvent, FromEvent
from alerter.testing import rule
from tests.engine.support import T0, World, documents, single


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize(
    ("stated", "default", "label"),
    [
        ("critical", None, "critical"),
        ("CRITICAL", None, "critical"),
        ("Info", "critical", "info"),
        ("ERROR", None, "warning"),
        ("ERROR", "critical", "critical"),
        (None, None, "warning"),
        (None, "info", "info"),
        (5, "info", "info"),
    ],
)
def test_severity_from_the_event_is_one_that_there_is(
    stated: str | int | None, default: str | None, label: str, split: bool
) -> None:
    """What the event states counts in any case of letters; an unknown word is the default, else warning."""
    tested = rule(AnyEvent(), severity=FromEvent("level", {}, default, split=split))
    key = (("severity", stated),) if split else None
    assert build_labels(tested, key, {"level": stated})["severity"] == label


def test_other_attributes_stay_as_written() -> None:
    """Only the severity has a fixed set of words."""
    tested = rule(AnyEvent(), domain=FromEvent("team", split=False), owner=FromEvent("nobody", split=False))
    labels = build_labels(tested, None, {"team": "Order"})
    assert labels["domain"] == "Order"
    assert "owner" not in labels


@pytest.mark.parametrize("split", [True, False])
def test_unknown_severity_reaches_the_incident_as_warning(split: bool) -> None:
    """The whole way from the event to the incident's label and text."""
    world = World(documents([1], sev="FATAL\n"), [single(severity=FromEvent("sev", split=split))])
    world.tick(0)
    world.tick(10)
    (stored,) = world.state.incidents()
    assert stored.value.labels["severity"] == "warning"
    assert "[WARNING]" in world.deliveries()[0].text
    assert stored.value.opened == T0 + 1000
