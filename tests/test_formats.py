"""Format strings: what Python fills in, filled in alike; what only attackers want, never."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.formats import BrokenFormat, fill, parse_format, placeholders

VALUES: list[Any] = ["web-1", 3, 3.14159, True, ["x", "y"], {"k": "v"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "source",
    [
        "{0} {1} {2}",
        "{} and {}",
        "{0!r} {3!s}",
        "{2:.2f}|{2:>10.1f}|{1:05d}",
        "{{0}} {0}",
        "{5[k]} {4[1]}",
        "{4} {5}",
        "",
    ],
)
def test_as_python_does(source: str) -> None:
    """Numbers, conversions, formats and items are those of str.format."""
    assert fill(source, VALUES, {}, "-") == fill(
        source.format(*VALUES).replace("{", "{{").replace("}", "}}"), [], {}, "-"
    )


@pytest.mark.parametrize(
    "source",
    [
        "{0.__class__}",
        "{0.__class__.__mro__[1]}",
        "{0[k].x}",
        "{0:{1}}",
        "{0:9999999}",
        "{0!x}",
        "{",
        "}",
        "{0} {}",
        "{9999}",
    ],
)
def test_what_is_never_filled_in(source: str) -> None:
    """Attributes, formats inside formats, huge widths and broken texts stay as they are written, and it is said."""
    with pytest.raises(BrokenFormat):
        parse_format(source)
    filled = fill(source, VALUES, {}, "-")
    assert filled.text == source
    assert len(filled.problems) == 1


def test_a_value_that_does_not_fit_stands_as_it_is() -> None:
    """The message is never lost for a format."""
    filled = fill("{0:.2f} of {1:d}", ["many", "5"], {}, "-")
    assert filled.text == "many of 5"
    assert len(filled.problems) == 2


def test_missing_values_have_their_text_whatever_the_format() -> None:
    """Null, no such argument, no such name, no such item."""
    assert fill("{0:.2f} {1} {2[a]} {name}", [None, 1, {}], {}, "<MISSING VALUE>").text == (
        "<MISSING VALUE> 1 <MISSING VALUE> <MISSING VALUE>"
    )


def test_values_are_never_formats_themselves() -> None:
    """A logged placeholder is text."""
    assert fill("{0}", ["{0.__class__} {1} %(x)s"], {}, "-").text == "{0.__class__} {1} %(x)s"


@settings(max_examples=300, deadline=None)
@given(st.text("{}[]0123:!.srafdx<> ", max_size=25), st.lists(JSON, max_size=4), JSON)
def test_any_text_with_any_values_gives_a_text(source: str, values: list[Any], named: Any) -> None:
    """Nothing raises, and where Python fills in too (no null among the values) the texts are equal."""
    found = fill(source, values, {"x": named}, "-")
    if found.problems or any(value is None for value in (*values, named)):
        return
    if all(
        p.position is not None and p.position < len(values) and not (p.items or p.conversion)
        for p in placeholders(source)
    ):
        plain = [v if isinstance(v, str | int | float) else str(v) for v in values]
        assert found.text == source.format(*plain)
