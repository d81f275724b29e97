"""Where the rules and notifiers that come with alerter lie."""

from __future__ import annotations

from pathlib import Path


def shipped_dir() -> Path:
    """Return the folder that holds ``rules/`` and ``notifiers/``: package data, or the checkout alerter runs from."""
    package = Path(__file__).parent
    installed = package / "_shipped"
    return installed if installed.is_dir() else package.parent
