"""Opening the state for commands that look at it or change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.sources.protocol import SourceError
from alerter.state.open import open_state
from alerter.state.protocol import Conflict, State, StateError


def engine_settings(config: str | None) -> Settings:
    """Return the settings. Raises UsageError where no engine runs with them: a silence there silences nothing."""
    settings = load_settings(config)
    if not settings.es.urls and not settings.data:
        message = "no engine's state: neither ALERTER_ES_URL nor data: is set"
        hint = "set ALERTER_ES_URL as the engine has it, or name the alerter.yaml it runs with: --config FILE"
        raise UsageError(message, hint)
    return settings


@contextmanager
def opened_state(config: str | None, *, create: bool = True) -> Iterator[tuple[State, Settings]]:
    """Yield the state of the settings, made ready; its failures become UsageError."""
    settings = engine_settings(config)
    with _said():
        state = open_state(settings)
        try:
            if create:
                state.init()
            yield state, settings
        finally:
            state.close()


@contextmanager
def existing_state(config: str | None) -> Iterator[tuple[State, Settings]]:
    """Yield the state of the settings as ``opened_state`` does, but never make one: looking changes nothing."""
    settings = engine_settings(config)
    if not settings.es.urls and not settings.state_file.exists():
        message = f"there is no state yet: {settings.state_file} does not exist"
        raise UsageError(message, "alerter run makes it; are these the settings of the engine, and its folder?")
    with _said():
        state = open_state(settings)
        try:
            if settings.es.urls:
                _require_indices(state, settings.state_index)
            state.init()  # it is there: nothing but its version is looked at
            yield state, settings
        finally:
            state.close()


def _require_indices(state: State, prefix: str) -> None:
    """Raise UsageError when there are no indices of that name."""
    try:
        state.heartbeats()
    except StateError as error:
        if error.kind != "missing":
            raise
        hint = "alerter run and alerter init make them; is ALERTER_STATE_INDEX that of the engine?"
        raise UsageError(f"there is no state yet: no indices {prefix}-*", hint) from None


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (StateError, SourceError) as error:
        raise UsageError(error.reason, error.hint) from None
    except Conflict as error:
        raise UsageError(f"not written: {error}", "try again") from None
