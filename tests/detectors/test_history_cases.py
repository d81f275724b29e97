"""change and new_term: the case table of ElastAlert's semantics, late events, memory and its bound, keys, redaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND
from alerter.detectors import first_checkpoint
from alerter.detectors.change import Tape
from alerter.engine.dryrun import dry_run
from alerter.engine.history_words import history_condition, history_sentence
from alerter.engine.tick import Engine
from alerter.model.history import NewTerm, ValueChange
from alerter.model.incident import Change, Match
from alerter.model.rule import FromEvent, Realert, Redaction
from alerter.sources import changing, terms
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.judged import is_nothing, value_of
from alerter.sources.reader import Reader
from alerter.state.sqlite import SqliteState
from alerter.testing import rule
from alerter.timetext import iso, parse_instant
from tests.engine.support import routing
from tests.exact.counting import CountingSource

T0 = parse_instant("2026-03-10T11:00:00Z")
NOW = Realert(0, written=True)
KEYWORD = {"type": "keyword"}
TABLE = [("k1", "x"), ("k1", "y"), ("k2", "x"), ("k1", None)]
MAPPED = {"@timestamp": {"type": "date"}, "k": KEYWORD, "v": KEYWORD, "w": KEYWORD, "n": {"type": "long"}}


def documents(*events: tuple[float, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"@timestamp": iso(T0 + round(at * SECOND)), **fields} for at, fields in events]


def source_of(*events: tuple[float, dict[str, Any]], mapped: dict[str, Any] | None = None) -> EmbeddedSource:
    return EmbeddedSource(documents=documents(*events), properties=MAPPED if mapped is None else mapped)


def found(tested, source, start=-1, end=HOUR):
    run = dry_run(tested, source, routing(), T0 + start, T0 + end)
    return [((m.at - T0) / SECOND, m.facts) for m in run.matches]


def times(tested, source, **span):
    return [at for at, _ in found(tested, source, **span)]


class Live:
    """One rule's evaluations over a growing source; ``restart`` forgets all but the state."""

    def __init__(self, tested, start=-1) -> None:
        self.rule = replace(tested, query_delay=0)
        self.source = CountingSource(EmbeddedSource(properties=MAPPED))
        self.state = SqliteState(":memory:")
        self.state.init()
        self.state.save_checkpoint(first_checkpoint(self.rule, T0 + start), None)
        self.restart()

    def restart(self) -> None:
        self.engine = Engine(Reader(self.source), self.state, routing(), gaps=False)

    def go(self, end: float, *events):
        """Add events and evaluate; return the instants told."""
        self.source.inner.extend(documents(*events))
        self.report = self.engine.tick([self.rule], T0 + round(end * SECOND))
        assert not self.report.failures
        steps = self.report.outcomes[self.rule.name].transitions
        return [(s.at - T0) / SECOND for s in steps if s.match and s.change is not Change.SUPPRESSED]


# --- change --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "key", "events", "wanted"),
    [
        (ValueChange(("v",), True), ("k",), [*TABLE, ("k1", "y"), ("k1", "z")], [1, 5]),
        (ValueChange(("v",), False), ("k",), [("k1", "x"), ("k1", None), ("k1", None), ("k1", "x")], [1, 3]),
        (ValueChange(("v",), True), (), [("k1", "x"), ("k2", "y")], [1]),
    ],
)  # fmt: skip
def test_change_matches_where_elastalert_does(condition, key, events, wanted):
    """The values of the key's event before; first sight never; ignore_null passes an event over."""
    docs = [(n, {"k": k, "v": v} if v is not None else {"k": k}) for n, (k, v) in enumerate(events)]
    assert times(rule(condition, realert=NOW, query_key=key), source_of(*docs)) == wanted


def test_change_within_a_time():
    """The timeframe is inclusive, and counted from the key's event before."""
    source = source_of((0, {"v": "x"}), (5, {"v": "y"}), (10.1, {"v": "z"}))
    assert times(rule(ValueChange(("v",), timeframe=5 * SECOND), realert=NOW), source) == [5]


def test_zero_is_nothing_and_false_is_a_value():
    """With ignore_null 0 is passed over, False is not; no field of a server holds both, so the values are played."""
    tape = Tape(0, 0)
    for at, value in enumerate([1, 0, 2, False]):
        if not is_nothing(value):
            tape.play(at, value_of(["v"], [value], Redaction()))
    assert [(change.at, change.old.shown, change.new.shown) for change in tape.after(None)] == [
        (2, (1,), (2,)),
        (3, (2,), (False,)),
    ]
    assert times(rule(ValueChange(("n",), True), realert=NOW), source_of(*[(n, {"n": n % 3}) for n in range(5)])) == [
        2,
        4,
    ]


