"""Kill at every step: a real engine dies before, within and after each write and each call, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.reliability.killing import CALM, SQL_MOMENTS, TOGETHER, Bench, Ending, calm_steps, points, run_all
from tests.reliability.trap import Moment
from tests.servers import standin
from tests.servers.elastic import Node
from tests.support.slack import Slack

Stages = Callable[[Node | None], Sequence[Bench]]
CALM_RUNS = TOGETHER
"""A busy machine shuffles some steps; those that every calm run takes are the ones to be killed at."""
CALLS = 7
"""Two posts to begin with, two repeats, and the end: a post, an edit, a reply."""


@pytest.fixture
def benches(slack_server: Slack, tmp_path: Path) -> Iterator[Stages]:
    """Return what makes benches over a stand-in of their own: all tests together ask more than one answers."""
    with ExitStack() as stack:
        slack = standin.start()
        stack.callback(slack.stop)

        def make(node: Node | None) -> Sequence[Bench]:
            made = [Bench(tmp_path, slack.url, node) for _ in range(TOGETHER)]
            for bench in made:
                stack.callback(bench.close)
            return made

        yield make


def check(calms: Sequence[Ending], endings: Sequence[Ending]) -> None:
    """Every point was reached, and everywhere it ended as without a kill."""
    calm = calms[0]
    assert [one.problems for one in calms] == [[]] * CALM_RUNS
    assert [one.story for one in calms] == [calm.story] * CALM_RUNS
    assert [chapter.opened for chapter in calm.story] == [920, 925]
    assert [len(chapter.messages) for chapter in calm.story] == [3, 3]
    reached = [ending for ending in endings if ending.killed]
    missed = [str(ending.point) for ending in endings if not ending.killed]
    print(f"{len(reached)} points, {sum(e.repeats for e in endings)} messages twice; not reached: {missed}")
    wrong = [e for e in endings if e.problems or e.story != calm.story]
    described = [
        "\n".join([f"== {e.point}", *e.problems, *(map(str, e.story) if e.story != calm.story else ())]) for e in wrong
    ]
    assert not described, "\n".join(described)
    assert len(reached) >= 0.9 * len(endings), "the steps of a run differ too much from those of the calm one"


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name.lower())
def test_elasticsearch(moment, es, benches):
    """Each write into the state indices, each call to Slack."""
    made = benches(es)
    calm = run_all(made, [CALM] * CALM_RUNS)
    wanted = points(calm_steps(calm), [moment])
    assert sum(point.step.startswith("slack") for point in wanted) == CALLS
    assert len(wanted) > 3 * CALLS
    check(calm, run_all(made, wanted))


@pytest.mark.parametrize("moment", SQL_MOMENTS)
def test_sqlite(moment, benches):
    """Each statement that writes, inside transactions too."""
    made = benches(None)
    calm = run_all(made, [CALM] * CALM_RUNS)
    wanted = points([step for step in calm_steps(calm) if not step.startswith("slack")], [moment])
    assert len(wanted) > 20
    check(calm, run_all(made, wanted))


def test_sqlite_calls(benches):
    """Each call to Slack, at its three moments."""
    made = benches(None)
    calm = run_all(made, [CALM] * CALM_RUNS)
    wanted = points([step for step in calm_steps(calm) if step.startswith("slack")], list(Moment))
    assert len(wanted) == len(Moment) * CALLS
    check(calm, run_all(made, wanted))
