"""The suite: which rules and routes a test meets, and what stands in the way of running it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerter.config import Settings
from alerter.errors import UsageError
from alerter.ruletest.load import load_tests
from alerter.ruletest.suite import Result, Suite
from tests.ruletest.conftest import FOUR, Folder


def tells(who: str) -> str:
    """Return a test file that expects this receiver to hear."""
    test = f"name: tells {who}, start: 2026-03-10T10:00:00Z, events: [{FOUR}]"
    return f"tests: [{{{test}, expect: {{messages: [{{kind: firing, receiver: {who}}}]}}}}]"


def run(suite: Suite, *files: Path) -> list[Result]:
    results: list[Result] = []
    suite.run(load_tests(files).files, results.append)
    return results


def test_without_settings_everything_goes_to_the_console(folder: Folder) -> None:
    """The contract's default holds in tests, too."""
    (result,) = run(Suite(Settings()), folder.write("resets.test.yaml", tells("console")))
    assert result.passed


def test_the_settings_say_which_routes_are_meant(folder: Folder) -> None:
    """With settings their notifiers are used, unless the file or the call names others."""
    configured = Settings(notifiers=(folder.path / "routes",), configured=True)
    tests = folder.write("resets.test.yaml", tells("user"))
    assert run(Suite(configured), tests)[0].passed
    other = "route: {receiver: one}\nreceivers: [{name: one, console: {}}]\n"
    folder.write("other/routes.yaml", other)
    named = folder.write("resets.test.yaml", "routes: other\n" + tells("one"))
    assert run(Suite(configured), named)[0].passed
    assert not run(Suite(configured, (folder.path / "routes",)), named)[0].passed


def test_the_domain_is_that_of_the_rules_folder(folder: Folder) -> None:
    """A rule below the settings' rules gets its domain from the folder, as in production."""
    rule = folder.rule.read_text().replace("domain: user\n", "")
    folder.write("order/resets.yaml", rule)
    tests = folder.write("order/resets.test.yaml", tells("order"))
    settings = Settings(rules=(folder.path,), notifiers=(folder.path / "routes",), configured=True)
    folder.rule.unlink()
    assert run(Suite(settings), tests)[0].passed


def test_a_rule_with_errors_fails_its_tests(folder: Folder) -> None:
    """The rule's own finding is shown with its place."""
    folder.rule.write_text(folder.rule.read_text().replace("num_events: 3", "num_events: many"))
    (result,) = run(Suite(Settings()), folder.write("resets.test.yaml", tells("console")))
    assert re.search(r"the rule has errors: .*resets\.yaml:4:13: num_events", result.failures[0].message)


def test_a_disabled_rule_fails_its_tests(folder: Folder) -> None:
    """A test of nothing is no success."""
    folder.rule.write_text(folder.rule.read_text() + "is_enabled: false\n")
    (result,) = run(Suite(Settings()), folder.write("resets.test.yaml", tells("console")))
    assert "holds no rule that is enabled" in result.failures[0].message


def test_broken_routes_are_a_usage_error(folder: Folder) -> None:
    """Routes that cannot be used stop the call with their findings."""
    folder.write("routes/routes.yaml", "route: {receiver: nobody}")
    with pytest.raises(UsageError, match="nobody"):
        run(Suite(Settings(), (folder.path / "routes",)), folder.write("resets.test.yaml", tells("user")))


def test_names_select_tests(folder: Folder) -> None:
    """Only tests whose name the expression is found in are run."""
    tests = folder.write("resets.test.yaml", tells("console"))
    assert len(run(Suite(Settings(), select=re.compile("tells con")), tests)) == 1
    assert run(Suite(Settings(), select=re.compile("^con")), tests) == []


def test_tests_share_nothing(folder: Folder) -> None:
    """The same test twice gives the same; no incident of one is seen by the other."""
    expect = "{incidents: [{matches: 1}], only: true}"
    one = f"{{name: a, start: 2026-03-10T10:00:00Z, events: [{FOUR}], expect: {expect}}}"
    assert [r.passed for r in folder.run(f"tests: [{one}, {one}]")] == [True, True]
