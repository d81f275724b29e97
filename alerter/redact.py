"""What must never be shown, stored or logged in clear: by field name and by pattern."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from alerter.model.rule import Key, KeyValue, Redaction

BUILT_IN = frozenset({"api_key", "apikey", "authorization", "password", "passwd", "token", "secret"})
"""Last parts of field names that are always redacted, in any case of letters."""
MARK = "[redacted]"
PREFIX = "redacted:"


@lru_cache(maxsize=8192)
def is_redacted(field: str, redaction: Redaction) -> bool:
    """Tell whether a field's values are hidden; configured names may hold wildcards and match the whole path."""
    path = field.removesuffix(".keyword").lower()
    names = [name.lower() for name in redaction.fields]
    parts = path.split(".")
    if any(part in BUILT_IN or part in names for part in parts):
        return True  # what lies below a hidden field is hidden too
    return any(fnmatchcase(".".join(parts[:n]), name) for n in range(1, len(parts) + 1) for name in names)


def hash_value(value: KeyValue) -> str:
    """Return the stable short form of a hidden value, so that incidents of different keys stay apart."""
    return PREFIX + hashlib.sha256(f"{type(value).__name__}:{value}".encode()).hexdigest()[:10]


def redact_key(key: Key, redaction: Redaction) -> Key:
    """Return the key with hidden values replaced by their hash; a missing value stays missing."""
    return None if key is None else tuple((field, hide(field, value, redaction)) for field, value in key)


def hide(field: str, value: KeyValue, redaction: Redaction) -> KeyValue:
    """Return a field's value, or its hash when the field is redacted or a pattern matches the value."""
    if value is None or isinstance(value, bool):
        return value
    matched = redact_text(str(value), redaction) != str(value)
    return hash_value(value) if matched or is_redacted(field, redaction) else value


def is_hidden(key: Key) -> bool:
    """Tell whether a key holds a hash in place of a value."""
    return any(isinstance(value, str) and value.startswith(PREFIX) for _, value in key or ())


def redact_text(text: str, redaction: Redaction) -> str:
    """Return the text with everything that the patterns match hidden."""
    for pattern in redaction.patterns:
        text = _compiled(pattern).sub(MARK, text)
    return text


def redact_document(document: Mapping[str, Any], redaction: Redaction) -> dict[str, Any]:
    """Return a copy of a document with hidden fields and matching texts and numbers replaced, at any depth."""
    return {name: _hidden(name, value, redaction) for name, value in document.items()}


def _hidden(path: str, value: Any, redaction: Redaction) -> Any:
    if value is not None and is_redacted(path, redaction):
        return MARK
    if isinstance(value, Mapping):
        return {name: _hidden(f"{path}.{name}", inner, redaction) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(path, inner, redaction) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    shown = redact_text(str(value), redaction)
    return value if shown == str(value) else shown


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
