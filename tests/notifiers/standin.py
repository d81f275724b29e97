"""An HTTP server that answers as written down, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, dict[str, str], Any]
HANG_UP: Answer = (0, {}, None)
"""Take the request, then close the connection without an answer."""


class StandIn:
    """``answers`` by method name, each used up in order, the last one for ever."""

    def __init__(self, answers: dict[str, list[Answer]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.tokens: list[str] = []
        self.url = ""

    def take(self, method: str, arguments: dict[str, Any], token: str) -> Answer:
        self.asked.append((method, arguments))
        self.tokens.append(token)
        listed = self.answers.get(method) or [(200, {}, {"ok": True, "channel": "C1", "ts": f"{len(self.asked)}.0"})]
        return listed.pop(0) if len(listed) > 1 else listed[0]


def ok(**fields: Any) -> Answer:
    """Return a good answer."""
    return 200, {}, {"ok": True, **fields}


def error(code: str, **fields: Any) -> Answer:
    """Return Slack's error."""
    return 200, {}, {"ok": False, "error": code, **fields}


@contextmanager
def serve(answers: dict[str, list[Answer]] | None = None) -> Iterator[StandIn]:
    """Serve on a free port of the loopback interface."""
    standin = StandIn(answers or {})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            parts = urlsplit(self.path)
            try:
                arguments = json.loads(body or "{}")
            except ValueError:
                arguments = dict(parse_qsl(body))
            arguments = {**dict(parse_qsl(parts.query)), **arguments}
            method = parts.path.rsplit("/", 1)[-1]
            status, headers, answer = standin.take(method, arguments, self.headers.get("Authorization", ""))
            if not status:
                self.close_connection = True
                return
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    standin.url = f"http://127.0.0.1:{server.server_port}/api/"
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
