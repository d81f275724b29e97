"""The evaluator against a live server: random documents, queries and aggregations, each time other ones."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.conformance.fuzz import Outcome, explore, explore_rules
from tests.conformance.judge import shared
from tests.conformance.live import Server
from tests.servers.elastic import Node

WORLDS = 8
REQUESTS = 400
ROOT = Path(__file__).parents[2]


def _say(outcome: Outcome, replay: str) -> None:
    print(replay)
    assert not outcome.differences, "\n".join([replay, *map(str, outcome.differences[:20])])
    assert outcome.counts["equal"] > 0.5 * outcome.counts.total()
    assert outcome.counts["refused"] < 0.15 * outcome.counts.total()


def _fresh() -> int:
    return secrets.randbelow(1_000_000_000)


def test_random_requests(es: Node) -> None:
    """Whatever is not refused by name is answered as the server answers it; a failing seed is printed for a replay."""
    seed = _fresh()
    outcome = explore(Server(es.url), range(seed, seed + WORLDS), REQUESTS)
    command = f"python -m tests.conformance.fuzz --url {es.url} --seed {seed} --worlds {WORLDS} --requests {REQUESTS}"
    _say(outcome, command)
    assert outcome.counts.total() > WORLDS * REQUESTS  # also pages after the first


def test_filters_of_rules(es: Node) -> None:
    """The same for the filters of the shipped rules, and of public ones where they are at hand."""
    folder, seed = shared(), _fresh()
    folders = [ROOT / "rules", *([folder / "wild-rules"] if folder and (folder / "wild-rules").is_dir() else [])]
    names = " ".join(map(str, folders))
    command = f"python -m tests.conformance.fuzz --url {es.url} --seed {seed} --rules {names}"
    _say(explore_rules(Server(es.url), folders, seed), command)
