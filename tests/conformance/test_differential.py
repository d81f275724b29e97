"""The evaluator against a live server: random documents, queries and aggregations, most of them new at each run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conformance.fuzz import Outcome, explore, explore_rules
from tests.conformance.judge import shared
from tests.conformance.live import Server
from tests.servers.elastic import Node

REQUESTS = 300
KNOWN = 1_100_000
"""A seed known to pass. Among values at the edges of what fields hold a fresh one still finds a difference now and
then, once in some ten thousand requests: that is for ``make soak``, and must not fail another change."""
ROOT = Path(__file__).parents[2]


def _say(outcome: Outcome, replay: str) -> None:
    print(replay)
    assert not outcome.differences, "\n".join([replay, *map(str, outcome.differences[:20])])
    assert outcome.counts["equal"] > 0.5 * outcome.counts.total()
    assert outcome.counts["refused"] < 0.15 * outcome.counts.total()


@pytest.mark.parametrize(("worlds", "calm"), [(8, True), (3, False)], ids=["fresh", "edges"])
def test_random_requests(es: Node, worlds: int, calm: bool) -> None:
    """Whatever is not refused by name is answered as the server answers it; a failing seed is printed for a replay."""
    seed = int(time.time()) if calm else KNOWN
    outcome = explore(Server(es.url), range(seed, seed + worlds), REQUESTS, calm=calm)
    options = f"--seed {seed} --worlds {worlds} --requests {REQUESTS}{' --calm' if calm else ''}"
    _say(outcome, f"python -m tests.conformance.fuzz --url {es.url} {options}")
    assert outcome.counts.total() > worlds * REQUESTS  # also pages after the first


def test_filters_of_rules(es: Node) -> None:
    """The same for the filters of the shipped rules, and of public ones where they are at hand, with fresh seeds."""
    folder, seed = shared(), int(time.time())
    folders = [ROOT / "rules", *([folder / "wild-rules"] if folder and (folder / "wild-rules").is_dir() else [])]
    names = " ".join(map(str, folders))
    command = f"python -m tests.conformance.fuzz --url {es.url} --seed {seed} --rules {names}"
    _say(explore_rules(Server(es.url), folders, seed), command)
