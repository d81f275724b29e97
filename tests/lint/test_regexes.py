"""Expressions that are left alone mean the same to Lucene and to Python; the others are named with their reason."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.lint.regexes import difference
from alerter.query.errors import QueryError
from alerter.query.regexps import compile_regexp

PIECES = [
    "a", "b", "1", ".", "x*", "a+", "b?", "(a|b)", "[a-c]", "[^a]", "a{1,2}", "(ab)+", "\\d", "\\w", "\\.", "\\(",
    "\\@", "^", "$", "#", "@", "&", "~", "<", ">", '"', "\\b", "(?:a)", "(?i)", "*?", "+?", "\\1", "\\n", "[\\]a]",
    "[.*]", "[@^$]", "<1-9>", "|",
]  # fmt: skip
expressions = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
values = st.text('ab1x.^$#@&~<>"(\n', max_size=6)


@settings(max_examples=1500, deadline=None)
@given(expressions, st.lists(values, min_size=1, max_size=8))
def test_what_is_left_alone_means_the_same(expression: str, texts: list[str]) -> None:
    """For every text: the whole of it, as Lucene always matches, and a dot for any character."""
    if difference(expression) is not None or re.search(r"<\d-\d>", expression):
        return
    try:
        python = re.compile(expression, re.ASCII | re.DOTALL)
        lucene = compile_regexp(expression)
    except (re.error, QueryError):
        return
    for text in texts:
        assert (python.fullmatch(text) is not None) == lucene(text), (expression, text)


@pytest.mark.parametrize(
    ("expression", "part", "offset"),
    [
        ("^a", "^", 0),
        ("a.*$", "$", 3),
        ("a(?:b)", "(?:", 1),
        ("(?i)a", "(?i", 0),
        ("(?<!a)b", "(?<", 0),
        ("a.*?b", "*?", 2),
        ("a\\bb", "\\b", 1),
        ("(a)\\1", "\\1", 3),
        ("me@here", "@", 2),
        ("a<b", "<", 1),
        ("(|a)", "|", 1),
        ("a|", "|", 1),
        ('a"b"', '"', 1),
    ],
)
def test_the_first_difference_is_named(expression: str, part: str, offset: int) -> None:
    """With its characters and their place."""
    found = difference(expression)
    assert found is not None
    assert found[:2] == (part, offset)


@pytest.mark.parametrize(
    "expression", ["a.*", "[^a]", "[$@]", "\\$", "\\^a", "node-<1-99>", "a\\@b", "\\\\d", "(a|b)+", "\\(|a", ""]
)
def test_what_both_read_alike(expression: str) -> None:
    """Classes and escapes hold what they like; a range of numbers is meant for Lucene."""
    assert difference(expression) is None
