"""ElastAlert's silences: which rule and key each name means, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerter.clock import HOUR
from alerter.config import Settings
from alerter.migrate.silences import map_silences, merged, read_theirs
from alerter.ruleset.load import LoadedRules, load_rules
from alerter.timetext import iso

NOW = 1_800_000_000_000
RULES = {
    "plain": "type: any\n",
    "keyed": "type: any\nquery_key: user\n",
    "pair": "type: any\nquery_key: [user, host]\n",
    "flat": "type: flatline\nthreshold: 1\ntimeframe: 5m\n",
    "a.b": "type: any\n",
    "x": "type: any\nquery_key: user\n",
    "x.y": "type: any\nquery_key: user\n",
}


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedRules:
    """Some rules, each with its name as its file."""
    for name, text in RULES.items():
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nindex: logs\n{text}", encoding="utf-8")
    return load_rules([tmp_path], Settings())


def document(name: str, until: int = NOW + HOUR, since: int = NOW - HOUR) -> dict[str, object]:
    """Return a document as ElastAlert 2 writes it."""
    return {"exponent": 0, "rule_name": name, "@timestamp": iso(since), "until": iso(until)}


@pytest.mark.parametrize(
    ("name", "matchers"),
    [
        ("plain", ['rule="plain"']),
        ("plain._silence", ['rule="plain"']),
        ("keyed._silence", ['rule="keyed"']),
        ("keyed.alice", ['rule="keyed"', 'user="alice"']),
        ("keyed.a.b, c", ['rule="keyed"', 'user="a.b, c"']),
        ("keyed", ['rule="keyed"', 'user=""']),
        ("keyed._missing", ['rule="keyed"', 'user=~"(_missing)?"']),
        ("pair.alice, web1", ['rule="pair"', 'user="alice"', 'host="web1"']),
        ("pair.alice, None", ['rule="pair"', 'user="alice"', 'host=~"(None)?"']),
        ("flat.all", ['rule="flat"']),
        ("a.b", ['rule="a.b"']),
    ],
)
def test_names_mean_a_rule_and_a_key(loaded: LoadedRules, name: str, matchers: list[str]) -> None:
    """A rule's name, then after a dot the values of its key; dots may stand in both."""
    taking = map_silences(read_theirs([document(name)], NOW), loaded, "i", NOW)
    assert [[str(m) for m in one.silence.matchers] for one in taking.silences] == [matchers]
    (one,) = taking.silences
    assert (one.silence.start, one.silence.end, one.silence.author) == (NOW - HOUR, NOW + HOUR, "elastalert")
    assert taking.unmapped == ()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "no rule that is loaded"),
        ("plain.alice", "no rule that is loaded"),
        ("pair.a, b, c", "no rule that is loaded"),
        ("pair", "no rule that is loaded"),
        ("x.y.z", "it may be of the rule 'x' or 'x.y'"),
        ("x.y", "it may be of the rule 'x' or 'x.y'"),
    ],
)
def test_what_is_not_clear_is_left(loaded: LoadedRules, name: str, why: str) -> None:
    """A silence is never guessed: the wrong one would keep a page from somebody."""
    taking = map_silences(read_theirs([document(name)], NOW), loaded, "i", NOW)
    assert taking.silences == ()
    ((found, reason),) = taking.unmapped
    assert found == name
    assert why in reason


def test_realert_keys_name_all_their_rules(tmp_path: Path) -> None:
    """Rules that share a ``realert_key`` are silenced together, each by a silence of its own."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nindex: logs\ntype: any\n", encoding="utf-8")
    loaded = load_rules([tmp_path], Settings())
    for written in loaded.documents:
        written.value["realert_key"] = "both"
    taking = map_silences(read_theirs([document("both")], NOW), loaded, "i", NOW)
    assert [str(one.silence.matchers[0]) for one in taking.silences] == ['rule="one"', 'rule="two"']


def test_the_longest_of_a_name_counts() -> None:
    """ElastAlert writes a document each time and reads the one that lasts longest; what is over says nothing."""
    theirs = read_theirs(
        [
            document("r", NOW + 2 * HOUR),
            document("r", NOW + HOUR),
            document("over", NOW),
            {"rule_name": "r", "until": "soon"},
            {"rule_name": 5, "until": iso(NOW + HOUR)},
            {"until": iso(NOW + HOUR)},
            {"rule_name": "s", "until": "2027-01-15T09:00:00.123456Z", "@timestamp": None},
        ],
        NOW,
    )
    assert [(one.name, one.until) for one in theirs] == [("r", NOW + 2 * HOUR), ("s", NOW + HOUR + 123)]


def test_a_second_time_changes_nothing(loaded: LoadedRules) -> None:
    """What is there stays; a longer one is extended; one that somebody ended stays ended."""
    (one,) = map_silences(read_theirs([document("plain")], NOW), loaded, "i", NOW).silences
    (again,) = map_silences(read_theirs([document("plain", NOW + 2 * HOUR)], NOW + 5), loaded, "i", NOW + 5).silences
    assert again.silence.id == one.silence.id
    assert merged(one.silence, None) == one.silence
    assert merged(one.silence, one.silence) is None
    assert merged(again.silence, one.silence) == replace(one.silence, end=NOW + 2 * HOUR)
    assert merged(one.silence, again.silence) is None
    assert merged(again.silence, replace(one.silence, expired=NOW)) is None
