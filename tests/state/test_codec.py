"""Records to JSON and back: whatever a record holds is read back equal."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.model.incident import (
    Checkpoint,
    Decision,
    Delivery,
    DeliveryState,
    Incident,
    Kind,
    Post,
    Reason,
    View,
)
from alerter.model.memory import Held, KeyMemory, Thread
from alerter.model.silence import Matcher, Silence
from alerter.state.codec import FEW, PAIRS, decode, dumps, encode, loads

TEXTS = st.text(max_size=8)
TIMES = st.integers(0, 2**45)
SOME_TIMES = st.none() | TIMES
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FLOATS | st.integers(-(2**60), 2**60)
VALUES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | FLOATS | TEXTS
KEYS = st.none() | st.lists(st.tuples(TEXTS, VALUES), max_size=3).map(tuple)
HELD = st.builds(Held, st.booleans(), SOME_TIMES, SOME_TIMES)
THREADS = st.builds(Thread, TEXTS, TIMES, SOME_TIMES, TIMES, TEXTS, TIMES)
MEMORIES = st.builds(
    KeyMemory, SOME_TIMES, SOME_TIMES, HELD, HELD, SOME_TIMES, SOME_TIMES, st.integers(0, 9), SOME_TIMES,
    st.integers(0, 9), st.booleans(), st.none() | THREADS,
)  # fmt: skip
CHECKPOINTS = st.builds(
    Checkpoint, TEXTS, TEXTS, TIMES, TIMES, st.booleans(), SOME_TIMES,
    st.dictionaries(KEYS, MEMORIES, max_size=FEW + 2), st.lists(st.tuples(KEYS, TIMES, TIMES), max_size=3).map(tuple),
)  # fmt: skip
DELIVERIES = st.builds(
    Delivery, TEXTS, st.sampled_from(Kind), TEXTS, TEXTS, TIMES, st.sampled_from(Reason), TEXTS,
    st.sampled_from(DeliveryState), TIMES, TIMES, TIMES, SOME_TIMES, TEXTS, TEXTS,
)  # fmt: skip
VIEWS = st.builds(
    View, title=TEXTS, sample=TEXTS, fields=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    chart=st.lists(st.tuples(TIMES, NUMBERS), max_size=2).map(tuple), threshold=st.none() | NUMBERS,
)  # fmt: skip
INCIDENTS = st.builds(
    Incident, TEXTS, TEXTS, TEXTS, KEYS, st.dictionaries(TEXTS, TEXTS, max_size=2), TIMES, SOME_TIMES,
    peak=NUMBERS, silenced_until=SOME_TIMES, quiet_close=st.booleans(), view=VIEWS,
    posts=st.lists(st.builds(Post, TEXTS, TEXTS, TEXTS, TEXTS, TIMES, TIMES), max_size=2).map(tuple),
    deliveries=st.lists(DELIVERIES, max_size=2).map(tuple),
)  # fmt: skip
SILENCES = st.builds(
    Silence, TEXTS, st.lists(st.builds(Matcher, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple), TIMES, TIMES, TEXTS,
    TEXTS, TIMES, SOME_TIMES,
)  # fmt: skip
DECISIONS = st.builds(Decision, TIMES, TEXTS, KEYS, TEXTS, TEXTS, TEXTS, SOME_TIMES, TIMES, TEXTS, TEXTS)


def through_json(record: Any) -> Any:
    """Write a record as text and read it again."""
    read = loads(type(record), dumps(record))
    assert decode(type(record), json.loads(json.dumps(encode(record)))) == read
    return read


@settings(deadline=None)
@given(CHECKPOINTS | INCIDENTS | SILENCES | DECISIONS)
def test_round_trip(record: Any) -> None:
    """Every record is read back equal, whatever texts, times and keys it holds."""
    assert through_json(record) == record


def test_types_of_key_values_survive() -> None:
    """1, 1.0, True and "1" are different values of a key, also once stored."""
    for value in (1, 1.0, True, "1"):
        read = through_json(Decision(0, "r", (("k", value),), "fired", "first_match"))
        assert type(read.key[0][1]) is type(value)


def test_a_label_that_looks_like_the_pairs_mark_stays_a_label() -> None:
    """A mapping with text keys that happens to hold the mark itself is no list of pairs."""
    record = Incident("i", "r", "any", None, {PAIRS: "x"}, 0)
    assert through_json(record) == record


def test_what_the_fast_writer_refuses_is_written() -> None:
    """Numbers beyond 64 bits, and half a surrogate pair, in a key of a checkpoint and in the text of an incident."""
    key = (("k", 2**70), ("half", "\ud800"))
    checkpoint = Checkpoint("r", "m", 1, 0, keys={key: KeyMemory(thread=Thread("i", 1)), None: KeyMemory()})
    assert through_json(checkpoint) == checkpoint
    record = Incident("i", "r", "any", key, {"a": "\ud800"}, 0)
    assert through_json(record) == record


def test_unknown_fields_are_passed_over() -> None:
    """A record that a later version wrote can be read."""
    written = {**encode(Matcher("a", "=", "b")), "later": 1}
    assert decode(Matcher, written) == Matcher("a", "=", "b")
