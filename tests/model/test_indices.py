"""Index names made of dates: the units that a span touches, in UTC, and few names for long spans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerter.clock import DAY, HOUR, MINUTE
from alerter.model.indices import MOST_NAMES, DatedIndex, unknown_letters

T0 = 1_773_140_400_000  # 2026-03-10T11:00:00Z, a Tuesday
MIDNIGHT = T0 // DAY * DAY
DAILY = DatedIndex("logs-%Y.%m.%d")
PATTERNS = ("logs-%Y.%m.%d", "logs-%Y.%m.%d.%H", "a-%Y-%m", "w-%G.%V", "%y%j-x", "*:logs-%Y,old-%Y.%m.%d", "m-%m")


def moment(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)


@pytest.mark.parametrize(
    ("pattern", "start", "end", "expected"),
    [
        ("logs-%Y.%m.%d", T0 - MINUTE, T0, "logs-2026.03.10"),
        ("logs-%Y.%m.%d", MIDNIGHT - 1, T0, "logs-2026.03.10"),
        ("logs-%Y.%m.%d", MIDNIGHT - 2, T0, "logs-2026.03.09,logs-2026.03.10"),
        ("logs-%Y.%m.%d", T0 - 2 * DAY, T0 - DAY, "logs-2026.03.08,logs-2026.03.09"),
        ("l-%H", T0 - HOUR, T0, "l-10,l-11"),
        ("a-%Y-%m,b,c-%Y", T0 - 10 * DAY, T0, "a-2026-02,a-2026-03,b,c-2026"),
        ("w-%G.%V", T0 - 7 * DAY, T0, "w-2026.10,w-2026.11"),
        ("100%%-%Y", T0 - 1, T0, "100%-2026"),
        ("logs-%Y.%m.%d", T0 - 90 * DAY, T0, "logs-2025.12.*,logs-2026.01.*,logs-2026.02.*,logs-2026.03.*"),
    ],
)
def test_names_of_a_span(pattern: str, start: int, end: int, expected: str) -> None:
    """Each unit that ``(start, end]`` touches, oldest first; where names are too many, the coarser unit."""
    assert DatedIndex(pattern).between(start, end) == expected


@given(pattern=st.sampled_from(PATTERNS), end=st.integers(0, 100 * 365 * DAY), length=st.integers(1, 50 * 365 * DAY))
def test_no_document_is_missed_and_few_names_are_asked(pattern: str, end: int, length: int) -> None:
    """The index of each instant of the span matches one of the names, which are never many."""
    names = DatedIndex(pattern).between(end - length, end).split(",")
    assert len(names) == len(set(names)) <= MOST_NAMES
    for part in pattern.split(","):
        for n in range(20):
            name = moment(end - length + 1 + (length - 1) * n // 19).strftime(part)
            assert any(fnmatchcase(name, one) for one in names)
            assert any(fnmatchcase(name, one) for one in DatedIndex(pattern).everywhere.split(","))


@given(start=st.integers(0, 100 * 365 * DAY), days=st.integers(0, MOST_NAMES - 2))
def test_short_spans_name_exactly_their_days(start: int, days: int) -> None:
    """No day before the first millisecond and none after the last."""
    end = start + 1 + days * DAY
    first, last = moment(start + 1).date(), moment(end).date()
    expected = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert DAILY.between(start, end) == ",".join(f"logs-{day:%Y.%m.%d}" for day in expected)


def test_one_name_more() -> None:
    """``search_extra_index`` adds the name before the first one, in the pattern's own unit."""
    more = [DatedIndex(pattern, extra=True) for pattern in ("d-%Y.%m.%d", "m-%Y.%m", "h-%H", "w-%G.%V", "y-%Y")]
    assert [one.between(T0 - MINUTE, T0) for one in more] == [
        "d-2026.03.09,d-2026.03.10",
        "m-2026.02,m-2026.03",
        "h-09,h-10,h-11",
        "w-2026.10,w-2026.11",
        "y-2025,y-2026",
    ]


def test_everywhere_is_no_other_family() -> None:
    """The patterns of all names begin with a century, so that ``logs-audit-2026.03.10`` is none of them."""
    patterns = DAILY.everywhere.split(",")
    assert any(fnmatchcase("logs-2026.03.10", one) for one in patterns)
    assert not any(fnmatchcase("logs-audit-2026.03.10", one) for one in patterns)
    assert DatedIndex("a-%Y.%m.%d-x,b,c-%Y").starred == "a-*-x,b,c-*"


def test_letters_that_are_no_date() -> None:
    """Minutes, names of months, and a sign at the end."""
    assert unknown_letters("%Y.%m.%d-%M-%b-%%-%") == ["%M", "%b", "%"]
