"""Slack by bot token (post, edit, thread, read back) and by incoming webhook (post only)."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from alerter.clock import SECOND, Millis
from alerter.config import SlackAccess
from alerter.model.route import Receiver
from alerter.notifiers.http import HttpAnswer, HttpFailure, post_json, retry_after
from alerter.notifiers.oneway import OneWay
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from alerter.notifiers.slack.errors import DEFAULT_WAIT, REMEDIES, from_code
from alerter.notifiers.slack.format import metadata, payload, pointer_payload, reply_payload

TIMEOUT_SECONDS = 10
PAGE = 200
HISTORY_PAGE = 500
MOST_PAGES = 20
_QUIET = logging.getLogger("alerter.slack_sdk")
"""The SDK logs every failed request as an error of its own; delivery says the same with its consequence."""
_QUIET.setLevel(logging.CRITICAL)


class SlackNotifier:
    """One receiver by bot token. Never retries by itself: a repeated post would double the message."""

    kind = "slack"
    editable = True

    def __init__(self, receiver: Receiver, access: SlackAccess) -> None:
        """Remember the receiver; the token is read anew for each call, so that a replaced one is taken over."""
        self._receiver = receiver
        self._access = access
        self._channel = str(receiver.options["channel"])

    def post(self, message: Outgoing) -> Posted:
        """Post the root message."""
        body = payload(message, self._receiver.options)
        return self._post(message, body)

    def update(self, message: Outgoing, posted: Posted) -> None:
        """Edit the root; text, blocks and attachments always go together, or Slack drops what is left out."""
        body = {"blocks": [], "attachments": []} | payload(message, self._receiver.options)
        for name in ("unfurl_links", "unfurl_media"):
            body.pop(name)
        self._call("chat.update", posting=False, channel=posted.address, ts=posted.ts, **body)

    def reply(self, message: Outgoing, posted: Posted) -> Posted:
        """Add one line to the thread."""
        return self._post(message, {**reply_payload(message, self._receiver.options), "thread_ts": posted.ts}, posted)

    def find(self, message: Outgoing, since: Millis, posted: Posted | None) -> Posted | None:
        """Look through the channel's history (or the thread) for this delivery's metadata."""
        return next(self._found(message, since, posted), None)

    def copies(self, message: Outgoing, since: Millis, posted: Posted | None) -> list[Posted]:
        """Return every message with this delivery's metadata, oldest first."""
        return sorted(self._found(message, since, posted), key=lambda found: found.ts)

    def point(self, message: Outgoing, copy: Posted, to: Posted) -> None:
        """Edit a copy into a line that names the message it doubles, with a link where Slack gives one."""
        body = pointer_payload(message, self.link(to))
        self._call("chat.update", posting=False, channel=copy.address, ts=copy.ts, **body)

    def link(self, posted: Posted) -> str:
        """Return Slack's own link to a message; "" when it gives none."""
        try:
            answer = self._call("chat.getPermalink", posting=False, channel=posted.address, message_ts=posted.ts)
        except NotifierError:
            return ""
        return str(answer.get("permalink") or "")

    def check(self) -> list[tuple[str, str]]:
        """Say who we are to Slack, and whether the channel is there and the bot in it."""
        try:
            me = self._call("auth.test", posting=False)
            channel = self._lookup(self._channel)
        except NotifierError as error:
            return [(error.code, f"{self._channel}: {error}")]
        lines = [("ok", f"Slack workspace {me.get('team')}, bot {me.get('user')}")]
        if channel is None:
            return [*lines, ("channel_not_found", f"{self._channel}: {REMEDIES['channel_not_found']}")]
        if channel.get("is_archived"):
            return [*lines, ("is_archived", f"{self._channel}: {REMEDIES['is_archived']}")]
        if not channel.get("is_member", True):
            return [*lines, ("not_in_channel", f"{self._channel}: {REMEDIES['not_in_channel']}")]
        return [*lines, ("ok", f"channel {self._channel} is there")]

    # --- inside ------------------------------------------------------------------------------------------------

    def _post(self, message: Outgoing, body: Mapping[str, Any], posted: Posted | None = None) -> Posted:
        answer = self._call(
            "chat.postMessage",
            posting=True,
            channel=posted.address if posted else self._channel.lstrip("#"),
            metadata=metadata(message),
            client_msg_id=str(uuid5(NAMESPACE_URL, message.delivery.id)),
            **body,
        )
        if not answer.get("ts"):
            raise NotifierError(Failure.UNCLEAR, "no_ts", "Slack's answer does not say where the message is")
        return Posted(str(answer.get("channel", "")), str(answer["ts"]))

    def _found(self, message: Outgoing, since: Millis, posted: Posted | None) -> Iterator[Posted]:
        for found in self._history(since, posted):
            metadata = found.get("metadata")
            mark = metadata.get("event_payload") if isinstance(metadata, dict) else None
            if isinstance(mark, dict) and mark.get("delivery") == message.delivery.id:
                yield Posted(posted.address if posted else self._channel_id(), str(found.get("ts", "")))

    def _history(self, since: Millis, posted: Posted | None) -> Iterator[Mapping[str, Any]]:
        oldest = f"{since // SECOND}.000000"
        arguments: dict[str, Any] = {
            "oldest": oldest,
            "inclusive": True,
            "limit": HISTORY_PAGE,
            "include_all_metadata": True,
        }
        if posted is None:
            method, arguments["channel"] = "conversations.history", self._channel_id()
        else:
            method, arguments["channel"], arguments["ts"] = "conversations.replies", posted.address, posted.ts
        for _ in range(MOST_PAGES):
            answer = self._call(method, posting=False, **arguments)
            listed = answer.get("messages")
            if not isinstance(listed, list):
                raise NotifierError(
                    Failure.WAIT, "no_messages", f"{method} was answered without messages", DEFAULT_WAIT
                )
            yield from (found for found in listed if isinstance(found, dict))
            cursor = _cursor(answer)
            if not cursor:
                return
            arguments["cursor"] = cursor
        raise NotifierError(
            Failure.UNCLEAR, "history_too_long", f"more than {MOST_PAGES * HISTORY_PAGE:,} messages since"
        )

    def _channel_id(self) -> str:
        found = self._lookup(self._channel)
        if found is None:
            raise from_code("channel_not_found", posting=False)
        return str(found["id"])

    def _lookup(self, channel: str) -> Mapping[str, Any] | None:
        """Find a channel by name or id."""
        name = channel.lstrip("#")
        arguments: dict[str, Any] = {"limit": PAGE, "types": "public_channel,private_channel"}
        for _ in range(MOST_PAGES):
            answer = self._call("conversations.list", posting=False, **arguments)
            for found in answer.get("channels") or ():
                if name in (found.get("name"), found.get("id")):
                    return dict(found)
            cursor = _cursor(answer)
            if not cursor:
                return None
            arguments["cursor"] = cursor
        return None

    def _call(self, method: str, *, posting: bool, **arguments: Any) -> Mapping[str, Any]:
        client = WebClient(
            token=self._access.token.reveal(),
            base_url=self._access.base_url,
            timeout=TIMEOUT_SECONDS,
            retry_handlers=[],
            logger=_QUIET,
        )
        try:
            answer = (
                client.api_call(method, json=arguments)
                if posting or method == "chat.update"
                else client.api_call(method, params={k: _plain(v) for k, v in arguments.items()})
            )
        except SlackApiError as error:
            raise _from_answer(error, posting) from None
        except (ConnectionRefusedError, ConnectionAbortedError) as error:
            raise NotifierError(Failure.WAIT, type(error).__name__, "Slack cannot be reached", 5 * SECOND) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
            if refused or not posting:
                raise NotifierError(Failure.WAIT, type(error).__name__, "Slack cannot be reached", 5 * SECOND) from None
            raise NotifierError(Failure.UNCLEAR, type(error).__name__, "no answer from Slack") from None
        except Exception as error:  # the SDK stumbles over answers that are no object: what was sent may be there
            failure = Failure.UNCLEAR if posting else Failure.WAIT
            raise NotifierError(failure, type(error).__name__, "Slack's answer makes no sense", DEFAULT_WAIT) from None
        return answer.data if isinstance(answer.data, dict) else {}


