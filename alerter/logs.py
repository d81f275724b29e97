"""Logging: plain lines for people, JSON for collectors, never a secret."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from alerter.config import LogSettings
from alerter.notifiers.text import safe_line

LIBRARIES = {
    **dict.fromkeys(("elastic_transport", "elasticsearch", "apscheduler", "slack_sdk", "urllib3"), logging.WARNING),
    "elastic_transport.node_pool": logging.ERROR,  # it names nodes by their URL, and every failure is said by us anyway
}
"""From which level on libraries speak."""


def configure_logging(settings: LogSettings) -> None:
    """Send log lines to stderr in the format of the settings; a message is one line, whatever an event put into it."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.format == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names))
    else:
        handler.setFormatter(_Lines("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name, level in LIBRARIES.items():
        logging.getLogger(name).setLevel(level)


class _Lines(logging.Formatter):
    """Shows a record as text, each message on one line; a traceback keeps its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return safe_line(super().formatMessage(record))
