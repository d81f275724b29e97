"""Mail by SMTP, for the receivers that rules bring themselves (``honour_rule_webhooks``)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from alerter.clock import MINUTE
from alerter.notifiers.http import TIMEOUT_SECONDS
from alerter.notifiers.oneway import OneWay
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing, Posted
from alerter.notifiers.text import one_line, top_line


@dataclass(frozen=True)
class Mail:
    """To whom, from whom, and by which server; ``tls`` means from the first byte, else STARTTLS where it is offered."""

    to: tuple[str, ...]
    sender: str
    host: str = "localhost"
    port: int = 25
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: str = ""


class EmailNotifier(OneWay):
    """Sends each message as a mail of its own; the first line is the subject."""

    kind = "email"

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def post(self, message: Outgoing) -> Posted:
        """Send the mail; raises NotifierError."""
        try:
            with self._server() as server:
                server.send_message(self._letter(message), self._mail.sender, self._everybody())
        except smtplib.SMTPAuthenticationError as error:
            raise NotifierError(Failure.CREDENTIALS, f"smtp_{error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused:
            raise NotifierError(Failure.CHANNEL, "smtp_recipients_refused") from None
        except smtplib.SMTPResponseException as error:
            lasting = 500 <= error.smtp_code < 600
            failure = Failure.CHANNEL if lasting else Failure.WAIT
            raise NotifierError(failure, f"smtp_{error.smtp_code}", retry_after=MINUTE) from None
        except ssl.SSLError:
            raise NotifierError(Failure.CHANNEL, "smtp_tls", "the server's certificate is refused") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotifierError(Failure.WAIT, type(error).__name__, retry_after=MINUTE) from None
        return Posted()

    def check(self) -> list[tuple[str, str]]:
        """Report the server; nothing is sent."""
        return [("ok", f"mail by {self._mail.host}:{self._mail.port}")]

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """Yield the server, logged in; whatever happens, the connection ends."""
        mail, context = self._mail, ssl.create_default_context()
        if mail.tls:
            made: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            made = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_SECONDS)
        with made as server:
            server.ehlo()
            if not mail.tls and server.has_extn("STARTTLS"):
                server.starttls(context=context)
            if mail.user:
                server.login(mail.user, mail.password)
            yield server

    def _everybody(self) -> list[str]:
        return [*self._mail.to, *self._mail.cc, *self._mail.bcc]

    def _letter(self, message: Outgoing) -> EmailMessage:
        mail, letter = self._mail, EmailMessage()
        letter["Subject"] = one_line(message.delivery.text)[:200]
        letter["From"], letter["To"] = mail.sender, ", ".join(mail.to)
        if mail.cc:
            letter["Cc"] = ", ".join(mail.cc)
        if mail.reply_to:
            letter["Reply-To"] = mail.reply_to
        view = message.incident.view
        links = [link for link in (view.runbook, view.dashboard, view.link) if link]
        shown = [message.delivery.text, view.summary, *map(top_line, view.top), view.table, *links, message.note]
        letter.set_content("\n\n".join(part for part in shown if part).encode("utf-8", "replace").decode() + "\n")
        return letter
