"""The Slack of the tests: the stand-in with the fault proxy in front, and what was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.servers import standin

from .slack_judge import judge
from .slack_proxy import SlackProxy

MOST_REQUESTS = 4_000
"""The stand-in refuses a token after 5,000 requests within an hour."""


class Slack:
    """Starts its own stand-in; raises tests.servers.home.Missing when there is none to be had."""

    token = standin.TOKEN
    channels = standin.CHANNELS

    def __init__(self) -> None:
        """Start a stand-in and the proxy before it."""
        self._start()

    def _start(self) -> None:
        self._standin = standin.start()
        self.proxy = SlackProxy(self._standin.url, self.token, judge=judge)
        self._asked = 0
        self._marks: dict[str, str] = {}

    def close(self) -> None:
        """Stop both."""
        self.proxy.close()
        self._standin.stop()

    def renew(self) -> None:
        """Forget what an earlier test planned and posted; a worn stand-in is replaced."""
        self._asked += len(self.proxy.seen())
        if self._asked > MOST_REQUESTS:
            self.close()
            self._start()
        self.proxy.up()
        self.proxy.clear()
        self.proxy.judge = judge
        for name in self.channels:
            newest = self.proxy.ask("conversations.history", channel=self.channel_id(name), limit=1)["messages"]
            self._marks[name] = str(newest[0]["ts"]) if newest else "0"
        self._asked += len(self.channels)

    @property
    def base_url(self) -> str:
        """Return what ALERTER_SLACK_BASE_URL takes; it leads through the proxy."""
        return self.proxy.base_url

    def environment(self) -> dict[str, str]:
        """Return the variables that let alerter post here by bot token."""
        return {"ALERTER_SLACK_BASE_URL": self.base_url, "ALERTER_SLACK_TOKEN": self.token}

    def webhook_url(self, channel: str) -> str:
        """Return a new incoming webhook's URL for a channel."""
        return self.proxy.webhook_url(channel)

    def channel_id(self, name: str) -> str:
        """Return the id of a channel by its name."""
        return self.proxy.channel_id(name)

    def messages(self, channel: str) -> list[Mapping[str, Any]]:
        """Return the channel's messages of this test as they stand now, oldest first, without thread replies."""
        mark = self._marks.get(channel.lstrip("#"), "0")
        found = self._all("conversations.history", channel=self.channel_id(channel))
        return [m for m in reversed(found) if _after(str(m["ts"]), mark)]

    def thread(self, channel: str, ts: str) -> list[Mapping[str, Any]]:
        """Return the replies to a message, oldest first."""
        found = self._all("conversations.replies", channel=self.channel_id(channel), ts=ts)
        return [m for m in found if m["ts"] != ts]

    def _all(self, method: str, **arguments: Any) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = self.proxy.ask(method, limit=200, **arguments, **more)
            found += answer["messages"]
            self._asked += 1
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found


def _after(ts: str, mark: str) -> bool:
    return tuple(int(p) for p in ts.split(".")) > tuple(int(p) for p in mark.split("."))
