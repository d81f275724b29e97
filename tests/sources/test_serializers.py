"""JSON for the client: lines as the client means them, whatever they are made of."""

from __future__ import annotations

import json
from collections import OrderedDict
from decimal import Decimal

from alerter.sources.serializers import FastNdjson


def test_lines_of_mappings_are_sorted_json() -> None:
    """One value a line, its keys in one order, so that the server's caches serve."""
    assert FastNdjson().dumps([{"b": 1, "a": [2]}, {}]) == b'{"a":[2],"b":1}\n{}\n'


def test_lines_that_are_texts_stay_as_they_are() -> None:
    """What is JSON already is not written as a text of JSON."""
    assert FastNdjson().dumps(['{"a": 1}', b"{}"]) == b'{"a": 1}\n{}\n'
    assert FastNdjson().dumps('{"a": 1}') == b'{"a": 1}\n'


def test_what_the_fast_writer_refuses_is_written_all_the_same() -> None:
    """Numbers beyond 64 bits, other mappings, and what the client itself knows to write."""
    written = FastNdjson().dumps([{"a": 2**70}, OrderedDict(b=1), {"c": Decimal("1.5")}])
    assert [json.loads(line) for line in written.splitlines()] == [{"a": 2**70}, {"b": 1}, {"c": 1.5}]
