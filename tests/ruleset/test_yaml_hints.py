"""What is said of YAML that cannot be read: an indentation is told from a colon and from a quote."""

from __future__ import annotations

import pytest
import yaml

from alerter.ruleset import yaml_positions

TOO_FAR = "the line is indented too far: align it with the key above"
CHECK = "check the indentation: all keys of a mapping begin in one column, and so do all - of a list"
COLON = "a value with a colon needs quotes"
CLOSED = "nothing may follow what is quoted or in brackets"


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("name: x\ntype: frequency\n  index: app-*\n", 3, TOO_FAR),
        ('name: "x"\n  index: app-*\n', 2, TOO_FAR),
        ("num_events: 5\n\n  # five\n  timeframe: 5m\n", 4, TOO_FAR),
        ("filter:\n  - term: x\n     more: y\n", 3, TOO_FAR),
        ("title: a\n  long text\n  summary: b\n", 3, TOO_FAR),
        ("name: a: b\n", 1, COLON),
        ("type: frequency\nmessage:\n  title: a: b\n", 3, COLON),
        ("filter:\n  - term: a: b\n", 2, COLON),
        ("message:\n    title: a\n  summary: b\n", 3, CHECK),
        ("filter:\n  - a: b\n - c: d\n", 3, CHECK),
        ("filter:\n - a: b\n  - c: d\n", 3, CHECK),
        ("filter:\n  - a: b\n   c: d\n", 3, CHECK),
        ("filter:\n- a\n  - b: c\n", 3, CHECK),
        ("name: x\n- a\n", 2, CHECK),
        ('name: "a" b\n', 1, CLOSED),
        ("name: [a] b\n", 1, CLOSED),
        ("index: {{ a }}-x\n", 1, "a template must be filled in, or quoted"),
    ],
)
def test_the_hint_fits_the_mistake(
    monkeypatch: pytest.MonkeyPatch, loader: type[yaml.SafeLoader], text: str, line: int, hint: str
) -> None:
    """Both parsers' words lead to the same hint, at the line that has to be changed."""
    monkeypatch.setattr(yaml_positions, "_Loader", loader)
    _, (found,) = yaml_positions.read_text(text, "rule.yaml")
    assert (found.code, found.line, found.hint) == ("yaml_syntax", line, hint)
