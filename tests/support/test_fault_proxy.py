"""The fault proxy does to a plain HTTP server what a plan says, and records what was carried out."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.faults import CUT, CUT_ANSWER, HALF_ANSWER, HANG, LOST_ANSWER, Fault, slow, status


class Upstream(BaseHTTPRequestHandler):
    """Counts what it carries out and answers it back."""

    protocol_version = "HTTP/1.1"
    taken: list[str]

    def do_POST(self) -> None:
        self.taken.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        body = json.dumps({"taken": self.taken[-1], "filling": "x" * 200}).encode()
        self.send_response(200)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def taken() -> list[str]:
    """Return the bodies that the server carried out."""
    return []


@pytest.fixture
def proxy(taken: list[str]) -> Iterator[FaultProxy]:
    """Return a proxy before a server of this test's own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Upstream,), {"taken": taken}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with FaultProxy(f"http://127.0.0.1:{server.server_address[1]}") as between:
        yield between
    server.shutdown()
    server.server_close()


def post(proxy: FaultProxy, body: str, path: str = "/_msearch", seconds: float = 5) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=seconds)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_nothing_planned_changes_nothing(proxy: FaultProxy, taken: list[str]) -> None:
    """Requests, answers and headers pass; the record says that they were accepted."""
    code, text = post(proxy, "a")
    assert (code, json.loads(text)["taken"], taken) == (200, "a", ["a"])
    (seen,) = proxy.accepted("POST /_msearch")
    assert (seen.status, seen.answer["taken"]) == (200, "a")


@pytest.mark.parametrize(
    ("fault", "error", "reached"),
    [
        (CUT, http.client.RemoteDisconnected, False),
        (HANG, TimeoutError, False),
        (CUT_ANSWER, http.client.RemoteDisconnected, True),
        (LOST_ANSWER, TimeoutError, True),
        (HALF_ANSWER, http.client.IncompleteRead, True),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_broken_answers(
    proxy: FaultProxy, taken: list[str], fault: Fault, error: type[Exception], reached: bool
) -> None:
    """Each fault breaks one request in its own way, and only those that forward reach the server."""
    proxy.plan(fault)
    with pytest.raises(error):
        post(proxy, "a", seconds=1)
    assert (taken, len(proxy.accepted())) == ((["a"], 1) if reached else ([], 0))
    assert post(proxy, "b")[0] == 200


def test_a_plan_counts_only_what_it_names(proxy: FaultProxy, taken: list[str]) -> None:
    """The second and third request of a path are refused, others and later ones pass."""
    proxy.plan(status(503, "busy"), "POST /_bulk", nth=2, times=2)
    codes = [post(proxy, "x", path)[0] for path in ("/_bulk", "/_msearch", "/_bulk", "/_bulk", "/_msearch", "/_bulk")]
    assert codes == [200, 200, 503, 503, 200, 200]
    assert len(taken) == 4


def test_a_slow_answer_is_whole(proxy: FaultProxy) -> None:
    """A delayed answer arrives whole when the client waits, and not at all when it does not."""
    proxy.plan(slow(0.3))
    assert post(proxy, "a")[0] == 200
    proxy.plan(slow(3))
    with pytest.raises(TimeoutError):
        post(proxy, "b", seconds=1)
    assert [s.accepted for s in proxy.seen()] == [True, True]


def test_down_refuses_and_up_is_the_same_port(proxy: FaultProxy) -> None:
    """While down, connections are refused; afterwards the same address serves again."""
    port = proxy.port
    proxy.down()
    with pytest.raises(ConnectionRefusedError):
        post(proxy, "a")
    proxy.up()
    assert proxy.port == port
    assert post(proxy, "a")[0] == 200


def test_a_dead_server_is_502(taken: list[str]) -> None:
    """A server that refuses is told as 502, never as success."""
    with FaultProxy("http://127.0.0.1:9") as proxy:
        assert post(proxy, "a")[0] == 502
        assert proxy.accepted() == []
