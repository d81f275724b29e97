"""The client of a cluster: what its failures are called, and that secrets are read when they are used."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alerter.config import load_settings
from alerter.errors import UsageError
from alerter.sources.elasticsearch import ElasticsearchSource
from alerter.sources.es_client import connect, from_answer, version
from alerter.sources.protocol import Answer, SearchRequest, SourceError

NOWHERE = "http://127.0.0.1:1"


class Recorder:
    """A server that answers everything in one way and keeps what it was sent."""

    def __init__(self, *, elastic: bool, body: bytes = b'{"nodes": {"a": {"version": "8.1.0"}}}') -> None:
        seen: list[str] = []
        self.authorizations = seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.headers.get("Authorization", ""))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                if elastic:
                    self.send_header("X-elastic-product", "Elasticsearch")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Return a server that passes for Elasticsearch."""
    made = Recorder(elastic=True)
    yield made
    made.close()


def asked(environ: Mapping[str, str]) -> str:
    """Return the version of the cluster that the environment names."""
    client = connect(load_settings(None, environ).es)
    try:
        return version(client)
    finally:
        client.close()


def test_an_api_key_file_is_read_at_every_request(recorder: Recorder, tmp_path: Path) -> None:
    """A rotated secret serves at once, without a restart."""
    file = tmp_path / "key"
    file.write_text("first\n")
    client = connect(load_settings(None, {"ALERTER_ES_URL": recorder.url, "ALERTER_ES_API_KEY_FILE": str(file)}).es)
    version(client)
    file.write_text("second\n")
    version(client)
    assert recorder.authorizations == ["ApiKey first", "ApiKey second"]
    file.unlink()
    with pytest.raises(SourceError, match="ALERTER_ES_API_KEY_FILE"):
        version(client)


def test_user_and_password(recorder: Recorder) -> None:
    """A user name goes with its password, umlauts too."""
    asked({"ALERTER_ES_URL": recorder.url, "ALERTER_ES_USERNAME": "a", "ALERTER_ES_PASSWORD": "ü"})
    assert recorder.authorizations == ["Basic YTrDvA=="]


def test_a_bearer_token(recorder: Recorder) -> None:
    """ElastAlert's ES_HOST, ES_PORT and ES_BEARER serve as they are."""
    host, _, port = recorder.url.removeprefix("http://").rpartition(":")
    asked({"ES_HOST": host, "ES_PORT": port, "ES_BEARER": "token"})
    assert recorder.authorizations == ["Bearer token"]


def test_a_dead_node_is_left_for_the_next(recorder: Recorder) -> None:
    """With several URLs one that refuses connections does not matter."""
    for _ in range(4):
        assert asked({"ALERTER_ES_URL": f"{NOWHERE},{recorder.url}"}) == "8.1.0"


def test_another_product_is_named() -> None:
    """A server that does not say it is Elasticsearch is refused with what is supported."""
    server = Recorder(elastic=False)
    with pytest.raises(SourceError) as refused:
        asked({"ALERTER_ES_URL": server.url})
    server.close()
    assert refused.value.kind == "denied"
    assert "OpenSearch" in refused.value.hint


def test_no_server_is_named_with_its_address() -> None:
    """A refused connection says where, and that it may pass."""
    with pytest.raises(SourceError, match=r"127\.0\.0\.1") as refused:
        asked({"ALERTER_ES_URL": NOWHERE})
    assert refused.value.kind == "unreachable"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"ALERTER_ES_URL": "localhost:9200"}, "ALERTER_ES_URL"),
        ({"ALERTER_ES_URL": "http://user:hush@localhost:x"}, "ALERTER_ES_URL"),
        ({"ALERTER_ES_URL": "https://localhost:1", "ALERTER_ES_CA_CERTS": "/nowhere.pem"}, "ALERTER_ES_CA_CERTS"),
        ({"ALERTER_ES_URL": "https://localhost:1", "ALERTER_ES_CA_FINGERPRINT": "abc"}, "ALERTER_ES_CA_FINGERPRINT"),
        ({"ALERTER_ES_URL": "https://localhost:1", "ALERTER_ES_CLIENT_KEY": "/no.key"}, "ALERTER_ES_CLIENT_KEY"),
    ],
)
def test_settings_that_cannot_be_used_are_named(environ: Mapping[str, str], named: str) -> None:
    """The variable is named, what to write is hinted, and no password is shown."""
    with pytest.raises(UsageError, match=named) as refused:
        connect(load_settings(None, environ).es)
    assert refused.value.hint or "hint: " in refused.value.message
    assert "hush" not in refused.value.message


@pytest.mark.parametrize(
    ("status", "type", "kind"),
    [
        (400, "parsing_exception", "rejected"),
        (401, "security_exception", "denied"),
        (403, "security_exception", "denied"),
        (404, "index_not_found_exception", "missing"),
        (404, "search_context_missing_exception", "incomplete"),
        (406, "media_type_header_exception", "denied"),
        (429, "circuit_breaking_exception", "busy"),
        (503, "no_shard_available_action_exception", "busy"),
        (500, "search_phase_execution_exception", "incomplete"),
    ],
)
def test_error_answers_have_kinds(status: int, type: str, kind: str) -> None:
    """Each status means one kind of failure, told with the server's own root cause."""
    body = {"error": {"type": "outer", "reason": "outer", "root_cause": [{"type": type, "reason": "the cause"}]}}
    found = from_answer(status, body)
    assert found.kind == kind
    assert status == 401 or kind == "incomplete" or "the cause" in found.reason


@pytest.mark.parametrize("body", [None, "<html>not here</html>", {"message": "no such route"}])
def test_a_404_of_somebody_else_is_no_missing_document(body: object) -> None:
    """A gateway, or a wrong path: that is no word of Elasticsearch about an index or a document."""
    found = from_answer(404, body)
    assert found.kind == "unreachable"
    assert "ALERTER_ES_URL" in found.hint


@pytest.mark.parametrize("body", [None, "", "<html>", [], {}, {"error": "text"}, {"error": {"root_cause": [None]}}])
def test_odd_error_bodies_are_understood(body: object) -> None:
    """A proxy's error page or a body of another form is an error like any other."""
    assert from_answer(502, body).kind == "incomplete"


def test_answers_that_are_no_json_are_errors() -> None:
    """A cut or foreign body is no answer, and nothing but SourceError comes of it."""
    server = Recorder(elastic=True, body=b'{"nodes": ')
    with pytest.raises(SourceError):
        asked({"ALERTER_ES_URL": server.url})
    source = ElasticsearchSource(connect(load_settings(None, {"ALERTER_ES_URL": NOWHERE}).es))
    (found,) = source.search([SearchRequest("a", {})])
    assert not isinstance(found, Answer)
    server.close()
