"""The embedded evaluator against the recorded answers of real servers."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.conformance.judge import HERE, Verdict, judge, lines, logs, shared, small

REFUSED_AT_MOST = 0.05


def _wrong(verdicts: list[Verdict]) -> list[str]:
    return [
        f"{v.case['id']} {json.dumps(v.case['body'])}: got {json.dumps(v.got)[:300]}"
        for v in verdicts
        if v.outcome == "wrong"
    ]


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("cases*.ndjson")))
def test_recorded_cases(file: str) -> None:
    """Every recorded request is answered as a real server answered it, or refused by name; few are refused."""
    verdicts = [judge(small(), case) for case in lines(HERE / file)]
    counts = Counter(v.outcome for v in verdicts)
    print(f"{file}: {dict(counts)}")
    assert not _wrong(verdicts)
    assert counts["refused"] <= REFUSED_AT_MOST * len(verdicts)


def test_cases_over_logs() -> None:
    """The same over real log files, where they are at hand."""
    folder = shared()
    if folder is None:
        pytest.skip("the sample logs are not there; set ALERTER_SHARED")
    verdicts = [
        judge(logs(folder / "logs" / case["file"]), case, log=True) for case in lines(HERE / "logs_cases.ndjson")
    ]
    assert not _wrong(verdicts)
    assert all(v.outcome == "equal" for v in verdicts)


def test_rejected_lines_of_logs() -> None:
    """A document that a real server rejects at indexing is rejected here too, with the same type of error."""
    folder = shared()
    if folder is None:
        pytest.skip("the sample logs are not there; set ALERTER_SHARED")
    for file, known in json.loads((HERE / "logs_files.json").read_text()).items():
        evaluator = logs(folder / "logs" / file)
        assert {r.id: r.type for r in evaluator.rejections} == known["rejected"], file
        assert evaluator.count + len(evaluator.rejections) == known["lines"]
