"""Who is untold now, and why: routes, mute times, silences and inhibition asked once more."""

from __future__ import annotations

from alerter.clock import Millis
from alerter.engine.decisions import of_verdict
from alerter.engine.heard import Heard
from alerter.engine.story import Audience
from alerter.engine.telling import tell
from alerter.model.incident import Change, Decision, Incident, Reason


def untold_now(incident: Incident, audience: Audience, now: Millis) -> list[Decision]:
    """Return the decisions that would be made now about receivers that did not hear of a firing incident."""
    heard = Heard.of(incident)
    waiting = [d for d in audience.destinations(incident, now) if d.receiver not in heard.receivers]
    silenced = audience.silenced(incident, now)
    verdicts = tell(waiting, heard, silenced, Change.OPENED, Reason.FIRST_MATCH, now)
    return [of_verdict(incident, told, now) for told in verdicts if told.kind is None]
