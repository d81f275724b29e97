"""Spans of which too much would have to be kept: evaluated in parts, with the same answer as at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from alerter.charts.series import Series, series_of
from alerter.clock import HOUR, MINUTE, SECOND, Millis
from alerter.engine.dryrun import dry_run
from alerter.engine.replay import steps
from alerter.engine.spans import Due
from alerter.model.history import NewTerm
from alerter.model.incident import Checkpoint, Reason
from alerter.model.rule import Cardinality, Custom, Realert, Rule
from alerter.plugins import calling
from alerter.sources import spreading, terms, window_hits
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.testing import rule
from tests.engine.support import T0, World, documents, routing

EVENTS: list[dict[str, Any]] = [doc for n in range(360) for doc in documents([n * 10], who=f"u{n // 2}")]
"""Six events a minute, and three new names, for an hour."""


def found_many(window: Any) -> dict[str, Any] | None:
    """A window with an event of u100 is a match."""
    names = {event.fields["who"] for event in window.events}
    return {"text": f"{sorted(names)}"} if "u100" in names else None


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_hits, "MOST_DOCUMENTS", 100)
    monkeypatch.setattr(terms, "MOST", 100)
    monkeypatch.setattr(spreading, "MOST", 100)
    monkeypatch.setattr(calling, "load", lambda group, name: found_many)


def keeping(**more: Any) -> Rule:
    """A rule of a plug-in's type, which keeps each event."""
    return rule(Custom("many", MINUTE, {}), **{"type": "many", "realert": Realert(0, True), "buffer_time": 0, **more})


def naming(**more: Any) -> Rule:
    """A rule that looks for new terms."""
    return rule(NewTerm((("who",),)), **{"realert": Realert(0, True), "buffer_time": 0, **more})


def telling_apart(**more: Any) -> Rule:
    """A rule that counts different values."""
    return rule(Cardinality("who", MINUTE, maximum=3), **{"realert": Realert(0, True), "buffer_time": 0, **more})


RULES = pytest.mark.parametrize("of", [keeping, naming, telling_apart])


def live(tested: Rule, minutes: Sequence[int]) -> Iterator[tuple[list[str], int]]:
    world = World(EVENTS, [tested])
    world.tick(-1)
    for minute in minutes:
        report = world.tick(minute * 60)
        yield [failure.kind for failure in report.failures], report.matches


@RULES
def test_after_an_outage_a_rule_catches_up(of: Callable[..., Rule]) -> None:
    """Part by part; nothing that was to be found is left out."""
    at_once = list(live(of(), range(1, 61)))
    late = list(live(of(), [1, *range(45, 75)]))
    assert [kinds for kinds, _ in late if kinds] == []
    assert sum(n for _, n in late) == sum(n for _, n in at_once) > 0


@RULES
def test_a_dry_run_finds_the_same_in_parts(of: Callable[..., Rule], monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, and messages one after the other."""

    def run() -> Any:
        return dry_run(of(), EmbeddedSource(documents=EVENTS), routing(), T0 - 1, T0 + HOUR)

    parts = run()
    told = list(steps(parts, EmbeddedSource(documents=EVENTS), routing(), 5))
    monkeypatch.setattr(window_hits, "MOST_DOCUMENTS", 100_000)
    monkeypatch.setattr(terms, "MOST", 200_000)
    monkeypatch.setattr(spreading, "MOST", 200_000)
    whole = run()
    assert parts.matches == whole.matches
    assert parts.transitions == whole.transitions
    one, other = ([(i.id, i.opened, i.resolved, i.matches, i.deliveries) for i in r.incidents] for r in (parts, whole))
    assert one == other
    assert parts.matches
    assert [step.delivery for step in told] == [
        step.delivery for step in steps(whole, EmbeddedSource(documents=EVENTS), routing(), 5)
    ]


@RULES
def test_a_chart_of_parts_is_that_of_the_whole(of: Callable[..., Rule], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts and numbers of different values go on from one part to the next; events of before are not kept."""

    def drawn() -> list[Series]:
        answer = dry_run(of(), EmbeddedSource(documents=EVENTS), routing(), T0 - 1, T0 + HOUR)
        assert answer.counted is not None
        return series_of(answer.rule, answer.counted, answer.matches, T0 - 1, T0 + HOUR, parts=60, most=3)

    parts = drawn()
    for module in (window_hits, terms, spreading):
        monkeypatch.setattr(module, "MOST_DOCUMENTS" if module is window_hits else "MOST", 200_000)
    assert parts == drawn()
    assert any(number for series in parts for number in series.parts)


@RULES
def test_what_is_longer_ago_than_max_catchup_is_given_up_once(of: Callable[..., Rule]) -> None:
    """The parts begin where the whole span would."""
    tested = of(max_catchup=30 * MINUTE)
    world = World(EVENTS, [tested])
    world.tick(-1)
    reports = [world.tick(50 * 60 + n) for n in range(20)]
    assert not [failure for report in reports for failure in report.failures]
    gaps = [d for report in reports for d in report.decisions if d.reason is Reason.GAP]
    assert [(d.at, d.until) for d in gaps] == [(T0 - SECOND, T0 + 20 * 60 * SECOND)]
    assert not reports[-1].behind


@RULES
def test_too_much_within_one_nominal_interval_stays_an_error(
    of: Callable[..., Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and the next tick does not try all lengths again."""
    monkeypatch.setattr(window_hits, "MOST_DOCUMENTS", 2)
    monkeypatch.setattr(terms, "MOST", 2)
    monkeypatch.setattr(spreading, "MOST", 2)
    with pytest.raises(SourceError, match="more than 2") as error:
        dry_run(of(), EmbeddedSource(documents=EVENTS), routing(), T0 - 1, T0 + HOUR)
    assert error.value.kind == "too_many"
    world = World(EVENTS, [of()])
    world.tick(1)
    tried: list[Millis] = []
    opened = world.engine.reader.open
    monkeypatch.setattr(world.engine.reader, "open", lambda r: tried.append(len(r)) or opened(r))
    assert [f.kind for f in world.tick(3000).failures] == ["too_many"]
    assert 3 < len(tried) < 10
    tried.clear()
    assert [f.kind for f in world.tick(3060).failures] == ["too_many"]
    assert len(tried) <= 2


def test_a_part_ends_at_a_nominal_instant() -> None:
    """Never before the first one, and none is left where there is but one."""
    tested = keeping()
    due = Due(tested, Checkpoint(tested.name, tested.meaning(), T0 + 1, T0 + 1), T0 + 10 * MINUTE)
    part = due.until(T0 + 5 * MINUTE + 7)
    assert part is not None
    assert (part.end, part.behind, part.rule) == (T0 + 5 * MINUTE, True, tested)
    first = due.until(T0 + 2)
    assert first is not None
    assert first.end == T0 + MINUTE
    assert first.until(T0 + 2) is None
