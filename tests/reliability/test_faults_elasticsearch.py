"""A real Elasticsearch that fails behind the fault proxy: everything is evaluated later, nothing is told twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.night import BURST, ClusterNight, calm
from tests.support.faults import CUT, CUT_ANSWER, HALF_ANSWER, HANG, Answer, Fault, json_answer, slow, status

pytestmark = pytest.mark.es
QUIET: tuple[float, ...] = ()
PRODUCT = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}


def finish(night: ClusterNight, folder: Path) -> None:
    """Live on until all is quiet, and compare with a night without faults."""
    night.minutes(QUIET, QUIET, BURST, QUIET, QUIET, QUIET, QUIET)
    night.check()
    assert night.story() == calm(night, folder / "calm")


def test_gone_for_ten_minutes(begin, proxy, tmp_path, caplog):
    """Not ready meanwhile; afterwards the open incident, one inside the outage and one across its end are all there."""
    night = begin()
    proxy.down()
    for minute in range(10):
        night.minute(*(BURST if minute in (4, 9) else QUIET))
        assert night.ready()[0] == 503
    assert "cannot be reached" in night.ready()[1]
    assert "not ready: state: Elasticsearch cannot be reached" in caplog.text
    proxy.up()
    finish(night, tmp_path)


def refused(code: int, kind: str) -> Fault:
    """Return a refusal as Elasticsearch words it."""
    cause = {"type": kind, "reason": "rejected execution: queue is full"}
    return Fault(
        str(code), forward=False, answer=json_answer({"error": {"root_cause": [cause], **cause}}, code, **PRODUCT)
    )


BUSY = refused(429, "es_rejected_execution_exception")
UNAVAILABLE = refused(503, "cluster_block_exception")
GATEWAY = status(502, "<html><body>Bad Gateway</body></html>")
TRUNCATED = Fault("truncated JSON", forward=True, answer=Answer(200, b'{"took":1,"_shards":{"total":2,"succ', PRODUCT))
EMPTY = Fault("empty object", forward=True, answer=Answer(200, b"{}", PRODUCT))
NOT_READ = [CUT, CUT_ANSWER, HALF_ANSWER, HANG, slow(1), BUSY, UNAVAILABLE, GATEWAY, TRUNCATED, EMPTY]


@pytest.mark.parametrize("fault", NOT_READ, ids=lambda f: f.name)
def test_no_request_is_answered_for_some_minutes(fault, begin, proxy, tmp_path):
    """However every request fails: not ready, no traceback, and all of it is evaluated afterwards."""
    night = begin()
    night.patience(0.3)
    proxy.plan(fault, times=0)
    night.minutes(BURST, QUIET)
    assert night.ready()[0] == 503
    proxy.clear()
    night.patience(30)
    finish(night, tmp_path)


@pytest.mark.parametrize("fault", NOT_READ, ids=lambda f: f.name)
def test_each_request_of_a_minute_fails_once(fault, begin, proxy, tmp_path):
    """The n-th request fails in the n-th minute, through more minutes than a minute has requests."""
    night = begin()
    night.patience(0.3)
    for number in range(1, 40):
        proxy.clear()
        proxy.plan(fault, nth=number)
        night.minute(*(BURST if number % 4 == 1 else QUIET))
        if not any(seen.fault for seen in proxy.seen()):
            break
    else:
        pytest.fail("a minute has more requests than were spoiled")
    proxy.clear()
    night.patience(30)
    finish(night, tmp_path)
