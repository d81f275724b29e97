"""Pure work of several rules side by side: what any of it must know first is asked for in shared requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from alerter.clock import thread_seconds
from alerter.detectors.protocol import Question, Unanswered
from alerter.plugins.waiting import waited
from alerter.sources.events import Events
from alerter.sources.protocol import SourceError
from alerter.sources.reader import Reader

T = TypeVar("T")
MOST_ROUNDS = 1_000
"""Each round divides what was not known finer; more than this many are a mistake, not a hard question."""


@dataclass(frozen=True)
class Work(Generic[T]):
    """What is to be done with one rule's events; ``run`` is pure and may raise Unanswered, and is then run again."""

    events: Events
    run: Callable[[], T]


def finish(reader: Reader, works: Mapping[str, Work[T]], failed: Callable[[str, Exception], None]) -> dict[str, T]:
    """Run all works to their end, answering their questions between the rounds; one that fails stops no other."""
    done: dict[str, T] = {}
    pending = dict(works)
    for _ in range(MOST_ROUNDS):
        asked: list[tuple[str, tuple[Question, ...]]] = []
        began = _used()
        for name, work in pending.items():
            try:
                done[name] = work.run()
            except Unanswered as unanswered:
                asked.append((name, unanswered.questions))
            except Exception as error:  # a bug met by one rule never stops the others
                failed(name, error)
            ended = _used()
            work.events.spent.seconds += ended - began
            began = ended
        if not asked:
            return done
        answers = reader.answer([(works[name].events, questions) for name, questions in asked])
        pending = {}
        for (name, _questions), problem in zip(asked, answers, strict=True):
            if problem is None:
                pending[name] = works[name]
            else:
                failed(name, problem)
    for name in pending:
        failed(name, SourceError("incomplete", f"not decided after {MOST_ROUNDS} rounds of questions"))
    return done


def _used() -> float:
    """Return the seconds this thread has worked, or waited for plug-ins, so far; read once between two rules."""
    return thread_seconds() + waited()
