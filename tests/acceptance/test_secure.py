"""The same job against an Elasticsearch with TLS, users and exactly the least-privilege role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from tests.acceptance.shop import Cluster, Shop
from tests.support.slack import Slack


def admin(node: Any) -> Elasticsearch:
    """Return a client that may do everything."""
    return Elasticsearch(node.url, basic_auth=("admin", node.password("admin")), ca_certs=node.ca_certs)


@pytest.mark.parametrize("by", ["ca", "fingerprint"])
def test_least_privilege_over_tls(tmp_path: Path, es_secure: Any, index_prefix: str, slack: Slack, by: str) -> None:
    """With the documented role, over TLS trusted by CA or by fingerprint, the whole job works."""
    access = {**es_secure.environment("alerter", by=by), **slack.environment()}
    shop = Shop(tmp_path, Cluster(admin(es_secure)), index_prefix, access, resolve="1h")
    shop.node.ensure(shop.index)
    shop.run("run", "--once")
    shop.happen("user")
    shop.run("run", "--once")
    assert len(slack.messages("#alerts-user")) == 1
    assert "cluster    Elasticsearch 8.19.9" in shop.run("status").stdout


def test_one_privilege_less_is_named(tmp_path: Path, es_secure: Any, index_prefix: str, slack: Slack) -> None:
    """Without create_index the message says so, with exit code 2."""
    access = {**es_secure.environment("no_create_index"), **slack.environment()}
    shop = Shop(tmp_path, Cluster(admin(es_secure)), index_prefix, access)
    done = shop.run("init", code=2)
    assert "create_index" in done.stderr
    assert "403" in done.stderr


def test_wrong_password_and_unknown_authority_are_named(
    tmp_path: Path, es_secure: Any, index_prefix: str, slack: Slack
) -> None:
    """401 names the variables; a certificate nobody vouches for names the remedy."""
    access = {**es_secure.environment("alerter"), **slack.environment()}
    shop = Shop(tmp_path, Cluster(admin(es_secure)), index_prefix, {**access, "ALERTER_ES_PASSWORD": "wrong"})
    assert "ALERTER_ES_PASSWORD" in shop.run("init", code=2).stderr
    del shop.environ["ALERTER_ES_CA_CERTS"]
    assert "ALERTER_ES_CA_CERTS" in shop.run("init", code=2).stderr
