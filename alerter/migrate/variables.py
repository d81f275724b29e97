"""Variables of the environment: those that a migration names, and those that a configuration takes values from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from alerter.notifiers.text import one_line

_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_OBEYED = re.compile(rf'{_REFERENCE.pattern}|[\\"`$]', re.ASCII)


@dataclass(frozen=True)
class Variable:
    """A variable to be set; ``value`` is "" for a secret, and may name other variables; ``where`` it stands now.

    A ``named`` one is named there, so that it is set already.
    """

    name: str
    value: str
    where: str
    named: bool = False


def references(text: object) -> tuple[str, ...]:
    """Return the names of the variables that a text takes values from, as ElastAlert fills them in."""
    found = _REFERENCE.finditer(text) if isinstance(text, str) else ()
    return tuple(dict.fromkeys(match[1] or match[2] for match in found))


def is_reference(text: object) -> bool:
    """Tell whether a text is nothing but the name of a variable."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def lines(variable: Variable) -> Iterator[str]:
    """Yield a variable's lines of a file that a shell reads.

    One without a value is a remark: as a line ``NAME=`` it would take away the value that the environment has.
    """
    if variable.named:
        yield f"# {variable.name} must stay set: {one_line(variable.where)} names it"
    elif not variable.value:
        yield f"# the value is in {one_line(variable.where)}"
        yield f"# {variable.name}="
    else:
        yield f"{variable.name}={one_line(_quoted(variable.value))}"


def typed(text: str, before: str) -> str:
    """Return a file's text with the values that somebody has typed in since, where it has only remarks."""
    known = {line.partition("=")[0]: line for line in before.splitlines() if "=" in line and not line.startswith("#")}
    kept = (known.get(line.removeprefix("# ").removesuffix("="), line) for line in text.splitlines())
    return "".join(f"{line}\n" for line in kept)


def _quoted(value: str) -> str:
    """Return a value as a shell reads it; variables in it are filled in there."""
    return f'"{_OBEYED.sub(_escaped, value)}"' if references(value) else shlex.quote(value)


def _escaped(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    return f"${{{name}}}" if name else f"\\{found.group()}"
