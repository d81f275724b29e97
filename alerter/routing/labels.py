"""The labels that matchers see."""

from __future__ import annotations

from alerter.model.incident import Incident


def labels_of(incident: Incident) -> dict[str, str]:
    """Return the incident's labels and, under bare names, its key's fields; a label hides a key field of its name."""
    key = {name: "" if value is None else str(value) for name, value in incident.key or ()}
    return {**key, **incident.labels}
