"""Rule files found in public load and run, or are refused for a reason at a place."""

from __future__ import annotations

import re

import pytest
import yaml

from alerter.sources.protocol import SourceError
from tests.elastalert.wild import LOGS, WILD, files, runs, table, verdict

pytestmark = pytest.mark.skipif(not (WILD.is_dir() and LOGS.is_dir()), reason="no shared/ beside the repository")

REFUSED_WHEN_ASKED = {
    "unknown query [type]": "a query that Elasticsearch 8 has not; alerter check says so, with the line",
}


def test_each_file_gives_a_rule_or_a_reason_with_a_place() -> None:
    """Each error names a line and column of the file; the share that loads is what we promise."""
    verdicts = [verdict(file) for file in files()]
    for one in verdicts:
        assert one.rules or one.errors, one.file
        lines = len(one.file.read_text(encoding="utf-8", errors="replace").splitlines()) + 1
        assert all(1 <= e.line <= lines and e.column >= 1 and e.message for e in one.errors), one.file
    share = re.search(r"([\d.]+) % of", table(verdicts)[-1])
    assert share is not None
    assert float(share[1]) >= 95, table(verdicts)


def test_those_that_load_run_over_real_logs_and_their_own_fields() -> None:
    """Nothing but a source's own refusal ends a dry run; and over documents made for them most rules find something."""
    rules = [(one.file, rule) for one in map(verdict, files()) for rule in one.rules]
    told = 0
    for file, rule in rules:
        options = next(iter(yaml.safe_load_all(file.read_text(encoding="utf-8"))))
        for data, answer in runs(rule, options):
            if isinstance(answer, SourceError):
                assert answer.reason.startswith(tuple(REFUSED_WHEN_ASKED)), f"{file}, {data}: {answer.reason}"
            elif data == "its own fields":
                told += bool(answer.matches)
    assert told > len(rules) / 3
