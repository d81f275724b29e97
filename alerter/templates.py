"""Jinja2 in a sandbox: texts that rule authors write, filled with what attackers may have logged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import ChainableUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 4_000
"""Characters a rendered text may have; more is cut, and says so."""

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=ChainableUndefined, autoescape=False)
# Escaping is each notifier's own (Slack's is not HTML's), done on the rendered text.


class BrokenTemplate(ValueError):
    """A template that does not compile or render; ``line`` counts from 1 within the template."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@lru_cache(maxsize=4096)
def compile_template(source: str) -> Template:
    """Compile a template; raises BrokenTemplate with the line of the mistake."""
    try:
        return _ENVIRONMENT.from_string(source)
    except TemplateError as error:
        raise BrokenTemplate(str(error.message or error), getattr(error, "lineno", 1) or 1) from None


def render(source: str, values: Mapping[str, Any]) -> str:
    """Render a template; unknown names are empty. Raises BrokenTemplate, whatever went wrong inside."""
    template = compile_template(source)
    try:
        text = template.render(values)
    except Exception as error:  # a template may do anything: divide by zero, recurse, leave the sandbox
        raise BrokenTemplate(f"{type(error).__name__}: {error}") from None
    return shortened(text)


def shortened(text: str) -> str:
    """Return a rendered text of at most ``LONGEST`` characters, and how many are missing."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text) - LONGEST:,} more characters)"
