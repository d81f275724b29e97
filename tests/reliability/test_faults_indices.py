"""What happens to indices of a real Elasticsearch: shards gone, disk full, state deleted, mappings that conflict."""

from __future__ import annotations

import pytest

from alerter.timetext import iso
from tests.reliability.night import BURST, ClusterNight, calm
from tests.servers.elastic import Node

pytestmark = pytest.mark.es
QUIET: tuple[float, ...] = ()


def finish(night: ClusterNight, folder) -> None:
    """Live on until all is quiet, and compare with a night without faults."""
    night.minutes(QUIET, QUIET, BURST, QUIET, QUIET, QUIET, QUIET)
    night.check()
    assert night.story() == calm(night, folder / "calm")


def settings(es: Node, index: str, **values) -> None:
    """Change settings of an index."""
    es.request("PUT", f"{index}/_settings", values)


def failed_shards(request, answer):
    """Let half the shards of the rule's searches fail, as the server words it."""
    reason = {"type": "circuit_breaking_exception", "reason": "[parent] Data too large"}
    for item in answer.get("responses", ()):
        if request.body.find(b"-logs") >= 0:
            item["_shards"] |= {"successful": 1, "failed": 1, "failures": [{"shard": 0, "reason": reason}]}
            item.get("aggregations", {}).clear()
    return answer


def test_half_the_shards_fail(begin, proxy, tmp_path):
    """What half the shards say is no answer: the rule waits, and says why."""
    night = begin()
    proxy.rewrite = failed_shards
    night.minutes(BURST, QUIET)
    assert "1 of 2 shards failed: [parent] Data too large" in night.failures[0].reason
    assert night.evaluated()["storm"] == 2
    proxy.clear()
    finish(night, tmp_path)


def test_a_closed_index(begin, es, tmp_path):
    """A closed index fails the rule that names it; the rule with a pattern goes on without it."""
    night = begin()
    es.request("POST", f"{night.prefix}-beside/_close")
    night.minute()
    assert [f.rule for f in night.failures] == ["beside"]
    assert "closed" in night.failures[0].reason
    es.request("POST", f"{night.prefix}-beside/_open")
    es.request("GET", f"_cluster/health/{night.prefix}-beside?wait_for_active_shards=1&timeout=30s")
    finish(night, tmp_path)


@pytest.mark.parametrize("suffix", ["state", "incidents", "decisions", "*"])
def test_disk_flood_stage(suffix, begin, es, tmp_path, caplog):
    """A state index that may not be written to holds everything up that needs it, and it goes on by itself."""
    night = begin()
    settings(es, f"{night.prefix}-own-{suffix}", **{"index.blocks.read_only_allow_delete": True})
    night.minutes(QUIET, BURST, QUIET)
    assert "read-only-allow-delete" in caplog.text
    if suffix in ("state", "*"):
        assert night.ready()[0] == 503
    settings(es, f"{night.prefix}-own-{suffix}", **{"index.blocks.read_only_allow_delete": None})
    finish(night, tmp_path)


def delete_state(es: Node, night: ClusterNight, *suffixes: str) -> None:
    """Delete state indices behind the engine's back."""
    for suffix in suffixes:
        es.request("DELETE", f"{night.prefix}-own-{suffix}")


def made_again(es: Node, night: ClusterNight) -> bool:
    """Tell whether all four state indices are there, with the mapping the engine gives them."""
    made = es.request("GET", f"{night.prefix}-own-*/_mapping")
    return len(made) == 4 and all("_meta" in found["mappings"] for found in made.values())


@pytest.mark.parametrize("suffix", ["state", "silences", "decisions"])
def test_state_deleted_while_running(suffix, begin, es, tmp_path, caplog):
    """An index that somebody deletes is made again, with its mapping; checkpoints come back from memory."""
    night = begin()
    delete_state(es, night, suffix)
    night.minutes(BURST, QUIET, QUIET)
    if suffix == "decisions":
        assert "decisions are not recorded: the state indices are missing" in caplog.text
        night.service.tidy()
    assert f"{suffix} created: it was deleted while this engine ran" in caplog.text
    assert made_again(es, night)
    finish(night, tmp_path)


@pytest.mark.parametrize("suffixes", [["incidents"], ["state", "incidents", "silences", "decisions"]])
def test_incidents_deleted_while_running(suffixes, begin, es, caplog):
    """What was told is forgotten with its index; what holds from then on is told, once, and so is its end."""
    night = begin()
    delete_state(es, night, *suffixes)
    night.minutes(BURST, QUIET, QUIET)
    assert "deleted while this engine ran" in caplog.text
    assert made_again(es, night)
    night.minutes(QUIET, QUIET, BURST, QUIET, QUIET, QUIET, QUIET)
    night.check()
    assert night.outcomes() == [("firing", "sent")] * 2 + [("resolved", "sent")] * 2


def test_mapping_conflict(begin, es, tmp_path, caplog):
    """A second index maps the rule's time as text: the rule reads every document and says so; nothing is missed."""
    night = begin()
    clash = f"{night.index}-clash"
    es.request("PUT", clash, {"mappings": {"properties": {"@timestamp": {"type": "keyword"}}}})
    night.minutes(*[QUIET] * 5, BURST, QUIET)
    assert not night.failures
    assert "is mapped as" in caplog.text
    es.request("DELETE", clash)
    finish(night, tmp_path)


def test_mapping_conflict_of_a_filter(begin, es, tmp_path):
    """A second index in which the rule's filter is refused: the rule fails and waits, the other goes on."""
    night = begin()
    clash = f"{night.index}-clash"
    es.request("PUT", clash, {"mappings": {"properties": {"@timestamp": {"type": "date"}, "level": {"type": "date"}}}})
    for minute in range(3):  # a shard without documents in the span is passed over, and refuses nothing
        es.request("POST", f"{clash}/_doc?refresh=true", {"@timestamp": iso(night.clock.now() + 30_000)})
        night.minute(*(BURST if minute == 1 else QUIET))
    assert [(f.rule, f.kind) for f in night.failures] == [("storm", "incomplete")]
    assert "failed to parse date field [error]" in night.failures[0].reason
    assert night.evaluated() == {"storm": 3, "beside": 0}
    assert night.ready()[0] == 200
    es.request("DELETE", clash)
    finish(night, tmp_path)


@pytest.mark.parametrize("item", [0, 1])
def test_one_item_of_a_bulk_is_refused(item, begin, proxy, tmp_path, caplog):
    """One document of several that a full queue refuses: its rule is evaluated again, nothing is told twice."""
    night = begin()
    night.minutes(QUIET, QUIET, QUIET)
    proxy.swallow = item
    night.minutes(BURST, QUIET)
    assert "(429)" in caplog.text
    proxy.clear()
    finish(night, tmp_path)


def test_items_are_refused_that_were_written(begin, proxy, tmp_path):
    """A bulk answer that says 429 for everything though all of it was written changes nothing."""
    night = begin()
    proxy.rewrite = refuse_items
    night.minutes(QUIET, QUIET, QUIET, BURST, QUIET)
    proxy.clear()
    finish(night, tmp_path)


def refuse_items(request, answer):
    """Turn each item of a bulk answer into a refusal."""
    if request.method == "_bulk":
        answer["errors"] = True
        for item in answer["items"]:
            for result in item.values():
                result |= {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "full"}}
    return answer
