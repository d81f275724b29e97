"""The evaluator against a live server: fresh random documents, queries and aggregations in every run."""

from __future__ import annotations

import secrets

from tests.conformance.fuzz import explore
from tests.conformance.live import Server
from tests.servers.elastic import Node

WORLDS = 7
REQUESTS = 400


def test_fresh_seeds(es: Node) -> None:
    """Whatever is not refused by name is answered as the server answers it; a failing seed is printed for a replay."""
    first = secrets.randbelow(1 << 31)
    outcome = explore(Server(es.url), range(first, first + WORLDS), REQUESTS)
    replay = f"python -m tests.conformance.fuzz --url {es.url} --seed {first} --worlds {WORLDS} --requests {REQUESTS}"
    print(replay)
    assert not outcome.differences, "\n".join([replay, *map(str, outcome.differences[:20])])
    assert outcome.counts["equal"] > WORLDS * REQUESTS / 3
    assert outcome.counts["refused"] < WORLDS * REQUESTS / 5
