"""Services that ElastAlert's rules name and that take one POST: what to ask of each, and its answer.

Used for the receivers that rules bring themselves (``honour_rule_webhooks``); credentials stay in the arguments.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.clock import DAY, SECOND
from alerter.model.incident import Kind
from alerter.notifiers.http import HttpAnswer, HttpFailure, post_json
from alerter.notifiers.oneway import OneWay
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from alerter.notifiers.text import headline
from alerter.notifiers.webhook import payload, raise_for
from alerter.timetext import iso

Arguments = Mapping[str, Any]
Send = Callable[[str, bytes, Mapping[str, str]], HttpAnswer]
PAGERDUTY = "https://events.pagerduty.com"
HOLDS = 7 * DAY
"""How long Alertmanager keeps an alert whose end it was not told."""

_ENDS_BLOCK = re.compile(r"\{(?=noformat)", re.IGNORECASE)
_HARMLESS = "{\u200b"
"""A zero-width space behind the brace: what stood in a log line is still read there, and ends no block of Jira."""


@dataclass(frozen=True)
class Service:
    """A service by name, with the arguments that its request is made of; they are never shown."""

    name: str
    arguments: Arguments = field(repr=False)


@dataclass(frozen=True)
class Request:
    """One POST; url, body and headers may hold credentials."""

    url: str = field(repr=False)
    body: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class ServiceNotifier(OneWay):
    """Sends what the service understands; an end closes the alert where the service has such a thing."""

    kind = "service"

    def __init__(self, service: Service, send: Send = post_json) -> None:
        self._service = service
        self._send = send

    def post(self, message: Outgoing) -> Posted:
        """Send the message, or nothing where the service has no use for it; raises NotifierError."""
        request = SERVICES[self._service.name](message, self._service.arguments)
        if request is None:
            return self._nothing(message)
        body = json.dumps(request.body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            answer = self._send(request.url, body, request.headers)
        except HttpFailure as error:
            failure = Failure.UNCLEAR if error.sent else Failure.WAIT
            raise NotifierError(failure, error.code, retry_after=5 * SECOND) from None
        try:
            raise_for(answer)
        except NotifierError as error:  # what it answers may repeat the key that it was sent
            raise NotifierError(error.failure, error.code, retry_after=error.retry_after) from None
        return Posted()

    def _nothing(self, message: Outgoing) -> Posted:
        """Return for what is no loss; raises NotifierError for a test, which is to say that nothing was sent."""
        if message.delivery.kind is Kind.INFO:
            detail = f"what it opens at {self._service.name} would stay open"
            raise NotifierError(Failure.DEGRADE, "no_test_message", detail)
        return Posted()

    def check(self) -> list[tuple[str, str]]:
        """Report which service it is; nothing is sent."""
        return [("ok", f"the service {self._service.name}, as the rule names it")]


def _text(message: Outgoing) -> str:
    return f"{message.delivery.text}\n{message.note}".strip()


def _is_over(message: Outgoing) -> bool:
    return message.delivery.kind is Kind.RESOLVED


def _has_no_end(message: Outgoing) -> bool:
    """Whether nothing would close what this message opens: digests and tests are of no incident that still ends."""
    return message.delivery.kind in (Kind.DIGEST, Kind.INFO)


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if user else {}


def _pagerduty(message: Outgoing, given: Arguments) -> Request | None:
    """Open or close the incident of this id: Events API v2, or the old one that ElastAlert takes by default."""
    if _has_no_end(message):
        return None
    incident, over = message.incident, _is_over(message)
    if given["version"] == "v2":
        detail = {"summary": headline(incident)[:1024], "source": "alerter", "severity": incident.severity}
        body = {
            "routing_key": given["key"],
            "event_action": "resolve" if over else "trigger",
            "dedup_key": incident.id,
            "client": given["client"],
            "payload": {**detail, "custom_details": {"information": _text(message)}},
        }
        return Request(f"{PAGERDUTY}/v2/enqueue", body)
    old = {
        "service_key": given["key"],
        "event_type": "resolve" if over else "trigger",
        "incident_key": incident.id,
        "description": headline(incident)[:1024],
        "client": given["client"],
        "details": {"information": _text(message)},
    }
    return Request(f"{PAGERDUTY}/generic/2010-04-15/create_event.json", old)


def _opsgenie(message: Outgoing, given: Arguments) -> Request | None:
    """Create the alert whose alias is the incident's id, or close it."""
    if _has_no_end(message):
        return None
    incident, headers = message.incident, {"Authorization": f"GenieKey {given['key']}"}
    if _is_over(message):
        url = f"{given['url'].rstrip('/')}/{incident.id}/close?identifierType=alias"
        return Request(url, {"source": "alerter", "note": _text(message)}, headers)
    body = {
        "message": headline(incident)[:130],
        "alias": incident.id,
        "description": _text(message)[:15_000],
        "source": "alerter",
        "responders": list(given["responders"]),
        "tags": [tag[:50] for tag in ("alerter", incident.rule, *given["tags"])][:20],
    }
    return Request(given["url"], body | ({"priority": given["priority"]} if given["priority"] else {}), headers)


