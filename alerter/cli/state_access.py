"""Opening the state for commands that look at it or change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.sources.protocol import SourceError
from alerter.state.open import open_state
from alerter.state.protocol import Conflict, State, StateError


@contextmanager
def opened_state(config: str | None, *, create: bool = True) -> Iterator[tuple[State, Settings]]:
    """Yield the state of the settings, made ready; its failures become UsageError."""
    settings = load_settings(config)
    try:
        state = open_state(settings)
        try:
            if create:
                state.init()
            yield state, settings
        finally:
            state.close()
    except (StateError, SourceError) as error:
        raise UsageError(error.reason, error.hint) from None
    except Conflict as error:
        raise UsageError(f"not written: {error}", "try again") from None
