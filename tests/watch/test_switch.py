"""Signs of life: sent only while the engine is well, by one engine, over real HTTP; edited in place on Slack."""

from __future__ import annotations

import pytest

from alerter.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, SystemClock
from alerter.config import Settings, SlackAccess, SwitchSettings
from alerter.errors import UsageError
from alerter.notifiers.protocol import Failure
from alerter.secrets import Secret
from alerter.state.protocol import Retention
from alerter.state.sqlite import SqliteState
from alerter.watch.switch import Life, SlackWay, Switch, SwitchError, WebhookWay, life_of, make_way, problem_of
from tests.delivery.fakes import FakeNotifier, fail
from tests.notifiers.standin import HANG_UP, serve
from tests.support.slack import Slack
from tests.watch.support import NOON


class Engine:
    """What a switch asks of its engine."""

    def __init__(self) -> None:
        self.problem = ""
        self.leading = True

    def life(self) -> Life:
        return life_of("a:9797", "1.0", NOON, 40, 2, 1.5, 3)

    def switch(self, way: WebhookWay | SlackWay) -> Switch:
        """Return a switch of this engine."""
        return Switch(way, self.life, lambda: self.problem, lambda _name: self.leading)


def test_a_webhook_hears_that_the_engine_is_well() -> None:
    """JSON with who, when, how many rules and how late."""
    with serve() as hook:
        switch = Engine().switch(WebhookWay(Secret(hook.url + "ping")))
        assert switch.success is None
        switch.send()
    assert switch.success is True
    assert hook.asked == [
        (
            "ping",
            {
                "instance": "a:9797",
                "version": "1.0",
                "at": "2026-03-10T12:00:00.000Z",
                "rules": 40,
                "failing": 2,
                "lag_seconds": 1.5,
                "engines": 3,
                "state": "well",
            },
        )
    ]


def test_an_engine_that_is_not_well_sends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Silence is the signal; the log says why, once, after two in a row, and when it is over."""
    caplog.set_level("INFO")
    engine = Engine()
    with serve() as hook:
        switch = engine.switch(WebhookWay(Secret(hook.url + "ping")))
        engine.problem = "the state does not take this engine's beat"
        switch.send()
        assert switch.success is False
        assert caplog.records == []
        switch.send()
        switch.send()
        assert hook.asked == []
        assert switch.success is False
        engine.problem = ""
        switch.send()
    assert len(hook.asked) == 1
    assert [record.message for record in caplog.records if "switch" in record.message] == [
        "dead man's switch: not sent: the state does not take this engine's beat",
        "dead man's switch: sent again",
    ]


def test_an_engine_that_only_missed_one_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A machine that woke up is well again at the next sign; that one was missed is no error, however often."""
    caplog.set_level("INFO")
    engine = Engine()
    with serve() as hook:
        switch = engine.switch(WebhookWay(Secret(hook.url + "ping")))
        for problem in ("not beaten yet", "", "not beaten yet", ""):
            engine.problem = problem
            switch.send()
    assert len(hook.asked) == 2
    assert [record for record in caplog.records if "switch" in record.message] == []


def test_one_engine_of_a_fleet_sends() -> None:
    """The others neither send nor count as failing."""
    engine = Engine()
    engine.leading = False
    with serve() as hook:
        switch = engine.switch(WebhookWay(Secret(hook.url + "ping")))
        switch.send()
    assert (hook.asked, switch.success) == ([], None)


