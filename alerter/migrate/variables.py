"""Variables of the environment: those that a migration names, and those that a configuration takes values from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerter.notifiers.text import one_line

_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_OBEYED = re.compile(rf'{_REFERENCE.pattern}|[\\"`$]', re.ASCII)

_SET = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)=.*", re.ASCII)
"""A line that sets a variable."""


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


def filled(text: str, environ: Mapping[str, str]) -> str:
    """Return a text with the values of the variables that are set in place of their names."""
    return _REFERENCE.sub(lambda found: environ.get(found[1] or found[2], found.group()), text)


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
    """Return a file's text with the values that somebody has typed in since, where it has only remarks.

    Lines that name the file of a value, ``NAME_FILE=``, stay too.
    """
    typed_in = {found[1]: found[0] for line in before.splitlines() if (found := _SET.match(line))}
    kept = [typed_in.get(line.removeprefix("# ").removesuffix("="), line) for line in text.splitlines()]
    files = {f"{line.removeprefix('# ').partition('=')[0]}_FILE" for line in text.splitlines()}
    return "".join(f"{line}\n" for line in [*kept, *(line for name, line in typed_in.items() if name in files)])


def _quoted(value: str) -> str:
    """Return a value as a shell reads it; variables in it are filled in there."""
    return f'"{_OBEYED.sub(_escaped, value)}"' if references(value) else shlex.quote(value)


def _escaped(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    return f"${{{name}}}" if name else f"\\{found.group()}"
