"""``--update``: plain values are put right in their place, everything else is left to people."""

from __future__ import annotations

import pytest

from alerter.config import Settings
from alerter.ruletest.load import load_tests
from alerter.ruletest.suite import Result, Suite
from alerter.ruletest.update import update
from tests.ruletest.conftest import FOUR, Folder


def updated(folder: Folder, expect: str) -> tuple[str, list[str]]:
    """Run a test with an expectation, update, and return its new text and what was said."""
    text = (
        f"# head\ntests:\n  - name: a   # the first\n    start: 2026-03-10T10:00:00Z\n    end: 5m\n"
        f"    events: [{FOUR}]\n    expect:\n      {expect}\n# foot\n"
    )
    results = folder.run(text)
    said = update([r for r in results if not r.passed])
    new = folder.tests.read_text()
    head, foot = text.split(f"      {expect}\n")
    assert new.startswith(head)
    assert new.endswith(foot)
    return new[len(head) : len(new) - len(foot)].strip(), said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("matches: [{at: 10:00:20, count: 5}]  # why", "matches: [{at: 10:00:21, count: 3}]  # why"),
        ("messages: [{kind: 'firing', receiver: order}, {kind: resolved}]", None),
        ("incidents: [{state: firing, resolved: 10:00:00}]", "incidents: [{state: resolved, resolved: 10:01:31}]"),
        ("firing: false # never", "firing: true # never"),
        ("not_firing: true", "not_firing: false"),
        ("decisions: [{outcome: fired, times: 7}]", "decisions: [{outcome: fired, times: 1}]"),
        ("messages: [{channel: '#x', kind: firing}]", "messages: [{channel: '#user', kind: firing}]"),
    ],
)
def test_a_plain_value_is_put_right(folder: Folder, before: str, after: str | None) -> None:
    """The value changes and nothing else: comments, quotes of other values and layout stay; the test passes then."""
    new, said = updated(folder, before)
    assert new == (after or before.replace("order", "user"))
    assert all(" is now " in line for line in said)
    assert folder.run(folder.tests.read_text())[0].passed


@pytest.mark.parametrize(
    "expect",
    [
        "messages: []",
        "messages: [{kind: firing}]\n      only: true",
        "messages: [{text: nothing like it}]",
        "matches: [{count: {min: 9}}]",
        "incidents: [{resolved: null}]",
        "matches: [{count: 3}, {count: 4}]",
    ],
)
def test_what_people_must_decide_is_left_as_it_is(folder: Folder, expect: str) -> None:
    """Texts, bounds, absence and missing entries are not rewritten, and that is said with the place."""
    new, said = updated(folder, expect)
    assert new == expect
    assert all("left as it is" in line for line in said)
    assert said


def test_a_value_that_stands_for_several_is_left(folder: Folder) -> None:
    """An alias names one place for two meanings: changing it would change both."""
    new, said = updated(folder, "matches: [{count: &n 5}]\n      incidents: [{matches: *n}]")
    assert new == "matches: [{count: &n 5}]\n      incidents: [{matches: *n}]"
    assert all("not one plain value in one place" in line for line in said)
    assert len(said) == 2


def test_a_file_with_other_line_ends_keeps_them(folder: Folder) -> None:
    """Windows' line ends survive, and so does a text beyond ASCII."""
    test = f"name: größer, start: 2026-03-10T10:00:00Z, events: [{FOUR}]"
    text = f"tests:\r\n  - {{{test},\r\n     expect: {{matches: [{{count: 9}}]}}}}\r\n"
    folder.tests.write_bytes(text.encode())
    results: list[Result] = []
    Suite(Settings()).run(load_tests([folder.tests]).files, results.append)
    update(results)
    assert folder.tests.read_bytes() == text.replace("count: 9", "count: 3").encode()
