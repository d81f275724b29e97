"""The thread that beats: nothing else the process does may hold it up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from alerter.clock import Clock, Millis
from alerter.errors import UsageError

log = logging.getLogger(__name__)


class Pacemaker:
    """Calls ``beat`` every ``interval`` milliseconds; a UsageError ends it and is handed to ``failed``."""

    def __init__(
        self, beat: Callable[[], object], interval: Millis, clock: Clock, failed: Callable[[UsageError], object]
    ) -> None:
        self._beat = beat
        self._interval = interval
        self._clock = clock
        self._failed = failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pacemaker")

    def start(self) -> None:
        """Begin to beat, if that was not begun."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Beat no more, and wait for a beat that is under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._clock.wait(self._interval, self._stop)
            if self._stop.is_set():
                return
            try:
                self._beat()
            except UsageError as error:
                self._failed(error)
                return
            except Exception as error:  # a bug here must not let the leases run out in silence
                log.error("the engine's beat, a bug: %s: %s", type(error).__name__, error)
                log.debug("where", exc_info=error)
