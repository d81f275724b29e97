"""From receivers to notifiers: a dict literal, no import magic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from alerter.config import Settings
from alerter.errors import UsageError
from alerter.model.route import Receiver
from alerter.notifiers.apprise import AppriseNotifier
from alerter.notifiers.console import ConsoleNotifier
from alerter.notifiers.email import EmailNotifier
from alerter.notifiers.protocol import Notifier
from alerter.notifiers.services import ServiceNotifier
from alerter.notifiers.webhook import WebhookNotifier
from alerter.routing.tree import Routing
from alerter.secrets import Secret


def make_notifiers(routing: Routing, settings: Settings) -> dict[str, Notifier]:
    """Return a notifier for each receiver; raises UsageError naming the receiver and the variable that is missing."""
    return {name: make_notifier(receiver, settings) for name, receiver in routing.receivers.items()}


def make_notifier(receiver: Receiver, settings: Settings) -> Notifier:
    """Return the notifier of one receiver; raises UsageError naming the variable that is missing."""
    return NOTIFIERS[receiver.kind](receiver, settings)


def _slack(receiver: Receiver, settings: Settings) -> Notifier:
    from alerter.notifiers.slack.notifier import SlackNotifier, SlackWebhook

    options = receiver.options
    if "webhook" in options:  # the rule's own
        return SlackWebhook(receiver, options["webhook"].reveal)
    if "webhook_env" in options or "webhook_file" in options:
        return SlackWebhook(receiver, _url_of(receiver, settings, "webhook"))
    if settings.slack.token:
        return SlackNotifier(receiver, settings.slack)
    if settings.slack.webhook_url:
        return SlackWebhook(receiver, settings.slack.webhook_url.reveal)
    raise UsageError(
        f"receiver {receiver.name}: no way into Slack",
        "set ALERTER_SLACK_TOKEN (a bot token), or ALERTER_SLACK_WEBHOOK_URL, or webhook_env in the receiver",
    )


def _url_of(receiver: Receiver, settings: Settings, prefix: str) -> Callable[[], str]:
    """Return how to read a receiver's URL: written, from a variable, or from a file each time anew."""
    options = receiver.options
    variable = options.get(f"{prefix}_env")
    if variable:
        value = settings.environ.get(str(variable), "")
        if not value:
            raise UsageError(f"receiver {receiver.name}: the variable {variable} is not set", f"export {variable}=...")
        return lambda: value
    file = options.get(f"{prefix}_file")
    if file:
        return lambda: _read(receiver.name, Path(str(file)))
    written = options[prefix]
    return written.reveal if isinstance(written, Secret) else lambda: str(written)


def _read(receiver: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(f"receiver {receiver}: cannot read {file}: {error.strerror}") from None


NOTIFIERS: Mapping[str, Callable[[Receiver, Settings], Notifier]] = {
    "slack": _slack,
    "console": lambda _receiver, _settings: ConsoleNotifier(),
    "webhook": lambda receiver, settings: WebhookNotifier(_url_of(receiver, settings, "url")),
    "apprise": lambda receiver, settings: AppriseNotifier(_url_of(receiver, settings, "url")),
    "service": lambda receiver, _settings: ServiceNotifier(receiver.options["service"]),
    "email": lambda receiver, _settings: EmailNotifier(receiver.options["mail"]),
}
