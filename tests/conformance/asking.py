"""Asking a live server the recorded cases again: what it answers otherwise, or its answers on record."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from alerter.sources.embedded_files import lines_of
from tests.conformance.judge import HERE, Judged, lines, recorded, same, shared
from tests.conformance.live import Server, simplify

PREFIX = "test-conformance-"


def compare(url: str, files: Sequence[Path], write: str | None = None) -> int:
    """Ask the cases of some files; print differences, or record the answers under a name. 1 when there are any."""
    server = Server(url)
    print(f"{server.version()} at {server.url}", file=sys.stderr)
    asked = differing = 0
    try:
        _load(server)
        for path in files:
            cases = list(lines(path))
            for case, answer in _answers(server, cases):
                asked += 1
                if write is not None:
                    case["answers"][write] = answer
                elif not _agrees(case, answer):
                    differing += 1
                    print(f"{case['id']}: {json.dumps(case['body'], ensure_ascii=False)[:300]}")
                    print(f"   recorded {json.dumps(next(iter(case['answers'].values())), ensure_ascii=False)[:400]}")
                    print(f"   server   {json.dumps(answer, ensure_ascii=False)[:400]}")
            if write is not None:
                text = "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)
                path.write_text(text, encoding="utf-8")
    finally:
        server.call("DELETE", f"{PREFIX}*?expand_wildcards=all")
    print(f"{asked} cases, {differing} differences")
    return 1 if differing else 0


def _load(server: Server) -> None:
    mapping = json.loads((HERE / "mapping.json").read_text())
    documents = [json.dumps(document) for document in lines(HERE / "documents.ndjson")]
    for shards, name in ((1, "documents"), (3, "documents-3")):
        server.load(PREFIX + name, documents, mapping, shards)


def _log(path: Path) -> list[str]:
    """Return the documents of a log file, unwrapped."""
    found = map(json.loads, filter(str.strip, (line.decode() for line in lines_of(path))))
    return [json.dumps(line["_source"] if {"_index", "_source"} <= line.keys() else line) for line in found]


def _answers(server: Server, cases: Sequence[Judged]) -> Iterator[tuple[Judged, Any]]:
    """Yield the cases that a server can be asked, with its answers in the form of the records."""
    loaded = set[str]()
    for (index, file), group in groupby(cases, lambda case: (case.get("index", ""), case.get("file", ""))):
        folder = shared()
        asked = [case for case in group if case.get("source") != "documentation" and (not file or folder)]
        name = PREFIX + (index or Path(file).name.lower())
        if asked and folder and file and name not in loaded:
            server.load(name, _log(folder / "logs" / file), {})
            loaded.add(name)
        answers = server.ask(name, [_sent(case, bool(file)) for case in asked])
        for case, answer in zip(asked, map(simplify, answers), strict=True):
            if "error" in answer:
                answer["error"]["reason"] = str(answer["error"]["reason"])[:160]
            yield case, recorded(answer, case.get("answer") == "set", bool(file))


def _sent(case: Judged, log: bool) -> Any:
    body: Any = case.get("sent", case["body"])
    if case.get("answer") != "set":
        return body
    return {"size": 10_000 if log else 100, "sort": ["_doc"], "_source": False, **body}


def _agrees(case: Judged, answer: Any) -> bool:
    return any(
        known["error"]["type"] == answer["error"]["type"]
        if "error" in known and "error" in answer
        else same(known, answer)
        for known in case["answers"].values()
    )
