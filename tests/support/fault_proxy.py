"""An HTTP server between a client and a real server that fails as a test tells it to, and records what happened."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .faults import PASS, Answer, Ending, Fault

UPSTREAM_SECONDS = 60
DROPPED = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "host", "date", "server"})


@dataclass(frozen=True)
class Request:
    """One request as the client sent it; ``method`` is what a plan names, such as ``chat.postMessage``."""

    number: int
    verb: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    payload: Mapping[str, Any]
    method: str
    channel: str = ""

    @property
    def token(self) -> str:
        """Return the bearer token, or nothing."""
        return self.headers.get("authorization", "").removeprefix("Bearer ").strip()


@dataclass(frozen=True)
class Seen:
    """A request and what became of it: ``accepted`` by the server, and the status told to the client (0: none)."""

    request: Request
    fault: str
    accepted: bool
    answer: Mapping[str, Any]
    status: int


@dataclass
class _Plan:
    fault: Fault
    method: str
    channel: str
    first: int
    last: int
    calls: int = 0

    def takes(self, request: Request) -> bool:
        """Count a request that matches, and tell whether it is among those to spoil."""
        if not fnmatchcase(request.method, self.method) or self.channel not in ("", request.channel):
            return False
        self.calls += 1
        return self.first <= self.calls <= self.last


class FaultProxy:
    """Listens on a free loopback port; use as a context manager or call ``close``."""

    def __init__(self, upstream: str) -> None:
        """Begin to forward to ``upstream``, such as ``http://127.0.0.1:9200``; nothing is spoiled yet."""
        self._upstream = urlsplit(upstream)
        self._lock = threading.Lock()
        self._plans: list[_Plan] = []
        self._seen: list[Seen] = []
        self._count = 0
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._connections: set[socket.socket] = set()
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        """Return the proxy's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def plan(self, fault: Fault, method: str = "*", *, channel: str = "", nth: int = 1, times: int = 1) -> None:
        """Spoil the ``nth`` matching request from now on and, with ``times``, those after it (0: for good).

        ``method`` may hold wildcards. The first plan that applies decides; each counts what it matches.
        """
        last = nth + times - 1 if times else 1_000_000_000
        with self._lock:
            self._plans.append(_Plan(fault, method, self.channel_id(channel), nth, last))

    def clear(self) -> None:
        """Forget plans and records."""
        with self._lock:
            self._plans.clear()
            self._seen.clear()

    def seen(self, method: str = "*", *, channel: str = "") -> list[Seen]:
        """Return what was asked so far, in the order in which it was finished."""
        wanted = self.channel_id(channel)
        with self._lock:
            matching = [s for s in self._seen if fnmatchcase(s.request.method, method)]
        return [s for s in matching if wanted in ("", s.request.channel)]

    def accepted(self, method: str = "*", *, channel: str = "") -> list[Seen]:
        """Return the requests that the server carried out, whatever the client was told."""
        return [s for s in self.seen(method, channel=channel) if s.accepted]

    def down(self) -> None:
        """Stop listening and cut what is open: connections are refused until ``up``."""
        self._released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def up(self) -> None:
        """Listen, on the same port as before."""
        if self._server is not None:
            return
        self._released.clear()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    close = down

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what a proxy for one kind of server adds ------------------------------------------------------------------

    def describe(self, request: Request) -> Request:
        """Return the request with its method and channel named; here the verb and the path."""
        return replace(request, method=f"{request.verb} {urlsplit(request.path).path}")

    def channel_id(self, name: str) -> str:
        """Return how requests name a channel."""
        return name

    def refuse(self, request: Request) -> Answer | None:
        """Return the server's own refusal where the real one would refuse and the stand-in does not."""
        return None

    def outgoing(self, request: Request) -> Request:
        """Return the request as it is forwarded."""
        return request

    def incoming(self, request: Request, answer: Answer) -> Answer:
        """Return the answer as it is handed back."""
        return answer

    def carried_out(self, request: Request, answer: Answer) -> bool:
        """Tell whether the server did what was asked."""
        return answer.status < 300

    def arrived(self, request: Request) -> None:
        """Do something before a request is forwarded; what is raised here drops it, and the connection."""

    def forwarded(self, request: Request) -> None:
        """Do something once the server has done what was asked, before its answer goes back; may raise likewise."""

    def answered(self, request: Request) -> None:
        """Do something right after the answer was sent."""

    # --- one request -----------------------------------------------------------------------------------------------

    def handle(self, handler: _Handler) -> None:
        """Decide, forward, record, answer."""
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else b""
        headers = {k.lower(): v for k, v in handler.headers.items()}
        with self._lock:
            self._count += 1
            number = self._count
        plain = Request(number, handler.command, handler.path, headers, body, _payload(handler.path, headers, body), "")
        request = self.describe(plain)
        self.arrived(request)
        fault = self._decide(request)
        answer, accepted = self._answer(request, fault)
        told = answer.status if fault.ending in (Ending.ANSWER, Ending.HALF) else 0
        with self._lock:
            self._seen.append(Seen(request, fault.name, accepted, answer.decoded(), told))
        self.forwarded(request)
        if fault.delay:
            self._released.wait(fault.delay)
        _finish(handler, fault, answer, self._released)
        self.answered(request)

    def _decide(self, request: Request) -> Fault:
        with self._lock:
            taking = [plan for plan in self._plans if plan.takes(request)]
        return taking[0].fault if taking else PASS

    def _answer(self, request: Request, fault: Fault) -> tuple[Answer, bool]:
        if not fault.forward:
            return fault.answer or Answer(0, b""), False
        refused = self.refuse(request)
        if refused is not None:
            return refused, False
        answer = self.forward(self.outgoing(request))
        accepted = self.carried_out(request, answer)
        return fault.answer or self.incoming(request, answer), accepted

    def forward(self, request: Request) -> Answer:
        """Send a request to the server and read its whole answer; 502 when it cannot be reached."""
        host, port = self._upstream.hostname or "", self._upstream.port
        connection = http.client.HTTPConnection(host, port, timeout=UPSTREAM_SECONDS)
        headers = {k: v for k, v in request.headers.items() if k not in DROPPED}
        try:
            connection.request(request.verb, request.path, request.body, headers)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in DROPPED}
            return Answer(answer.status, answer.read(), kept)
        except OSError as error:
            return Answer(502, f"upstream: {error}".encode())
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep clients that went away out of the test's output."""


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.proxy._connections.add(self.connection)

    def finish(self) -> None:
        self.proxy._connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        self.proxy.handle(self)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the records are the log."""


def _payload(path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return query, form or JSON as one mapping; a JSON object inside a form field is decoded too."""
    found: dict[str, Any] = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
    if "json" in headers.get("content-type", ""):
        with suppress(ValueError):
            decoded = json.loads(body)
            found |= decoded if isinstance(decoded, dict) else {}
    elif "form" in headers.get("content-type", ""):
        found |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        for name in ("blocks", "attachments", "metadata"):
            if isinstance(found.get(name), str):
                with suppress(ValueError):
                    found[name] = json.loads(found[name])
    return found


def _finish(handler: _Handler, fault: Fault, answer: Answer, released: threading.Event) -> None:
    handler.close_connection = fault.ending is not Ending.ANSWER
    with suppress(OSError):
        if fault.ending is Ending.SILENT:
            _wait_for_the_end(handler.connection, released)
        if fault.ending in (Ending.ANSWER, Ending.HALF):
            handler.send_response_only(answer.status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(answer.body)))
            handler.end_headers()
            body = b"" if handler.command == "HEAD" else answer.body
            handler.wfile.write(body[: len(body) // 2] if fault.ending is Ending.HALF else body)
            handler.wfile.flush()
        if fault.ending is not Ending.ANSWER:
            handler.connection.shutdown(socket.SHUT_RDWR)


def _wait_for_the_end(connection: socket.socket, released: threading.Event) -> None:
    """Wait until the client gives up or the proxy is closed."""
    while not released.is_set():
        readable, _, _ = select.select([connection], [], [], 0.05)
        if readable and not connection.recv(1, socket.MSG_PEEK):
            return
