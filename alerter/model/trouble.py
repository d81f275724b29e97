"""What is wrong with a receiver now, for status pages, heartbeats and the alerter's own incidents."""

from __future__ import annotations

from dataclasses import dataclass

from alerter.clock import Millis


@dataclass(frozen=True)
class Trouble:
    """A receiver whose last call failed; gone with its next success.

    ``failure`` is the class of the newest failure (``wait``, ``unclear``, ``channel``, ``credentials``, ...) and
    ``code`` the service's own word for it; ``count`` calls failed in a row since ``since`` (wall clock, the first of
    them). ``retry_at`` (wall clock) is when it is tried again, as far as is known.
    """

    receiver: str
    channel: str
    failure: str
    code: str
    since: Millis
    count: int
    retry_at: Millis
