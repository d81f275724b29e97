"""What stands on the other side: a webhook that says ok, and a TCP proxy that counts what passes."""

from __future__ import annotations

import http.server
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

REQUEST = re.compile(rb"(?:GET|POST|PUT|DELETE|HEAD) (\S+) HTTP/1\.1\r\n")
HEAD = 4096
"""The most bytes of a request line that are put together from two pieces."""


class Webhook:
    """Answers every POST with 200 and ``ok``, as Slack's incoming webhooks do, and counts them."""

    def __init__(self) -> None:
        outer = self
        self.posts = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.posts += 1
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Traffic:
    """Requests, and bytes in each direction with their heads."""

    requests: int = 0
    sent: int = 0
    received: int = 0

    def since(self, before: Traffic) -> Traffic:
        """Return what passed after ``before``."""
        return Traffic(self.requests - before.requests, self.sent - before.sent, self.received - before.received)

    def plus(self, other: Traffic) -> Traffic:
        """Return both together."""
        return Traffic(self.requests + other.requests, self.sent + other.sent, self.received + other.received)


class Proxy:
    """Forwards a loopback port to another one. ``seen`` is called with (time, path) of each request."""

    def __init__(self, port: int, seen: Callable[[float, str], None] | None = None) -> None:
        self._target = ("127.0.0.1", port)
        self._seen = seen
        self._lock = threading.Lock()
        self.traffic = Traffic()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening; open connections end with their clients."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            for end in (client, server):  # a message of two pieces must not wait for an acknowledgement
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink, asking in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink), kwargs={"asking": asking}, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, *, asking: bool) -> None:
        tail = b""
        with suppress(OSError):
            while piece := source.recv(65536):
                tail = self._count(tail, piece) if asking else self._answered(piece)
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, tail: bytes, piece: bytes) -> bytes:
        """Count a piece of requests; return what may be the beginning of a request line cut in two."""
        text = tail + piece
        found = list(REQUEST.finditer(text))
        with self._lock:
            was = self.traffic
            self.traffic = Traffic(was.requests + len(found), was.sent + len(piece), was.received)
        for match in found if self._seen else ():
            assert self._seen is not None
            self._seen(time.perf_counter(), match[1].decode(errors="replace"))
        return text[max(found[-1].end() if found else 0, len(text) - HEAD) :]

    def _answered(self, piece: bytes) -> bytes:
        with self._lock:
            was = self.traffic
            self.traffic = Traffic(was.requests, was.sent, was.received + len(piece))
        return b""
