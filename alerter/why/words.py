"""Decisions and deliveries in words: one sentence each."""

from __future__ import annotations

from datetime import UTC, datetime

from alerter.clock import SECOND, Millis
from alerter.engine.repeats import AGGREGATION, DEFAULT
from alerter.model.incident import Decision, Reason

REASONS: dict[str, str] = {
    Reason.FIRST_MATCH: "first match",
    Reason.REPEAT: "a repeat is due",
    Reason.REOPENED: "the condition holds again soon after it was over",
    Reason.SEVERITY_RAISED: "the severity rose",
    Reason.SILENCE_ENDED: "what kept it untold has ended",
    Reason.CONDITION_OVER: "the condition was over",
    Reason.QUIET: "no event for a while",
    Reason.KEY_FORGOTTEN: "the key was not seen any more",
    Reason.RULE_REMOVED: "the rule was removed or disabled",
    Reason.RULE_CHANGED: "the rule was changed",
    Reason.LATE_DATA: "documents that came late changed the answer",
    Reason.REALERT: "realert of the rule",
    Reason.STILL: "still firing",
    Reason.REPEAT_INTERVAL: "the least time between repeats has not passed",
    Reason.SILENCE: "silenced",
    Reason.MUTE_TIME: "muted by the interval",
    Reason.OUTSIDE_ACTIVE_TIME: "outside of the active interval",
    Reason.INHIBITED: "inhibited",
    Reason.CATCH_UP: "it opened and resolved while no engine evaluated",
    Reason.STORM: "the channel could not take more messages",
    Reason.ENHANCEMENT: "dropped by an enhancement of the rule",
    Reason.GAP: "longer ago than max_catchup",
    Reason.FALLBACK: "in place of a receiver that cannot be reached",
    Reason.NO_RECEIVER: "the receiver is not configured any more",
    Reason.NEVER_TOLD: "nobody there was told that it fires",
    Reason.GROUPED: "told with others of its group",
    Reason.TEST: "a test",
}


def reason_text(reason: str) -> str:
    """Return a reason in words; one of a later version as it is written."""
    return REASONS.get(reason, reason.replace("_", " "))


def when(at: Millis, now: Millis) -> str:
    """Return the time of day in UTC to the second, with the date unless that is today's."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    same = moment.date() == datetime.fromtimestamp(now // SECOND, UTC).date()
    return f"{moment:%H:%M:%S}" if same else f"{moment:%Y-%m-%d %H:%M:%S}"


def obstacle_text(decision: Decision, now: Millis) -> str:
    """Return what kept a receiver untold: ``silenced by jin until 16:00:00: deploy``."""
    until = f" until {when(decision.until, now)}" if decision.until is not None else ""
    if decision.reason == Reason.SILENCE:
        _, _, rest = decision.detail.partition(" by ")
        author, _, comment = rest.partition(": ")
        return f"silenced{f' by {author}' if author else ''}{until}{f': {comment}' if comment else ''}"
    if decision.reason == Reason.INHIBITED:
        name, _, source = decision.detail.rpartition(" by ")
        return f"inhibited by {source}{f' ({name})' if name else ''}{until}"
    if decision.reason == Reason.REPEAT_INTERVAL:
        return f"{reason_text(decision.reason)}{bound_text(decision)}{until}"
    detail = f" {decision.detail}" if decision.detail else ""
    return f"{reason_text(decision.reason)}{detail}{until}"


def bound_text(decision: Decision) -> str:
    """Return whose least time between repeats it is, where no route writes it: `` (the rule's aggregation)``."""
    found = {AGGREGATION: " (the rule's aggregation)", DEFAULT: " (by default 1 h)"}
    return found.get(decision.detail, "")


def decision_text(decision: Decision, now: Millis) -> str:
    """Return a decision as one sentence."""
    make = _SENTENCES.get(decision.outcome)
    if make is None:
        detail = f": {decision.detail}" if decision.detail else ""
        return f"{decision.outcome}{_to(decision)} ({reason_text(decision.reason)}){detail}"
    return make(decision, now)


def _to(decision: Decision) -> str:
    return f" {decision.receiver}" if decision.receiver else ""


def _numbers(decision: Decision) -> str:
    return f": {decision.detail}" if decision.detail else ""


def _realert(decision: Decision, now: Millis) -> str:
    return f"; further matches are not announced until {when(decision.until, now)}" if decision.until else ""


def _fired(decision: Decision, now: Millis) -> str:
    return f"matched{_numbers(decision)}; an incident opened{_realert(decision, now)}"


def _repeated(decision: Decision, now: Millis) -> str:
    return f"matched again{_numbers(decision)}{_realert(decision, now)}"


def _reopened(decision: Decision, now: Millis) -> str:
    return f"re-opened{_numbers(decision)} ({reason_text(decision.reason)}){_realert(decision, now)}"


def _raised(decision: Decision, now: Millis) -> str:
    return f"the severity rose{_numbers(decision)}{_realert(decision, now)}"


def _suppressed(decision: Decision, now: Millis) -> str:
    if decision.receiver:
        return f"{decision.receiver} not told: {obstacle_text(decision, now)}{_route(decision)}"
    until = f" until {when(decision.until, now)}" if decision.until is not None else ""
    return f"matched, not announced{_numbers(decision)} ({reason_text(decision.reason)}{until})"


def _refreshed(decision: Decision, now: Millis) -> str:
    until = f" before {when(decision.until, now)}" if decision.until is not None else ""
    return f"no repeat to {decision.receiver}{until}: {_why_not(decision)}; its message is refreshed"


def _why_not(decision: Decision) -> str:
    return f"{reason_text(decision.reason)}{bound_text(decision)}"


def _resolved(decision: Decision, _now: Millis) -> str:
    return f"resolved ({reason_text(decision.reason)}){_numbers(decision)}"


def _planned(decision: Decision, _now: Millis) -> str:
    what = f"{decision.detail or 'a message'} ({decision.receiver})"
    return f"{what} planned: {reason_text(decision.reason)}{_route(decision)}"


def _digested(decision: Decision, _now: Millis) -> str:
    why = f": {reason_text(decision.reason)}" if decision.reason == Reason.STORM else ""
    others = "its group" if decision.reason == Reason.GROUPED else "a digest"
    return f"{decision.detail or 'a message'} ({decision.receiver}) left to {others}{why}{_route(decision)}"


def _skipped(decision: Decision, now: Millis) -> str:
    until = f" up to {when(decision.until, now)}" if decision.until is not None else ""
    return f"not evaluated{until}: {reason_text(decision.reason)}"


def _route(decision: Decision) -> str:
    return f"; by the route {decision.route}" if decision.route else ""


_DELIVERY = {
    "delivered": "delivered to {}",
    "found": "found at {}: an earlier attempt had arrived",
    "edited": "the message at {} was edited",
    "degraded": "a plainer message for {}",
    "unclear": "not known whether the message to {} arrived",
    "failed": "an attempt to deliver to {} failed",
}


def _delivery(decision: Decision, _now: Millis) -> str:
    said = _DELIVERY[decision.outcome].format(decision.receiver)
    return f"{said}{_numbers(decision)} ({reason_text(decision.reason)})"


_SENTENCES = {
    "fired": _fired,
    "repeated": _repeated,
    "reopened": _reopened,
    "raised": _raised,
    "suppressed": _suppressed,
    "refreshed": _refreshed,
    "resolved": _resolved,
    "planned": _planned,
    "digested": _digested,
    "skipped": _skipped,
    **dict.fromkeys(_DELIVERY, _delivery),
}
