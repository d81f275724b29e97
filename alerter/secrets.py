"""Values that are never shown: from the environment, or from a file that is read again when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alerter.errors import UsageError


class Secret:
    """A secret text; ``str`` and ``repr`` never show it."""

    __slots__ = ("_value", "name", "path")

    def __init__(self, value: str = "", *, path: str = "", name: str = "") -> None:
        """Hold a value, or the path of the file that holds it; ``name`` is the variable it came from."""
        self._value = value
        self.path = path
        self.name = name

    @classmethod
    def of(cls, environ: Mapping[str, str], name: str) -> Secret:
        """Return the secret of a variable, or of the file that ``NAME_FILE`` names; empty when neither is set."""
        path = environ.get(f"{name}_FILE", "")
        if path:
            secret = cls(path=path, name=f"{name}_FILE")
            secret.reveal()  # a file that cannot be read is said at start
            return secret
        return cls(environ.get(name, ""), name=name)

    def reveal(self) -> str:
        """Return the value; a file is read anew each time. Raises UsageError when it cannot be read."""
        if not self.path:
            return self._value
        try:
            return Path(self.path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise UsageError(f"{self.name}: cannot read {self.path}: {reason}") from None

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self.path or self._value)

    def __eq__(self, other: object) -> bool:
        """Compare what they reveal."""
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        """Hash by origin, never by value."""
        return hash((self.name, self.path))

    def __repr__(self) -> str:
        """Show only whether it is set."""
        return "Secret(set)" if self else "Secret(unset)"


def value_of(environ: Mapping[str, str], name: str) -> str | None:
    """Return the value of a variable, or of the file that ``NAME_FILE`` names; None when neither is set.

    Raises UsageError when the file cannot be read.
    """
    return Secret.of(environ, name).reveal() if environ.get(f"{name}_FILE") else environ.get(name)
