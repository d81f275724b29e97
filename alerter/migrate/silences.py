"""ElastAlert's silences as ours: which rule and key each document of ``<prefix>_silence`` means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerter.clock import Millis
from alerter.model.incident import digest
from alerter.model.rule import Flatline, Rule
from alerter.model.silence import Matcher, Silence
from alerter.ruleset.load import LoadedRules
from alerter.timetext import parse_instant

BY_HAND = "_silence"
"""The suffix of what ``elastalert --silence`` writes."""
AUTHOR = "elastalert"


@dataclass(frozen=True)
class Theirs:
    """One silence of ElastAlert: ``name`` is a rule's name (or ``realert_key``), and after a dot a key's values."""

    name: str
    until: Millis
    since: Millis


@dataclass(frozen=True)
class Mapped:
    """Our silence for one of theirs."""

    theirs: str
    silence: Silence


@dataclass(frozen=True)
class Taking:
    """What would be taken over, and what not with the reason, by their name."""

    silences: tuple[Mapped, ...]
    unmapped: tuple[tuple[str, str], ...]


def read_theirs(documents: Iterable[Mapping[str, Any]], now: Millis) -> list[Theirs]:
    """Return the silences that are not over, of each name the one that lasts longest; what is none is passed over."""
    found: dict[str, Theirs] = {}
    for document in documents:
        name = document.get("rule_name")
        until = _instant(document.get("until"))
        if not isinstance(name, str) or until is None or until <= now:
            continue
        since = _instant(document.get("@timestamp"))
        if name not in found or until > found[name].until:
            found[name] = Theirs(name, until, min(now if since is None else since, until))
    return [found[name] for name in sorted(found)]


def _instant(value: Any) -> Millis | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def map_silences(theirs: Sequence[Theirs], loaded: LoadedRules, index: str, now: Millis) -> Taking:
    """Return ours for theirs; one that may mean two rules, or none that is loaded, is not taken over."""
    aliases = _aliases(loaded)
    mapped: list[Mapped] = []
    unmapped: list[tuple[str, str]] = []
    for one in theirs:
        readings = list(_readings(one.name, aliases))
        if not readings:
            unmapped.append((one.name, "no rule that is loaded has this name and such a key"))
        elif len({alias for alias, _, _ in readings}) > 1:
            names = " or ".join(sorted({repr(rule.name) for _, rule, _ in readings}))
            unmapped.append((one.name, f"it may be of the rule {names}"))
        else:
            mapped += [Mapped(one.name, _silence(one, rule, key, index, now)) for _, rule, key in readings]
    return Taking(tuple(mapped), tuple(unmapped))


def _aliases(loaded: LoadedRules) -> dict[str, list[Rule]]:
    """Return the rules by the name under which ElastAlert silences them."""
    found: dict[str, list[Rule]] = {}
    for rule, document in zip(loaded.rules, loaded.documents, strict=True):
        alias = document.value.get("realert_key") or document.value.get("name") or rule.name
        for name in {str(alias), str(document.value.get("name") or rule.name)}:
            found.setdefault(name, []).append(rule)
    return found


def _readings(name: str, aliases: Mapping[str, Sequence[Rule]]) -> Iterator[tuple[str, Rule, tuple[Matcher, ...]]]:
    """Yield every rule and key that a name can mean, with the alias it begins with."""
    cuts = [len(name), *(found.start() for found in re.finditer(r"\.", name))]
    for cut in cuts:
        for rule in aliases.get(name[:cut], ()):
            key = _key(rule, None if cut == len(name) else name[cut + 1 :])
            if key is not None:
                yield name[:cut], rule, key


def _key(rule: Rule, suffix: str | None) -> tuple[Matcher, ...] | None:
    """Return the matchers of a key's values, () for the whole rule, None where the suffix cannot be of this rule."""
    fields = rule.query_key
    if suffix == BY_HAND or (suffix is None and not fields):
        return ()
    if not fields:
        return () if suffix == "all" and isinstance(rule.condition, Flatline) else None
    if suffix is None:  # what ElastAlert writes where the field of a plain key is missing
        return (Matcher(fields[0], "=", ""),) if len(fields) == 1 else None
    values = [suffix] if len(fields) == 1 else suffix.split(", ")
    if len(values) != len(fields):
        return None
    return tuple(_matcher(field, value) for field, value in zip(fields, values, strict=True))


def _matcher(field: str, value: str) -> Matcher:
    """Return what a value means: ElastAlert writes None for a field that is missing, as for a text of that name."""
    if value in ("None", "_missing"):
        return Matcher(field, "=~", f"({value})?")
    return Matcher(field, "=", value)


def _silence(one: Theirs, rule: Rule, key: tuple[Matcher, ...], index: str, now: Millis) -> Silence:
    matchers = (Matcher("rule", "=", rule.name), *key)
    comment = f"taken over from {index}"
    return Silence(
        digest("elastalert", index, one.name, rule.name), matchers, one.since, one.until, AUTHOR, comment, now
    )


def merged(silence: Silence, there: Silence | None) -> Silence | None:
    """Return what is to be written: None where it is there already, or was ended by hand."""
    if there is None:
        return silence
    if there.expired is not None or there.end >= silence.end:
        return None
    return replace(there, end=silence.end)