def _cursor(answer: Mapping[str, Any]) -> str:
    more = answer.get("response_metadata")
    return str(more.get("next_cursor") or "") if isinstance(more, dict) else ""


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _from_answer(error: SlackApiError, posting: bool) -> NotifierError:
    response = error.response
    status = getattr(response, "status_code", 200)
    headers = getattr(response, "headers", None) or {}
    wait = retry_after(str(headers.get("Retry-After") or headers.get("retry-after") or ""))
    if status == 429:
        return NotifierError(Failure.WAIT, "ratelimited", retry_after=wait or DEFAULT_WAIT)
    if status >= 500 or not isinstance(getattr(response, "data", None), dict):
        failure = Failure.UNCLEAR if posting else Failure.WAIT
        return NotifierError(failure, f"http_{status}", "Slack answered with an error", DEFAULT_WAIT)
    data = response.data
    more = data.get("response_metadata")
    pointers = more.get("messages") if isinstance(more, dict) else None
    detail = "; ".join(str(p) for p in pointers)[:300] if isinstance(pointers, list) else ""
    return from_code(str(data.get("error", "unknown")), posting=posting, detail=detail, retry_after=wait)


class SlackWebhook(OneWay):
    """An incoming webhook: it answers ``ok`` and nothing else, so nothing can be edited, threaded or read back."""

    kind = "slack"

    def __init__(
        self, receiver: Receiver, url: Callable[[], str], send: Callable[[str, bytes], HttpAnswer] = post_json
    ) -> None:
        """Take the URL as a function: it is a secret, and a file that holds it may change."""
        self._receiver = receiver
        self._url = url
        self._send = send

    def post(self, message: Outgoing) -> Posted:
        """Post the message."""
        body = payload(message, self._receiver.options) | dict(self._receiver.options.get("overrides") or {})
        try:
            answer = self._send(self._url(), json.dumps(body).encode())
        except HttpFailure as error:
            failure = Failure.UNCLEAR if error.sent else Failure.WAIT
            raise NotifierError(failure, error.code, retry_after=5 * SECOND) from None
        code = answer.text.strip()[:60]
        if answer.status == 429:
            raise NotifierError(Failure.WAIT, "ratelimited", retry_after=answer.retry_after or DEFAULT_WAIT)
        if answer.status >= 500:
            raise NotifierError(Failure.UNCLEAR, f"http_{answer.status}")
        if answer.status in (403, 404, 410):
            raise NotifierError(Failure.CHANNEL, code or f"http_{answer.status}", "is the webhook's URL still valid?")
        if answer.status >= 400:
            raise from_code(code or "invalid_blocks", posting=True)
        return Posted()

    def check(self) -> list[tuple[str, str]]:
        """Report that a webhook is set; nothing is sent."""
        return [("ok", "posts by webhook: no edits, no threads")] if self._url() else [("no_url", "no webhook is set")]
