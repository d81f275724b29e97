"""A server that cannot be had: the tests that need it are left out and said, or fail where the run requires them."""

from __future__ import annotations

import os

import pytest

from tests.servers.home import Missing

reasons: set[str] = set()
"""What was missing."""


def required() -> bool:
    """Tell whether leaving out is failing (ALERTER_REQUIRE_SERVERS=1)."""
    return os.environ.get("ALERTER_REQUIRE_SERVERS", "") not in ("", "0")


def leave_out(missing: Missing, *, may_miss: bool = False) -> None:
    """Skip the test, or fail it; ``may_miss``: only Java 21+ is missing, which no run requires."""
    if required() and not may_miss:
        pytest.fail(f"required by ALERTER_REQUIRE_SERVERS: {missing}", pytrace=False)
    reasons.add(str(missing))
    pytest.skip(str(missing))