@pytest.mark.parametrize(
    ("answer", "said"), [((500, {}, {}), "answered 500"), ((404, {}, {}), "answered 404"), (HANG_UP, "no answer")]
)
def test_a_webhook_that_fails_is_said_without_its_url(
    answer: tuple[int, dict[str, str], object], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The URL is a secret."""
    with serve({"token-in-path": [answer, answer]}) as hook:
        switch = Engine().switch(WebhookWay(Secret(hook.url + "token-in-path")))
        switch.send()
        switch.send()
    assert switch.success is False
    assert said in caplog.text
    assert "token-in-path" not in caplog.text


def test_slack_shows_one_message_whose_time_is_edited() -> None:
    """Posted once; a new process finds it in the state; one that was deleted is posted anew."""
    clock, state, notifier = ManualClock(NOON), SqliteState(":memory:"), FakeNotifier()
    state.init()
    engine = Engine()
    for _ in range(2):  # the second is a new process
        switch = engine.switch(SlackWay(notifier, "#alive", state, clock))
        for _ in range(3):
            switch.send()
            clock.advance(MINUTE)
    assert notifier.done == ["find", "post", "update", "update", "update", "update", "update"]
    shown = notifier.calls[-1][1]
    assert shown.incident.view.sentence == "last heard of at 2026-03-10T12:00:00.000Z"
    assert shown.delivery.text.startswith("[INFO] alerter is well, last heard of at 2026")
    assert state.unfinished() == []
    notifier.failures = [fail(Failure.GONE, "message_not_found")]
    switch.send()
    switch.send()
    assert notifier.done[-3:] == ["update", "post", "update"]
    assert switch.success is True


def test_record_of_the_message_in_use_is_never_pruned() -> None:
    """It is written anew once an hour, so that after months the same message is edited still."""
    clock, state, notifier = ManualClock(NOON), SqliteState(":memory:"), FakeNotifier()
    state.init()
    way = SlackWay(notifier, "#alive", state, clock)
    versions = set()
    for _ in range(72):
        way.send(life_of("a:9797", "1.0", clock.now(), 40, 2, 1.5, 3))
        state.prune(Retention(DAY, DAY, DAY), clock.now())
        versions |= {stored.version for stored in state.incidents()}
        clock.advance(HOUR)
    assert notifier.done == ["find", "post"] + ["update"] * 71
    assert len(versions) == 72
    for _ in range(50):
        way.send(life_of("a:9797", "1.0", clock.now(), 40, 2, 1.5, 3))
        clock.advance(MINUTE)
    assert {stored.version for stored in state.incidents()} == {"73"}


def test_a_real_slack_shows_one_message(slack: Slack) -> None:
    """Posted, edited, found again when its record is lost: always the same message, with the newest time."""
    access = SlackAccess(token=Secret(slack.token), base_url=slack.base_url)
    channel = slack.channels[0]
    settings = Settings(slack=access, dead_mans_switch=SwitchSettings(channel=channel))
    clock = SystemClock()
    for minute in range(4):
        state = SqliteState(":memory:")  # every time without a record
        state.init()
        assert settings.dead_mans_switch is not None
        way = make_way(settings.dead_mans_switch, settings, state, clock)
        for second in range(2):
            way.send(life_of("a:9797", "1.0", NOON + minute * MINUTE + second * SECOND, 40, 2, 1.5, 3))
    (shown,) = slack.messages(channel)
    assert shown["text"].startswith("[INFO] alerter is well, last heard of at 2026-03-10T12:03:01.000Z")


def test_a_message_whose_record_was_lost_is_found() -> None:
    """After an unclear answer the message is looked for before another is posted; a failure is said."""
    clock, state, notifier = ManualClock(NOON), SqliteState(":memory:"), FakeNotifier(lose=1)
    state.init()
    way, life = SlackWay(notifier, "#alive", state, clock), life_of("a:9797", "1.0", NOON, 40, 2, 1.5, 3)
    with pytest.raises(SwitchError, match="#alive: timeout"):
        way.send(life)
    way.send(life)
    assert notifier.done == ["find", "post", "find", "update"]


def test_slack_needs_a_token() -> None:
    """A webhook cannot edit."""
    state, clock = SqliteState(":memory:"), ManualClock(NOON)
    switch = SwitchSettings(channel="#alive")
    with pytest.raises(UsageError) as refused:
        make_way(switch, Settings(dead_mans_switch=switch), state, clock)
    assert "ALERTER_SLACK_TOKEN" in refused.value.hint
    settings = Settings(slack=SlackAccess(token=Secret("x")), dead_mans_switch=switch)
    assert isinstance(make_way(switch, settings, state, clock), SlackWay)
    assert isinstance(make_way(SwitchSettings(url=Secret("http://x")), Settings(), state, clock), WebhookWay)


@pytest.mark.parametrize(
    ("ready", "writes", "lag", "said"),
    [
        (True, True, 300.0, ""),
        (False, True, 0.0, "why"),
        (True, False, 0.0, "beat"),
        (True, True, 300.1, "late (cluster default)"),
    ],
)
def test_what_makes_an_engine_unwell(ready: bool, writes: bool, lag: float, said: str) -> None:
    """Not ready, a state that cannot be written, or half of the rules more than five minutes late."""
    found = problem_of(ready, "" if ready else "why", writes, {"default": lag})
    assert (said in found) if said else found == ""
