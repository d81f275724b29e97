"""What a rule says of one of ElastAlert's notifiers: its options, with variables of the environment filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from alerter.errors import UsageError
from alerter.secrets import value_of

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", re.ASCII)
_URL = re.compile(r"https?://\S+")
_NAMES = {"ms_teams_alerter": "ms_teams", "http_post": "post", "webex_incoming": "webex_webhook"}
"""Names under which some rules know a notifier."""


class Unusable(Exception):
    """No receiver can be made of it; the text says why, and shows no value."""


@dataclass(frozen=True)
class Given:
    """The options of one entry of ``alert`` in one rule; values may be credentials and are never shown."""

    name: str
    options: Mapping[str, Any] = field(repr=False)
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    read: set[str] = field(default_factory=set, repr=False, compare=False)
    """The options that were asked for."""

    def text(self, name: str, default: str | None = None) -> str:
        """Return an option as text; raises Unusable where it is missing and has no default."""
        found = next(iter(self.texts(name)), default)
        if found is None:
            raise Unusable(f"{name} is missing")
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an option as a list of texts; a plain value is a list of one."""
        value = self._asked(name)
        listed = value if isinstance(value, list) else [value]
        return tuple(self._filled(name, str(item)) for item in listed if item not in (None, ""))

    def urls(self, name: str) -> tuple[str, ...]:
        """Return an option's URLs; raises Unusable where there is none, or something else."""
        found = self.texts(name)
        if not found:
            raise Unusable(f"{name} is missing")
        if not all(_is_url(url) for url in found):
            raise Unusable(f"{name} is no URL")
        return found

    def flag(self, name: str) -> bool:
        """Return a truth value, False where it is missing."""
        return str(self._asked(name)).lower() in ("true", "yes", "1", "on")

    def mapping(self, name: str) -> dict[str, str]:
        """Return an option's pairs, as texts."""
        value = self._asked(name)
        pairs = value.items() if isinstance(value, Mapping) else ()
        return {str(key): self._filled(name, str(inner)) for key, inner in pairs}

    def account(self, name: str) -> Mapping[str, str]:
        """Return what an account file holds, {} where none is named; raises Unusable where it cannot be read."""
        written = self.text(name, "")
        if not written:
            return {}
        try:
            found = yaml.safe_load((self.folder / written).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            raise Unusable(f"{name}: the file {written} cannot be read") from None
        if not isinstance(found, Mapping):
            raise Unusable(f"{name}: the file {written} holds no user and password")
        return {str(key): str(value) for key, value in found.items() if value is not None}

    def as_written(self, text: str) -> str:
        """Return a text with the names of the rule's variables in place of their values: it outlives a new secret."""
        names = sorted({found[1] or found[2] for found in _VARIABLE.finditer(repr(self.options))})
        for name in names:
            try:
                value = self._value("", name)
            except Unusable:
                continue
            text = text.replace(value, f"${name}") if value else text
        return text

    def _asked(self, name: str) -> Any:
        self.read.add(name)
        return self.options.get(name)

    def _filled(self, name: str, text: str) -> str:
        if len(text) > 2 and text[0] == text[-1] == "$" and text[1:-1] in self.options:
            text = str(self.options[text[1:-1]])  # $owner$ is the rule's own option
        values = {n: self._value(name, n) for f in _VARIABLE.finditer(text) for n in (f[1] or f[2],)}

        def value(found: re.Match[str]) -> str:
            held = values[found[1] or found[2]]
            if held is None and found.group() == text:
                raise Unusable(f"{name}: the variable {found[1] or found[2]} is not set")
            return found.group() if held is None else held

        return _VARIABLE.sub(value, text)

    def _value(self, option: str, name: str) -> str | None:
        """Return what a variable holds, or the file that ``NAME_FILE`` names; raises Unusable for one unreadable."""
        try:
            return value_of(self.environ, name)
        except UsageError as error:
            raise Unusable(f"{option}: {error.message}") from None


def _is_url(text: str) -> bool:
    try:
        port = urlsplit(text).port  # a host or a port that is none raises
    except ValueError:
        return False
    return port != 0 and text.isprintable() and bool(_URL.fullmatch(text))


def notifiers_of(options: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> Iterator[Given]:
    """Yield the notifiers that ``alert`` names, each with the options written below it over those of the rule.

    Without ``alert``, options of Slack name Slack.
    """
    written = options.get("alert", options.get("alerts"))
    if written is None and ("slack_webhook_url" in options or "slack_channel_override" in options):
        written = "slack"
    for entry in written if isinstance(written, list) else [written]:
        for name, inner in entry.items() if isinstance(entry, Mapping) else ((entry, None),):
            if isinstance(name, str) and name:
                own = {**options, **inner} if isinstance(inner, Mapping) else options
                yield Given(_NAMES.get(name, name), own, folder, environ)
