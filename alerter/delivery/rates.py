"""Token buckets: about one post a second and channel, 40 edits and 40 looks a minute for all together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from alerter.clock import MINUTE, SECOND, Millis

POSTS = (3, 1 / SECOND)
"""Burst, and tokens per millisecond, of one channel."""
EDITS = (10, 40 / MINUTE)
LOOKS = (10, 40 / MINUTE)


@dataclass
class Bucket:
    """A token bucket on the monotonic clock."""

    burst: float
    rate: float
    level: float = 0
    at: Millis | None = None

    def has(self, now: Millis, share: int = 1) -> bool:
        """Tell whether there is a token; of ``share`` engines each gets its part of the rate."""
        burst = max(self.burst / share, 1)
        if self.at is None:
            self.level = burst
        else:
            self.level = min(burst, self.level + (now - self.at) * self.rate / share)
        self.at = now
        return self.level >= 1

    def take(self, now: Millis, share: int = 1) -> bool:
        """Take a token; False when there is none."""
        if not self.has(now, share):
            return False
        self.level -= 1
        return True


@dataclass
class Rates:
    """What may be sent now: buckets, and places that must wait; all divided among ``share`` engines."""

    posts: dict[str, Bucket] = field(default_factory=lambda: defaultdict(lambda: Bucket(*POSTS)))
    edits: Bucket = field(default_factory=lambda: Bucket(*EDITS))
    looks: Bucket = field(default_factory=lambda: Bucket(*LOOKS))
    share: int = 1
    blocked: dict[str, Millis] = field(default_factory=dict)
    edits_blocked: dict[str, Millis] = field(default_factory=dict)

    def block(self, place: str, until: Millis) -> None:
        """Let all posts to a place wait until a monotonic instant."""
        self.blocked[place] = max(until, self.blocked.get(place, until))

    def block_edits(self, place: str, until: Millis) -> None:
        """Let only edits wait: a limit on edits must not hold up new messages."""
        self.edits_blocked[place] = max(until, self.edits_blocked.get(place, until))

    def is_blocked(self, place: str, now: Millis) -> bool:
        """Tell whether a place must wait."""
        return now < self.blocked.get(place, now)

    def could_post(self, place: str, now: Millis) -> bool:
        """Tell whether a post is possible now, without taking a token."""
        return not self.is_blocked(place, now) and self.posts[place].has(now, self.share)

    def may_post(self, place: str, now: Millis) -> bool:
        """Take a token for a post."""
        return not self.is_blocked(place, now) and self.posts[place].take(now, self.share)

    def may_edit(self, place: str, now: Millis) -> bool:
        """Take a token for an edit."""
        waits = self.is_blocked(place, now) or now < self.edits_blocked.get(place, now)
        return not waits and self.edits.take(now, self.share)

    def may_look(self, now: Millis) -> bool:
        """Take a token for reading back."""
        return self.looks.take(now, self.share)

    def within(self, length: Millis) -> int:
        """Return how many posts one channel takes in ``length`` milliseconds, in this engine's share."""
        return int(length * POSTS[1] / self.share)
