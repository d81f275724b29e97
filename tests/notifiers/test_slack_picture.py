"""Messages drawn in a terminal: marks go, what only looks like one stays."""

from __future__ import annotations

import pytest

from alerter.notifiers.slack.picture import _plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*bold* and ~gone~", "bold and gone"),
        ("took ~3 s, a*b*c, ~ alone", "took ~3 s, a*b*c, ~ alone"),
        ("<https://k/~user?index:'shop-*',a*b|Discover>", "Discover (https://k/~user?index:'shop-*',a*b)"),
        ("*<https://k|a title>*", "a title (https://k)"),
        ("\x000\x00", "0"),
    ],
)
def test_marks(text, shown):
    """Slack takes a mark only at the border of a word, and none within a link."""
    assert _plain(text) == shown
