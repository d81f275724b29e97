"""A POST of the message and its incident as JSON, to any URL; the shape is documented in docs/routing.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from alerter.clock import SECOND
from alerter.model.incident import Incident, Row
from alerter.notifiers.http import HttpAnswer, HttpFailure, post_json
from alerter.notifiers.oneway import OneWay
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from alerter.timetext import iso

Send = Callable[[str, bytes], HttpAnswer]


class WebhookNotifier(OneWay):
    """Sends each message on its own; a webhook can neither be edited nor read back."""

    kind = "webhook"

    def __init__(self, url: Callable[[], str], send: Send = post_json) -> None:
        """Take the URL as a function: a file that holds it is read at each message."""
        self._url = url
        self._send = send

    def post(self, message: Outgoing) -> Posted:
        """POST the message; raises NotifierError."""
        body = json.dumps(payload(message), ensure_ascii=False).encode("utf-8", "replace")
        raise_for(_attempt(self._send, self._url(), body))
        return Posted()

    def check(self) -> list[tuple[str, str]]:
        """Report whether a URL is there; nothing is sent."""
        return [("ok", "a URL is set")] if self._url() else [("no_url", "no URL is set")]


def _attempt(send: Send, url: str, body: bytes) -> HttpAnswer:
    try:
        return send(url, body)
    except HttpFailure as error:
        raise NotifierError(
            Failure.UNCLEAR if error.sent else Failure.WAIT, error.code, retry_after=5 * SECOND
        ) from None


def raise_for(answer: HttpAnswer) -> None:
    """Raise NotifierError for anything but success, classed by the status."""
    if 200 <= answer.status < 300:
        return
    if answer.status in (429, 503):
        raise NotifierError(Failure.WAIT, f"http_{answer.status}", retry_after=answer.retry_after or 30 * SECOND)
    if answer.status >= 500 or answer.status == 408:
        raise NotifierError(Failure.UNCLEAR, f"http_{answer.status}")
    if answer.status in (401, 403):
        raise NotifierError(Failure.CREDENTIALS, f"http_{answer.status}", answer.text[:100])
    if answer.status in (404, 410):
        raise NotifierError(Failure.CHANNEL, f"http_{answer.status}", answer.text[:100])
    raise NotifierError(Failure.DEGRADE, f"http_{answer.status}", answer.text[:100])


def payload(message: Outgoing) -> dict[str, Any]:
    """Return the document that is sent."""
    delivery = message.delivery
    return {
        "id": delivery.id,
        "kind": str(delivery.kind),
        "reason": str(delivery.reason),
        "at": iso(delivery.at),
        "receiver": delivery.receiver,
        "text": delivery.text,
        "note": message.note,
        "incident": incident_json(message.incident),
    }


def _member(row: Row) -> dict[str, str]:
    state = "over" if row.over else "firing"
    return {"id": row.incident, "severity": row.severity, "state": state, "text": row.words}


def incident_json(incident: Incident) -> dict[str, Any]:
    """Return what programs may know of an incident."""
    view = incident.view
    return {
        "id": incident.id,
        "rule": incident.about,
        "type": incident.type,
        "key": None if incident.key is None else dict(incident.key),
        "labels": dict(incident.labels),
        "state": incident.state,
        "opened": iso(incident.opened),
        "resolved": None if incident.resolved is None else iso(incident.resolved),
        "matches": incident.matches,
        "count": incident.count,
        "peak": incident.peak,
        "title": view.title,
        "sentence": view.sentence,
        "summary": view.summary,
        "fields": dict(view.fields),
        "sample": view.sample,
        "top": {top.name: {"values": dict(top.rows), "others": top.others} for top in view.top},
        "table": view.table,
        **({} if incident.roll is None else {"members": [_member(row) for row in incident.roll.rows]}),
        "links": {
            n: u for n, u in (("runbook", view.runbook), ("dashboard", view.dashboard), ("view", view.link)) if u
        },
    }
