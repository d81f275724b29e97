"""What can go wrong between a client and a server, as values a test hands to the fault proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Ending(Enum):
    """How the proxy ends its side of a request."""

    ANSWER = "answer"
    SILENT = "silent"
    CUT = "cut"
    HALF = "half"


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def decoded(self) -> dict[str, Any]:
        """Return the body as a JSON object, or nothing when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Fault:
    """One treatment of a request; ``answer`` replaces the server's, ``delay`` is in seconds."""

    name: str
    forward: bool
    ending: Ending = Ending.ANSWER
    answer: Answer | None = None
    delay: float = 0


def json_answer(body: Mapping[str, Any], status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=utf-8", **headers})


PASS = Fault("", forward=True)
HANG = Fault("hang", forward=False, ending=Ending.SILENT)
"""Take the request and never answer; the server does not see it."""
CUT = Fault("cut", forward=False, ending=Ending.CUT)
"""Close the connection; the server does not see the request."""
LOST_ANSWER = Fault("lost answer", forward=True, ending=Ending.SILENT)
"""The server acts, the client waits in vain."""
CUT_ANSWER = Fault("cut answer", forward=True, ending=Ending.CUT)
"""The server acts, the client sees the connection close."""
HALF_ANSWER = Fault("half answer", forward=True, ending=Ending.HALF)
"""The server acts, the connection closes in the middle of its answer."""
SERVER_ERROR = Fault(
    "500", forward=False, answer=Answer(500, b"<html><body>Server Error</body></html>", {"Content-Type": "text/html"})
)


def rate_limited(seconds: int = 1) -> Fault:
    """Refuse with 429 and ``Retry-After``, as Slack does."""
    refused = json_answer({"ok": False, "error": "ratelimited"}, 429, **{"Retry-After": str(seconds)})
    return Fault("429", forward=False, answer=refused)


def slack_error(code: str, **more: Any) -> Fault:
    """Answer 200 with one of Slack's errors; the stand-in does not see the request."""
    return Fault(code, forward=False, answer=json_answer({"ok": False, "error": code, **more}))


def status(code: int, body: str = "", *, forward: bool = False) -> Fault:
    """Answer with any status and text."""
    return Fault(str(code), forward=forward, answer=Answer(code, body.encode(), {"Content-Type": "text/plain"}))


def slow(seconds: float) -> Fault:
    """Forward, and answer that much later."""
    return Fault("slow", forward=True, delay=seconds)
