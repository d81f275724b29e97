"""Clients of the test servers, with time for a busy machine."""

from __future__ import annotations

from elasticsearch import Elasticsearch

from tests.servers.elastic import Node

SECONDS = 60
"""The client's own ten are short where eight engines make their indices at once."""


def client_of(node: Node) -> Elasticsearch:
    """Return a client of a node without users."""
    return Elasticsearch(node.url, request_timeout=SECONDS)
