"""The plain text: one line that says everything that matters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerter.model.incident import Incident, Kind, Reason, View
from alerter.notifiers.text import plain_text
from alerter.timetext import parse_instant

OPENED = parse_instant("2026-03-10T14:05:00Z")


def incident(**changes: object) -> Incident:
    """Return an incident of one user."""
    view = View(title="cancellations jump", sentence="42 in 5 min (threshold 10)")
    given = {"key": (("user.name", "x"),), "view": view, "matches": 3, "peak": 530.0, **changes}
    labels = {"domain": "order", "severity": "critical"}
    return Incident(id="i", rule="r", type="frequency", labels=labels, opened=OPENED, **given)  # type: ignore[arg-type]


def test_firing() -> None:
    """State, severity, domain, title, numbers, key, start."""
    assert plain_text(incident(), Kind.FIRING, Reason.FIRST_MATCH, OPENED) == (
        "[FIRING] [CRITICAL] Order: cancellations jump - 42 in 5 min (threshold 10), user.name x. Started 14:05 UTC."
    )


def test_reopened_says_so() -> None:
    """A firing message of an incident that came back is no first one."""
    assert plain_text(incident(), Kind.FIRING, Reason.REOPENED, OPENED).startswith("[REOPENED] [CRITICAL]")


def test_resolved_says_how_long_and_how_bad() -> None:
    """Length, peak and number of matches; without the numbers of the last match."""
    text = plain_text(incident(), Kind.RESOLVED, Reason.CONDITION_OVER, OPENED + 37 * 60_000)
    assert text == (
        "[RESOLVED] [CRITICAL] Order: cancellations jump, user.name x. "
        "Lasted 37 min, peak 530, 3 matches. Started 14:05 UTC."
    )


def test_the_peak_of_events_is_not_passed_off_as_a_value() -> None:
    """Rules that judge a value end with what their last match found, in place of a number of events."""
    view = View(title="cpu high", sentence="avg of v is 95 in 3 min (above 90)")
    for type in ("metric_aggregation", "percentage_match", "spike_aggregation", "cardinality"):
        over = replace(incident(view=view, peak=258.0), type=type)
        assert plain_text(over, Kind.RESOLVED, Reason.CONDITION_OVER, OPENED + 37 * 60_000) == (
            "[RESOLVED] [CRITICAL] Order: cpu high - last match: avg of v is 95 in 3 min (above 90), user.name x. "
            "Lasted 37 min, 3 matches. Started 14:05 UTC."
        )


def test_repeat_counts() -> None:
    """A repeat says how often and since when."""
    text = plain_text(incident(), Kind.REPEAT, Reason.REPEAT, OPENED + 600_000)
    assert text.startswith("[REPEAT]")
    assert text.endswith("Seen 3 times by 14:15 UTC. Started 14:05 UTC.")


@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.REPEAT, Kind.RESOLVED])
def test_long_texts_are_cut_and_say_so_but_keys_stay(kind: Kind) -> None:
    """However long title and sentence, the text stays short and shows each value of the key."""
    long = incident(view=View(title="t" * 5_000, sentence="s" * 5_000), key=(("user", "anna"), ("host", None)))
    text = plain_text(long, kind, Reason.FIRST_MATCH, OPENED)
    assert len(text) < 300
    assert "user anna, host (missing)" in text
    assert "more characters" in text


def test_hostile_text_stays_on_one_line() -> None:
    """Line breaks and control characters cannot shape the text."""
    text = plain_text(incident(key=(("user", "a\n\x1b[31mb\x00"),)), Kind.FIRING, Reason.FIRST_MATCH, OPENED)
    assert text.isprintable()


HOSTILE = "a\n\x1b[31m\u202eb\u2066c\u2069\x9b\u2028d\x00"


@pytest.mark.parametrize("kind", list(Kind))
def test_no_part_of_an_incident_shapes_the_line(kind: Kind) -> None:
    """Title, sentence, key and labels may all hold what an event said."""
    view = View(title=HOSTILE, sentence=HOSTILE)
    hostile = replace(
        incident(view=view, key=((HOSTILE, HOSTILE),)), labels=dict.fromkeys(("domain", "severity"), HOSTILE)
    )
    assert plain_text(hostile, kind, Reason.FIRST_MATCH, OPENED).isprintable()
