"""The dead man's switch: a sign of life sent only while the engine is well, so that its absence says something."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from alerter.clock import HOUR, SECOND, Clock, Millis
from alerter.config import Settings, SwitchSettings
from alerter.errors import UsageError
from alerter.model.incident import Delivery, Incident, Kind, Post, Reason, View, digest
from alerter.model.route import Receiver
from alerter.notifiers.http import HttpAnswer, HttpFailure, post_json
from alerter.notifiers.protocol import Failure, Notifier, NotifierError, Outgoing, Posted
from alerter.notifiers.text import one_line
from alerter.secrets import Secret
from alerter.state.protocol import Conflict, State, StateError
from alerter.timetext import iso

log = logging.getLogger(__name__)
NAME = "alerter: dead man's switch"
"""The name that decides which engine of a fleet sends it."""
NOTICE_LOOKED_FOR: Millis = 24 * HOUR
"""How far back a Slack message is looked for of which there is no record."""
RENEWED: Millis = HOUR
"""How old the record of a Slack message may become: it counts as over, and what is over long enough is deleted."""


@dataclass(frozen=True)
class Life:
    """What is sent: who, when, how many rules (of this engine), how many of them fail, how late the latest one is."""

    instance: str
    version: str
    at: str
    rules: int
    failing: int
    lag_seconds: float
    engines: int
    state: str = "well"


class SwitchError(Exception):
    """The sign of life did not arrive; no secret is ever in the text."""


class Way(Protocol):
    """Where signs of life go."""

    def send(self, life: Life) -> None:
        """Send one. Raises SwitchError."""


class Switch:
    """Sends a sign of life when asked, if this engine leads and is well; says once when two in a row were not sent.

    One alone is that of an engine that slept, say, and is back before anybody misses it.

    ``problem`` returns why the engine is not well, or "". ``success`` is None while another engine sends.
    """

    def __init__(
        self, way: Way, life: Callable[[], Life], problem: Callable[[], str], leads: Callable[[str], bool]
    ) -> None:
        self._way = way
        self._life = life
        self._problem = problem
        self._leads = leads
        self._missed = 0
        self._said = ""
        self.success: bool | None = None

    def send(self) -> None:
        """Send one sign of life, or say why not."""
        if not self._leads(NAME):
            self.success, self._said, self._missed = None, "", 0
            return
        problem = self._problem() or self._sent()
        self.success = not problem
        self._missed = self._missed + 1 if problem else 0
        if self._missed > 1 and problem != self._said:
            log.error("dead man's switch: not sent: %s", problem)
            self._said = problem
        elif self._said and not problem:
            log.info("dead man's switch: sent again")
            self._said = ""

    def _sent(self) -> str:
        try:
            self._way.send(self._life())
        except SwitchError as error:
            return str(error)
        return ""


class WebhookWay:
    """A POST of JSON; whatever is not 2xx is a failure."""

    def __init__(self, url: Secret, send: Callable[[str, bytes], HttpAnswer] = post_json) -> None:
        self._url = url
        self._send = send

    def send(self, life: Life) -> None:
        """Send one. Raises SwitchError."""
        try:
            answer = self._send(self._url.reveal(), json.dumps(asdict(life)).encode())
        except HttpFailure as error:
            raise SwitchError(f"the webhook gave no answer ({error.code})") from None
        except UsageError as error:
            raise SwitchError(error.message) from None
        if not 200 <= answer.status < 300:
            raise SwitchError(f"the webhook answered {answer.status}")


class SlackWay:
    """One message whose time is edited; where it is stands in the state, so that a restart edits the same one."""

    def __init__(self, notifier: Notifier, channel: str, state: State, clock: Clock) -> None:
        self._notifier = notifier
        self._channel = channel
        self._state = state
        self._clock = clock

    def send(self, life: Life) -> None:
        """Send one. Raises SwitchError."""
        try:
            stored = self._state.incident(self._id)
            post = next(iter(stored.value.posts), None) if stored else None
            message = self._message(life)
            posted = self._posted(message, Posted(post.address, post.ts) if post else None)
            kept = Post(NAME, self._channel, posted.address, posted.ts, message.incident.revision)
            if stored is None or post is None or not self._is_fresh(stored.value, post, posted):
                record = replace(message.incident, posts=(kept,))
                self._state.save_incident(record, stored.version if stored else None)
        except (NotifierError, UsageError) as error:
            raise SwitchError(f"{self._channel}: {error}") from None
        except StateError as error:
            raise SwitchError(f"state: {error.reason}") from None
        except Conflict:
            log.info("another engine sends the sign of life now")

    def _is_fresh(self, record: Incident, post: Post, posted: Posted) -> bool:
        """Whether the record names the message, and is not so old that it may be deleted soon."""
        same = (post.address, post.ts) == (posted.address, posted.ts)
        return same and 0 <= self._clock.now() - record.updated < RENEWED

    def _posted(self, message: Outgoing, posted: Posted | None) -> Posted:
        """Edit the message, found or known, or post it; returns where it is."""
        posted = posted or self._found(message)
        if posted is None:
            return self._notifier.post(message)
        try:
            self._notifier.update(replace(message, first=False), posted)
        except NotifierError as error:
            if error.failure is not Failure.GONE:
                raise
            return self._notifier.post(message)
        return posted

    def _found(self, message: Outgoing) -> Posted | None:
        """Look for a message that was posted, but whose record was lost."""
        try:
            return self._notifier.find(message, self._clock.now() - NOTICE_LOOKED_FOR, None)
        except NotifierError:
            return None

    @property
    def _id(self) -> str:
        return digest("dead man's switch", self._channel)

    def _message(self, life: Life) -> Outgoing:
        now = self._clock.now()
        sentence = f"last heard of at {life.at}"
        fields = (
            ("Engine", life.instance),
            ("Rules", f"{life.rules:,}, {life.failing:,} of them without an answer"),
            ("Lag", f"{life.lag_seconds:.0f} s"),
        )
        incident = Incident(
            id=self._id,
            rule="",
            type="digest",
            key=None,
            labels={"severity": "info"},
            opened=now,
            resolved=now,
            updated=now,
            revision=now // SECOND,
            view=View(title="alerter is well", sentence=sentence, fields=fields),
            quiet_close=True,
        )
        text = one_line(f"[INFO] alerter is well, {sentence}, engine {life.instance}")
        return Outgoing(incident, Delivery(self._id, Kind.INFO, NAME, self._channel, now, Reason.TEST, text))


def require_way(settings: Settings) -> None:
    """Raise UsageError when the dead man's switch is to go into Slack without a bot token."""
    switch = settings.dead_mans_switch
    if switch is not None and switch.channel and not settings.slack.token:
        raise UsageError("dead_mans_switch: no way into Slack", "set ALERTER_SLACK_TOKEN (a bot token: it can edit)")


