"""Time zones by their IANA name."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def zone_exists(name: str) -> bool:
    """Tell whether a time zone of this name is known."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
