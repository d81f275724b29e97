"""Reading events from the embedded source: times, keys, lists, first events, samples, redaction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerter.clock import HOUR, MINUTE
from alerter.detectors.protocol import Ask, Question, Unanswered
from alerter.model.rule import Alive, Flatline, Frequency, FromEvent, Redaction, Rule, TimeField, TimeKind, ValueList
from alerter.sources import opening
from alerter.sources.candidates import SIZES
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.events import Events
from alerter.sources.opening import Reading
from alerter.sources.protocol import SourceError
from alerter.sources.reader import MAPPING_AGE, Reader
from alerter.testing import rule

T0 = 1_773_140_400_000  # 2026-03-10T11:00:00Z
KEYWORD = {"type": "keyword"}
COUNTING = Frequency(1, 5 * MINUTE)


def stamp(offset: int) -> str:
    whole, rest = divmod(offset, 1000)
    return f"2026-03-10T11:{whole // 60:02d}:{whole % 60:02d}.{rest:03d}Z"


def source(*documents, properties=None):
    return EmbeddedSource(documents=list(documents), properties=properties or {})


class Known:
    """Events of which every question is answered at once, and every instant known."""

    def __init__(self, reader: Reader, events: Events) -> None:
        self._reader = reader
        self._events = events

    def __getattr__(self, name):
        found = getattr(self._events, name)
        return self._answered(found) if callable(found) else found

    def _answered(self, method):
        def call(*args, **named):
            while True:
                try:
                    return method(*args, **named)
                except Unanswered as unanswered:
                    (failed,) = self._reader.answer([(self._events, unanswered.questions)])
                if failed is not None:
                    raise failed

        return call

    def times(self, key) -> list[int]:
        """Return the times of a key's events, ties repeated."""
        while True:
            curve = self._events.curve(key)
            spans = curve.inside(0, 2 * T0)
            if not spans:
                return [b.end for b in curve.buckets(0, 2 * T0) for _ in range(b.number)]
            self._reader.answer([(self._events, [Question(Ask.DETAIL, key, c.start, c.end) for c in spans])])


def read(tested: Rule, *documents, properties=None, start=T0 - HOUR, end=T0 + HOUR) -> Known:
    """Read by counts where they answer; what every event one by one gives must be the same."""
    reader = Reader(source(*documents, properties=properties))
    (events,) = reader.open([Reading(tested, start, end, start)])
    if isinstance(events, SourceError):
        raise events
    one_by_one = reader.read(tested, start, end)
    if not isinstance(tested.condition, Frequency) or not tested.query_key:  # only keys with enough events are named
        assert counts(events) == counts(one_by_one)
    known = Known(reader, events)
    assert all(known.times(key) == Known(reader, one_by_one).times(key) for key in events.keys())  # noqa: SIM118
    return known


def counts(events) -> dict:
    """Return the number of events by the values of their key."""
    keys = events.keys()
    return {tuple(v for _, v in key or ()): events.curve(key).count(0, 2 * T0) for key in keys}


def test_span_excludes_its_start_and_includes_its_end():
    """An event exactly at the start is not read, one at the end is; the filter and a missing time leave others out."""
    documents = [{"@timestamp": stamp(at), "level": "error"} for at in (0, 1, 5000, 5001)]
    others = [{"@timestamp": stamp(2), "level": "info"}, {"level": "error"}]
    tested = rule(COUNTING, filter=({"term": {"level": "error"}},))
    events = read(tested, *documents, *others, properties={"level": KEYWORD}, start=T0, end=T0 + 5000)
    assert list(events.times(None)) == [T0 + 1, T0 + 5000]


def test_kql_filter_is_understood():
    """A filter may be written in Kibana's query language."""
    tested = rule(COUNTING, filter=({"kql": "level: error"},))
    documents = [{"@timestamp": stamp(n), "level": level} for n, level in enumerate(("error", "info", "error"))]
    assert counts(read(tested, *documents)) == {(): 2}


