"""Parts that the schemas have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def closed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the shape of a mapping that takes these keys and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def listed(shape: dict[str, Any], description: str, example: Sequence[Any]) -> dict[str, Any]:
    """Return the shape of a list, with an example where there is one."""
    shown = {"examples": [list(example)]} if example else {}
    return {"description": description, "type": "array", "items": shape, **shown}
