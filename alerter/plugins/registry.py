"""Plug-ins that are installed: functions named by entry points, each loaded once."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

ENHANCEMENTS = "alerter.enhancements"
RULE_TYPES = "alerter.rule_types"
BROKEN = "the rule is evaluated again until its plug-in works; nothing of it is told meanwhile"
LONGEST_REASON = 200
"""Characters of what a plug-in says of its failure."""


class PluginError(Exception):
    """A plug-in cannot be loaded, or does not do as it must; the text says why, in one line."""


@cache
def installed(group: str) -> tuple[str, ...]:
    """Return the names of a group's plug-ins, sorted."""
    return tuple(sorted({point.name for point in _points(group)}))


@cache
def load(group: str, name: str) -> Any:
    """Return the function that a plug-in is. Raises PluginError."""
    points = {point.value: point for point in _points(group) if point.name == name}
    if not points:
        raise PluginError(f"no installed package has {name} in {group}")
    if len(points) > 1:
        raise PluginError(f"several packages have {name} in {group}: {', '.join(sorted(points))}")
    (point,) = points.values()
    try:
        found = point.load()
    except (Exception, SystemExit) as error:  # whatever a module does when it is imported
        raise PluginError(f"{point.value} cannot be loaded: {said(error)}") from error
    if not callable(found):
        raise PluginError(f"{point.value} is no function")
    return found


def said(error: BaseException) -> str:
    """Return an error in one line."""
    return one_line(f"{type(error).__name__}: {error}".removesuffix(": "))


def one_line(text: str) -> str:
    """Return a text of a plug-in in one line that is not too long and holds nothing that a terminal would obey."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."


def _points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))
