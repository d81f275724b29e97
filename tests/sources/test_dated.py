"""Rules over indices with dates in their names, on real servers: what is missing, what is another family's, edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.engine.dryrun import dry_run
from alerter.lint.gathering import gather
from alerter.model.indices import DatedIndex
from alerter.model.rule import AnyEvent, Cardinality, Flatline, Frequency, Rule, Spike, SpikeType, TimeField, TimeKind
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader
from alerter.testing import rule
from alerter.timetext import iso
from tests.detectors.metric_runs import ROUTING
from tests.servers.elastic import Node
from tests.support.client import client_of

pytestmark = pytest.mark.es
MIDNIGHT = 1_773_100_800_000  # 2026-03-10T00:00:00Z
PROPERTIES = {"@timestamp": {"type": "date"}, "level": {"type": "keyword"}}


@pytest.fixture
def source(es_all: Node) -> Iterator[ElasticsearchSource]:
    """Return the source on that server."""
    made = ElasticsearchSource(client_of(es_all))
    yield made
    made.close()


def fill(node: Node, index: str, *times: int) -> None:
    """Index a document of each time."""
    lines = [line for at in times for line in ({"index": {}}, {"@timestamp": iso(at), "level": "error"})]
    node.request("PUT", index, {"mappings": {"properties": PROPERTIES}})
    node.request("POST", f"{index}/_bulk?refresh=true", lines)


@pytest.fixture
def prefix(es_all: Node, index_prefix: str) -> str:
    """Return the prefix of two daily indices, of another family of that prefix, and of a day with a wrong document."""
    prefix = f"{index_prefix}-logs"
    fill(es_all, f"{prefix}-2026.03.09", *(MIDNIGHT - n * SECOND for n in (1, 2, 3)))
    fill(es_all, f"{prefix}-2026.03.10", MIDNIGHT, MIDNIGHT + SECOND, MIDNIGHT + HOUR)
    fill(es_all, f"{prefix}-audit-2026.03.10", MIDNIGHT - 300 * DAY, *(MIDNIGHT + n * SECOND for n in range(9)))
    fill(es_all, f"{prefix}-2026.02.01", MIDNIGHT + SECOND)
    return prefix


def dated(prefix: str, condition: object, *, extra: bool = False) -> Rule:
    index = f"{prefix}-%Y.%m.%d"
    return replace(rule(condition, index=index), dated=DatedIndex(index, extra))  # type: ignore[arg-type]


def test_the_indices_of_the_days_are_read(source: ElasticsearchSource, prefix: str) -> None:
    """Over midnight both indices; nothing of another family; days without an index are no error, in long spans too."""
    found = dry_run(dated(prefix, Frequency(5, MINUTE)), source, ROUTING, MIDNIGHT - HOUR, MIDNIGHT + DAY)
    assert [(m.at, m.count) for m in found.matches] == [(MIDNIGHT + SECOND, 5)]
    for days in (2, 400):
        found = dry_run(dated(prefix, AnyEvent()), source, ROUTING, MIDNIGHT - days * DAY, MIDNIGHT + DAY)
        assert found.events == 6
    tested = dated(prefix, Frequency(6, 100 * DAY))
    found = dry_run(tested, source, ROUTING, MIDNIGHT + 30 * MINUTE, MIDNIGHT + 2 * HOUR)
    assert [(m.at, m.count) for m in found.matches] == [(MIDNIGHT + HOUR, 6)]
    events = Reader(source).read(dated(prefix, AnyEvent()), MIDNIGHT - 2 * DAY, MIDNIGHT + 3 * DAY)
    assert events.curve(None).floor(MIDNIGHT + 3 * DAY) == 6
    (facts,) = gather(source, [tested], MIDNIGHT + DAY)
    assert (facts.documents, facts.oldest, facts.missing) == (7, MIDNIGHT - 3 * SECOND, "")


def test_nothing_at_all_is_empty(source: ElasticsearchSource, index_prefix: str) -> None:
    """No index of the pattern yet: no events and no error, by counts and by pages of documents.

    What is not made of dates must be there, also a name with the letters of dates.
    """
    nothing = dated(index_prefix, Frequency(1, MINUTE))
    assert dry_run(nothing, source, ROUTING, MIDNIGHT - HOUR, MIDNIGHT).matches == ()
    assert list(Reader(source).read(nothing, MIDNIGHT - HOUR, MIDNIGHT).keys()) == []
    assert Reader(source).extent(nothing) == (None, None)
    for name in (f"{index_prefix}-2026.03.10", f"{index_prefix}-%Y.%m.%d"):
        with pytest.raises(SourceError) as failed:
            dry_run(rule(Frequency(1, MINUTE), index=name), source, ROUTING, MIDNIGHT - HOUR, MIDNIGHT)
        assert failed.value.kind == "missing"


def test_silence_is_covered_by_the_family_alone(source: ElasticsearchSource, es_all: Node, index_prefix: str) -> None:
    """Nothing is silent before a timeframe has passed: the old document of another family says nothing."""
    start, end = MIDNIGHT - HOUR, MIDNIGHT + 30 * MINUTE
    fill(es_all, f"{index_prefix}-2026.03.10", MIDNIGHT + MINUTE)
    fill(es_all, f"{index_prefix}-audit-2026.03.10", MIDNIGHT - 300 * DAY)
    found = dry_run(dated(index_prefix, Flatline(1, 10 * MINUTE)), source, ROUTING, start, end)
    assert found.matches[0].at == start + 10 * MINUTE


def test_documents_of_another_day(source: ElasticsearchSource, es_all: Node, index_prefix: str) -> None:
    """One in yesterday's index counts with ``search_extra_index``, else not; what lies anywhere never stops a rule."""
    fill(es_all, f"{index_prefix}-2026.03.09", *(MIDNIGHT + n * MINUTE for n in range(60)))
    fill(es_all, f"{index_prefix}-2026.03.10", *(MIDNIGHT - n * 7 * HOUR for n in range(60)))
    span = (MIDNIGHT + 30 * MINUTE, MIDNIGHT + HOUR)
    plain, more = (dated(index_prefix, AnyEvent(), extra=extra) for extra in (False, True))
    assert [dry_run(one, source, ROUTING, *span).events > 0 for one in (plain, more)] == [False, True]
    for condition in (
        Frequency(20, 3 * DAY),
        Frequency(60, 100 * DAY),
        Spike(2, SpikeType.BOTH, DAY),
        Flatline(3, DAY),
        Cardinality("level", DAY, minimum=1),
    ):
        assert dry_run(dated(index_prefix, condition), source, ROUTING, MIDNIGHT - 3 * DAY, MIDNIGHT + DAY).evaluations


def test_times_that_are_no_dates(source: ElasticsearchSource, es_all: Node, index_prefix: str) -> None:
    """Where the server does not know the time every document of the family is read."""
    index = f"{index_prefix}-%Y"
    es_all.request("PUT", f"{index_prefix}-2026", {"mappings": {"properties": {"at": {"type": "keyword"}}}})
    es_all.request("POST", f"{index_prefix}-2026/_bulk?refresh=true", [{"index": {}}, {"at": "10/03/2026 00:00:01"}])
    time = TimeField("at", TimeKind.CUSTOM, "%d/%m/%Y %H:%M:%S")
    tested = replace(rule(AnyEvent(), index=index, time=time), dated=DatedIndex(index))
    assert [m.at for m in dry_run(tested, source, ROUTING, MIDNIGHT, MIDNIGHT + HOUR).matches] == [MIDNIGHT + SECOND]
