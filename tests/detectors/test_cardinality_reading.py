"""cardinality: what is read of a source, how often, and where it stops."""

from __future__ import annotations

import pytest

from alerter.clock import MINUTE
from alerter.engine.dryrun import dry_run
from alerter.model.rule import Cardinality, TimeField
from alerter.sources import hits, spreading
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.opening import Reading
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.test_cardinality import PROPERTIES, ROUTING, T, through


class Counted(EmbeddedSource):
    """Counts the values that are answered."""

    values = 0

    def search(self, requests):
        """Answer, and count the buckets with a first instant."""
        answers = super().search(requests)
        for answer in answers:
            assert not isinstance(answer, SourceError)
            pages = answer.aggregations.get("k", {}).get("buckets", ())
            self.values += sum("first" in bucket for bucket in pages)
        return answers


def steady(minutes, each):
    """Return documents of the same values in every minute."""
    return [{"@timestamp": iso(m * MINUTE + n), "v": f"v{n}"} for m in range(minutes) for n in range(each)]


def test_only_the_newest_slice_is_asked_for():
    """Values of the window that cannot change any more are not asked for again."""
    tested = rule(Cardinality("v", 60 * MINUTE, 1_000), buffer_time=0)
    source = Counted(documents=steady(120, 20), properties=PROPERTIES)
    through(tested, source, 60 * MINUTE, [61 * MINUTE])
    first = source.values
    source.values = 0
    through(tested, source, 60 * MINUTE, [m * MINUTE for m in range(61, 71)])
    assert first == 40
    assert source.values == first + 9 * 20


def test_a_span_that_failed_is_read_again_with_what_came_late():
    """What was settled by an evaluation that did not succeed is asked for again by the next."""
    tested = rule(Cardinality("v", 10 * MINUTE, 2), buffer_time=MINUTE)
    source = EmbeddedSource(documents=[{"@timestamp": iso(MINUTE), "v": "a"}], properties=PROPERTIES)
    reader = Reader(source)
    for end, late, number in ((5 * MINUTE, "b", 1), (6 * MINUTE, "c", 2)):
        (found,) = reader.open([Reading(tested, -20 * MINUTE, end, MINUTE)])
        assert not isinstance(found, SourceError)
        assert found.spread(None).number(end) == number
        source.extend([{"@timestamp": iso(2 * MINUTE), "v": late}])


def test_pages_follow_each_other(monkeypatch):
    """More values than a page holds are all counted."""
    monkeypatch.setattr(spreading, "FIRST_PAGE", 3)
    monkeypatch.setattr(spreading, "PAGE", 4)
    source = EmbeddedSource(documents=steady(1, 20), properties=PROPERTIES)
    found = dry_run(rule(Cardinality("v", MINUTE, 19)), source, ROUTING, -1, MINUTE)
    assert [m.facts["value"] for m in found.matches] == [20]


@pytest.mark.parametrize("field", ["@timestamp", "stamp"])
def test_too_many_values_are_an_error(monkeypatch, field):
    """Beyond the bound the rule is not evaluated, and the error names bound, rule and remedy."""
    for module in (spreading, hits):
        monkeypatch.setattr(module, "MOST", 19)
    documents = [{**d, "stamp": d["@timestamp"]} for d in steady(3, 20)]
    source = EmbeddedSource(documents=documents, properties={**PROPERTIES, "stamp": {"type": "keyword"}})
    tested = rule(Cardinality("v", MINUTE, 5), time=TimeField(field))
    with pytest.raises(SourceError, match=r"rule a rule: more than 19 different values of v") as error:
        dry_run(tested, source, ROUTING, -1, 3 * MINUTE)
    assert "narrow the filter" in error.value.hint


def test_the_same_values_again_need_no_room(monkeypatch):
    """The bound is on values, not on how often or for how long they are seen."""
    monkeypatch.setattr(spreading, "MOST", 50)
    source = EmbeddedSource(documents=steady(60, 20), properties=PROPERTIES)
    found = dry_run(rule(Cardinality("v", MINUTE, 5)), source, ROUTING, -1, 60 * MINUTE)
    assert len(found.matches) == 1


def test_numbers_and_text_are_counted_by_what_can_be():
    """A number counts by its value; analysed text by its keyword sub-field; a field that no document has is said."""
    documents = [{"@timestamp": iso(n), "n": n // 2, "t": f"Text {n}"} for n in range(6)]
    source = EmbeddedSource(documents=documents, properties={"n": {"type": "long"}})
    values = {name: dry_run(rule(Cardinality(name, T, 0)), source, ROUTING, -1, MINUTE) for name in ("n", "t", "no")}
    assert [len(found.matches) for found in values.values()] == [1, 1, 0]
    assert values["t"].warnings == ("field_on_text: the values of t.keyword are counted, as t is analysed text",)
    assert values["no"].warnings == ("field_missing: no document has the field no yet: it has no values to count",)
