"""``alerter migrate --writeback``: ElastAlert's silences into our state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alerter.cli.state_access import opened_state
from alerter.clock import Clock, SystemClock
from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.migrate.silences import Mapped, Taking, map_silences, merged, read_theirs
from alerter.model.silence import Silence
from alerter.notifiers.text import one_line
from alerter.ruleset.load import load_rules
from alerter.sources.protocol import SourceError
from alerter.sources.writeback import read_silences, silence_index
from alerter.state.protocol import State, Versioned
from alerter.timetext import iso


def take_over(writeback: str, config: str | None, *, dry_run: bool, clock: Clock | None = None) -> dict[str, Any]:
    """Take over the silences that are not over and return what was done; raises UsageError."""
    settings, now = load_settings(config), (clock or SystemClock()).now()
    if not settings.es.urls:
        raise UsageError("ElastAlert's silences are in Elasticsearch", "set ALERTER_ES_URL")
    index = silence_index(writeback)
    taking = _taking(settings, index, now)
    if dry_run:
        done = [_shown(mapped, "would be taken over") for mapped in taking.silences]
    else:
        with opened_state(config) as (state, _):
            there = {found.value.id: found for found in state.silences(now, expired=True)}
            done = [_shown(mapped, _saved(state, mapped.silence, there)) for mapped in taking.silences]
    unmapped = [{"rule_name": name, "reason": reason} for name, reason in taking.unmapped]
    return {"index": index, "silences": done, "unmapped": unmapped}


def _taking(settings: Settings, index: str, now: int) -> Taking:
    loaded = load_rules(settings.rules, settings)
    try:
        theirs = read_theirs(read_silences(settings.es, index, now), now)
    except SourceError as error:
        hint = "the writeback_index of ElastAlert's config.yaml" if error.kind == "missing" else error.hint
        raise UsageError(f"{index}: {error.reason}", hint) from None
    return map_silences(theirs, loaded, index, now)


def _saved(state: State, silence: Silence, there: dict[str, Versioned[Silence]]) -> str:
    found = there.get(silence.id)
    new = merged(silence, found.value if found else None)
    if new is None:
        return "ended by hand" if found and found.value.expired is not None else "there already"
    state.save_silence(new, found.version if found else None)
    return "extended" if found else "taken over"


def _shown(mapped: Mapped, status: str) -> dict[str, Any]:
    silence = mapped.silence
    return {
        "rule_name": mapped.theirs,
        "id": silence.id,
        "matchers": [str(m) for m in silence.matchers],
        "until": iso(silence.end),
        "status": status,
    }


def lines(taken: dict[str, Any]) -> Iterator[str]:
    """Yield the result for people."""
    for one in taken["silences"]:
        yield one_line(f"{one['status']}: {one['id']} {' '.join(one['matchers'])} until {one['until']}")
    for one in taken["unmapped"]:
        yield one_line(f"not taken over: {one['rule_name']}: {one['reason']}")
    if not taken["silences"] and not taken["unmapped"]:
        yield f"{taken['index']} holds no silence that is not over"
