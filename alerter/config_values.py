"""Single settings: from the environment or the file, converted, with every mistake collected and placed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alerter.clock import Millis
from alerter.durations import parse_duration
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document
from alerter.timetext import length_text

YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


class Values:
    """The settings by name, the environment over the file; mistakes go to ``problems`` and give the default."""

    def __init__(self, document: Document | None, environ: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._document = document
        self._environ = environ
        self._file: Mapping[str, Any] = document.value if document and isinstance(document.value, dict) else {}
        if document and not isinstance(document.value, dict):
            self.problems.append(document.diagnostic("error", "settings", "settings are a mapping of keys").text())

    def unknown(self, known: Mapping[str, Sequence[str]], may_be_off: Sequence[str] = ()) -> None:
        """Name every key of the file that is none; ``known`` holds the keys of each group, none for plain keys.

        A group that ``may_be_off`` may be just that instead of a mapping.
        """
        for name, value in self._file.items():
            if name not in known:
                self._name_unknown(str(name), tuple(known), name)
            elif known[name] and not isinstance(value, Mapping):
                if name not in may_be_off or not self.is_off(name):
                    self.problem(f"{name} is a mapping", f"known keys: {', '.join(known[name])}", name)
            elif known[name]:
                for inner in value:
                    if inner not in known[name]:
                        self._name_unknown(f"{name}.{inner}", known[name], name, inner)

    def unknown_below(self, known: Sequence[str], *path: str) -> None:
        """Name every key of a mapping within a group that is none."""
        value = self._raw(*path)
        if value is not None and not isinstance(value, Mapping):
            self.problem(f"{'.'.join(path)} is a mapping", f"known keys: {', '.join(known)}", *path)
        for inner in value if isinstance(value, Mapping) else ():
            if inner not in known:
                self._name_unknown(".".join((*path, str(inner))), known, *path, inner)

    def problem(self, message: str, hint: str, *path: str, key: bool = False) -> None:
        """Note a mistake, at the variable or at the place in the file."""
        variable = _variable(path)
        if variable in self._environ and not key:
            self.problems.append(f"{variable}: {message}" + (f"\n  hint: {hint}" if hint else ""))
        elif self._document:
            found = self._document.diagnostic("error", "setting", message, hint, path, key=key)
            self.problems.append(found.text())
        else:  # of several variables together, or of a default
            self.problems.append(message + (f"\n  hint: {hint}" if hint else ""))

    def text(self, default: str, *path: str) -> str:
        """Return a text."""
        value = self._raw(*path)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.problem(f"{'.'.join(path)}: {value!r} is not a text", "", *path)
        return default

    def choice(self, default: str, choices: Sequence[str], *path: str) -> str:
        """Return one of the choices, in any case of letters."""
        value = self.text(default, *path).lower()
        if value in choices:
            return value
        hint = did_you_mean(value, choices) or f"one of {', '.join(choices)}"
        self.problem(f"{'.'.join(path)}: {value!r} is unknown", hint, *path)
        return default

    def flag(self, default: bool, *path: str) -> bool:
        """Return a truth value; the environment may say true, 1, yes or on."""
        value = self._raw(*path)
        text = str(default if value is None else value).lower()
        if text not in YES + NO:
            self.problem(f"{'.'.join(path)}: {value!r} is neither true nor false", "", *path)
            return default
        return text in YES

    def port(self, default: int, *path: str) -> int:
        """Return a port, 0 to 65535."""
        value = self._raw(*path)
        text = str(default if value is None else value)
        if text.isdecimal() and int(text) <= 65_535:
            return int(text)
        self.problem(f"{'.'.join(path)}: {value!r} is not a port", "a number from 0 (off) to 65535", *path)
        return default

    def length(self, default: Millis, *path: str, least: Millis = 0, most: Millis | None = None) -> Millis:
        """Return a length of time from ``least`` to ``most``, both inclusive."""
        value = self._raw(*path)
        if value is None:
            return default
        try:
            length = parse_duration(value)
        except ValueError as error:
            self.problem(f"{'.'.join(path)}: {error}", "", *path)
            return default
        if length < least:
            self.problem(f"{'.'.join(path)}: {value!r} is too short", f"at least {length_text(least)}", *path)
        elif most is not None and length > most:
            self.problem(f"{'.'.join(path)}: {value!r} is too long", f"at most {length_text(most)}", *path)
        return length

    def length_or_off(self, default: Millis, *path: str) -> Millis | None:
        """Return a length of time, or None for ``off``."""
        return None if self.is_off(*path) else self.length(default, *path)

    def is_off(self, *path: str) -> bool:
        """Whether it says ``off``."""
        value = self._raw(*path)
        return value is False or (isinstance(value, str) and value.strip().lower() == "off")

    def has(self, *path: str) -> bool:
        """Whether the environment or the file says anything there."""
        return self._raw(*path) is not None

    def paths(self, name: str, *, single: bool = False) -> tuple[Path, ...] | None:
        """Return files or folders, relative ones below the settings file's folder; None when nothing is said."""
        if name in self._file and _variable((name,)) not in self._environ:
            value = self._file[name]
            listed = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str) and item for item in listed):
                wanted = "a path" if single else "a path or a list of paths"
                self.problem(f"{name}: {wanted}", "relative ones are below the folder of this file", name)
                return None
            assert self._document is not None, "the value is from the file"
            folder = Path(self._document.file).parent
            return tuple(folder / item for item in listed)
        text = self._environ.get(_variable((name,)))
        return None if text is None else tuple(Path(item.strip()) for item in text.split(",") if item.strip())

    def _raw(self, *path: str) -> Any:
        variable = _variable(path)
        if variable in self._environ:
            return self._environ[variable]
        value: Any = self._file
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _name_unknown(self, shown: str, known: Sequence[str], *path: str) -> None:
        hint = did_you_mean(str(path[-1]), known) or f"known keys: {', '.join(known)}"
        if shown.startswith(("es_", "slack_")):
            hint = f"access and secrets come from the environment: ALERTER_{shown.upper()}"
        self.problem(f"unknown setting {shown}", hint, *path, key=True)


def _variable(path: Sequence[str]) -> str:
    return f"ALERTER_{'_'.join(map(str, path))}".upper()
