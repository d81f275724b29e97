"""Who is there, who tries, who may: on SQLite, and the whole life of a lease on Elasticsearch too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from alerter.cluster.hashing import winner
from alerter.errors import UsageError
from alerter.state.protocol import State, StateError
from alerter.state.sqlite import SqliteState
from tests.cluster.engines import NOW, TTL, Engine, beat_all, ruleset
from tests.support.client import client_of

RULES = tuple(f"rule {n}" for n in range(60))


@pytest.fixture(params=["sqlite", pytest.param("elasticsearch", marks=pytest.mark.es)])
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    if request.param == "sqlite":
        made: State = SqliteState(":memory:")
    else:
        from alerter.state.elasticsearch import ElasticsearchState

        es = request.getfixturevalue("es")
        made = ElasticsearchState(client_of(es), request.getfixturevalue("index_prefix"))
    made.init()
    yield made
    made.close()


@pytest.fixture
def local() -> Iterator[State]:
    made = SqliteState(":memory:")
    made.init()
    yield made
    made.close()


def test_hashing_moves_only_what_the_newcomer_wins():
    """A third engine takes about a third of the rules, and no rule moves between the other two."""
    names = [f"rule {n}" for n in range(3_000)]
    two = {name: winner(name, ["a", "b"]) for name in names}
    three = {name: winner(name, ["a", "b", "c"]) for name in names}
    moved = [name for name in names if two[name] != three[name]]
    assert {three[name] for name in moved} == {"c"}
    assert 800 < len(moved) < 1_200
    assert winner("rule", []) is None


def test_one_engine_takes_every_rule(state):
    """Alone, an engine holds all rules at once, and its checkpoints name it."""
    one = Engine("a:1", state, RULES)
    one.fleet.beat()
    assert len(one.take()) == len(RULES)
    found = state.checkpoints(RULES)
    assert {v.value.owner for v in found.values()} == {one.fleet.session}


def test_two_engines_share_the_rules(state):
    """A newcomer's rules are let go by the first at its next look, and taken; no rule is held by both."""
    one, two = Engine("a:1", state, RULES), Engine("b:1", state, RULES, offset=3_600_000)
    one.fleet.beat()
    one.take()
    two.fleet.beat()
    assert two.take() == []  # the first still holds them, and lives
    beat_all(one, two)
    first, second = set(one.take()), set(two.take())
    assert first | second == set(RULES)
    assert not first & second
    assert 15 < len(second) < 45


def test_a_clean_stop_frees_rules_at_once(state, caplog):
    """Who leaves lets go: the other takes everything at its next look, without waiting for a ttl."""
    one, two = Engine("a:1", state, RULES), Engine("b:1", state, RULES)
    for engine in (one, two):
        engine.fleet.beat()
    beat_all(one, two)
    one.take(), two.take()
    one.leases.release()
    one.fleet.leave()
    two.fleet.beat()
    assert set(two.take()) == set(RULES)
    assert "not heard of" not in caplog.text


def test_a_dead_engines_rules_are_taken_after_the_ttl(state, caplog):
    """An engine whose record does not change for the ttl, by the other's clock, is removed; its epoch ends."""
    one, two = Engine("a:1", state, RULES), Engine("b:1", state, RULES, offset=-7_200_000)
    for engine in (one, two):
        engine.fleet.beat()
    beat_all(one, two)
    one.take(), two.take()
    held = set(two.take())
    for _ in range(2):
        beat_all(two)
    assert set(two.take()) == held  # 4 s are not 6
    beat_all(two)
    assert list(state.members()) == ["b:1"]
    assert "the engine a:1 was not heard of for 6 s" in caplog.text
    assert set(two.take()) == set(RULES)
    epochs = {v.value.epoch for v in state.checkpoints([r for r in RULES if r not in held]).values()}
    assert epochs == {2}


