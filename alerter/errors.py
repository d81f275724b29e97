"""Failures that a user caused or can mend, as opposed to bugs."""

from __future__ import annotations


class UsageError(Exception):
    """Wrong usage or settings, or a server that cannot be reached: exit code 2.

    ``message`` says what is wrong and where, ``hint`` what to do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