@pytest.mark.parametrize(
    ("time", "values"),
    [
        (TimeField("ts", TimeKind.UNIX), [1773140400.001, 1773140401.003]),
        (TimeField("ts", TimeKind.UNIX), [1773140400, 1773140401]),
        (TimeField("ts", TimeKind.UNIX_MS), [T0 + 1, T0 + 1003]),
        (TimeField("ts", TimeKind.CUSTOM, "%d/%b/%Y:%H:%M:%S %z"), ["10/Mar/2026:12:00:00 +0100"] * 2),
        (TimeField("ts"), ["2026-03-10 11:00:00.001", "2026-03-10 11:00:01.003"]),
    ],
)
def test_time_in_other_forms(time, values):
    """Whole epoch numbers are asked as such; texts, and numbers mapped as float, are read document by document."""
    events = read(rule(COUNTING, time=time), *[{"ts": value} for value in values], start=T0 - 1)
    expected = [T0 + 1, T0 + 1003] if "." in str(values[0]) or values[0] == T0 + 1 else None
    if time.kind is TimeKind.CUSTOM:
        expected = [T0, T0]
    assert list(events.times(None)) == (expected or [T0, T0 + 1000])
    assert events.first_event(None) == events.curve(None).first() == events.first_document()
    reads_all = any(text.startswith("time_not_a_date") for text in events.warnings)
    assert reads_all == (not isinstance(values[0], int))


def test_nested_time_field():
    """The time field may lie in an object."""
    events = read(rule(COUNTING, time=TimeField("event.created")), {"event": {"created": stamp(7)}})
    assert list(events.times(None)) == [T0 + 7]


def test_keys_arrays_compounds_and_missing():
    """An array counts under each value once, a compound key under each combination, a missing part under null."""
    tested = rule(COUNTING, query_key=("user", "host"))
    documents = [
        {"@timestamp": stamp(1), "user": ["a", "b", "a"], "host": "x"},
        {"@timestamp": stamp(2), "user": "a", "host": ["x", "y"]},
        {"@timestamp": stamp(3), "user": "a"},
    ]
    events = read(tested, *documents, properties={"user": KEYWORD, "host": KEYWORD})
    assert counts(events) == {("a", "x"): 2, ("b", "x"): 1, ("a", "y"): 1, ("a", None): 1}


def test_text_key_uses_its_keyword_and_says_so():
    """Analysed text is grouped by its keyword sub-field; the key keeps the name as written."""
    events = read(rule(COUNTING, query_key=("user.name",)), {"@timestamp": stamp(1), "user": {"name": "Ann Lee"}})
    assert list(events.keys()) == [(("user.name", "Ann Lee"),)]
    assert any("key_on_text" in text for text in events.warnings)


def test_text_key_without_keyword_is_refused():
    """Text that cannot be grouped by is an error that names the remedy, never a wrong grouping."""
    with pytest.raises(SourceError, match="cannot be grouped by") as caught:
        read(rule(COUNTING, query_key=("msg",)), {"@timestamp": stamp(1)}, properties={"msg": {"type": "text"}})
    assert ".keyword" in caught.value.hint


def test_unmapped_key_is_one_group_and_said():
    """A key field that no document has puts all events into the group of the missing value."""
    events = read(rule(COUNTING, query_key=("nobody",)), {"@timestamp": stamp(1)})
    assert counts(events) == {(None,): 1}
    assert any("key_missing" in text for text in events.warnings)


def test_split_attribute_divides_like_a_key():
    """A value taken from the event splits the counting under its translation; samples come back by it."""
    domain = FromEvent("kafka.key", {"User": "user", "Order": "order"}, "other")
    tested = rule(COUNTING, domain=domain)
    values = ("User", "Order", "User", "Zap")
    documents = [{"@timestamp": stamp(n), "kafka": {"key": k}} for n, k in enumerate(values, 1)]
    events = read(tested, *documents, {"@timestamp": stamp(9)}, properties={"kafka": {"properties": {"key": KEYWORD}}})
    assert counts(events) == {("user",): 2, ("order",): 1, ("other",): 2}
    assert len(events.samples((("domain", "other"),), T0, T0 + MINUTE)) == 2
    assert [d["kafka"]["key"] for d in events.samples((("domain", "user"),), T0, T0 + MINUTE)] == ["User", "User"]


