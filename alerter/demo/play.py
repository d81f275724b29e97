"""Playing the demo: shipped rules and routes, the production engine, SQLite, and the terminal as every receiver."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from alerter.clock import MINUTE, SECOND, ManualClock
from alerter.config import Settings
from alerter.delivery.courier import Courier
from alerter.demo.stream import END, STORY, documents
from alerter.engine.audience import silence_check
from alerter.engine.decisions import fold_runs
from alerter.engine.tick import Engine
from alerter.errors import UsageError
from alerter.model.incident import Decision
from alerter.model.rule import Rule
from alerter.model.silence import Matcher, Silence
from alerter.notifiers.console import ConsoleNotifier
from alerter.notifiers.text import clock_text
from alerter.plurals import many
from alerter.routing.load import load_routing
from alerter.routing.tree import Routing
from alerter.ruleset.load import load_rules
from alerter.shipped import shipped_dir
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.reader import Reader
from alerter.state.records import key_text
from alerter.state.sqlite import SqliteState

Say = Callable[[str], None]
SILENCED = "account-deletions-jump"
"""The rule that somebody silences by hand at the beginning."""


def play(say: Say, pause: Callable[[], None], *, colour: bool) -> None:
    """Run the story minute by minute; ``pause`` is called between minutes, ``say`` gets every line."""
    settings = Settings()
    loaded = load_rules([shipped_dir() / "rules"], settings)
    routing, findings = load_routing([shipped_dir() / "notifiers"])
    if routing is None:
        raise UsageError("\n".join(f.text() for f in findings if f.severity == "error"))
    with tempfile.TemporaryDirectory(prefix="alerter-demo-") as folder:
        state = SqliteState(str(Path(folder) / "demo.db"))
        try:
            state.init()
            _introduce(say, len(loaded.rules), routing)
            _story(say, pause, loaded.rules, routing, state, colour=colour)
        finally:
            state.close()


def _story(
    say: Say, pause: Callable[[], None], rules: Sequence[Rule], routing: Routing, state: SqliteState, *, colour: bool
) -> None:
    clock = ManualClock(STORY)
    engine = Engine(Reader(EmbeddedSource(documents=documents())), state, routing)
    notifiers = {name: ConsoleNotifier(say, colour=colour) for name in routing.receivers}
    silences = [_silence(clock)]
    state.save_silence(silences[0], None)
    say(f"{clock_text(STORY)}  on-call silenced rule={SILENCED} for 1 h: planned clean-up of test accounts\n")
    courier = Courier(state, notifiers, routing, clock, silenced=silence_check(lambda: silences))
    engine.tick(rules, clock.now())
    told = 0
    while clock.now() < END:
        clock.advance(MINUTE)
        report = engine.tick(rules, clock.now() + 2 * SECOND)
        for line in _decisions(report.decisions):
            say(line)
        told += courier.deliver().sent
        pause()
    _sum_up(say, state, told)


def _introduce(say: Say, rules: int, routing: Routing) -> None:
    channels = ", ".join(sorted(r.channel for r in routing.receivers.values()))
    say(f"alerter demo: {rules} shipped rules over a built-in stream of User and Order logs; channels {channels}")
    say("The production engine runs in compressed time; what Slack would show is drawn here.\n")


def _silence(clock: ManualClock) -> Silence:
    now = clock.now()
    matcher = Matcher("rule", "=", SILENCED)
    return Silence("demo", (matcher,), now, now + 60 * MINUTE, "on-call", "planned clean-up of test accounts", now)


_WORDS = {"silence": "silenced", "realert": "repeat suppressed by realert", "repeat_interval": "repeat held back"}


def _decisions(decisions: Sequence[Decision]) -> Iterator[str]:
    """Yield a line for each run of decisions that kept something untold."""
    for decision in fold_runs(decisions):
        if decision.outcome not in ("suppressed", "refreshed"):
            continue
        word = _WORDS.get(decision.reason, f"{decision.outcome} ({decision.reason})")
        key = f" [{key_text(decision.key)}]" if decision.key else ""
        until = f" until {clock_text(decision.until)}" if decision.until is not None else ""
        times = f", {decision.count} matches" if decision.count > 1 else ""
        by = f" by {decision.detail.partition(' by ')[2]}" if decision.reason == "silence" else ""
        yield f"{clock_text(decision.at)}  {decision.rule}{key}: {word}{until}{by}{times}\n"


def _sum_up(say: Say, state: SqliteState, told: int) -> None:
    incidents = [v.value for v in state.incidents()]
    over = sum(i.resolved is not None for i in incidents)
    say(f"\n{many(len(incidents), 'incident')}, {over} resolved, {many(told, 'message')}.")
    say("Try: alerter test-rule, alerter check, alerter run")
