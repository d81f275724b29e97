"""Instants on the command line: written out, or so long ago; and commands that there are none of."""

from __future__ import annotations

import pytest

from alerter.cli.main import main
from alerter.cli.moments import joined, moment
from alerter.clock import HOUR, MINUTE
from alerter.errors import UsageError
from alerter.timetext import parse_instant

NOW = parse_instant("2026-03-10T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-6h", NOW - 6 * HOUR),
        ("-1h30m", NOW - 90 * MINUTE),
        ("now-2d", NOW - 48 * HOUR),
        ("now - 5m", NOW - 5 * MINUTE),
        ("2 hours ago", NOW - 2 * HOUR),
        ("1 hour 30 mins ago", NOW - 90 * MINUTE),
        ("2d ago", NOW - 48 * HOUR),
        ("now", NOW),
        ("2026-03-10T11:00:00Z", NOW - HOUR),
        ("2026-03-10", NOW - 12 * HOUR),
    ],
)
def test_moments(text: str, expected: int) -> None:
    """ISO 8601, or a length before now."""
    assert moment(text, "--start", NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "ago", "5 ago", "1 month ago", "-6x", "6h", "now+1h", "-", ""])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """The option is named, with how to write it."""
    with pytest.raises(UsageError, match="--end") as caught:
        moment(text, "--end", NOW)
    assert "-6h" in caught.value.hint


def test_a_length_is_no_option() -> None:
    """What follows --start and begins with - is its value only where it is a length."""
    assert list(joined(["a", "--start", "-6h", "--end", "now"])) == ["a", "--start=-6h", "--end", "now"]
    assert list(joined(["--start", "--format", "json", "--end"])) == ["--start", "--format", "json", "--end"]


def test_the_nearest_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does not exist is refused with the one that was probably meant."""
    assert main(["chek"]) == 2
    assert capsys.readouterr().err == (
        "alerter: there is no command chek\n  hint: did you mean check? alerter --help lists the commands\n"
    )
    assert main(["xyz"]) == 2
    assert "did you mean" not in capsys.readouterr().err
