"""Coverage: untested rules, untaken routes, thresholds seen from one side only."""

from __future__ import annotations

import pytest

from alerter.config import Settings
from alerter.ruletest.coverage import Coverage, measure
from alerter.ruletest.load import load_tests
from alerter.ruletest.suite import Result, Suite
from tests.ruletest.conftest import Folder


def covered(folder: Folder, *counts: int, every: str = "10s") -> Coverage:
    """Measure tests that log so many events each."""
    event = "{{at: 10:00:01, repeat: {{count: {}, every: {}}}, document: {{kind: reset}}}}"
    tests = ", ".join(
        f"{{name: n{n}, start: 2026-03-10T10:00:00Z, events: [{event.format(n, every)}], expect: {{firing: {fires}}}}}"
        for n, fires in ((n, "true" if n >= 3 else "false") for n in counts)
    )
    folder.write("resets.test.yaml", f"tests: [{tests}]")
    suite = Suite(Settings(), (folder.path / "routes",))
    results: list[Result] = []
    suite.run(load_tests([folder.path]).files, results.append)
    return measure([folder.path], suite, results)


@pytest.mark.parametrize(
    ("counts", "codes"),
    [
        ((3, 2), set()),
        ((3,), {"always_fires"}),
        ((2,), {"never_fires"}),
        ((3, 1), {"far_from_threshold"}),
    ],
)
def test_a_threshold_is_approached_from_both_sides(folder: Folder, counts: tuple[int, ...], codes: set[str]) -> None:
    """A rule should fire in one test, and come near without firing in another."""
    found = {d.code for d in covered(folder, *counts).findings} - {"untaken_route"}
    assert found == codes


def test_a_rule_without_tests_is_named(folder: Folder) -> None:
    """With the place of its name in its file."""
    folder.write("sub/other.yaml", folder.rule.read_text().replace("name: resets", "name: other"))
    found = covered(folder, 3, 2)
    (untested,) = [d for d in found.findings if d.code == "untested_rule"]
    assert untested.file.endswith("other.yaml")
    assert (found.rules, found.tested) == (2, 1)


def test_routes_are_taken_by_incidents(folder: Folder) -> None:
    """Of root, user and order only the one of the incident's domain is taken; the others are named at the branch."""
    found = covered(folder, 3, 2)
    assert (found.routes, found.taken) == (3, 1)
    messages = [d.message for d in found.findings if d.code == "untaken_route"]
    assert [m.rpartition("(")[2] for m in messages] == ["receiver default)", "receiver order)"]
    places = [(d.file.rpartition("/")[2], d.line, d.column) for d in found.findings if d.code == "untaken_route"]
    assert places == [("routes.yaml", 2, 3), ("routes.yaml", 5, 8)]
    assert "1 of 3 routes are taken" in found.as_text()
    assert found.as_json()["routes"] == {"all": 3, "taken": 1}


def test_the_fine_side_of_a_flatline_is_enough_events(folder: Folder) -> None:
    """For a flatline near means little more than the threshold."""
    rule = folder.rule.read_text().replace("type: frequency", "type: flatline").replace("num_events: 3", "threshold: 3")
    folder.rule.write_text(rule)
    event = "{{at: 09:50:00, repeat: {{until: 10:05:00, every: {}}}, document: {{kind: reset}}}}"

    def codes(every: str) -> set[str]:
        test = f"name: a, start: 2026-03-10T10:00:00Z, events: [{event.format(every)}], expect: {{firing: false}}"
        folder.write("resets.test.yaml", f"tests: [{{{test}}}]")
        suite = Suite(Settings(), (folder.path / "routes",))
        results: list[Result] = []
        suite.run(load_tests([folder.path]).files, results.append)
        assert all(r.passed for r in results)
        return {d.code for d in measure([folder.path], suite, results).findings} - {"untaken_route"}

    assert codes("15s") == {"never_fires"}
    assert codes("1s") == {"never_fires", "far_from_threshold"}
