"""Known keys: whose absence means something (flatline, falls)."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.incidents import Lifecycle
from alerter.windows import Curve


class Known:
    """Tells whether a key was seen in ``(t - known_keys_for, t]``, from the curve and the checkpoint's memory."""

    def __init__(self, life: Lifecycle, curve: Curve) -> None:
        self._life = life
        self._curve = curve

    def at(self, instant: Millis) -> bool:
        """Whether the key is known; without a ``query_key`` there is nothing to know."""
        if self._life.key is None:
            return True
        last = self.last_seen(instant)
        if last is None or last <= instant - self._life.rule.known_keys_for:
            return False
        return not self._life.memory.forgotten or last > (self._life.memory.announced or last)

    def closes(self, instant: Millis) -> bool:
        """Whether an open incident ends here because its key is no longer known."""
        return self._life.is_open and not self.at(instant)

    def last_seen(self, instant: Millis) -> Millis | None:
        """Return the key's newest event at or before an instant."""
        seen = [s for s in (self._curve.last(instant), self._life.memory.last_seen) if s is not None and s <= instant]
        return max(seen, default=None)
