"""Plug-ins called in threads of their own: a call that hangs is given up, so that the rules beside it go on."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from alerter.plugins.registry import PluginError

LONGEST = 10.0
"""Seconds that a call may take."""
_Answer = SimpleQueue[tuple[BaseException | None, Any]]


class _Worker:
    """A thread that calls one function after the other, and ends when nobody knows it any more."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[Callable[[Any], Any], Any, _Answer] | None] = SimpleQueue()
        threading.Thread(target=_work, args=[self._asked], name="plug-in", daemon=True).start()
        weakref.finalize(self, self._asked.put, None)

    def ask(self, function: Callable[[Any], Any], argument: Any) -> _Answer:
        answer: _Answer = SimpleQueue()
        self._asked.put((function, argument, answer))
        return answer


class _Mine(threading.local):
    """What each thread that evaluates rules has for itself; ``waited`` counts seconds."""

    worker: _Worker | None = None
    waited = 0.0


_mine = _Mine()
_hanging: dict[str, _Answer] = {}
"""By plug-in the answer of a call that was given up; the plug-in is not called while that call goes on."""


def call(what: str, function: Callable[[Any], Any], argument: Any) -> Any:
    """Return what a plug-in returns, or raise what it raises. Raises PluginError where it takes longer than LONGEST.

    While such a call goes on, every other one of the plug-in fails at once: it costs one thread, and the time once.
    """
    given_up = _hanging.get(what)
    if given_up is not None and given_up.empty():
        raise PluginError("an earlier call of it has not come back")
    _hanging.pop(what, None)
    _mine.worker = worker = _mine.worker or _Worker()
    began, answer = monotonic(), worker.ask(function, argument)
    try:
        error, found = answer.get(timeout=LONGEST)
    except Empty:
        _mine.worker = None
        _hanging[what] = answer
        raise PluginError(f"it gave no answer within {LONGEST:g} s") from None
    finally:
        _mine.waited += monotonic() - began
    if error is not None:
        raise error
    return found


def waited() -> float:
    """Return the seconds that this thread has waited for plug-ins so far."""
    return _mine.waited


def _work(asked: SimpleQueue[tuple[Callable[[Any], Any], Any, _Answer] | None]) -> None:
    for function, argument, answer in iter(asked.get, None):
        try:
            answer.put((None, function(argument)))
        except BaseException as error:  # the caller raises it
            answer.put((error, None))
        del function, argument, answer
