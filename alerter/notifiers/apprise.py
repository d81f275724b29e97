"""Any service that the ``apprise`` package knows, by its URL; an optional extra."""

from __future__ import annotations

from collections.abc import Callable

from alerter.clock import MINUTE
from alerter.errors import UsageError
from alerter.model.incident import Kind
from alerter.notifiers.oneway import OneWay
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from alerter.notifiers.text import top_line


class AppriseNotifier(OneWay):
    """Sends title and text; apprise says only whether all went well, so a failure is retried later."""

    kind = "apprise"

    def __init__(self, url: Callable[[], str]) -> None:
        """Take the URL as a function; raises UsageError when the package is not installed."""
        try:
            import apprise
        except ImportError:
            raise UsageError(
                "an apprise receiver needs the package apprise", "pip install 'alerter[apprise]'"
            ) from None
        self._apprise = apprise
        self._url = url

    def post(self, message: Outgoing) -> Posted:
        """Send the message; raises NotifierError."""
        service = self._apprise.Apprise()
        if not service.add(self._url()):
            raise NotifierError(Failure.CHANNEL, "bad_url", "apprise does not know this URL")
        if not service.notify(body=body_of(message), title=message.incident.view.title or message.incident.rule):
            raise NotifierError(Failure.WAIT, "not_sent", retry_after=MINUTE)
        return Posted()

    def check(self) -> list[tuple[str, str]]:
        """Report whether apprise takes the URL; nothing is sent."""
        known = self._apprise.Apprise().add(self._url())
        return [("ok", "apprise knows the URL")] if known else [("bad_url", "apprise does not know the URL")]


def body_of(message: Outgoing) -> str:
    """Return the text of a message: the line that says all, the rule's own text below it, and the note."""
    delivery = message.delivery
    view = message.incident.view
    more = [view.summary, *map(top_line, view.top), view.table] if delivery.kind is Kind.FIRING else []
    return "\n".join(part for part in (delivery.text, *more, message.note) if part)