def test_what_changed_is_told_for_each_field():
    """Old and new are lists, one value for each field."""
    tested = rule(ValueChange(("v", "n")), realert=NOW)
    (match,) = found(tested, source_of((0, {"v": "x", "n": 1}), (1, {"v": "x", "n": 2})))
    assert match == (1, {"old": ["x", 1], "new": ["x", 2], "old_value": ["x", 1], "new_value": ["x", 2]})


def test_hidden_values_change_without_being_shown():
    """Values of a redacted field are told apart by their hash, and stored as such."""
    live = Live(rule(ValueChange(("v",)), realert=NOW, redact=Redaction(("v",)), buffer_time=0))
    assert live.go(10, (0, {"v": "secret-1"}), (1, {"v": "secret-2"})) == [1]
    stored = live.state.checkpoints(["a rule"])["a rule"].value
    assert "secret" not in repr((stored, live.report))
    live.restart()
    assert live.go(20, (11, {"v": "secret-2"})) == []
    assert live.go(30, (21, {"v": "secret-1"})) == [21]


def test_a_late_event_makes_no_pair_that_never_was():
    """Before the others by time it is compared with its own neighbours; what only moved is not told again."""
    live = Live(rule(ValueChange(("v",)), realert=NOW, buffer_time=MINUTE))
    assert live.go(10, (0, {"v": "a"}), (5, {"v": "b"})) == [5]
    assert live.go(20, (3, {"v": "b"})) == []  # the change was at 3, and is told
    live.restart()
    assert live.go(30, (21, {"v": "b"}), (15, {"v": "c"})) == [15, 21]
    assert live.go(40, (16, {"v": "c"}), (31, {"v": "b"})) == []


def test_a_match_of_long_ago_does_not_stand_for_one_that_moved():
    """With a timeframe events from before the re-read span are read as well: their matches are told and stay."""
    live = Live(rule(ValueChange(("v",), timeframe=10 * MINUTE), realert=NOW, buffer_time=MINUTE))
    assert live.go(310, (0, {"v": "a"}), (10, {"v": "b"}), (300, {"v": "c"})) == [10, 300]
    assert live.go(320, (290, {"v": "c"})) == []


@pytest.mark.parametrize(("name", "one", "both"), [("n", 5, [5, 0]), ("v", ["a"], ["a", ""])])
def test_an_array_that_holds_nothing_beside_a_value_is_another_value(name, one, both):
    """With ignore_null only what is nothing altogether is passed over."""
    tested = rule(ValueChange((name,), True), realert=NOW, buffer_time=0)
    assert times(tested, source_of((0, {name: one}), (1, {name: both}), (2, {name: one}))) == [1, 2]


def test_the_last_value_outlives_the_event():
    """The checkpoint knows it, after a restart and when the index does not hold the event any more."""
    live = Live(rule(ValueChange(("v",)), realert=NOW, query_key=("k",), buffer_time=SECOND))
    assert live.go(10, (0, {"k": "a", "v": "x"})) == []
    live.source.inner = EmbeddedSource(properties=MAPPED)
    live.restart()
    assert live.go(7_200, (7_100, {"k": "a", "v": "y"}), (7_101, {"k": "b", "v": "y"})) == [7_100]


def test_keys_beyond_the_bound_are_looked_up(monkeypatch):
    """Of more keys than are remembered the index is asked, and a warning says so."""
    monkeypatch.setattr(changing, "MOST_KEYS", 2)
    live = Live(rule(ValueChange(("v",)), realert=NOW, query_key=("k",), buffer_time=0))
    live.go(10, *[(n, {"k": f"k{n}", "v": "x"}) for n in range(5)])
    assert any("values_forgotten" in text for _, text in live.report.warnings)
    kept = live.engine.checkpoints.read(["a rule"]).checkpoints["a rule"].value.history
    assert [dict(key)["k"] for key in kept.values] == ["k3", "k4"]
    assert live.go(20, (11, {"k": "k0", "v": "y"}), (12, {"k": "k4", "v": "x"})) == [11]


@pytest.mark.parametrize("number", [3, 9, 10, 25])
def test_the_event_before_is_the_newest_that_counts(number):
    """However many were passed over since, and the last of those of one instant."""
    passed = [(-100 + n, {"k": "a"}) for n in range(number)]
    source = source_of((-200, {"k": "a", "v": "w"}), (-200, {"k": "a", "v": "x"}), *passed, (1, {"k": "a", "v": "y"}))
    tested = rule(ValueChange(("v",), True), realert=NOW, query_key=("k",), buffer_time=0)
    assert [(at, facts["old"]) for at, facts in found(tested, source)] == [(1, ["x"])]


