"""The files that a migration writes: settings, a first routing file, and which variables must be set."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from alerter.errors import UsageError
from alerter.migrate.config import Configuration
from alerter.migrate.routes import Found, routing_text
from alerter.notifiers.text import one_line

SETTINGS, ROUTES, VARIABLES = "alerter.yaml", "notifiers/routes.yaml", "alerter.env"


def file_texts(config: Configuration, found: Found, folder: Path) -> dict[str, str]:
    """Return the text of each file by its name below ``folder``; no text holds a secret."""
    return {
        SETTINGS: _settings_text(config, folder),
        ROUTES: routing_text(found),
        VARIABLES: "".join(f"{line}\n" for line in _variables(config, found)),
    }


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
                text = _with_typed(text, file)
                file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    return list(files)


def _with_typed(text: str, file: Path) -> str:
    """Keep the values that somebody has typed into the file since, where the text leaves them empty."""
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return text
    typed = {line.partition("=")[0]: line for line in lines if "=" in line and not line.startswith("#")}
    empty = (line.removesuffix("=") if line.endswith("=") else "" for line in text.splitlines())
    kept = [typed.get(name, line) for name, line in zip(empty, text.splitlines(), strict=True)]
    return "".join(f"{line}\n" for line in kept)


def _settings_text(config: Configuration, folder: Path) -> str:
    rules = [Path(os.path.relpath(path, folder)).as_posix() for path in config.rules]
    settings = {"rules": rules[0] if len(rules) == 1 else rules, "notifiers": "notifiers", **config.settings}
    lines = [
        f"# From {one_line(config.file.name)}. All keys: docs/operations.md",
        yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=10_000).rstrip(),
        "# true: what rules name under alert is their own receiver, past the routes; see docs/routing.md",
        "honour_rule_webhooks: false",
    ]
    return "\n".join(lines) + "\n"


def _variables(config: Configuration, found: Found) -> Iterator[str]:
    yield "# Set these where alerter runs, for example: set -a; . ./alerter.env; set +a"
    yield "# A secret can stand in a file of its own instead: NAME_FILE=/run/secrets/..."
    for variable in config.environment:
        value = shlex.quote(variable.value) if variable.value else ""
        where = "" if value else f"# the value is in {one_line(config.file.name)}, line {variable.line}"
        yield f"{variable.name}={one_line(value)}" if value else f"{where}\n{variable.name}="
    for name, origin in found.origins.items():
        yield f"# the webhook's address is in {one_line(origin)}\n{name}="
