"""Findings as text: carets under the right characters, long lines cut, no credential shown."""

from __future__ import annotations

import pytest

from alerter.ruleset.diagnostics import LONGEST_LINE, Diagnostic, names_secret, without_secrets, worst


def test_text_form() -> None:
    """Place, severity, code and message; the source line; carets; the hint."""
    found = Diagnostic("error", "typo", "unknown key", "did you mean x?", "a.yaml", 12, 3, "  y: 1", 1)
    assert found.text().splitlines() == [
        "a.yaml:12:3: error[typo]: unknown key",
        "   12 |   y: 1",
        "          ^",
        "  hint: did you mean x?",
    ]


def test_long_line_is_cut_around_the_place() -> None:
    """A query of 250,000 characters shows as a window around the finding, with the carets below it."""
    line = "x" * 125_000 + "HERE" + "y" * 125_000
    _, shown, carets = Diagnostic("error", "c", "m", "", "a.yaml", 1, 125_001, line, 4).text().splitlines()
    assert len(shown) == len("    1 | ") + LONGEST_LINE
    assert shown.index("HERE") == carets.index("^")
    assert carets.strip() == "^^^^"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("es_password: geheim", "es_password: ******"),
        ("'token': abc # why", "'token': *********"),
        ("url: https://me:pw@host/path", "url: https://******host/path"),
        ("url: https://hooks.slack.com/services/T0/B0/x", "url: https://hooks.slack.com" + "*" * 17),
        ("url: https://wiki.example/runbooks/storm", "url: https://wiki.example/runbooks/storm"),
        ("url: https://api.example/abcdefghij0123456789", "url: https://api.example" + "*" * 21),
        ("query_key: token", "query_key: token"),
        ("webhook_env: ORDER_WEBHOOK", "webhook_env: ORDER_WEBHOOK"),
        ("url_file: /run/secrets/hook", "url_file: /run/secrets/hook"),
    ],
)
def test_credentials_become_stars(line: str, shown: str) -> None:
    """Values of secret keys, users in URLs and paths of webhooks are hidden; the length stays, so carets fit."""
    assert without_secrets(line) == shown
    assert len(shown) == len(line)


def test_keys_that_hold_credentials() -> None:
    """Names are judged by their last word; a key that only names where the secret is holds none."""
    assert names_secret("es_password")
    assert names_secret("telegram_bot_token")
    assert not names_secret("query_key")
    assert not names_secret("password_file")


def test_worst_severity() -> None:
    """An error outweighs warnings; nothing found is nothing."""
    assert worst([Diagnostic("info", "", ""), Diagnostic("error", "", ""), Diagnostic("warning", "", "")]) == "error"
    assert worst([]) == ""
