"""The fault proxy before the Slack stand-in: what real Slack refuses, filters and limits, and the stand-in does not."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from .fault_proxy import FaultProxy, Request
from .faults import Answer, json_answer

Judge = Callable[[str, Mapping[str, Any]], list[str]]
"""(method, payload) to what is wrong with it."""
WEBHOOK = "webhook"
STANDIN_WEBHOOK = "/services/T000000001/B000000001/X000000001"
POSTS = ("chat.postMessage", WEBHOOK)
UPDATES_A_MINUTE = 50


class SlackProxy(FaultProxy):
    """Requests are known by method (``chat.postMessage``; ``webhook``), channels by name or id."""

    def __init__(self, upstream: str, token: str, *, judge: Judge | None = None) -> None:
        """Put it before a stand-in; only ``token`` is taken, every other is ``invalid_auth``."""
        self.tokens = {token}
        self.judge = judge
        self.limited = False
        """Whether one post a second and channel, and 50 updates a minute, are enforced."""
        self.now: Callable[[], float] = time.monotonic
        self._webhooks: dict[str, str] = {}
        self._token = token
        self._recent: dict[str, deque[float]] = {}
        super().__init__(upstream)
        self._ids = self._channels()

    @property
    def base_url(self) -> str:
        """Return what ALERTER_SLACK_BASE_URL takes."""
        return f"{self.url}/api/"

    def webhook_url(self, channel: str) -> str:
        """Return a new incoming webhook's URL for a channel; every path but those made here is refused."""
        path = f"/services/T000000001/B0TEST/{channel.lstrip('#')}"
        self._webhooks[path] = channel.lstrip("#")
        return f"{self.url}{path}"

    def clear(self) -> None:
        """Forget plans, records, webhooks and spent rates; take the first token alone again."""
        super().clear()
        self._webhooks.clear()
        self._recent.clear()
        self.tokens = {self._token}
        self.limited = False

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call the stand-in directly, unseen and unspoiled; raises AssertionError when it refuses."""
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        body = json.dumps(arguments).encode()
        answer = self.forward(Request(0, "POST", f"/api/{method}", headers, body, arguments, method)).decoded()
        assert answer.get("ok"), f"{method}: {answer}"
        return answer

    def channel_id(self, name: str) -> str:
        """Return the id of a channel given by name, ``#name`` or id."""
        bare = name.lstrip("#")
        return self._ids.get(bare, bare)

    # --- what the stand-in lacks -----------------------------------------------------------------------------------

    def describe(self, request: Request) -> Request:
        """Name the method, and the channel by its id."""
        path = urlsplit(request.path).path
        if path.startswith("/services/"):
            return replace(request, method=WEBHOOK, channel=self.channel_id(self._webhooks.get(path, "")))
        channel = str(request.payload.get("channel", ""))
        return replace(request, method=path.rpartition("/")[2], channel=self.channel_id(channel))

    def refuse(self, request: Request) -> Answer | None:
        """Refuse unknown webhooks and tokens, payloads the judge finds fault with, and too many posts."""
        hook = request.method == WEBHOOK
        if hook and urlsplit(request.path).path not in self._webhooks:
            return Answer(404, b"no_service", {"Content-Type": "text/plain"})
        if not hook and request.token and request.token not in self.tokens:
            return json_answer({"ok": False, "error": "invalid_auth"})
        if self.limited and not self._allowed(request):
            return json_answer({"ok": False, "error": "ratelimited"}, 429, **{"Retry-After": "1"})
        found = self.judge(request.method, request.payload) if self.judge else []
        if not found:
            return None
        if hook:
            return Answer(400, b"invalid_blocks", {"Content-Type": "text/plain"})
        return json_answer({"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": found}})

    def outgoing(self, request: Request) -> Request:
        """Post by webhook to its channel, and accept ``#name`` where Slack does."""
        payload = dict(request.payload)
        if request.method == WEBHOOK:
            payload["channel"] = self._webhooks[urlsplit(request.path).path]
            return _with_json(replace(request, path=STANDIN_WEBHOOK), payload)
        if request.method == "chat.postMessage" and str(payload.get("channel", "")).startswith("#"):
            payload["channel"] = request.channel
            return _with_json(request, payload)
        if request.method in ("conversations.history", "conversations.replies"):
            return _with_form(request, payload)
        return request

    def incoming(self, request: Request, answer: Answer) -> Answer:
        """Apply the bounds of a history, and hand out metadata only where it was asked for."""
        found = answer.decoded()
        if request.method not in ("conversations.history", "conversations.replies") or not found.get("ok"):
            return answer
        asked = request.payload
        inside = [m for m in found.get("messages", ()) if _inside(str(m.get("ts", "0")), asked)]
        if request.method == "conversations.history" and len(inside) < len(found["messages"]) and asked.get("oldest"):
            found |= {"has_more": False, "response_metadata": {"next_cursor": ""}}
        if str(asked.get("include_all_metadata", "")).lower() not in ("true", "1"):
            inside = [{k: v for k, v in message.items() if k != "metadata"} for message in inside]
        return json_answer({**found, "messages": inside})

    def carried_out(self, request: Request, answer: Answer) -> bool:
        """Tell by Slack's own ``ok``."""
        if request.method == WEBHOOK:
            return answer.body == b"ok"
        return bool(answer.decoded().get("ok"))

    def _allowed(self, request: Request) -> bool:
        if request.method in POSTS:
            return self._spend(f"post {request.channel}", most=1, seconds=1)
        return request.method != "chat.update" or self._spend("update", most=UPDATES_A_MINUTE, seconds=60)

    def _spend(self, name: str, *, most: int, seconds: float) -> bool:
        with self._lock:
            recent, now = self._recent.setdefault(name, deque()), self.now()
            while recent and recent[0] <= now - seconds:
                recent.popleft()
            if len(recent) >= most:
                return False
            recent.append(now)
            return True

    def _channels(self) -> dict[str, str]:
        listed = self.ask("conversations.list", limit=200, types="public_channel,private_channel")["channels"]
        return {str(c["name"]): str(c["id"]) for c in listed}


def _with_json(request: Request, payload: Mapping[str, Any]) -> Request:
    headers = {**request.headers, "content-type": "application/json"}
    return replace(request, payload=payload, body=json.dumps(payload).encode(), headers=headers)


def _with_form(request: Request, payload: Mapping[str, Any]) -> Request:
    """Send a read as the stand-in takes it, whatever way the client chose."""
    headers = {**request.headers, "content-type": "application/x-www-form-urlencoded"}
    path = urlsplit(request.path).path
    return replace(request, verb="POST", path=path, body=urlencode(payload).encode(), headers=headers)


def _inside(ts: str, asked: Mapping[str, Any]) -> bool:
    inclusive = str(asked.get("inclusive", "")).lower() in ("true", "1")
    at, oldest, latest = _order(ts), asked.get("oldest"), asked.get("latest")
    if oldest and (at < _order(str(oldest)) or (at == _order(str(oldest)) and not inclusive)):
        return False
    return not (latest and (at > _order(str(latest)) or (at == _order(str(latest)) and not inclusive)))


def _order(ts: str) -> tuple[int, int]:
    seconds, _, rest = ts.partition(".")
    return int(seconds or 0), int((rest or "0").ljust(6, "0")[:6])