def test_list_membership_is_exact():
    """Case and type count; 5 is 5.0 but not "5"; patterns are anchored; any element of an array is enough."""
    bad = ValueList("v", ("bad", "5", 7, True), deny=True, patterns=("x+",))
    good = [{"v": "bad"}, {"v": "5"}, {"v": 7.0}, {"v": "xx"}, {"v": ["fine", "bad"]}, {"v": True}]
    others = [{"v": "BAD"}, {"v": 5}, {}, {"v": "bad "}, {"v": 1}, {"v": "xxy"}, {"v": "7"}]
    tested = rule(bad, filter=({"match_all": {}},))
    properties = {"v": KEYWORD}
    documents = [{"@timestamp": stamp(n), **d} for n, d in enumerate(good + others)]
    events = read(tested, *documents, properties=properties)
    assert list(events.times(None)) == [T0 + n for n in range(6)]
    assert [list(events.values(None, T0 + n)) for n in range(6)] == [["bad"], ["5"], [7.0], ["xx"], ["bad"], [True]]


@pytest.mark.parametrize(("ignore_null", "number"), [(True, 1), (False, 3)])
def test_whitelist_and_null(ignore_null, number):
    """A whitelist matches what is not listed; missing and null only unless ignore_null."""
    tested = rule(ValueList("v", ("ok",), deny=False, ignore_null=ignore_null))
    documents = [{"@timestamp": stamp(n), **d} for n, d in enumerate(({"v": "ok"}, {"v": "no"}, {}, {"v": None}))]
    assert counts(read(tested, *documents)) == {(): number}


def test_first_event_reaches_beyond_the_span():
    """The first event of a key is looked for in all of the data, of any key when asked, of the index unfiltered."""
    documents = [
        {"@timestamp": "2026-03-01T00:00:00Z", "user": "old", "level": "info"},
        {"@timestamp": "2026-03-02T00:00:00Z", "user": "b", "level": "error"},
        {"@timestamp": "2026-03-03T00:00:00Z", "user": "a", "level": "error"},
        {"@timestamp": stamp(1), "user": "a", "level": "error"},
    ]
    properties = {"user": KEYWORD, "level": KEYWORD}
    tested = rule(COUNTING, query_key=("user",), filter=({"term": {"level": "error"}},))
    events = read(tested, *documents, properties=properties)
    day = 24 * HOUR
    march = T0 - 11 * HOUR - 9 * day
    assert events.first_event((("user", "a"),)) == march + 2 * day
    assert events.first_event((("user", "b"),)) == march + day
    assert events.first_event((("user", "nobody"),)) is None
    assert events.first_event(None, any_key=True) == march + day
    assert events.first_document() == march


def test_samples_are_newest_first_and_keep_the_key():
    """Samples hold what include says, and always the key and the time."""
    documents = [{"@timestamp": stamp(n), "user": "a", "n": n, "noise": 1} for n in range(5)]
    tested = rule(COUNTING, query_key=("user",), include=("n",))
    events = read(tested, *documents, properties={"user": KEYWORD})
    found = events.samples((("user", "a"),), T0, T0 + 3)
    assert [d["n"] for d in found] == [3, 2, 1]
    assert set(found[0]) == {"@timestamp", "user", "n"}


def test_redacted_key_keeps_apart_and_is_asked_for_by_its_value():
    """A redacted value becomes a stable hash; samples and the first event are still found."""
    documents = [{"@timestamp": stamp(n), "auth": {"token": t}} for n, t in enumerate(("s1", "s2", "s1"), 1)]
    properties = {"auth": {"properties": {"token": KEYWORD}}}
    tested = rule(COUNTING, query_key=("auth.token",))
    events = read(tested, *documents, properties=properties)
    keys = list(events.keys())
    assert "s1" not in repr(keys)
    key = next(k for k in keys if events.curve(k).count(0, 2 * T0) == 2)
    assert events.first_event(key) == T0 + 1
    assert len(events.samples(key, T0, T0 + 10)) == 2
    again = read(replace(tested, redact=Redaction()), *documents, properties=properties)
    assert set(again.keys()) == set(events.keys())


def test_alive_counts_other_documents_in_the_window():
    """The alive filter counts documents of the same window, whatever the rule's own filter."""
    condition = Flatline(1, MINUTE, alive=Alive(filter=({"term": {"level": "info"}},)))
    tested = rule(condition, filter=({"term": {"level": "error"}},))
    documents = [{"@timestamp": stamp(n * 1000), "level": "info"} for n in range(3)]
    events = read(tested, *documents, properties={"level": KEYWORD})
    assert events.alive_count(T0, T0 + 2000) == 2


