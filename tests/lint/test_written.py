"""Lints: what they leave alone; what they find is in tests/golden/check."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.config import Settings
from alerter.ruleset.checking import check

LINTS = {"no_index", "unused_option", "query_lowercase_operator", "format_text"}


def codes(folder: Path, text: str) -> list[str]:
    """Return the codes of the lints about a frequency rule with this text added."""
    (folder / "a.yaml").write_text(f"type: frequency\nnum_events: 1\ntimeframe: 5m\n{text}\n", encoding="utf-8")
    return [d.code for d in check([folder], Settings()).diagnostics if d.code in LINTS]


@pytest.mark.parametrize(
    "query",
    [
        '"this and that"',
        "name: and",
        "android OR sword",
        "a AND b",
        "path: /x and y/",
        r"a \"or b",
        "and",
        "level:error",
    ],
)
def test_words_that_are_no_operators(tmp_path: Path, query: str) -> None:
    """Quoted words, words in expressions, parts of words, and a word that joins nothing."""
    quoted = query.replace("'", "''")
    assert codes(tmp_path, f"index: a\nfilter: [{{query_string: {{query: '{quoted}'}}}}]") == []


@pytest.mark.parametrize("query", ["a or b", "(a) and (b)", "x:(a Or b)", '"a" And "b"', "a\nor\nb"])
def test_operators_that_are_words(tmp_path: Path, query: str) -> None:
    """Wherever Lucene would take them for words, and however they are written but in capitals."""
    shown = query.replace("\n", "\\n").replace('"', '\\"')
    found = codes(tmp_path, f'index: a\nfilter: {{bool: {{must: [{{query_string: {{query: "{shown}"}}}}]}}}}')
    assert found == ["query_lowercase_operator"]


@pytest.mark.parametrize("text", ["{{ user.name }}", "{% if a %}b{% endif %}", "{# {a} #}", "{ a }", "{a: 1}", "a"])
def test_texts_that_are_no_format(tmp_path: Path, text: str) -> None:
    """Jinja2's own marks, and braces that no format has."""
    assert codes(tmp_path, f"index: a\nmessage: {{title: '{text}'}}") == []


@pytest.mark.parametrize(
    "text",
    [
        "index: a\nfilter: 5",
        "index: a\nfilter: [[], 5, {query_string: text}, {query_string: {query: [or]}}]",
        "index: a\nmessage: [1]",
        "index: a\nmessage: {title: 5, fields: [x]}",
        "index: a\n5: x",
    ],
)
def test_odd_shapes_are_for_the_schema(tmp_path: Path, text: str) -> None:
    """What has the wrong shape is named elsewhere; a lint never stumbles over it."""
    assert codes(tmp_path, text) == []


def test_empty_index_is_none(tmp_path: Path) -> None:
    """An index that is written but empty reads everything too, or is no index at all."""
    assert codes(tmp_path, "index: ") == ["no_index"]
