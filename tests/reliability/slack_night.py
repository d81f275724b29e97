"""A night whose messages go to the Slack stand-in; its clock stays behind real time, for Slack's stamps are real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from alerter.clock import HOUR, SystemClock
from alerter.model.incident import Incident
from tests.reliability.night import STORM, FileNight, Files
from tests.support.slack import Slack

HERE = "  - name: here\n    slack: {channel: '#alerts-order'}\n"
ONE = f"route: {{receiver: here}}\nreceivers:\n{HERE}"
TWO = f"{ONE}    fallback: spare\n  - name: spare\n    slack: {{channel: '#fallback'}}\n"


class SlackNight(FileNight):
    """An engine with one rule, whose incidents are told in ``#alerts-order``."""

    def __init__(self, folder: Path, slack: Slack, *, routes: str = ONE, **environ: str) -> None:
        self.slack = slack
        environ = {**slack.environment(), **environ}
        unique = STORM.replace("name: storm", f"name: storm {uuid4().hex[:8]}")  # channels keep what others posted
        files = Files({"storm": unique.format(index="logs")}, routes)
        now = SystemClock().now() - 3 * HOUR
        super().__init__(folder, files=files, environ=environ, notifier=None, now=now, step=5)

    def roots(self, channel: str = "alerts-order") -> list[Mapping[str, Any]]:
        """Return our messages in a channel, without replies."""
        return [m for m in self.slack.messages(channel) if marked(m)]

    def told(self, channel: str = "alerts-order") -> list[tuple[str, list[str]]]:
        """Return for each root the state its context shows and the kinds of its replies."""
        shown = []
        for root in self.roots(channel):
            state = "Resolved" if "Resolved" in str(root.get("attachments")) else "Firing"
            replies = [marked(m)["kind"] for m in self.slack.thread(channel, root["ts"]) if marked(m)]
            shown.append((state, replies))
        return shown

    def check_told(self, channel: str = "alerts-order") -> None:
        """Every incident has one root that shows how it ended, and one reply that says so; nothing stands twice."""
        self.check()
        roots = {marked(root)["incident"]: root for root in self.roots(channel)}
        assert len(roots) == len(self.roots(channel)), "two roots of one incident"
        deliveries = Counter(
            marked(m)["delivery"]
            for root in self.roots(channel)
            for m in [root, *self.slack.thread(channel, root["ts"])]
            if marked(m)
        )
        assert max(deliveries.values()) == 1, deliveries
        told = [incident for incident in self.incidents() if not _digested(incident)]
        assert {incident.id for incident in told} <= set(roots)
        for incident in told:
            root = roots[incident.id]
            replies = [marked(m)["kind"] for m in self.slack.thread(channel, root["ts"]) if marked(m)]
            over = incident.resolved is not None
            turns = [kind for kind in ("firing", *replies) if kind != "repeat"]  # it may fire again within minutes
            assert turns == ["firing", "resolved"] * (len(turns) // 2) + ["firing"] * (len(turns) % 2), turns
            assert (turns[-1] == "resolved") is over
            assert ("Resolved" in str(root["attachments"])) is over


def marked(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what marks a message as ours, or nothing."""
    found: Mapping[str, Any] = (message.get("metadata") or {}).get("event_payload") or {}
    return found


def _digested(incident: Incident) -> bool:
    return any(delivery.error == "catch_up" for delivery in incident.deliveries)
