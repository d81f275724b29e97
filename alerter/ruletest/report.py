"""How results are said: text for people, JSON for programs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruletest.expect import Failure
from alerter.ruletest.suite import Result
from alerter.ruletest.timeline import timeline
from alerter.ruletest.trace import Trace
from alerter.ruletest.words import brief


def failed_text(result: Result, *, diff: bool = False) -> str:
    """Return a failed test: what was expected where, what happened on the time line; ``diff``: everything in full."""
    return "\n".join(_lines(result, diff=diff))


def _lines(result: Result, *, diff: bool) -> Iterator[str]:
    mark = result.file.document.mark(result.case.path)
    yield f"FAILED {result.file.file}:{mark.line}:{mark.column}: {result.case.name}"
    for failure in result.failures:
        for line in result.place(failure).text().splitlines():
            yield f"  {line}"
        for line in failure.diff:
            yield f"      {line}"
    if result.trace is None:
        return
    if diff:
        yield from (f"  {line}" for line in whole_diff(result, result.trace))
    marked = {path for failure in result.failures for path in _above(failure)}
    for line in timeline(result, result.trace, marked, full=diff):
        yield f"  {line}"


def _above(failure: Failure) -> Iterator[object]:
    for length in range(len(failure.path) + 1):
        yield failure.path[:length]


def whole_diff(result: Result, trace: Trace) -> Iterator[str]:
    """Yield a unified diff of each failed expectation's lists against all that happened, as it might be written."""
    failed = {path for failure in result.failures for path in _above(failure)}
    start = trace.case.start
    for snapshot in trace.snapshots:
        expectation = snapshot.expectation
        if expectation.path not in failed:
            continue
        for name, entries in expectation.lists.items():
            wanted = [
                "- {" + ", ".join(f"{check.name}: {check.shown}" for check in entry.checks) + "}" for entry in entries
            ]
            got = [f"- {brief(name, record, start, full=True)}" for record in snapshot.lists[name]]
            line = result.file.document.mark(expectation.path).line
            title = f"{name} (line {line})"
            yield from difflib.unified_diff(wanted, got, f"expected {title}", f"happened {title}", n=3, lineterm="")


def summary(results: Sequence[Result], findings: Sequence[Diagnostic]) -> str:
    """Return the last line: how many passed and failed, and how many files could not be read."""
    failed = sum(not r.passed for r in results)
    number = "1 test" if len(results) == 1 else f"{len(results):,} tests"
    bad = len({d.file for d in findings})
    parts = [f"{len(results) - failed:,} passed", *([f"{failed:,} failed"] if failed else [])]
    parts += [f"{bad} file{'' if bad == 1 else 's'} cannot be read"] if bad else []
    return f"{number}: {', '.join(parts)}"


def result_json(result: Result) -> dict[str, Any]:
    """Return one test's result for programs."""
    mark = result.file.document.mark(result.case.path)
    return {
        "name": result.case.name,
        "file": str(result.file.file),
        "line": mark.line,
        "column": mark.column,
        "rules": [rule.name for rule in result.rules],
        "passed": result.passed,
        "failures": [_failure_json(result, failure) for failure in result.failures],
    }


def _failure_json(result: Result, failure: Failure) -> dict[str, Any]:
    place = result.place(failure)
    return {
        "message": failure.message,
        "path": ".".join(map(str, failure.path)),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "diff": list(failure.diff),
    }


def as_json(
    results: Sequence[Result], findings: Sequence[Diagnostic], files: int, coverage: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the whole answer for programs."""
    failed = sum(not r.passed for r in results)
    document: dict[str, Any] = {
        "files": files,
        "tests": len(results),
        "passed": len(results) - failed,
        "failed": failed,
        "results": [result_json(r) for r in results],
        "diagnostics": [d.as_json() for d in findings],
    }
    return document if coverage is None else {**document, "coverage": coverage}
