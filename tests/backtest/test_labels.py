"""Files of labelled times: what they say, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.backtest.labels import Label, read_labels
from alerter.clock import MINUTE
from alerter.errors import UsageError
from alerter.model.rule import Frequency
from alerter.testing import rule
from tests.engine.support import T0

RULE = rule(Frequency(3, MINUTE), query_key=("user.name",))


def test_yaml_and_ndjson_say_the_same(tmp_path: Path) -> None:
    """Both forms give the same labels, oldest first."""
    yaml, ndjson = tmp_path / "known.yaml", tmp_path / "known.ndjson"
    yaml.write_text(
        "- {from: 2026-03-10T11:10:00Z, to: '2026-03-10T11:20:00Z', name: second}\n"
        "- from: 2026-03-10T11:00:00Z\n  to: 2026-03-10T11:05:00+00:00\n  key: {user.name: x}\n"
    )
    ndjson.write_text(
        '{"from": "2026-03-10T11:10:00Z", "to": "2026-03-10T11:20:00Z", "name": "second"}\n\n'
        '{"from": "2026-03-10T11:00:00Z", "to": "2026-03-10T11:05:00Z", "key": {"user.name": "x"}}\n'
    )
    wanted = (
        Label(T0, T0 + 5 * MINUTE, (("user.name", "x"),)),
        Label(T0 + 10 * MINUTE, T0 + 20 * MINUTE, None, "second"),
    )
    assert read_labels(yaml, RULE) == wanted
    assert read_labels(ndjson, RULE) == wanted


def test_a_hidden_key_is_compared_by_its_hash(tmp_path: Path) -> None:
    """A label names a secret key in clear; what is compared, and shown, is its hash."""
    file = tmp_path / "known.yaml"
    file.write_text("- {from: 2026-03-10T11:00:00Z, to: 2026-03-10T11:05:00Z, key: {api_key: s3cret}}\n")
    ((label,),) = (read_labels(file, rule(Frequency(3, MINUTE), query_key=("api_key",))),)
    assert "s3cret" not in repr(label)
    assert str(dict(label.key or ())["api_key"]).startswith("redacted:")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {from: soon, to: 2026-03-10T11:05:00Z}\n", "known.yaml:1:10: error[time]: from: 'soon' is not a time"),
        ("- {from: 2026-03-10T11:05:00Z, to: 2026-03-10T11:00:00Z}\n", "known.yaml:1:36: error[time]: to is before"),
        ("- from: 2026-03-10T11:05:00Z\n", "known.yaml:1:3: error[missing_option]: to is missing"),
        ("- 5\n", "known.yaml:1:3: error[wrong_value]"),
        ("a: 1\n", "known.yaml:1:1: error[wrong_value]: labelled times are a list"),
        ("- {form: 2026-03-10T11:05:00Z, to: 2026-03-10T11:06:00Z}\n", "known.yaml:1:4: error[unknown_key]"),
        (
            "- from: 2026-03-10T11:00:00Z\n  to: 2026-03-10T11:05:00Z\n  key: {host: x}\n",
            "known.yaml:3:9: error[wrong_key]: host is no part of the key",
        ),
        ("- {from: [\n", "known.yaml:2:1: error[yaml_syntax]"),
        ("\n", "holds no labelled time"),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, text: str, says: str) -> None:
    """Each mistake names file, line and column."""
    file = tmp_path / "known.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as found:
        read_labels(file, RULE)
    assert says in found.value.message


def test_mistakes_in_ndjson_have_their_line(tmp_path: Path) -> None:
    """All mistakes are said at once, each at its own line."""
    file = tmp_path / "known.ndjson"
    good = '{"from": "2026-03-10T11:10:00Z", "to": "2026-03-10T11:20:00Z"}\n'
    file.write_text(good + '{"from": "x", "to": "2026-03-10T11:20:00Z"}\n' + "{\n" + '{"from": 5}\n')
    with pytest.raises(UsageError) as found:
        read_labels(file, RULE)
    for place in ("known.ndjson:2:10: error[time]", "known.ndjson:3:", "known.ndjson:4:1: error[missing_option]"):
        assert place in found.value.message
