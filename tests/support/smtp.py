"""A mail server that takes everything, or refuses as told, and remembers the letters."""

from __future__ import annotations

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.policy import default


class MailServer:
    """``refusals`` by the first word of a command: what is answered in place of 250; "." is the end of a letter.

    An empty refusal hangs up. Letters are remembered once they are there in full.
    """

    def __init__(self, refusals: dict[str, str] | None = None) -> None:
        self.refusals = refusals or {}
        self.commands: list[str] = []
        self.letters: list[Message] = []
        self.port = 0

    @property
    def recipients(self) -> list[str]:
        """Everybody that a letter was for, in order."""
        return [c.partition("<")[2].rstrip(">") for c in self.commands if c.upper().startswith("RCPT")]


@contextmanager
def serve_mail(refusals: dict[str, str] | None = None) -> Iterator[MailServer]:
    """Serve SMTP on a free port of the loopback interface; AUTH PLAIN is offered, TLS is not."""
    mail = MailServer(refusals)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                mail.commands.append(line)
                word = line.split()[0].upper()
                if mail.refusals.get(word) == "":
                    return
                if word in mail.refusals:
                    self._say(mail.refusals[word])
                elif word == "EHLO":
                    self._say("250-here\r\n250 AUTH PLAIN")
                elif word == "AUTH":
                    self._say("235 welcome")
                elif word == "DATA":
                    self._say("354 go on")
                    self._letter()
                    if mail.refusals.get(".") == "":
                        return
                    self._say(mail.refusals.get(".", "250 taken"))
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _letter(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            mail.letters.append(email.message_from_bytes(b"".join(lines), policy=default))

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    mail.port = server.server_address[1]
    try:
        yield mail
    finally:
        server.shutdown()
        server.server_close()