def test_severity_is_read_per_event():
    """A severity from the event without split is kept for each event; words that are no severity are the default."""
    severity = FromEvent("sev", {"E": "critical", "W": "warning"}, "info", split=False)
    documents = [{"@timestamp": stamp(n), "sev": s} for n, s in enumerate(("W", "E", "?"))]
    assert list(read(rule(COUNTING, severity=severity), *documents).severities(None)) == ["warning", "critical", "info"]


def test_extent_is_of_all_documents():
    """The extent of the data does not depend on the filter."""
    reader = Reader(source({"@timestamp": stamp(3), "a": 1}, {"@timestamp": stamp(9), "a": 2}))
    assert reader.extent(rule(COUNTING, filter=({"term": {"a": 5}},))) == (T0 + 3, T0 + 9)


def test_empty_data_is_no_error():
    """An index without any document has no events and no first document."""
    events = read(rule(COUNTING, query_key=("user",)))
    assert list(events.keys()) == []
    assert events.first_document() is None


def test_unreadable_times_are_counted_and_said():
    """A time that is not written as the rule says leaves its document out, with a warning that names one."""
    time = TimeField("ts", TimeKind.CUSTOM, "%d/%b/%Y:%H:%M:%S %z")
    events = read(rule(COUNTING, time=time), {"ts": "10/Mar/2026:11:00:00 +0000"}, {"ts": "yesterday"}, {"other": 1})
    assert counts(events) == {(): 1}
    assert [text for text in events.warnings if text.startswith("time_unreadable: 1 document(s)") and "_id 2" in text]


def test_time_field_that_no_document_has_is_said():
    """A misspelt time field selects nothing; that is said rather than shown as quiet."""
    events = read(rule(COUNTING, time=TimeField("@timestmap")), {"@timestamp": stamp(1)})
    assert counts(events) == {}
    assert any(text.startswith("time_missing") for text in events.warnings)


class Scanning(EmbeddedSource):
    """Counts the lists that are read in pages; with ``kind`` it is taken for a cluster."""

    scans = 0

    def scan(self, request, page=10_000):
        self.scans += 1
        return super().scan(request, page)


@pytest.mark.parametrize(("few", "scans"), [(4, 0), (3, 1), (2, 1)])
def test_few_listed_events_are_read_with_the_questions_of_other_rules(monkeypatch, few, scans):
    """As long as one answer surely holds all; in pages they are the same, in the same order."""
    monkeypatch.setattr(opening, "FEW", few)
    documents = [{"@timestamp": stamp(at), "user": user} for at, user in ((0, "a"), (0, "b"), (5, "a"), (6, "c"))]
    documents.reverse()
    tested = rule(condition=ValueList("user", ("a", "b"), deny=True))
    held = Scanning(documents=documents, properties={"user": KEYWORD})
    (events,) = Reader(held).open([Reading(tested, T0 - HOUR, T0 + HOUR, T0 - HOUR)])
    assert held.scans == scans
    assert [tuple(bucket) for bucket in events.curve(None).buckets(0, 2 * T0)] == [
        (T0 - 1, T0, 2, 0),
        (T0 + 4, T0 + 5, 1, 2),
    ]
    assert [events.values(None, at) for at in (T0, T0 + 5)] == [["b", "a"], ["a"]]


def test_a_plan_is_made_anew_where_its_mapping_is_another_one():
    """A cluster's mapping is looked at every few minutes; where it is the same, so is how the rule is asked for."""
    held = EmbeddedSource(documents=[{"@timestamp": stamp(0), "user": "a"}], properties={"user": KEYWORD})
    held.kind = "elasticsearch"
    reader, tested = Reader(held), rule(condition=COUNTING, query_key=("user",))

    def plan_at(end):
        (events,) = reader.open([Reading(tested, T0 - HOUR, end, T0 - HOUR)])
        assert not isinstance(events, SourceError)
        return reader._plans[tested.name]

    first = plan_at(T0)
    asking = first.asking
    first.size, first.loosens = 200, False
    assert plan_at(T0 + MINUTE).size == 200
    later = plan_at(T0 + MAPPING_AGE)
    assert (later.asking, later.size, later.made) == (asking, SIZES[0], T0 + MAPPING_AGE)
    assert later.asking is asking
    held.field_types = lambda _index, fields: {
        name: frozenset({"date"} if name == "@timestamp" else {"long"}) for name in fields
    }
    assert plan_at(T0 + 2 * MAPPING_AGE).asking.parts != asking.parts
