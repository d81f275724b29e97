"""Mail by SMTP, for the receivers that rules bring themselves (``honour_rule_webhooks``)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

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


class _Unanswered(Exception):
    """The connection was lost once DATA was said: the server may have taken the letter."""


class _Plain(smtplib.SMTP):
    def data(self, msg: Any) -> tuple[int, bytes]:
        try:
            return super().data(msg)
        except smtplib.SMTPServerDisconnected:  # time-outs too
            raise _Unanswered from None


class _Tls(smtplib.SMTP_SSL):
    def data(self, msg: Any) -> tuple[int, bytes]:
        try:
            return super().data(msg)
        except smtplib.SMTPServerDisconnected:
            raise _Unanswered from None


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
        except _Unanswered:
            raise NotifierError(Failure.UNCLEAR, "smtp_no_answer", retry_after=MINUTE) from None
        except smtplib.SMTPRecipientsRefused as error:
            later = all(400 <= code < 500 for code, _ in error.recipients.values())  # greylisting
            failure = Failure.WAIT if later else Failure.CHANNEL
            raise NotifierError(failure, "smtp_recipients_refused", retry_after=MINUTE if later else 0) from None
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
        """Yield the server, logged in; whatever happens, the connection ends, and how it ends changes nothing."""
        mail, context = self._mail, ssl.create_default_context()
        if mail.tls:
            server: smtplib.SMTP = _Tls(mail.host, mail.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = _Plain(mail.host, mail.port, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if not mail.tls and server.has_extn("STARTTLS"):
                server.starttls(context=context)
            if mail.user:
                server.login(mail.user, mail.password)
            yield server
        finally:
            with suppress(OSError):  # a letter that was taken stays taken, whatever QUIT is answered
                server.quit()
            server.close()

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
