"""One POST with the standard library: no retries, no redirects to elsewhere, no secret in any error."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from alerter.clock import MINUTE, SECOND, Millis

TIMEOUT_SECONDS = 10
LONGEST_WAIT: Millis = 10 * MINUTE
"""No answer holds a channel up for longer: a page is tried again, and may be told once more to wait."""


@dataclass(frozen=True)
class HttpAnswer:
    """Status, the beginning of the body, and ``Retry-After`` in milliseconds (0 when absent)."""

    status: int
    text: str
    retry_after: Millis = 0


class HttpFailure(Exception):
    """No answer; ``sent`` tells whether the request may have arrived."""

    def __init__(self, code: str, *, sent: bool) -> None:
        super().__init__(code)
        self.code = code
        self.sent = sent


def post_json(url: str, body: bytes, more: Mapping[str, str] | None = None) -> HttpAnswer:
    """POST JSON, with ``more`` headers, and return the answer, whatever its status; raises HttpFailure."""
    parts, port = _parts(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", port, timeout=TIMEOUT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        try:
            connection.connect()
        except OSError as error:
            raise HttpFailure(type(error).__name__, sent=False) from None
        try:
            headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "alerter", **(more or {})}
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read(2_000).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise HttpFailure(type(error).__name__, sent=True) from None
        except ValueError:  # a header that cannot be written
            raise HttpFailure("bad_header", sent=False) from None
        return HttpAnswer(answer.status, text, retry_after(answer.getheader("Retry-After")))
    finally:
        connection.close()


def _parts(url: str) -> tuple[SplitResult, int | None]:
    """Return a URL's parts and its port; raises HttpFailure for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise HttpFailure("bad_url", sent=False) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HttpFailure("bad_url", sent=False)
    return parts, port


def retry_after(header: str | None) -> Millis:
    """Return what ``Retry-After`` asks for, at most LONGEST_WAIT; 0 when it is no whole number of seconds."""
    text = (header or "").strip()
    if not (text.isascii() and text.isdigit()):
        return 0
    return min(int(text[:10]) * SECOND, LONGEST_WAIT)