def test_a_paused_engine_writes_nothing_when_it_wakes(state):
    """It does not trust its leases, its checkpoints are refused, and its next beat begins a new session."""
    one, two = Engine("a:1", state, RULES[:1]), Engine("b:1", state, RULES[:1])
    one.fleet.beat()
    one.take()
    old, stale = one.fleet.session, one.leases.read(RULES[:1]).checkpoints[RULES[0]].value
    two.fleet.beat()
    beat_all(two), beat_all(two), beat_all(two)
    assert two.take() == [RULES[0]]
    one.clock.advance(20_000)
    with pytest.raises(StateError) as refused:
        one.leases.save([replace(stale, evaluated=NOW + 60_000)])
    assert refused.value.kind == "fenced"
    one.fleet.beat()
    assert one.fleet.session != old
    assert not one.leases.holds(RULES[0])
    assert one.leases.save([replace(stale, evaluated=NOW + 60_000)]) == [RULES[0]]  # refused by the state itself
    assert state.checkpoints(RULES[:1])[RULES[0]].value.owner == two.fleet.session


def test_a_restart_under_the_same_name_takes_over_at_once(state):
    """The same instance is the same engine: nothing is waited for, and the epoch says that hands changed."""
    one = Engine("a:1", state, RULES[:3])
    one.fleet.beat()
    one.take()
    again = Engine("a:1", state, RULES[:3])
    again.fleet.beat()
    assert again.take() == list(RULES[:3])
    assert {v.value.epoch for v in state.checkpoints(RULES[:3]).values()} == {2}


def test_two_processes_of_one_name_are_refused(state):
    """The earlier one gives up with the remedy: the later one holds its leases."""
    one, two = Engine("a:1", state, RULES[:1]), Engine("a:1", state, RULES[:1])
    one.fleet.beat()
    two.fleet.beat()
    with pytest.raises(UsageError) as refused:
        one.fleet.beat()
    assert "ALERTER_INSTANCE" in refused.value.hint
    assert not one.fleet.valid()
    with pytest.raises(UsageError):
        one.fleet.beat()  # and it does not take the name back


def test_a_beat_whose_answer_was_lost_is_no_loss(local):
    """The record arrived: the engine finds its own session there and goes on with it."""
    one = Engine("a:1", local, RULES[:1])
    one.fleet.beat()
    session = one.fleet.session
    stored = local.members()["a:1"]
    local.save_member(replace(stored.value, beats=stored.value.beats + 1), stored.version)
    one.fleet.beat()
    assert one.fleet.session == session


def test_a_lease_taken_without_an_answer_is_let_go(local, monkeypatch):
    """The write arrived and its answer did not: an engine that is not to have the rule any more still frees it."""
    one, two = Engine("a:1", local, RULES), Engine("b:1", local, RULES)
    one.fleet.beat()
    one.take()
    one.leases.release()
    save = local.save_checkpoints

    def lost(written):
        save(written)
        raise StateError("unreachable", "no answer")

    with monkeypatch.context() as patched:
        patched.setattr(local, "save_checkpoints", lost)
        with pytest.raises(StateError):
            one.take()
    assert not one.leases.holds(RULES[0])
    assert one.leases.is_unsure(RULES[0])
    two.fleet.beat()
    for _ in range(2):
        beat_all(one, two)
        held = [*one.take(), *two.take()]
    assert sorted(held) == sorted(RULES)


def test_time_without_looking_is_held_against_nobody(local):
    """After a stall of the state both are as they were: nobody is expelled for a silence nobody could hear."""
    one, two = Engine("a:1", local, RULES), Engine("b:1", local, RULES)
    beat_all(one, two), beat_all(one, two)
    session = one.fleet.session
    two.clock.advance(60_000)
    two.fleet.beat()
    assert sorted(local.members()) == ["a:1", "b:1"]
    one.clock.advance(60_000)
    one.fleet.beat()
    assert one.fleet.session == session