def _alertmanager(message: Outgoing, given: Arguments) -> Request | None:
    """Post the incident as an alert; while it goes on it ends a week later, at its end then.

    Labels are an alert's identity, and the severity may rise: it is an annotation.
    """
    if _has_no_end(message):
        return None
    incident, over = message.incident, _is_over(message)
    key = {name: "" if value is None else str(value) for name, value in incident.key or ()}
    lasting = {name: value for name, value in incident.labels.items() if name != "severity"}
    named = {**key, **lasting, **given["labels"], "alertname": given["alertname"] or incident.rule}
    labels = {re.sub(r"[^A-Za-z0-9_]|^(?=\d)", "_", name): str(value) for name, value in named.items()}
    ends = incident.resolved if over and incident.resolved is not None else message.delivery.at + HOLDS
    told = {"summary": headline(incident), "description": _text(message), "severity": incident.severity}
    annotations = {**told, **given["annotations"]}
    alert = {"labels": labels, "annotations": annotations, "startsAt": iso(incident.opened), "endsAt": iso(ends)}
    return Request(f"{given['host'].rstrip('/')}/api/v2/alerts", [alert], _basic(given["user"], given["password"]))


def _ms_teams(message: Outgoing, given: Arguments) -> Request:
    """Post a card to an incoming webhook of Microsoft Teams; what logs say is no Markdown."""
    card = {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "summary": headline(message.incident),
        "sections": [{"text": text, "markdown": False} for text in (headline(message.incident), _text(message))],
    }
    return Request(given["url"], card)


def _power_automate(message: Outgoing, given: Arguments) -> Request:
    """Post an adaptive card to a flow of Power Automate, in runs of text: text blocks would be Markdown."""
    runs = [
        {"type": "TextRun", "text": headline(message.incident), "weight": "Bolder"},
        {"type": "TextRun", "text": _text(message)},
    ]
    lines = [{"type": "RichTextBlock", "inlines": [run]} for run in runs]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": lines}
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return Request(given["url"], {"type": "message", "attachments": [attached]})


def _jira(message: Outgoing, given: Arguments) -> Request | None:
    """Open a ticket for the incident's first message; repeats and the end change no ticket."""
    if message.delivery.kind is not Kind.FIRING or not message.first:
        return None
    fields = {
        "project": {"key": given["project"]},
        "issuetype": {"name": given["issuetype"]},
        "summary": headline(message.incident)[:255],
        "description": f"{{noformat}}{_ENDS_BLOCK.sub(_HARMLESS, _text(message))}\n{{noformat}}",
        "labels": list(given["labels"]),
    }
    bearer = {"Authorization": f"Bearer {given['key']}"} if given["key"] and not given["user"] else {}
    headers = bearer or _basic(given["user"], given["password"] or given["key"])
    return Request(f"{given['server'].rstrip('/')}/rest/api/2/issue", {"fields": fields}, headers)


def _post(message: Outgoing, given: Arguments) -> Request:
    """POST the document of a webhook receiver, with the rule's fixed values beside it."""
    return Request(given["url"], {**payload(message), **given["values"]}, given["headers"])


SERVICES: Mapping[str, Callable[[Outgoing, Arguments], Request | None]] = {
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
    "alertmanager": _alertmanager,
    "ms_teams": _ms_teams,
    "ms_power_automate": _power_automate,
    "jira": _jira,
    "post": _post,
}
