"""Damaged answers of a real Elasticsearch: the rule waits, its checkpoint stands still, nothing is told wrongly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.mangle import broken
from tests.reliability.night import BURST, ClusterNight, calm
from tests.servers.elastic import Node
from tests.support.elastic_proxy import ElasticProxy
from tests.support.fault_proxy import Request

pytestmark = pytest.mark.es
MINUTES = 30
FREE = ("took", "_score", "max_score", "profile", "sort", "message", "_ignored", "stack_trace")
"""Parts that nobody reads, or may be missing."""


@pytest.fixture
def night(es: Node, index_prefix: str, tmp_path: Path) -> Iterator[ClusterNight]:
    """Return an engine over a real server behind the proxy."""
    with ElasticProxy(es.url) as proxy:
        made = ClusterNight(tmp_path / "night", es, proxy.url, index_prefix)
        made.proxy = proxy  # type: ignore[attr-defined]
        yield made
        made.close()


def damage(dice: random.Random, seen: list[str]) -> Callable[[Request, Any], Any]:
    """Return what breaks about one answer in ten in one place: a part missing, or of another type."""

    def rewrite(request: Request, answer: Any) -> Any:
        if dice.random() > 0.1:
            return answer
        seen.append(request.method)
        return broken(answer, dice, FREE)

    return rewrite


@pytest.mark.parametrize("seed", range(2))
def test_damaged_answers(seed: int, night: ClusterNight, tmp_path: Path) -> None:
    """After half an hour in which every tenth answer was damaged, the story is that of one without."""
    dice = random.Random(seed)
    seen: list[str] = []
    for minute in range(MINUTES):
        night.proxy.rewrite = damage(dice, seen)  # type: ignore[attr-defined]
        night.minute(*(BURST if minute % 5 == 2 else ()))
        assert not [failure for failure in night.failures if failure.kind == "bug"], night.failures
    assert {"_msearch", "_bulk", "_search", "_mget"} <= set(seen)
    night.proxy.rewrite = None  # type: ignore[attr-defined]
    night.minutes(*[()] * 6)
    night.check()
    assert night.story() == calm(night, tmp_path / "calm")
