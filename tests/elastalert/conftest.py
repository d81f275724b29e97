"""ElastAlert 2 for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.elastalert.peer import ElastAlert, installed
from tests.servers.home import Missing
from tests.support import leftout


@pytest.fixture(scope="session")
def elastalert() -> Iterator[ElastAlert]:
    """Return ElastAlert's rule classes in a process of their own; left out, and said, where it cannot be had."""
    try:
        process = ElastAlert(installed())
    except Missing as missing:
        leftout.leave_out(missing)
        raise AssertionError from missing
    yield process
    process.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what needs ElastAlert out of the runs that need nothing but Python."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "elastalert" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.peer)
