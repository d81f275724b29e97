"""Comments that silence a finding: where they hold, and that they are said when they do not."""

from __future__ import annotations

import pytest

from alerter.lint.ignores import read_ignores, silence
from alerter.ruleset.diagnostics import Diagnostic

KNOWN = ("a_lint", "other")


def left(text: str, line: int, code: str = "a_lint", severity: str = "warning") -> list[str]:
    """Return the codes that remain of one finding at a line, with those about the comments."""
    finding = Diagnostic(severity, code, "message", file="f", line=line)
    return [d.code for d in silence([finding], "f", text.split("\n"), KNOWN, KNOWN)[0]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1  # alerter: ignore[a_lint] because", 1),
        ("a: 1  # alerter: ignore[other, a_lint]", 1),
        ("# alerter: ignore[a_lint]\na: 1", 2),
        ("# alerter: ignore[a_lint]\n\n# why\na: 1", 4),
        ("#alerter:ignore [a_lint]\na: 1", 2),
        ("a: |  # alerter: ignore[a_lint]\n  x\n  y\nb: 1", 3),
        ("# alerter: ignore[a_lint]\na: >-\n  x\n  y\nb: 1", 4),
        ("# alerter: ignore[a_lint]\na: 'x\n  y'", 3),
    ],
)
def test_where_a_comment_holds(text: str, line: int) -> None:
    """On its line, on the next that is no comment, and to the end of a text that begins there."""
    assert "a_lint" not in left(text, line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1  # alerter: ignore[a_lint]\nb: 1", 2),
        ("# alerter: ignore[a_lint]\na: 1\nb: 1", 3),
        ("a: |  # alerter: ignore[a_lint]\n  x\nb: 1", 3),
        ("a: 'x # alerter: ignore[a_lint]'", 1),
        ("a: |\n  # alerter: ignore[a_lint]\n  x", 3),
        ("a: x#alerter: ignore[a_lint]", 1),
    ],
)
def test_where_it_does_not(text: str, line: int) -> None:
    """Not in other lines, and not where the words stand in a text."""
    assert "a_lint" in left(text, line)


def test_what_loads_nothing_cannot_be_silenced() -> None:
    """An error of reading stays, and the comment is said."""
    assert left("a: 1  # alerter: ignore[yaml_value]", 1, "yaml_value", "error") == ["yaml_value", "unknown_ignore"]


def test_comments_in_vain_are_said_with_their_place() -> None:
    """Unused, unknown with the likely name, and without any; nothing is said of lints that did not look."""
    lines = ["a: 1  # alerter: ignore[a_lint]", "b: 1 # alerter: ignore[othre]", "# alerter: ignore", "c: 1"]
    found, silenced = silence([], "f", lines, KNOWN, ("a_lint",))
    assert silenced == 0
    assert [(d.code, d.line, d.column) for d in found] == [
        ("unused_ignore", 1, 25),
        ("unknown_ignore", 2, 24),
        ("unknown_ignore", 3, 1),
    ]
    assert found[1].hint == "did you mean other?"
    assert silence([], "f", lines[:1], KNOWN, ("other",))[0] == []


def test_several_rules_in_a_file_are_apart() -> None:
    """A comment is about its line, not about the file."""
    lines = ["a: 1 # alerter: ignore[a_lint]", "---", "a: 1"]
    assert [(i.first, i.last) for i in read_ignores(lines)] == [(1, 1)]


def test_a_file_that_is_no_yaml_has_comments_too() -> None:
    """What cannot be read any further does not stop it."""
    assert [i.id for i in read_ignores(["a: [1", "# alerter: ignore[a_lint]", "b: {"])] == ["a_lint"]
