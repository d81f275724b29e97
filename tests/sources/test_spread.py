"""Numbers of different values that go on from one part of a span to the next."""

from __future__ import annotations

from random import Random

from alerter.spread import Spread, joined

LENGTH = 10


def spread(runs: list[list[tuple[int, int]]]) -> Spread:
    return Spread([joined(found, LENGTH) for found in runs], LENGTH)


def test_up_to_an_instant_the_one_and_then_the_other() -> None:
    """Whatever each holds of the other's time."""
    dice = Random(5)
    for _ in range(300):
        one, other = (
            spread([[(at, at + dice.randrange(8)) for at in dice.sample(range(80), 3)] for _ in range(4)])
            for _ in range(2)
        )
        since = dice.randrange(80)
        both = one.followed(since, other)
        assert [both.number(at) for at in range(100)] == [
            one.number(at) if at <= since else other.number(at) for at in range(100)
        ]
        assert both.above(2, 0, 100) == _above(both, 2)


def _above(found: Spread, limit: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for at in range(1, 101):
        if found.number(at) > limit:
            if spans and spans[-1][1] == at - 1:
                spans[-1] = (spans[-1][0], at)
            else:
                spans.append((at - 1, at))
    return spans
