"""Options that rules inherit from ElastAlert's configuration: the file of defaults, without any secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerter.migrate.keys import NOT_FOR_RULES, Fate, meaning_of
from alerter.migrate.variables import Variable, is_reference
from alerter.ruleset.diagnostics import without_secrets
from alerter.ruleset.imports import OWN
from alerter.ruleset.kept_back import is_credential
from alerter.ruleset.options import SUPPORTED
from alerter.ruleset.variables import is_secret

SLACK = "slack_webhook_url"
"""The one secret of a notifier that has a variable of alerter's own."""
OWN_SLACK = "${ALERTER_SLACK_WEBHOOK_URL}"
NO_SECRETS = ("_file", "incident_key", "incident_key_args")
"""Endings of names that look like those of credentials, and are none."""
SECRETS = ("bot_id", "_sign", "account_sid", "basic_auth_login")
"""Endings of names of notifiers' options that are credentials, and do not look so."""
HEADERS = "_headers"
"""The ending of options whose every value may be a credential: what a header is for is not in its name."""
PLAIN_HEADERS = ("accept", "content-type")


@dataclass
class Inherited:
    """The options that rules inherit; ``variables`` hold secrets of notifiers, ``notes`` say what is left out."""

    options: dict[str, Any] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


def inherited(options: Mapping[str, Any], where: Mapping[str, str]) -> Inherited:
    """Return what rules inherit; ``where`` says by key where its value stands."""
    found = Inherited()
    for key, value in options.items():
        if value is None or not isinstance(key, str) or key in NOT_FOR_RULES:
            continue
        fate = meaning_of(key).fate
        if key == SLACK and value:
            found.options[key] = _slack(value, found, where[key])
        elif fate is Fate.ROUTES:
            found.options[key] = _without_secrets(value, (key,), found.variables, where[key])
        elif fate is Fate.RULE and key in OWN:
            found.notes[key] = "left out: each rule has its own"
        elif fate is Fate.RULE and any(is_secret("", text) for text in _texts(value)):
            found.notes[key] = "left out: it holds a credential, and is shown in messages, links and state"
        elif fate is Fate.RULE and key in SUPPORTED:
            found.options[key] = value
    return found


def _slack(value: Any, found: Inherited, where: str) -> Any:
    """Return the webhooks as variables: the first is alerter's own, which holds one."""
    if not isinstance(value, list) or len(value) < 2:
        return OWN_SLACK
    found.notes[SLACK] = f"it is the first of {len(value)}; each of the others has a variable of its own"
    return [OWN_SLACK, *_without_secrets(value, (SLACK,), found.variables, where, after=1)]


def _without_secrets(value: Any, path: tuple[str, ...], variables: list[Variable], where: str, after: int = 0) -> Any:
    """Return an option of a notifier with the names of variables in place of its secrets; a list ``after`` an item."""
    if isinstance(value, dict):
        return {name: _without_secrets(inner, (*path, str(name)), variables, where) for name, inner in value.items()}
    if isinstance(value, list):
        several = len(value) > 1
        return [
            _without_secrets(inner, (*path, str(n)) if several else path, variables, where)
            for n, inner in enumerate(value, 1)
            if n > after
        ]
    if isinstance(value, bool) or value in (None, "") or is_reference(value) or not _hides(path, str(value)):
        return value
    name = "_".join("".join(c if c.isascii() and c.isalnum() else "_" for c in part) for part in path).upper()
    variables.append(Variable(name, "", where))
    return f"${{{name}}}"


def _hides(path: tuple[str, ...], text: str) -> bool:
    if path[0].endswith(NO_SECRETS):
        return False
    if any(part.endswith(HEADERS) for part in path):
        return path[-1].lower() not in PLAIN_HEADERS
    names = [part for part in path if not part.isdecimal()]
    return any(_reads_secret(name, text) for name in names)


def _reads_secret(name: str, text: str) -> bool:
    shown = f"{name}: {text}"
    return name.lower().endswith(SECRETS) or is_credential(name, text) or without_secrets(shown) != shown


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
