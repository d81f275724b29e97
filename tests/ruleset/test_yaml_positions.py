"""Reading YAML: positions by path, and nothing that a file holds ends in an exception."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alerter.ruleset.yaml_positions import Mark, read_text

TEXT = """\
name: ä storm
filter:
- query_string: {query: "level: x"}
labels: {on: 1, 404: two}
"""


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count from 1, in characters; keys are the text that was written."""
    (document,), findings = read_text(TEXT, "a.yaml")
    assert findings == []
    assert document.value["labels"] == {"on": 1, "404": "two"}
    assert document.mark(("name",), key=True) == Mark(1, 1, 4)
    assert document.mark(("name",)) == Mark(1, 7, 7)
    assert document.mark(("filter", 0, "query_string", "query")) == Mark(3, 25, 10)
    assert document.mark(("labels", "404"), key=True) == Mark(4, 17, 3)


def test_what_is_not_there_is_placed_at_its_parent() -> None:
    """A finding about a missing key points at the mapping that lacks it."""
    (document,), _ = read_text(TEXT, "a.yaml")
    assert document.mark(("labels", "gone", 3)) == document.mark(("labels",))
    assert document.mark(("gone",)) == Mark(1, 1)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate_key", 3, 1),
        ("1: a\n'1': b\n", "duplicate_key", 2, 1),
        ("a:\n\tb: 1\n", "yaml_syntax", 2, 1),
        ("a: b: c\n", "yaml_syntax", 1, 5),
        ("x: y\na: b\0c\n", "control_character", 2, 5),
        ("a: \ud800\n", "control_character", 1, 4),
        ("? [a]\n: b\n", "key", 1, 3),
        ("a: 2026-13-45\n", "yaml_value", 1, 4),
        ("a: !!int x\n", "yaml_value", 1, 4),
        ("a: !!bool maybe\n", "yaml_value", 1, 4),
        ("a: !!binary aGk=\n", "yaml_value", 1, 4),
        ("a: !include b.yaml\n", "yaml_value", 1, 4),
        ("a: !!python/object/apply:os.system [ls]\n", "yaml_value", 1, 4),
        ("a: *gone\n", "yaml_syntax", 1, 4),
        ("a: &a [*a]\n", "too_large", 1, 4),
        ("", "empty_file", 1, 1),
        ("# nothing\n---\n", "empty_file", 1, 1),
    ],
)
def test_breakages(text: str, code: str, line: int, column: int) -> None:
    """What cannot be read is one finding with its place."""
    documents, (finding,) = read_text(text, "a.yaml")
    assert documents == []
    assert (finding.code, finding.line, finding.column) == (code, line, column)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a: [{b: "])
def test_deep_nesting_never_overflows_the_stack(opening: str) -> None:
    """A hundred thousand levels are a finding; composing them would end the process."""
    _, (finding,) = read_text(opening * 100_000, "a.yaml")
    assert finding.code in ("too_deep", "yaml_syntax")


def test_billion_laughs_are_refused() -> None:
    """Aliases that multiply are refused before they fill the memory."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    documents, findings = read_text("\n".join(lines), "laughs.yaml")
    assert documents == []
    assert [f.code for f in findings] == ["too_large"]


def test_merges_that_multiply_are_refused() -> None:
    """The same with ``<<``, also when every mapping is empty, and with a merge of itself."""
    lines = ["a0: &a0 {}"]
    lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    documents, findings = read_text("\n".join(lines), "laughs.yaml")
    assert documents == []
    assert [f.code for f in findings] == ["too_large"]
    assert read_text("a: &a {<<: *a}\n", "self.yaml")[1] == []


def test_merge_takes_own_keys_first_then_the_first_source() -> None:
    """As in YAML: own keys win, of two sources the first; that is no duplicate key."""
    text = "a: &a {x: 1}\nb: &b {x: 2, y: 3, z: 4}\nc: {<<: [*a, *b], y: 5}\n"
    (document,), findings = read_text(text, "a.yaml")
    assert findings == []
    assert document.value["c"] == {"x": 1, "y": 5, "z": 4}


def test_documents_before_the_mistake_are_read() -> None:
    """In a file of several rules one broken document does not hide those before it."""
    documents, findings = read_text("a: 1\n---\nb: [\n", "a.yaml")
    assert [d.value for d in documents] == [{"a": 1}]
    assert [f.code for f in findings] == ["yaml_syntax"]


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>?#'\"\n\t <%@,~", max_size=60))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    """Whatever a file holds, there are documents or findings."""
    documents, findings = read_text(text, "any.yaml")
    assert documents or findings


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_values_are_those_of_the_library(value: object) -> None:
    """Values are what PyYAML's own loader makes of the text."""
    text = yaml.safe_dump({"value": value}, allow_unicode=True)
    (document,), findings = read_text(text, "any.yaml")
    assert findings == []
    assert document.value == yaml.safe_load(text)
