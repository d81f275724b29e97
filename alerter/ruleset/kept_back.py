"""Options that texts may show, without the credentials among them: messages, links and state are read by many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from alerter.redact import MARK
from alerter.ruleset.diagnostics import names_secret
from alerter.ruleset.options import ROUTED, ROUTED_PREFIXES, SUPPORTED
from alerter.ruleset.variables import is_secret

KEPT_BACK = (
    "es_", "kibana_user", "kibana_pass", "aws_", "boto_", "client_", "profile", "filter", "alert", "jinja_", "import",
    "redact",
)  # fmt: skip
"""The beginnings of options that texts never show: access, and what says nothing by itself."""
_USER = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#:\[]*:(?!\d+(?:[/?#]|$))[^\s?#]*@)")
"""User name and password of a URL, also where a ``/`` in the password is not written as ``%2F``."""


def without_user(url: str) -> str:
    """Return a text whose URLs name no user and no password."""
    return _USER.sub("", url)


def is_kept_back(name: str) -> bool:
    """Tell whether texts never show an option, whatever its value: access, credentials, and where messages go."""
    if names_secret(name) or name in ROUTED or name.startswith((*ROUTED_PREFIXES, *KEPT_BACK)):
        return True
    return name not in SUPPORTED and is_credential(name, "")


def shown(value: Any) -> Any:
    """Return an option's value without the users of URLs and, at any depth, with a mark in place of credentials."""
    if isinstance(value, Mapping):
        return {name: MARK if is_credential(str(name), "") else shown(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    if not isinstance(value, str):
        return value
    text = without_user(value)
    return MARK if is_credential("", text) else text


def is_credential(name: str, value: str) -> bool:
    """Tell whether a value of this name, of an option or a header, is a credential."""
    return is_secret(name.replace("-", "_"), value)
