"""Events: repeated, numbered, by key, from files, late."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from alerter.model.rule import TimeField, TimeKind
from alerter.ruletest.events import Logged, put, time_text
from alerter.sources.timefield import parse_time
from alerter.timetext import iso, parse_instant
from tests.ruletest.conftest import Folder


def logged(folder: Folder, *events: str) -> list[Logged]:
    """Run a test with these events and return them as they were logged."""
    lines = ["events:", *(f"  - {event}" for event in events), "expect: {messages: []}"]
    trace = folder.one("\n".join(lines)).trace
    assert trace is not None
    return trace.logged


def clocks(events: list[Logged]) -> list[str]:
    return [iso(one.at)[11:-1].removesuffix(".000") for one in events]


def test_a_repeat_counts_or_goes_until(folder: Folder) -> None:
    """``count`` events, or as many as fit until a time, inclusive; the number is filled in, also deep inside."""
    counted = logged(folder, "{at: 10:00:01, repeat: {count: 3, every: 2s}, document: {a: {b: ['x {{ n }}', 5]}}}")
    assert clocks(counted) == ["10:00:01", "10:00:03", "10:00:05"]
    assert [one.source["a"] for one in counted] == [{"b": [f"x {n}", 5]} for n in (1, 2, 3)]
    assert clocks(logged(folder, "{at: 10:00:01, repeat: {every: 2s, until: 10:00:05}, document: {}}")) == clocks(
        counted
    )


def test_jitter_is_the_same_at_every_run(folder: Folder) -> None:
    """Times move by at most the jitter, by the seed and nothing else."""
    event = "{{at: 10:00:00, repeat: {{count: 20, every: 10s, jitter: 5s, seed: {}}}, document: {{}}}}"
    one, again, other = (clocks(logged(folder, event.format(seed))) for seed in (1, 1, 2))
    assert one == again != other
    assert all(int(clock[6:8]) % 10 <= 5 for clock in one)


def test_each_makes_an_event_for_every_combination(folder: Folder) -> None:
    """Fields with several values give the product of them at each instant."""
    found = logged(folder, "{at: 1m, document: {n: {a: 0}}, each: {n.a: [1, 2], host.name: [x, y]}}")
    assert [(one.source["n"], one.source["host.name"]) for one in found] == [
        ({"a": 1}, "x"), ({"a": 1}, "y"), ({"a": 2}, "x"), ({"a": 2}, "y"),
    ]  # fmt: skip


def test_a_document_may_state_its_own_time(folder: Folder) -> None:
    """An event dated ahead of the clock is seen at ``at`` and counts at its own time."""
    stated = '{at: 10:00:30, document: {kind: reset, "@timestamp": "2026-03-10T10:05:00Z"}}'
    (found,) = logged(folder, stated)
    assert (iso(found.at), iso(found.visible)) == ("2026-03-10T10:05:00.000Z", "2026-03-10T10:00:30.000Z")
    ahead = "\n".join(["events:", *[f"  - {stated}"] * 3, "expect: {matches: [{at: 10:05:00, count: 3}]}"])
    assert folder.one(ahead).passed


def sample(path: Path) -> None:
    lines = [
        {"@timestamp": "2020-05-01T00:00:10Z", "kind": "reset", "user": {"name": "a"}},
        {"_index": "x", "_id": "7", "_source": {"@timestamp": "2020-05-01T00:00:00Z", "kind": "reset"}},
        {"@timestamp": "2020-05-01T00:00:30Z", "kind": "reset"},
    ]
    text = "\n".join(map(json.dumps, lines)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


@pytest.mark.parametrize("name", ["sample.ndjson", "sample.ndjson.gz"])
def test_a_file_is_moved_in_time_and_its_fields_are_replaced(folder: Folder, name: str) -> None:
    """The earliest document lands on ``at``, the others keep their distance; ``set`` replaces, ``first`` cuts."""
    sample(folder.path / name)
    found = logged(folder, f"{{file: {name}, at: 10:01:00, set: {{user.name: z, kind: other}}}}")
    assert clocks(found) == ["10:01:00", "10:01:10", "10:01:30"]
    assert [one.source["kind"] for one in found] == ["other"] * 3
    assert found[1].source["user"] == {"name": "z"}
    assert found[1].source["@timestamp"] == "2026-03-10T10:01:10.000Z"
    assert len(logged(folder, f"{{file: {name}, at: 1m, first: 2}}")) == 2


def test_a_file_without_at_keeps_its_times(folder: Folder) -> None:
    """Documents before the start are the rule's past."""
    sample(folder.path / "sample.ndjson")
    assert iso(logged(folder, "{file: sample.ndjson}")[0].at) == "2020-05-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "not JSON"),
        ('{"a": 1}', "no readable time in @timestamp"),
        ('{"@timestamp": "soon"}', "no readable time"),
        ("", "holds no document"),
    ],
)
def test_a_file_that_is_no_sample_fails_the_test(folder: Folder, text: str, says: str) -> None:
    """What cannot be logged is said at the place of ``file``, and the test fails."""
    (folder.path / "bad.ndjson").write_text(text)
    result = folder.one("events:\n  - {at: 1m, file: bad.ndjson}\nexpect: {messages: []}")
    assert says in result.failures[0].message
    assert (result.place(result.failures[0]).line, result.place(result.failures[0]).column) == (5, 24)


def test_an_event_that_a_server_would_reject_fails_the_test(folder: Folder) -> None:
    """A text in a field mapped as a number would never be indexed; the test says so."""
    events = "events:\n  - {at: 1m, document: {n: 5}}\n  - {at: 2m, document: {n: five}}"
    assert "a server would reject an event" in folder.one(events, "expect: {messages: []}").failures[-1].message


@pytest.mark.parametrize(
    "field",
    [
        TimeField("t"),
        TimeField("t", TimeKind.UNIX),
        TimeField("t", TimeKind.UNIX_MS),
        TimeField("t", TimeKind.CUSTOM, "%d/%m/%Y %H:%M:%S.%f"),
    ],
)
def test_the_time_is_written_as_the_rule_reads_it(field: TimeField) -> None:
    """Whatever the timestamp_type, reading what was written gives the instant to the millisecond."""
    for at in (parse_instant("2026-03-10T10:00:00Z"), parse_instant("2026-03-10T10:00:00.123Z")):
        assert parse_time(time_text(at, field), field) == at


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ({}, {"a.b": 1}),
        ({"a.b": 0}, {"a.b": 1}),
        ({"a": {"b": 0, "c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": 5}, {"a": 5, "a.b": 1}),
    ],
)
def test_a_field_is_set_where_the_document_has_it(source: dict[str, Any], result: dict[str, Any]) -> None:
    """A dotted path goes into the object that is there, else under the dotted name."""
    put(source, "a.b", 1)
    assert source == result
