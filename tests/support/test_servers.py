"""The test servers are what the product is promised to meet."""

from __future__ import annotations

import pytest
from elasticsearch import AuthorizationException, Elasticsearch

from tests.servers.__main__ import describe
from tests.servers.elastic import Node


def test_versions_answer(es_all: Node, index_prefix: str) -> None:
    """Each node answers with the version it is named for, and an index made in a test can be searched."""
    nodes = es_all.request("GET", "_nodes?filter_path=nodes.*.version")["nodes"]
    assert {n["version"] for n in nodes.values()} == {es_all.version}
    es_all.request("POST", f"{index_prefix}-a/_bulk?refresh=true", [{"index": {}}, {"n": 1}, {"index": {}}, {"n": 2}])
    assert es_all.request("POST", f"{index_prefix}-a/_count", {"query": {"range": {"n": {"gt": 1}}}})["count"] == 1


@pytest.mark.parametrize("by", ["ca", "fingerprint"])
def test_the_secured_node_takes_its_users(es_secure: Node, by: str) -> None:
    """The least-privilege user gets in by either way of trust."""
    names = es_secure.environment(by=by)
    pinned = {"ssl_assert_fingerprint": names.get("ALERTER_ES_CA_FINGERPRINT"), "verify_certs": False}
    options = {"ca_certs": names["ALERTER_ES_CA_CERTS"]} if by == "ca" else pinned | {"ssl_show_warn": False}
    pair = (names["ALERTER_ES_USERNAME"], names["ALERTER_ES_PASSWORD"])
    with Elasticsearch(names["ALERTER_ES_URL"], basic_auth=pair, **options) as client:
        assert client.cluster.health()["status"] in ("green", "yellow")


def test_one_privilege_less_is_refused(es_secure: Node, index_prefix: str) -> None:
    """A user without ``create_index`` gets 403 for alerter's own indices; with it the index is made."""
    for user, allowed in (("no_create_index", False), ("alerter", True)):
        pair = (user, es_secure.password(user))
        with Elasticsearch(es_secure.url, basic_auth=pair, ca_certs=es_secure.ca_certs) as client:
            if allowed:
                client.indices.create(index=f"alerter-{index_prefix}-state")
            else:
                with pytest.raises(AuthorizationException):
                    client.indices.create(index=f"alerter-{index_prefix}-state")


def test_what_to_export_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of a node begins with what lets alerter reach it, as that of the stand-in does."""
    monkeypatch.setattr(Node, "running", lambda _: True)
    monkeypatch.setattr(Node, "healthy", lambda _: True)
    assert describe("es8").startswith("es8: ALERTER_ES_URL=http://localhost:")