def test_rules_that_only_one_engine_runs_are_its(local):
    """In a fleet of two sets of rules nothing is lost: a rule falls to those that run it, and the others say so."""
    old, new = Engine("a:1", local, RULES[:40]), Engine("b:1", local, RULES, version="2")
    beat_all(old, new), beat_all(old, new)
    for _ in range(2):
        held = [*old.take(), *new.take()]
    assert sorted(held) == sorted(RULES)
    assert set(RULES[40:]) <= set(new.take())
    assert [m.instance for m in old.fleet.differing()] == ["b:1"]


def test_what_nobody_runs_falls_to_one(local):
    """The incidents of a removed rule are looked after by exactly one engine."""
    engines = [Engine(f"{name}:1", local, RULES) for name in "abc"]
    beat_all(*engines), beat_all(*engines)
    for name in ("gone", "gone too", ""):
        assert sum(engine.fleet.chosen(name) for engine in engines) == 1


def test_a_guest_takes_only_what_is_left(local):
    """``--once`` beside a service evaluates nothing that the service holds, and is given nothing by it."""
    one, guest = Engine("a:1", local, RULES[:40]), Engine("a:1", local, RULES, guest=True)
    one.fleet.beat()
    one.take()
    guest.fleet.beat()
    beat_all(one, guest)
    assert guest.take() == list(RULES[40:])
    assert one.take() == list(RULES[:40])


def test_leases_are_kept_by_a_new_set_of_rules(local):
    """A reload changes what an engine runs, not who it is."""
    one = Engine("a:1", local, RULES[:3])
    one.fleet.beat()
    one.take()
    session = one.fleet.session
    one.fleet.run(ruleset(*RULES[:2]))
    one.fleet.beat()
    assert one.fleet.session == session
    assert one.fleet.view.known(RULES[2]) == []
    assert one.fleet.view.known(RULES[0]) == ["a:1"]


def test_validity_ends_before_the_ttl(local):
    """An engine stops trusting its leases at two thirds of the ttl, others take them at the whole of it."""
    one = Engine("a:1", local, RULES[:1])
    one.fleet.beat()
    one.clock.advance(2 * TTL // 3 - 1)
    assert one.fleet.valid()
    one.clock.advance(1)
    assert not one.fleet.valid()


def test_an_engine_does_not_differ_from_itself(local):
    """Who looks before its first beat knows itself without a set of rules yet: that is no difference."""
    one = Engine("a:1", local, RULES)
    one.fleet.look()
    assert one.fleet.differing() == []


class Interrupted(str):
    """A rule's name; before its n-th look-up another thread's work happens, as the interpreter may let it anywhere."""

    __slots__ = ("looks", "meanwhile")

    def interrupt(self, looks: int, meanwhile: Callable[[], None]) -> None:
        self.looks, self.meanwhile = looks, meanwhile

    def __hash__(self) -> int:
        self.looks = getattr(self, "looks", 0) - 1
        if self.looks == -1 and hasattr(self, "meanwhile"):
            self.meanwhile()
        return str.__hash__(self)


@pytest.mark.parametrize("looks", range(6))
@pytest.mark.parametrize("own", [True, False])
def test_other_threads_take_and_let_go_meanwhile(local, looks, own):
    """Letting rules go, and reading them, while another thread forgets this rule or another one, is no error."""
    name = Interrupted(RULES[1])
    one = Engine("a:1", local, (RULES[0], name, *RULES[2:]))
    one.fleet.beat()
    one.take()

    def forget() -> None:
        one.leases.forget([str(name)] if own else RULES[2:3])

    name.interrupt(looks, forget)
    assert set(one.leases.read([RULES[0], name]).checkpoints) <= {RULES[0], name}
    name.interrupt(looks, forget)
    assert one.leases.release(RULES[:1]) == [RULES[0]]
    name.interrupt(-1, forget)
    assert one.leases.read(RULES[1:3]).checkpoints.keys() == set(RULES[1:3])
    assert one.leases.held() == len(RULES) - 1
