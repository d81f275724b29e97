"""The files that a migration writes: settings, a first routing file, and which variables must be set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alerter.errors import UsageError
from alerter.migrate.config import Configuration
from alerter.migrate.routes import Found, dumped, routing_text
from alerter.migrate.variables import Variable, lines, typed
from alerter.notifiers.text import one_line

SETTINGS, DEFAULTS, ROUTES, VARIABLES = "alerter.yaml", "defaults.yaml", "notifiers/routes.yaml", "alerter.env"


def file_texts(config: Configuration, found: Found, folder: Path) -> dict[str, str]:
    """Return the text of each file by its name below ``folder``; no text holds a secret."""
    return {
        SETTINGS: _settings_text(config, folder),
        **({DEFAULTS: defaults_text(config)} if config.defaults else {}),
        ROUTES: routing_text(found),
        VARIABLES: "".join(f"{line}\n" for line in _variables(config, found)),
    }


def defaults_text(config: Configuration) -> str:
    """Return the file of what rules inherit from the configuration."""
    head = f"# Options of every rule that does not write them, from {one_line(config.file.name)}. See docs/rules.md\n"
    return head + dumped(config.defaults)


def variables_of(config: Configuration, found: Found) -> tuple[Variable, ...]:
    """Return all variables, each once."""
    return tuple({**found.origins, **{variable.name: variable for variable in config.environment}}.values())


def write_files(texts: Mapping[str, str], folder: Path, *, force: bool) -> list[Path]:
    """Write all files, or none: raises UsageError when one is there already (unless ``force``) or cannot be written."""
    files = {folder / name: text for name, text in texts.items()}
    for file in files:
        if file.parent.exists() and not file.parent.is_dir():
            raise UsageError(f"cannot write {file}: {file.parent} is no folder", "nothing was written; give -o DIR")
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise UsageError(f"already there: {', '.join(there)}", "nothing was written; give --force, or -o DIR")
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.name == VARIABLES:
                text = typed(text, _before(file))
                file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    return list(files)


def _before(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _settings_text(config: Configuration, folder: Path) -> str:
    rules = [_place(path, folder) for path in config.rules]
    settings: dict[str, Any] = {"rules": rules[0] if len(rules) == 1 else rules, "notifiers": "notifiers"}
    settings |= {"rule_defaults": DEFAULTS, **config.settings} if config.defaults else config.settings
    written = [
        f"# From {one_line(config.file.name)}. All keys: docs/operations.md",
        dumped(settings).rstrip(),
        "# true: what rules name under alert is their own receiver, past the routes; see docs/routing.md",
        "honour_rule_webhooks: false",
    ]
    return "\n".join(written) + "\n"


def _place(path: Path, folder: Path) -> str:
    """Return a path from a folder; one that is absolute stays so unless it leads below that folder."""
    inside = path.resolve().is_relative_to(folder.resolve())
    return path.as_posix() if path.is_absolute() and not inside else Path(os.path.relpath(path, folder)).as_posix()


def _variables(config: Configuration, found: Found) -> Iterator[str]:
    yield "# Set these where alerter runs, for example: set -a; . ./alerter.env; set +a"
    yield "# Take the first two characters away from a line '# NAME=' and write the value after it. A secret can stand"
    yield "# in a file of its own instead: NAME_FILE=/run/secrets/..."
    for variable in variables_of(config, found):
        yield from lines(variable)