def test_an_edited_rule_looks_back_into_the_index():
    """Another compared field: what is remembered means nothing, the index does."""
    live = Live(rule(ValueChange(("v",)), realert=NOW, buffer_time=0))
    live.go(10, (0, {"v": "x", "w": "1"}))
    live.rule = replace(live.rule, condition=ValueChange(("w",)))
    assert live.go(20, (11, {"v": "x", "w": "2"})) == [11]


def test_a_steady_value_is_told_by_counts_alone():
    """Where each key has one value, and it is the one remembered, no document is read."""
    live = Live(rule(ValueChange(("v",)), realert=NOW, query_key=("k",), buffer_time=0))
    live.go(10, *[(n, {"k": f"k{n % 3}", "v": "x"}) for n in range(10)])
    live.source.reset()
    live.go(20, *[(10 + n, {"k": f"k{n % 3}", "v": "x"}) for n in range(1, 10)])
    assert (live.source.hits, live.source.scans, live.source.searches) == (0, 0, 1)


# --- new_term ------------------------------------------------------------------------------------------------------


def test_new_term_matches_where_elastalert_does():
    """After a baseline of x, y is new once; what is missing is no term."""
    source = source_of(
        (-60, {"v": "x"}), (0, {"v": "x"}), (1, {"v": "y"}), (2, {"v": "y"}), (3, {"k": "a"}), (4, {"v": ""})
    )
    tested = rule(NewTerm((("v",),)), realert=NOW)
    assert found(tested, source) == [(1, {"field": "v", "new_field": "v", "value": "y"})]
    missing = replace(tested, condition=NewTerm((("v",),), missing=True))
    assert [(at, facts.get("missing_field")) for at, facts in found(missing, source)] == [(1, None), (3, "v"), (4, "v")]


def test_a_term_is_new_again_after_the_window():
    """Both ends of the window before an event are exclusive."""
    source = source_of((0, {"v": "x"}), (9.999, {"v": "x"}), (19.999, {"v": "x"}), (29.998, {"v": "x"}))
    assert times(rule(NewTerm((("v",),), 10 * SECOND), realert=NOW), source) == [0, 19.999]


def test_events_without_a_term_are_kept_up_to_a_bound(monkeypatch):
    """More of them are evaluated in parts, and each is told."""
    live = Live(rule(NewTerm((("v",),), missing=True), realert=NOW, buffer_time=0))
    monkeypatch.setattr(terms, "MOST", 50)
    told = [live.go(1_000, *[(n * 10, {"k": "a"}) for n in range(100)])]
    told += [live.go(1_000 + n) for n in range(8)]
    assert len(told[0]) <= 50
    assert [at for part in told for at in part] == [n * 10.0 for n in range(100)]


def test_composite_terms_need_all_parts():
    """Two fields make one term; each field of the list is looked at for itself."""
    tested = rule(NewTerm((("v", "w"), ("n",))), realert=NOW)
    source = source_of(
        (0, {"v": "a", "w": "b"}), (1, {"v": "a"}), (2, {"v": "a", "w": "c", "n": 0}), (3, {"v": "a", "w": "b", "n": 0})
    )
    wanted = [(0, ["v", "w"], ["a", "b"]), (2, ["v", "w"], ["a", "c"]), (2, "n", 0)]
    assert sorted(((at, f["field"], f["value"]) for at, f in found(tested, source)), key=repr) == sorted(
        wanted, key=repr
    )


def test_a_term_is_the_same_however_it_is_read():
    """Event by event, where severities are taken from each, and as aggregations name it: a float's digits too."""
    mapped = {**MAPPED, "f": {"type": "float"}}
    source = source_of((-60, {"f": 0.1}), (0, {"f": 0.1}), (1, {"f": 0.2}), mapped=mapped)
    tested = rule(NewTerm((("f",),)), realert=NOW)
    assert times(tested, source) == [1]
    assert times(replace(tested, severity=FromEvent("k", {}, "info", split=False)), source) == [1]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"field": "v", "value": "x"}, "v x was not seen for 30 d"),
        ({"field": ["k", "v"], "value": ["a", None]}, "k a and v nothing were not seen for 30 d"),
        ({"field": ["k", "v"], "missing_field": ["k", "v"]}, "k or v is missing"),
    ],
)
def test_new_terms_in_words(facts, sentence):
    """What is said of a match."""
    tested = rule(NewTerm((("v",),)))
    assert history_sentence(tested, Match(0, None, 1, facts)) == sentence
    assert history_condition(NewTerm((("k", "v"), ("n",)), DAY, missing=True)) == (
        "a value of k and v or n not seen for 1 d, or is missing"
    )


