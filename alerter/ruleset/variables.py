"""Variables of the environment in a rule's values: ``$NAME`` and ``${NAME}``, as ElastAlert fills them in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from alerter.errors import UsageError
from alerter.ruleset.diagnostics import Diagnostic, names_secret
from alerter.ruleset.options import CREDENTIALS, SUPPORTED
from alerter.ruleset.yaml_positions import Document, Path_, plain_value
from alerter.secrets import value_of

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_BRACED = re.compile(r"\$\{\w+\}", re.ASCII)
_LIKELY = re.compile(r"\$(?:\{[A-Za-z_]\w*\}|[A-Z_][A-Z0-9_]+(?!\w))", re.ASCII)
"""What is surely meant as a variable; ``$Recycle.Bin`` and ``costs $5`` are plain text."""
_SECRET_NAME = re.compile(
    r"(?i)pass|pwd|secret|token|cred|bearer|webhook|private|cookie|signature|dsn|(?:^|_)(?:auth|key|apikey|hook)(?:_|$)"
)
_USER_NAME = re.compile(r"(?i).*(?:user|user_?name|login|account)$")
_SECRET_VALUE = re.compile(r"://[^\s/@]+:[^\s/@]+@|hooks\.slack\.com/|-----BEGIN ")


def fill_variables(document: Document, environ: Mapping[str, str]) -> list[Diagnostic]:
    """Put variables in place of their names, in the values of options that make the rule; keys stay as they are.

    A name that is not set stays as it is written, with a warning where it looks like a variable. One that holds a
    credential is an error: a rule's texts are shown in messages, links and state. Who asks a cluster (CREDENTIALS) is
    filled in where it is used. Options that mean nothing here or belong to ElastAlert's notifiers are left as they are
    written, so that no secret comes in by them.
    """
    if not isinstance(document.value, dict):
        return []
    filler = _Filler(document, environ)
    for name in document.value:
        if name in SUPPORTED and name not in CREDENTIALS:
            document.value[name] = filler.filled(document.value[name], (name,))
    return filler.findings


def filled_secret(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return a credential with variables in place of their names, and the names that are not set.

    A value may be in a file that ``NAME_FILE`` names; where that cannot be read there is none.
    """
    values = {name: _held(environ, name) for name in _names(text)}

    def value(found: re.Match[str]) -> str:
        held = values[found[1] or found[2]]
        return found.group() if held is None else held

    return _VARIABLE.sub(value, text), [name for name, held in values.items() if held is None]


def shown_secrets(text: str, environ: Mapping[str, str]) -> list[str]:
    """Return the variables in a user's name that hold a credential: reports and servers show such a name.

    One that is called a user's is none (``ES_AUTH_USER``), whatever else its name says.
    """
    held = {name: _held(environ, name) or "" for name in _names(text)}
    return [name for name, value in held.items() if is_secret(_USER_NAME.sub("", name), value)]


def likely_variables(text: str) -> list[str]:
    """Return the names in a text that are surely meant as variables."""
    found = list(_VARIABLE.finditer(text))
    return [one[1] or one[2] for one in found if is_variable(text) or _LIKELY.fullmatch(one.group())]


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(found[1] or found[2] for found in _VARIABLE.finditer(text)))


def _held(environ: Mapping[str, str], name: str) -> str | None:
    try:
        return value_of(environ, name)
    except UsageError:
        return None


def names_variables(text: str) -> bool:
    """Tell whether a credential is written as variables: one, or nothing but ``${NAME}`` and marks between them.

    Any other ``$`` may be a character of the credential itself.
    """
    return is_variable(text) or ("${" in text and not re.search(r"\w|\$", _BRACED.sub("", text)))


def is_variable(value: Any) -> bool:
    """Tell whether a value is nothing but the name of a variable."""
    return isinstance(value, str) and _VARIABLE.fullmatch(value) is not None


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable holds a credential, by its name or by the look of its value."""
    return bool(names_secret(name) or _SECRET_NAME.search(name) or _SECRET_VALUE.search(value))


class _Filler:
    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self.findings: list[Diagnostic] = []

    def filled(self, value: Any, path: Path_) -> Any:
        if isinstance(value, dict):
            return {name: self.filled(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner, (*path, n)) for n, inner in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) and "$" in value else value

    def _text(self, text: str, path: Path_) -> Any:
        self.findings += self._wrong(text, path)
        new = _VARIABLE.sub(self._replacement, text)
        return plain_value(new) if new != text and self._is_plain(path) else new

    def _replacement(self, found: re.Match[str]) -> str:
        name = found[1] or found[2]
        value = self._environ.get(name)
        return found.group() if value is None or is_secret(name, value) else value

    def _wrong(self, text: str, path: Path_) -> Iterator[Diagnostic]:
        for found in _VARIABLE.finditer(text):
            name = found[1] or found[2]
            if name not in self._environ:
                if _LIKELY.fullmatch(found.group()):
                    message = f"the variable {name} is not set: its name stays as it is written"
                    hint = "set it where alerter runs, or silence this where it is plain text"
                    yield self._document.diagnostic("warning", "environment_variable", message, hint, path)
            elif is_secret(name, self._environ[name]):
                message = f"the variable {name} holds a credential, and {path[0]} is shown in messages, links and state"
                hint = "credentials are for receivers (webhook_env, url_env) and the ALERTER_ variables"
                yield self._document.diagnostic("error", "secret_variable", message, hint, path)

    def _is_plain(self, path: Path_) -> bool:
        """Tell whether a value is written without quotes: then ``$LIMIT`` may become a number."""
        at = self._document.mark(path)
        lines = self._document.lines
        line = lines[at.line - 1] if at.line <= len(lines) else ""
        return line[at.column - 1 : at.column] not in ("'", '"', "|", ">")
