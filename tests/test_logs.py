"""The log: one line a message, and no library that shows a URL."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from alerter.config import LogSettings
from alerter.logs import configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("format", ["text", "json"])
def test_message_is_one_line(capsys: pytest.CaptureFixture[str], format: str) -> None:
    """What an event says cannot forge a line of the log or move the cursor."""
    configure_logging(LogSettings(format=format))
    logging.getLogger("alerter").warning("bad value %s", "x\n2026-01-01 ERROR forged\x1b[2J")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.rstrip("\n").isprintable()
    assert format == "text" or json.loads(said)["level"] == "WARNING"


def test_node_pool_says_nothing_of_a_node(capsys: pytest.CaptureFixture[str]) -> None:
    """The client's pool names nodes by their URL in warnings; they are not shown."""
    configure_logging(LogSettings(level="debug"))
    logging.getLogger("elastic_transport.node_pool").warning("Node https://user:hush@x has failed")
    logging.getLogger("elastic_transport.transport").warning("shown")
    assert capsys.readouterr().err.count("\n") == 1
