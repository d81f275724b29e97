"""Discover links: the very events of the match, whatever the key is made of."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import prison
import pytest

from alerter.engine.links import discover_link
from alerter.model.incident import Match
from alerter.model.indices import DatedIndex
from alerter.model.rule import AnyEvent, FromEvent, Key, Redaction, Rule
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SearchRequest
from alerter.sources.reader import Reader
from alerter.testing import rule
from tests.engine.support import T0, documents

KAFKA = {"User": "user", "Uaer": "user", "Order": "order"}
TEAMS: list[dict[str, Any]] = [
    *documents([1], kafka={"key": "User"}, user="x"),
    *documents([2], kafka={"key": "Uaer"}, user="y"),
    *documents([3], kafka={"key": "Order"}, user="x"),
    *documents([4], kafka={"key": "Billing"}, user="x"),
    *documents([5], user="y"),
]


def a_rule(**settings: Any) -> Rule:
    return rule(AnyEvent(), kibana_url="https://kibana.example", **settings)


def queries(link: str) -> list[dict[str, Any]]:
    """Return the queries of the link's filters."""
    state = prison.loads(unquote(link.partition("&_a=")[2]))
    return [f["query"] for f in state["filters"]]


def linked(subject: Rule, key: Key, events: list[dict[str, Any]] = TEAMS) -> list[int]:
    """Return the seconds of the documents that the link shows, with its filters asked as Kibana asks them."""
    source = EmbeddedSource(documents=events)
    parts = Reader(source).read(subject, T0, T0 + 60_000).asking.parts
    link = discover_link(subject, Match(T0 + 10_000, key, 1), parts)
    body = {"query": {"bool": {"filter": queries(link)}}, "sort": ["@timestamp"]}
    (answer,) = source.search([SearchRequest("*", body)])
    return [int(hit.source["@timestamp"][17:19]) for hit in answer.hits]  # type: ignore[union-attr]


@pytest.mark.parametrize(("label", "seconds"), [("user", [1, 2]), ("order", [3]), ("other", [4, 5])])
def test_split_is_linked_by_the_field_and_its_raw_values(label: str, seconds: list[int]) -> None:
    """A label stands for all values that the map gives it; the default for all others, and for none."""
    split = a_rule(domain=FromEvent("kafka.key", KAFKA, "other"))
    assert linked(split, (("domain", label),)) == seconds


def test_split_without_default_links_what_is_not_mapped() -> None:
    """Without a default the values of no label are the group of the missing one."""
    split = a_rule(domain=FromEvent("kafka.key", KAFKA))
    assert linked(split, (("domain", None),)) == [4, 5]


def test_split_beside_a_key() -> None:
    """A key field and a split are both selected."""
    split = a_rule(domain=FromEvent("kafka.key", KAFKA, "other"), query_key=("user",))
    assert linked(split, (("user", "x"), ("domain", "user"))) == [1]


def test_text_key_is_linked_by_its_keyword() -> None:
    """A key that is analysed text is grouped and so linked by its exact sub-field."""
    events = documents([1], who="Anna Bell") + documents([2], who="Anna Cole")
    subject = a_rule(query_key=("who",))
    assert linked(subject, (("who", "Anna Bell"),), events) == [1]
    parts = Reader(EmbeddedSource(documents=events)).read(subject, T0, T0 + 60_000).asking.parts
    link = discover_link(subject, Match(T0, (("who", "Anna Bell"),), 1), parts)
    assert queries(link) == [{"term": {"who.keyword": "Anna Bell"}}]


def test_hidden_key_is_left_out() -> None:
    """Neither a hidden value nor its hash is in the link; the rest of the key is."""
    subject = a_rule(query_key=("user", "kafka.key"), redact=Redaction(fields=("user",)))
    key = (("user", "redacted:0123456789"), ("kafka.key", "User"))
    assert linked(subject, key) == [1]


def test_kql_filter_is_linked_as_a_query() -> None:
    """Discover takes query DSL: KQL in a filter is translated."""
    assert linked(a_rule(filter=({"kql": "user: y"},)), None) == [2, 5]


def test_no_kibana_no_link() -> None:
    """Without a base there is no link."""
    assert discover_link(rule(AnyEvent()), Match(T0, None, 1)) == ""


def test_index_with_dates_is_linked_as_a_pattern() -> None:
    """A data view is named by a wildcard; letters of dates mean nothing to Discover."""
    dated = a_rule(index="logs-%Y.%m.%d", dated=DatedIndex("logs-%Y.%m.%d"))
    link = discover_link(dated, Match(T0, None, 1), ())
    assert prison.loads(unquote(link.partition("&_a=")[2]))["index"] == "logs-*"