def make_way(switch: SwitchSettings, settings: Settings, state: State, clock: Clock) -> Way:
    """Return where the settings send signs of life. Raises UsageError when there is no way into Slack."""
    if not switch.channel:
        return WebhookWay(switch.url)
    require_way(settings)
    from alerter.notifiers.slack.notifier import SlackNotifier

    receiver = Receiver(NAME, "slack", {"channel": switch.channel})
    return SlackWay(SlackNotifier(receiver, settings.slack), switch.channel, state, clock)


LATE = 300
"""Seconds of lag of half of the rules from which an engine is not well."""


def problem_of(ready: bool, problem: str, writes: bool, lags: Mapping[str, float]) -> str:
    """Return why an engine is not well, or "": it is ready, writes its state, and half of its rules are in time.

    ``lags`` are the medians by cluster, in seconds.
    """
    if not ready:
        return problem or "not ready"
    if not writes:
        return "the state does not take this engine's beat"
    late = [cluster for cluster, lag in sorted(lags.items()) if lag > LATE]
    return f"half of the rules are more than {LATE} s late (cluster {', '.join(late)})" if late else ""


def life_of(instance: str, version: str, now: Millis, rules: int, failing: int, lag: float, engines: int) -> Life:
    """Return what is sent at ``now``."""
    return Life(instance, version, iso(now), rules, failing, round(lag, 3), engines)
