"""Judging the evaluator by recorded answers of real servers: equal, refused by name, or wrong."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alerter.query.dates import date_format
from alerter.query.evaluator import Document, Evaluator, RejectedQuery, UnsupportedQuery
from alerter.sources.embedded_files import read_documents
from tests.conformance.live import simplify

HERE = Path(__file__).parent
NOON = "2026-03-10T12:00:00Z"
"""What ``now`` means in the cases that do not say."""

Judged = dict[str, Any]
"""A case as it stands in a file of cases."""


@dataclass(frozen=True)
class Verdict:
    """What became of a case: ``equal``, ``refused`` or ``wrong``, with what was got."""

    case: Judged
    outcome: str
    got: Any


def lines(path: Path) -> Iterator[Any]:
    """Yield the objects of an NDJSON file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def shared() -> Path | None:
    """Find the folder with the sample logs, which is not part of the repository."""
    named = os.environ.get("ALERTER_SHARED")
    folder = Path(named) if named else HERE.parents[2] / "shared"
    return folder if (folder / "logs").is_dir() else None


@cache
def small() -> Evaluator:
    """Load the eleven documents."""
    mapping = json.loads((HERE / "mapping.json").read_text())
    sources = enumerate(lines(HERE / "documents.ndjson"), 1)
    return Evaluator([Document(str(number), source) for number, source in sources], mapping["properties"])


@cache
def logs(path: Path) -> Evaluator:
    """Load one log file."""
    return Evaluator(read_documents([path]).documents)


def ask(evaluator: Evaluator, case: Judged, log: bool) -> Any:
    """Return the answer to a case in the form in which answers are recorded."""
    body = dict(case["body"])
    as_set = case.get("answer") == "set"
    if as_set:
        body = {"size": 10_000 if log else 100, "sort": ["_doc"], "_source": False, **body}
    now = date_format("strict_date_optional_time").read(case.get("now") or NOON)
    try:
        answer = evaluator.search(body, now)
    except UnsupportedQuery as error:
        return {"refused": error.name}
    except RejectedQuery as error:
        return {"error": {"status": error.status, "type": error.type, "reason": error.reason}}
    return recorded(simplify(answer), as_set, log)


def recorded(answer: Any, as_set: bool, log: bool) -> Any:
    """Turn an answer into what is recorded of it: hits whose order does not matter become a sorted list."""
    answer.pop("_ignored", None)
    if not as_set or "error" in answer:
        return answer
    ids = sorted(answer["ids"], key=int)
    if log:
        return _shorten(ids)
    return {**{part: value for part, value in answer.items() if part not in ("sort", "total")}, "ids": ids}


def _shorten(ids: list[str]) -> Any:
    if len(ids) <= 100:
        return {"count": len(ids), "ids": ids}
    return {"count": len(ids), "first": ids[:20], "sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest()}


def same(a: Any, b: Any, tolerance: float = 1e-9) -> bool:
    """Compare answers; floats within a tolerance, percentiles within 2 %."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return False
        return all(same(a[key], b[key], 0.02 if key == "values" else tolerance) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-9)
    return bool(a == b)


def judge(evaluator: Evaluator, case: Judged, log: bool = False) -> Verdict:
    """Judge one case. Where the answer is an error, the same type or a refusal is right."""
    got = ask(evaluator, case, log)
    if "refused" in got:
        return Verdict(case, "refused", got)
    for answer in case["answers"].values():
        if "error" in answer and "error" in got and answer["error"]["type"] == got["error"]["type"]:
            return Verdict(case, "equal", got)
        if same(answer, got):
            return Verdict(case, "equal", got)
    return Verdict(case, "wrong", got)


def verdicts(files: Sequence[Path]) -> Iterator[Verdict]:
    """Judge every case whose data is there."""
    folder = shared()
    for case in (case for path in files for case in lines(path)):
        if "file" not in case:
            yield judge(small(), case)
        elif folder is not None:
            yield judge(logs(folder / "logs" / case["file"]), case, log=True)


def report(files: Sequence[Path], verbose: bool = False) -> int:
    """Print a table by area; return 1 when a case is wrong."""
    counts: dict[str, Counter[str]] = {}
    for verdict in verdicts(files):
        counts.setdefault(verdict.case["area"], Counter())[verdict.outcome] += 1
        if verdict.outcome == "wrong" or (verbose and verdict.outcome == "refused"):
            case = verdict.case
            print(f"{verdict.outcome} {case['id']}: {json.dumps(case['body'], ensure_ascii=False)[:300]}")
            print(f"   recorded {json.dumps(next(iter(case['answers'].values())), ensure_ascii=False)[:400]}")
            print(f"   got      {json.dumps(verdict.got, ensure_ascii=False)[:400]}")
    total: Counter[str] = Counter()
    for area, found in [*sorted(counts.items()), ("all", total)]:
        print(f"{area:22} equal {found['equal']:5}  refused {found['refused']:4}  wrong {found['wrong']:4}")
        total.update(found)
    if shared() is None:
        print("the sample logs are not there; set ALERTER_SHARED to judge the cases over logs")
    return 1 if total["wrong"] else 0
