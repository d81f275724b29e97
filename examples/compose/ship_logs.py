"""Write sample User and Order logs into Elasticsearch: quiet, with a burst of password resets and refunds now and then.

Settings by environment: ES_URL, ES_CA, ES_USER, ES_PASSWORD, INDEX (general-logs), BATCHES (0: for ever). Standard
library only.
"""

from __future__ import annotations

import base64
import json
import os
import random
import ssl
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

USUAL = (
    "User [{n}] signed up",
    "Profile updated by user [{n}]",
    "Password reset requested by user [{n}]",
    "Order [{n}] created",
    "Order [{n}] item added",
    "Order [{n}] cancelled by user [{m}]",
    "Order [{n}] returned for refund",
)
BURST = ("Password reset requested by user [{n}]", "Order [{n}] returned for refund")
SECONDS = 5
CYCLE = 120
"""Batches from one burst to the next: ten minutes."""


def batch(number: int, dice: random.Random) -> list[str]:
    """Return the texts of one batch; each cycle begins with thirty seconds of burst."""
    texts = [dice.choice(USUAL) for _ in range(5)]
    if number % CYCLE < 6:
        texts += [text for text in BURST for _ in range(8)]
    return [text.format(n=dice.randrange(1, 10_000), m=dice.randrange(1, 10_000)) for text in texts]


def document(text: str) -> dict[str, object]:
    """Return one log line as the pipeline of the sample rules writes it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    domain = "Order" if text.startswith("Order") else "User"
    line = {"@timestamp": now, "log_level": "INFO", "logger": "business-log", "log_message": text}
    return {**line, "kafka": {"key": domain}}


def send(texts: list[str]) -> None:
    """Index the texts; raises OSError, and RuntimeError when a document was refused."""
    index = os.environ.get("INDEX", "general-logs")
    lines: list[dict[str, object]] = []
    for text in texts:
        lines += [{"create": {}}, document(text)]
    request = urllib.request.Request(
        f"{os.environ['ES_URL']}/{index}/_bulk",
        ("\n".join(json.dumps(line) for line in lines) + "\n").encode(),
        {"Content-Type": "application/x-ndjson"},
    )
    if os.environ.get("ES_USER"):
        pair = f"{os.environ['ES_USER']}:{os.environ['ES_PASSWORD']}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    context = ssl.create_default_context(cafile=os.environ.get("ES_CA") or None)
    with urllib.request.urlopen(request, timeout=30, context=context) as answer:
        found = json.load(answer)
    if found["errors"]:
        raise RuntimeError(f"a document was refused: {json.dumps(found['items'][0])[:300]}")


def main() -> int:
    """Send one batch every five seconds; what fails is said and tried again with the next."""
    dice, batches, number = random.Random(), int(os.environ.get("BATCHES", "0")), 0
    while True:
        try:
            send(batch(number, dice))
        except (OSError, RuntimeError) as error:
            print(f"not sent: {error}", file=sys.stderr)
            if batches:
                return 1
        number += 1
        if batches and number >= batches:
            return 0
        time.sleep(SECONDS)


if __name__ == "__main__":
    sys.exit(main())