def test_changes_in_words():
    """Only what changed is said; hidden patterns and long values are cut, and a line break stays one value."""
    tested = rule(ValueChange(("v", "w"), timeframe=HOUR), redact=Redaction((), ("[0-9]{4}",)))
    facts = {"old": ["a 1234", "same"], "new": ["b" * 300, "same"]}
    said = history_sentence(tested, Match(0, None, 1, facts))
    assert said == f"v changed from a [redacted] to {'b' * 200} ..."
    assert history_condition(tested.condition) == "v and w changes within 1 h"


def test_realert_never_hides_a_second_new_term():
    """Each term is a key of its own; a key of the rule that is no term is part of it."""
    tested = rule(NewTerm((("v",),)), realert=Realert(HOUR, written=True), query_key=("k",))
    run = dry_run(
        tested,
        source_of((0, {"k": "a", "v": "x"}), (1, {"k": "a", "v": "y"}), (1, {"k": "b", "v": "y"})),
        routing(),
        T0 - 1,
        T0 + MINUTE,
    )
    keys = [(m.at - T0, dict(m.key)) for m in run.matches]
    assert sorted(keys, key=repr) == sorted(
        [(0, {"k": "a", "v": "x"}), (1_000, {"k": "a", "v": "y"}), (1_000, {"k": "b", "v": "y"})], key=repr
    )
    assert len(run.incidents) == 3


def test_the_rules_own_key_is_the_term():
    """Without fields the values of query_key are the terms: one of several fields together."""
    tested = rule(NewTerm((("k", "v"),)), realert=NOW, query_key=("k", "v"))
    run = dry_run(
        tested,
        source_of((0, {"k": "a", "v": "x"}), (1, {"k": "a", "v": "x"}), (2, {"k": "a", "v": "y"})),
        routing(),
        T0 - 1,
        T0 + MINUTE,
    )
    assert [dict(m.key) for m in run.matches] == [{"k": "a", "v": "x"}, {"k": "a", "v": "y"}]


def test_nothing_is_lost_while_the_engine_is_away():
    """A term that first came while nothing ran is told; one that came a week ago is known, though nothing was kept."""
    live = Live(rule(NewTerm((("v",),)), realert=NOW, buffer_time=0, max_catchup=DAY))
    live.go(10, (-7 * 86_400, {"v": "old"}), (5, {"v": "a"}))
    live.restart()
    assert live.go(3_600, (1_000, {"v": "b"}), (2_000, {"v": "old"}), (2_001, {"v": "a"})) == [1_000]


def test_what_is_known_is_not_asked_again():
    """A term seen in the evaluation before costs no look into the window."""
    live = Live(rule(NewTerm((("v",),)), realert=NOW, buffer_time=0))
    live.go(10, *[(n, {"v": f"v{n}"}) for n in range(5)])
    first = live.report.costs["a rule"].requests
    assert live.go(20, *[(10 + n, {"v": f"v{n}"}) for n in range(1, 5)]) == []
    assert live.report.costs["a rule"].requests < first
    live.restart()
    assert live.go(30, *[(20 + n, {"v": f"v{n}"}) for n in range(1, 5)]) == []


def test_thousands_of_terms_are_told_apart_from_a_few():
    """In pages and parts: what was there in the window is known, what was not is new."""
    many = 10_400
    before = [(-86_400 * 20 + n, {"v": f"v{n}"}) for n in range(many)]
    now = [(1 + n / 10, {"v": f"v{n}"}) for n in range(many + 3)]
    run = dry_run(rule(NewTerm((("v",),)), realert=NOW), source_of(*before, *now), routing(), T0 - 1, T0 + HOUR)
    assert [m.facts["value"] for m in run.matches] == [f"v{many + n}" for n in range(3)]
    assert run.cost.requests < 100


def test_a_late_event_does_not_tell_a_term_twice():
    """The term was new earlier than it was told: its one match moves."""
    live = Live(rule(NewTerm((("v",),)), realert=NOW, buffer_time=MINUTE))
    assert live.go(10, (5, {"v": "a"})) == [5]
    assert live.go(20, (3, {"v": "a"}), (4, {"v": "b"})) == [4]
