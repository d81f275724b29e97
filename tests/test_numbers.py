"""Values as people read them, and formats that show one number and nothing else."""

from __future__ import annotations

import pytest

from alerter.numbers import formatted, is_format, number_text, plain


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("%.2f", "1234.57"),
        ("%d", "1234"),
        ("%s", "1234.5678"),
        ("%.1f%%", "1234.6%"),
        ("more than 100%%: %.1f", "more than 100%: 1234.6"),
        ("{:.2f}", "1234.57"),
        ("{0:,.1f} EUR", "1,234.6 EUR"),
        ("{:.0%}", "123457%"),
        ("{} ms", "1234.5678 ms"),
        ("{{}} {:>10.1f}", "{}     1234.6"),
    ],
)
def test_formats_show_one_number(format: str, text: str) -> None:
    """In the notation of % or of str.format, with text around."""
    assert is_format(format)
    assert formatted(format, 1234.5678) == text


@pytest.mark.parametrize(
    "format",
    [
        "",
        "text",
        "%",
        "%.2f %.2f",
        "{} {}",
        "{.real}",
        "{0!r}",
        "{x}",
        "{:d}",
        "{:1000}",
        "%1000d",
        "%*d",
        "{:{}}",
        "{",
    ],
)
def test_other_formats_are_refused(format: str) -> None:
    """Nothing, several, attributes, other arguments, and widths that fill the memory."""
    assert not is_format(format)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.0, "1,234,567"), (0.123456789, "0.123457"), (1234.5678, "1,234.57"), (-2.0, "-2"), (1e300, "1e+300")],
)
def test_numbers_with_thousands_apart(value: float, text: str) -> None:
    """Whole ones in full, others with six digits."""
    assert number_text(value) == text


def test_whole_numbers_have_no_fraction() -> None:
    """A program reads 5, not 5.0; what is larger than a float tells apart stays one."""
    assert repr([plain(5.0), plain(0.5), plain(1e300)]) == "[5, 0.5, 1e+300]"
