"""Texts of a message that will not show what their author expects, or show what they should not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alerter.lint.model import Built, Found, Path, Subject
from alerter.lint.templates import template_fields
from alerter.model.rule import Redaction
from alerter.redact import MARK, is_redacted, redact_text

TEXTS = ("title", "summary", "runbook", "dashboard")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_FORMAT = re.compile(r"\{(?P<name>[A-Za-z_][\w.]*)?\d*\}")
_PRIVATE = re.compile(
    r"(?i)(?:^|[._-])(?:access_?key|access_?token|auth_?token|bearer|card_?number|client_?secret|cookie|credit_?card|"
    r"credentials?|cvc|cvv|date_?of_?birth|e_?mail|iban|jwt|otp|passphrase|passwort|phone(?:_?number)?|pin|private_?key|pwd|refresh_?token|secret_?key|"
    r"session_?id|session_?token|set_?cookie|ssn|tax_?id|user_?password)(?:$|[._-])"
)


def format_text(subject: Subject) -> Iterator[Found]:
    """``{name}``, which ElastAlert would fill in and Jinja2 does not."""
    for path, text in texts_of(subject):
        found = _FORMAT.search(_JINJA.sub(lambda inner: " " * len(inner.group()), text))
        if found is not None:
            hint = f"write {{{{ {found['name'] or 'field'} }}}}"
            message = f"{'.'.join(path)}: {found.group()} is not filled in"
            yield Found(message, hint, path, part=found.group(), offset=found.start())


def redacted_field(built: Built) -> Iterator[Found]:
    """A text or ``include`` names a field that is never shown in clear."""
    for path, text, field in _fields(built.subject):
        if is_redacted(field, built.rule.redact):
            message = f"{field} is redacted: the message shows [redacted] in its place"
            part = _last(field, text)
            yield Found(message, "leave it out of the message", path, part=part, offset=text.find(part))


def private_field(built: Built) -> Iterator[Found]:
    """A text, ``include`` or the key names a field that looks private and is shown in clear."""
    keys = (field for field in _listed(built.subject, "query_key"))
    for path, text, field in (*_fields(built.subject), *keys):
        if _PRIVATE.search(field) and not is_redacted(field, built.rule.redact):
            message = f"{field} looks private, and is shown in clear"
            hint = f"redact: {{fields: [{field}]}} hides its values; equal ones still stay together"
            part = _last(field, text)
            yield Found(message, hint, path, part=part, offset=text.find(part))


def sought(value: Any, fields: Iterable[str], subject: Subject) -> str:
    """Return a value of the filter as a finding names it: marked where a field is redacted or looks private."""
    redaction = subject.rule.redact if subject.rule is not None else Redaction()
    hidden = any(is_redacted(name, redaction) or _PRIVATE.search(name) for name in fields)
    return MARK if hidden else redact_text(str(value), redaction)


def texts_of(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield the texts of ``message`` that are texts, with their paths."""
    message = subject.options.get("message")
    if not isinstance(message, Mapping):
        return
    fields = message.get("fields")
    texts: list[tuple[Path, Any]] = [(("message", name), message.get(name)) for name in TEXTS]
    if isinstance(fields, Mapping):
        texts += [(("message", "fields", name), text) for name, text in fields.items()]
    yield from ((path, text) for path, text in texts if isinstance(text, str))


def _fields(subject: Subject) -> Iterator[tuple[Path, str, str]]:
    """Yield path, text and name of each field of an event that the message shows."""
    for path, text in texts_of(subject):
        if "{" in text:
            yield from ((path, text, field) for field in template_fields(text))
    yield from _listed(subject, "include")
    for name in ("alert_subject_args", "alert_text_args", "top_count_keys"):
        yield from _listed(subject, name)
    columns = subject.options.get("summary_table_fields")
    for n, column in enumerate(columns if isinstance(columns, list) else []):
        shown = str(column.get("path") if isinstance(column, Mapping) else column)
        yield ("summary_table_fields", n), shown, shown
    keywords = subject.options.get("alert_text_kw")
    yield from ((("alert_text_kw",), str(f), str(f)) for f in (keywords if isinstance(keywords, Mapping) else ()))


def _listed(subject: Subject, name: str) -> Iterator[tuple[Path, str, str]]:
    listed = subject.options.get(name)
    for n, field in enumerate(listed if isinstance(listed, list) else [listed] if listed else []):
        yield ((name, n) if isinstance(listed, list) else (name,)), str(field), str(field)


def _last(field: str, text: str) -> str:
    """Return what of a field's name stands in the text as it is: all of it, or its last part."""
    return field if field in text else field.rpartition(".")[2]
