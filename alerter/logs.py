"""Logging: plain lines for people, JSON for collectors, never a secret."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from alerter.config import LogSettings

NOISY = ("elastic_transport", "elasticsearch", "apscheduler", "slack_sdk", "urllib3")


def configure_logging(settings: LogSettings) -> None:
    """Send log lines to stderr in the format of the settings; libraries speak from warning upwards."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.format == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
