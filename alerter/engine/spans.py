"""How far one evaluation of a rule goes: a span of which too much would have to be kept is evaluated in parts.

Any split of a span gives the same answer. So after a long outage a rule that keeps each event (or each term) catches
up part by part, instead of failing at a span that becomes longer with every tick.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from alerter.clock import Millis
from alerter.detectors import reads_from
from alerter.model.incident import Checkpoint
from alerter.model.rule import Rule
from alerter.schedule import latest_instant, next_instant
from alerter.sources.events import Events
from alerter.sources.opening import Reading
from alerter.sources.protocol import TOO_MANY, SourceError
from alerter.sources.reader import Reader
from alerter.timetext import iso

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Due:
    """One rule to be evaluated up to ``end``, which is earlier than it could be where it is ``behind``."""

    rule: Rule
    checkpoint: Checkpoint
    end: Millis
    behind: bool = False

    @property
    def begin(self) -> Millis:
        """The (exclusive) instant from which it is judged: what is before is longer ago than ``max_catchup``."""
        return max(self.checkpoint.evaluated, self.end - self.rule.max_catchup)

    @property
    def reading(self) -> Reading:
        """What is to be read for it."""
        start = reads_from(self.rule, self.checkpoint, self.end)
        known = self.checkpoint.history if self.checkpoint.meaning == self.rule.meaning() else None
        return Reading(self.rule, start, self.end, self.checkpoint.evaluated, known)

    def until(self, at: Millis) -> Due | None:
        """Return it up to the last nominal instant at or before ``at``, at least one; None where that is no less."""
        begin = self.begin
        end = latest_instant(self.rule.schedule, at)
        end = end if end > begin else next_instant(self.rule.schedule, begin)
        if end >= self.end:
            return None
        rule = self.rule
        if begin > self.checkpoint.evaluated:  # given up is what the whole span gives up
            rule = replace(rule, max_catchup=end - begin)
        return Due(rule, self.checkpoint, end, behind=True)


class Spans:
    """The length of the spans of rules that could not be evaluated in one: the next is at most twice as long."""

    def __init__(self) -> None:
        self._lengths: dict[str, Millis] = {}

    def open(self, reader: Reader, due: dict[str, Due]) -> dict[str, Events | SourceError]:
        """Read what is due; in ``due`` a span of which too much would be kept is halved until it can be read.

        The error stays where even the span up to the next nominal instant is too much.
        """
        for name in self._lengths.keys() & due.keys():
            one = due[name]
            due[name] = one.until(one.begin + 2 * self._lengths[name]) or one
        found: dict[str, Events | SourceError] = {}
        left = list(due)
        while left:
            answers = reader.open([due[name].reading for name in left])
            found |= zip(left, answers, strict=True)
            left = [name for name in left if self._shortened(due, name, found[name])]
            reader.forget(left)
        return found

    def _shortened(self, due: dict[str, Due], name: str, answer: Events | SourceError) -> bool:
        """Halve a span that is too much; returns whether it is to be read again."""
        one = due[name]
        too_many = isinstance(answer, SourceError) and answer.kind == TOO_MANY
        shorter = one.until((one.begin + one.end) // 2) if too_many else None
        if shorter is not None:
            due[name] = shorter
            return True
        if too_many or one.behind:
            self._lengths[name] = one.end - one.begin
        elif isinstance(answer, Events):
            self._lengths.pop(name, None)
        if one.behind and isinstance(answer, Events):
            log.warning("rule %s: too much for one evaluation, evaluated up to %s first", name, iso(one.end))
        return False
