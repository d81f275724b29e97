"""Where to divide a bucket all of whose events hold, when their instants matter."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.detectors.protocol import Span
from alerter.incidents import Lifecycle
from alerter.schedule import next_instant
from alerter.windows import Bucket, Cut


def cut(life: Lifecycle, bucket: Bucket, span: Span) -> Cut:
    """Return where one question tells most: at the first instant inside that parts events judged differently.

    Such are the edges of the span, the end of a silence, a nominal instant. Where there is none it is the bucket's own
    first event that matters. Without ``at`` the bucket is to be divided all over: when it may be left and met again
    many times within, by a resolution or by short silences.
    """
    start, end = bucket.start, bucket.end
    over, until = life.over_at(), life.memory.until
    if (over is not None and over < end) or life.rule.realert.length < (end - start) // 4:
        return Cut(start, end)
    inner: list[Millis] = [span.reread, span.start]
    if life.is_open:
        inner.append(next_instant(life.rule.schedule, start))
    if until is not None:
        inner.append(until - 1)
    return Cut(start, end, min((at for at in inner if start < at < end), default=start))
