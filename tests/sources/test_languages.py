"""Rules with a filter in EQL or ES|QL: what is sent, what comes back, and that nothing is cut off in silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerter.cli.dryrun_warnings import field_warnings
from alerter.cli.why_inputs import _Counting
from alerter.clock import HOUR, MINUTE
from alerter.config import Settings, load_settings
from alerter.engine.dryrun import DryRun, dry_run
from alerter.lint.gathering import gather
from alerter.model.history import NewTerm, ValueChange
from alerter.model.metric import Limits, Metric, MetricAggregation, MetricKind, Windows
from alerter.model.rule import Cardinality, Condition, Flatline, Frequency, Realert, Rule, Spike, SpikeType, ValueList
from alerter.model.texts import Texts
from alerter.ruleset.checking import check
from alerter.ruleset.load import load_rules
from alerter.sources import languages
from alerter.sources.asking import Asking
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.es_client import connect
from alerter.sources.explain import ExplainedSource
from alerter.sources.of_key import narrowed
from alerter.sources.protocol import Source, SourceError
from alerter.testing import rule
from alerter.timetext import iso
from alerter.why.records import Asked
from tests.engine.support import T0, routing
from tests.servers.elastic import Node
from tests.support.client import client_of
from tests.support.languages import TYPES, Document, LanguageServer

EQL = ({"eql": 'any where level == "error"'}, {"term": {"host": "a"}})
ESQL = ({"esql": 'FROM logs METADATA _id | WHERE level == "error"'}, {"term": {"host": "a"}})
EVENTS: list[Document] = [
    {"_id": str(n), "@timestamp": T0 + at, "user": user, "message": f"m{n}", "bytes": n}
    for n, (at, user) in enumerate(
        [(MINUTE, "ann"), (MINUTE, "bob"), (90_000, "ann"), (2 * MINUTE, "ann"), (7 * MINUTE, "bob"), (HOUR, "cem")]
    )
]
CONDITIONS: dict[str, Condition] = {
    "frequency": Frequency(2, 5 * MINUTE),
    "flatline": Flatline(1, 10 * MINUTE),
    "spike": Spike(1.5, SpikeType.UP, 5 * MINUTE, alert_on_new_data=True),
    "cardinality": Cardinality("bytes", 10 * MINUTE, maximum=1),
    "metric": MetricAggregation(Metric(MetricKind.SUM, "bytes"), Windows(10 * MINUTE), Limits(maximum=3)),
    "change": ValueChange(("bytes",)),
    "new_term": NewTerm((("user",),), window=HOUR),
    "list": ValueList("user", ("ann",), deny=True),
}


def made(condition: Condition, filter: Any, **more: Any) -> Rule:
    return rule(condition, **{"filter": filter, "realert": Realert(0, True), "query_delay": 0, "index": "logs"} | more)


def asked(server: LanguageServer) -> ElasticsearchSource:
    return ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": server.url}).es))


def ran(source: Source, one: Rule) -> DryRun:
    return dry_run(one, source, routing(), T0, T0 + 2 * HOUR)


def found(answer: DryRun) -> list[Any]:
    return [(match.at - T0, match.key, match.count, dict(match.facts)) for match in answer.matches]


@pytest.fixture
def server() -> Iterator[LanguageServer]:
    with LanguageServer(EVENTS) as made:
        yield made


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
@pytest.mark.parametrize("keyed", [False, True], ids=["one", "keyed"])
@pytest.mark.parametrize("name", CONDITIONS)
def test_every_type_finds_what_it_finds_in_files(server: LanguageServer, filter: Any, name: str, keyed: bool) -> None:
    """The events that the query selects are judged like any others."""
    key = ("user",) if keyed and name != "new_term" else ()
    documents = [{**d, "@timestamp": iso(d["@timestamp"])} for d in EVENTS]
    files = EmbeddedSource(
        documents=[{n: v for n, v in d.items() if n != "_id"} for d in documents],
        properties={n: {"type": kind} for n, kind in TYPES.items()},
    )
    plain = ran(files, made(CONDITIONS[name], (), query_key=key))
    answer = ran(asked(server), made(CONDITIONS[name], filter, query_key=key))
    assert found(answer) == found(plain)
    assert plain.matches


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_pages_by_time(server: LanguageServer, filter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two events of one instant are not divided by a page, and none is read twice or left out."""
    whole = ran(asked(server), made(CONDITIONS["frequency"], filter))
    monkeypatch.setattr(languages, "PAGE", 3)
    assert found(ran(asked(server), made(CONDITIONS["frequency"], filter))) == found(whole)
    assert sum(match.count for match in whole.matches) == 6


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_more_events_of_an_instant_than_a_page(
    server: LanguageServer, filter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cannot be read, and that is said: nothing is cut off."""
    monkeypatch.setattr(languages, "PAGE", 2)
    with pytest.raises(SourceError, match="2 events or more of one millisecond") as raised:
        ran(asked(server), made(CONDITIONS["frequency"], filter))
    assert raised.value.kind == "rejected"


def test_a_lower_limit_of_the_server(server: LanguageServer) -> None:
    """ES|QL gives no more rows than the cluster's setting, and does not say so: the rest is asked for."""
    server.most = 3
    assert found(ran(asked(server), made(CONDITIONS["frequency"], ESQL))) == found(
        ran(asked(server), made(CONDITIONS["frequency"], EQL))
    )
    server.most = 2
    with pytest.raises(SourceError, match="counts more events than it answers with") as raised:
        ran(asked(server), made(CONDITIONS["frequency"], ESQL))
    assert raised.value.kind == "incomplete"


@pytest.mark.parametrize(
    ("filter", "spoiled"),
    [
        (EQL, {"timed_out": True}),
        (EQL, {"is_partial": True}),
        (EQL, {"shard_failures": [{"shard": 0}]}),
        (ESQL, {"is_partial": True}),
    ],
)
def test_a_part_of_an_answer_is_none(server: LanguageServer, filter: Any, spoiled: Any) -> None:
    """A shard that failed, or a time-out, leaves the rule where it is."""
    server.spoiled = spoiled
    with pytest.raises(SourceError) as raised:
        ran(asked(server), made(CONDITIONS["frequency"], filter))
    assert raised.value.kind == "incomplete"


@pytest.mark.parametrize(
    ("filter", "spoiled", "kind"),
    [
        (EQL, {"hits": {"sequences": [{"events": []}]}}, "rejected"),
        (EQL, {"hits": {"total": {"value": 1}}}, "incomplete"),
        (EQL, {"hits": {"events": ["x"]}}, "incomplete"),
        (ESQL, {"columns": [{"name": "user", "type": "keyword"}]}, "rejected"),
        (ESQL, {"values": [["x"]]}, "incomplete"),
        (ESQL, {"columns": None}, "incomplete"),
    ],
)
def test_another_answer_than_there_should_be(server: LanguageServer, filter: Any, spoiled: Any, kind: str) -> None:
    """It is that rule's failure, with a reason."""
    server.spoiled = spoiled
    with pytest.raises(SourceError) as raised:
        ran(asked(server), made(CONDITIONS["frequency"], filter))
    assert (raised.value.kind, "bug" in raised.value.reason) == (kind, False)


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_what_is_sent(server: LanguageServer, filter: Any) -> None:
    """The rest of the filter and the time go beside the query, as ElastAlert sends them; documents are not asked for
    while events are only counted."""
    ran(asked(server), made(CONDITIONS["frequency"], filter, query_key=("user",)))
    path = "_eql/search" if filter is EQL else "_query"
    bodies = [body for body in server.asked(path) if body["filter"]["bool"]["filter"]]
    assert all({"term": {"host": "a"}} in body["filter"]["bool"]["filter"] for body in bodies)
    ranges = [c["range"]["@timestamp"] for c in bodies[0]["filter"]["bool"]["filter"] if "range" in c]
    assert ranges == [{"gte": ranges[0]["gte"], "lt": T0 + 2 * HOUR + 1, "format": "epoch_millis"}]
    if filter is EQL:
        assert (bodies[0]["size"], bodies[0]["result_position"]) == (10_000, "head")
    else:
        assert bodies[1]["query"].splitlines()[1:] == [
            "| KEEP `@timestamp`, `user`", "| SORT `@timestamp` ASC", "| LIMIT 10000",
        ]  # fmt: skip


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_messages_show_the_events_of_the_query(server: LanguageServer, filter: Any) -> None:
    """Samples, charts and counts are of the same answer: no search knows which events the query selects."""
    texts = Texts(top=("user",), related=True)
    one = made(CONDITIONS["frequency"], filter, texts=texts, include=("user", "bytes"))
    answer = ran(asked(server), one)
    view = answer.incidents[0].view
    assert view.top[0].rows == (("ann", 3), ("bob", 1))
    assert '"user": "ann", "bytes": 3}' in view.sample
    assert "message" not in view.sample
    assert any("3" in value for _, value in view.fields), view.fields


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_the_first_event_of_a_key_is_one_event(filter: Any) -> None:
    """Not the whole history is read for each key; and what was read is what the cost says."""
    users = ["ann", "bob", ["cem", "dan"], None]
    old = [{"_id": f"o{n}", "@timestamp": T0 - 90 * MINUTE + n, "user": users[n % 4], "bytes": n} for n in range(400)]
    with LanguageServer([{k: v for k, v in d.items() if v is not None} for d in [*old, *EVENTS]]) as server:
        answer = ran(asked(server), made(CONDITIONS["spike"], filter, query_key=("user",)))
        given = server.given
        before = [body for body in server.asked("_query") + server.asked("_eql") if _begin(body) < 0]
    assert before
    assert all(body.get("size", 1) == 1 and not body["query"].endswith("LIMIT 10000") for body in before)
    assert answer.cost.hits == given
    assert given < 1_000


def _begin(body: Any) -> int:
    """Return from where on events are asked for."""
    ranges = [c["range"]["@timestamp"] for c in body["filter"]["bool"]["filter"] if "range" in c]
    return int(ranges[0]["gte"]) if ranges else T0


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_times_in_nanoseconds_have_none_before_1970(filter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server refuses a bound below."""
    monkeypatch.setitem(TYPES, "@timestamp", "date_nanos")
    with LanguageServer(EVENTS) as server:
        ran(asked(server), made(CONDITIONS["spike"], filter, query_key=("user",)))
        begins = [_begin(body) for body in server.asked("_query") + server.asked("_eql")]
    assert min(begins) == 0


def test_a_query_is_narrowed_to_a_key() -> None:
    """Whatever a value holds stays one; where the key cannot be written, all events are read."""
    types = {"@timestamp": frozenset({"date"}), "u": frozenset({"keyword"}), "ip": frozenset({"ip"})}
    for filter, texts, clauses in (
        (EQL, "", 4),
        (ESQL, '\n| WHERE (`u` == "a\\"\\\\\\n" OR MV_COUNT(`u`) > 1)', 1),
    ):
        asking = Asking.of(made(CONDITIONS["frequency"], filter, query_key=("u", "ip", "gone")), types)
        selection = asking.selection(T0, T0)
        one = narrowed(selection, asking, (("u", 'a"\\\n'), ("ip", "::1"), ("gone", None)))
        assert one.query.text == selection.query.text + texts
        assert len(one.clauses) == clauses - (filter is EQL)
        assert narrowed(selection, asking, (("u", 5), ("ip", "x"), ("gone", None))) == selection


EVAL = """
name: r
type: any
index: logs
query_key: user
filter: [{esql: 'FROM logs | EVAL user = TO_UPPER(name)'}]
"""


def test_columns_that_the_query_makes_are_fields(server: LanguageServer, tmp_path: Path) -> None:
    """They are in no mapping, and no finding; nor is a document asked for them before the query is."""
    del server.mapped["user"]
    (tmp_path / "r.yaml").write_text(EVAL, encoding="utf-8")
    source = asked(server)
    result = check([tmp_path], Settings(), ask=lambda rules: gather(source, rules, T0 + 2 * HOUR))
    assert [d.message for d in result.diagnostics if d.code in ("unknown_field", "refused_filter")] == []
    (one,), (document,) = (loaded := load_rules([tmp_path], Settings())).rules, loaded.documents
    assert list(field_warnings(one, document, source)) == []
    counting = _Counting(Asked("r", T0, T0 + HOUR, {"user": "ann"}), one, source, T0, T0 + HOUR)
    assert [match.key for match in counting.matches(one)] == [(("user", "ann"),)] * 3
    sent = [clause for body in server.asked("_query") for clause in body["filter"]["bool"]["filter"]]
    assert not any("term" in clause for clause in sent)


def test_lines_to_send_again(server: LanguageServer) -> None:
    """--explain shows these requests too."""
    source = ExplainedSource(asked(server), lambda _: None)
    ran(source, made(CONDITIONS["frequency"], EQL))
    ran(source, made(CONDITIONS["frequency"], ESQL))
    lines = source.take()
    assert any("/logs/_eql/search?filter_path=-hits.events._source" in line for line in lines)
    assert any("/_query" in line and "STATS n = COUNT(*)" in line for line in lines)


def test_lines_of_another_cluster(server: LanguageServer) -> None:
    """They name it, and give it no credential of the settings."""
    source = ExplainedSource(asked(server), lambda _: None, "https://es2.example:9200")
    ran(source, made(CONDITIONS["frequency"], EQL))
    lines = source.take()
    assert all("$ALERTER" not in line and "Authorization" not in line for line in lines)
    assert all(line.endswith(" # cluster https://es2.example:9200") for line in lines)
    assert sum('"$ES_URL_OF_RULE/logs/' in line for line in lines) == len(lines) > 1


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_files_have_no_such_language(filter: Any) -> None:
    """The embedded evaluator refuses by name."""
    with pytest.raises(SourceError, match="evaluated by Elasticsearch alone") as raised:
        ran(EmbeddedSource(documents=[{"@timestamp": iso(T0)}]), made(CONDITIONS["frequency"], filter))
    assert (raised.value.kind, raised.value.hint) == ("unsupported", "run this rule against a cluster")


@pytest.mark.parametrize("filter", [EQL, ESQL], ids=["eql", "esql"])
def test_a_server_without_the_module(es_all: Node, index_prefix: str, filter: Any) -> None:
    """The test servers are such: what they answer is told as what it is."""
    es_all.request("PUT", f"{index_prefix}-x", {"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
    source = ElasticsearchSource(client_of(es_all))
    with pytest.raises(SourceError, match="this server has no E") as raised:
        ran(source, made(CONDITIONS["frequency"], filter, index=f"{index_prefix}-x"))
    source.close()
    assert raised.value.kind == "unsupported"
