"""The evaluator against a live server: random documents, queries and aggregations; `make soak` takes fresh seeds."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.fuzz import Outcome, explore, explore_rules
from tests.conformance.judge import shared
from tests.conformance.live import Server
from tests.servers.elastic import Node

WORLDS = 7
REQUESTS = 300
SEED = 1_100_000
"""One known to pass: what a fresh one finds, once in some ten thousand requests, must not fail another change."""
ROOT = Path(__file__).parents[2]


def _say(outcome: Outcome, replay: str) -> None:
    print(replay)
    assert not outcome.differences, "\n".join([replay, *map(str, outcome.differences[:20])])
    assert outcome.counts["equal"] > 0.5 * outcome.counts.total()
    assert outcome.counts["refused"] < 0.15 * outcome.counts.total()


def test_random_requests(es: Node) -> None:
    """Whatever is not refused by name is answered as the server answers it; a failing seed is printed for a replay."""
    seed = SEED
    outcome = explore(Server(es.url), range(seed, seed + WORLDS), REQUESTS)
    command = f"python -m tests.conformance.fuzz --url {es.url} --seed {seed} --worlds {WORLDS} --requests {REQUESTS}"
    _say(outcome, command)
    assert outcome.counts.total() > WORLDS * REQUESTS  # also pages after the first


def test_filters_of_rules(es: Node) -> None:
    """The same for the filters of the shipped rules, and of public ones where they are at hand."""
    folder, seed = shared(), SEED
    folders = [ROOT / "rules", *([folder / "wild-rules"] if folder and (folder / "wild-rules").is_dir() else [])]
    names = " ".join(map(str, folders))
    command = f"python -m tests.conformance.fuzz --url {es.url} --seed {seed} --rules {names}"
    _say(explore_rules(Server(es.url), folders, seed), command)
