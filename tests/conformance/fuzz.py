"""The differential test: random requests over random documents, the evaluator against a live server.

    python -m tests.conformance.fuzz --url http://localhost:9200 --seed 7 --worlds 20 --requests 400

A seed makes one world, an index of random documents, and the requests asked of it; it replays by ``--seed``. With
``--rules`` the filters of rule files are asked, over documents made from the fields and values they name.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from alerter.query.evaluator import Evaluator, QueryError, RejectedQuery, UnsupportedQuery
from alerter.sources.embedded_files import LineParser
from tests.conformance import wild
from tests.conformance.judge import same
from tests.conformance.live import Server, simplify, translated
from tests.conformance.requests import following, request
from tests.conformance.worlds import World, world
from tests.servers import elastic

RULES = 8
"""How many rules share an index of documents."""


@dataclass(frozen=True)
class Difference:
    """What the evaluator and the server say of one request, or of one document."""

    seed: int
    asked: Any
    here: Any
    there: Any

    def __str__(self) -> str:
        """Write what was asked, and where the answers part."""
        path, mine, theirs = apart(self.here, self.there)
        parts = [json.dumps(part, ensure_ascii=False)[:1000] for part in (self.asked, mine, theirs)]
        return f"seed {self.seed}: {parts[0]}\n   at {path}\n   here  {parts[1]}\n   there {parts[2]}"


def apart(mine: Any, theirs: Any, path: str = "") -> tuple[str, Any, Any]:
    """Return the innermost place that holds all differences, and what stands there."""
    if isinstance(mine, dict) and isinstance(theirs, dict) and mine.keys() == theirs.keys():
        differing = [key for key in mine if not same(theirs[key], mine[key])]
        if len(differing) == 1 or "ids" in differing:
            key = "ids" if "ids" in differing else differing[0]
            return apart(mine[key], theirs[key], f"{path}/{key}")
    if isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) == len(theirs):
            at = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if not same(b, a))
            return apart(mine[at], theirs[at], f"{path}/{at}")
        return path, [each for each in mine if each not in theirs], [each for each in theirs if each not in mine]
    return path, mine, theirs


@dataclass
class Outcome:
    """What came of some requests."""

    counts: Counter[str]
    refusals: Counter[str]
    differences: list[Difference]
    strict: bool = False
    """Whether another type of error counts as a difference; of several errors in a request a server names its first."""


def evaluator_of(made: World) -> Evaluator:
    """Load a world into the evaluator, as its lines would be from a file."""
    parser = LineParser()
    documents = [parser.parse(line.encode(), f"line {number}") for number, line in enumerate(made.lines, 1)]
    assert not parser.bad
    return Evaluator([document for document in documents if document is not None], made.properties)


def here(evaluator: Evaluator, body: Any) -> Any:
    """Answer a request in the evaluator."""
    try:
        return simplify(evaluator.search(body, int(time.time() * 1000)))
    except UnsupportedQuery as error:
        return {"refused": error.name}
    except RejectedQuery as error:
        return {"error": {"status": error.status, "type": error.type, "reason": error.reason}}


def run(server: Server, seed: int, made: World, bodies: Sequence[Any], outcome: Outcome) -> None:
    """Ask some requests over a world of both."""
    evaluator, index = evaluator_of(made), f"test-fuzz-{uuid.uuid4().hex[:12]}"
    try:
        rejected = server.load(index, made.lines, {"properties": made.properties})
        outcome.differences += _documents(seed, made, evaluator, rejected)
        pairs = [(body, here(evaluator, body)) for body in bodies]
        pairs += [(body, here(evaluator, body)) for pair in pairs for body in following(*pair)]
        asked = [(body, mine) for body, mine in pairs if "refused" not in mine]
        outcome.counts["refused"] += len(pairs) - len(asked)
        outcome.refusals.update(mine["refused"] for _, mine in pairs if "refused" in mine)
        outcome.differences += _requests(server, index, seed, asked, outcome.counts, outcome.strict)
    finally:
        server.call("DELETE", f"{index}?ignore_unavailable=true")


def _documents(seed: int, made: World, evaluator: Evaluator, rejected: Any) -> Iterator[Difference]:
    mine = {rejection.id: rejection.type for rejection in evaluator.rejections}
    theirs = {id: error["type"] for id, error in rejected.items()}
    for id in sorted({*mine, *theirs}, key=int):
        if mine.get(id) != theirs.get(id):
            reason = rejected.get(id, {}).get("reason", "accepted")
            yield Difference(seed, json.loads(made.lines[int(id) - 1]), mine.get(id, "accepted"), reason)


def _requests(
    server: Server, index: str, seed: int, asked: list[tuple[Any, Any]], counts: Counter[str], strict: bool
) -> Iterator[Difference]:
    plain = [pair for pair in asked if "error" not in pair[1]]
    broken = [pair for pair in asked if "error" in pair[1] and _has_translation(pair[0])]
    counts["no KQL"] += len(asked) - len(plain) - len(broken)
    found = server.ask(index, [translated(body) for body, _ in plain])
    found += server.ask(index, [translated(body) for body, _ in broken])
    for (body, mine), answer in zip(plain + broken, found, strict=True):
        theirs = simplify(answer)
        if theirs.get("error", {}).get("status") in (429, 500):  # a bug of its own, or it has no memory left just now
            counts["the server failed"] += 1
        elif "error" in mine and "error" in theirs:
            alike = mine["error"]["type"] == theirs["error"]["type"]
            counts["rejected" if alike else "rejected otherwise"] += 1
            if strict and not alike:
                yield Difference(seed, body, mine, theirs)
        elif same(theirs, mine):
            counts["equal"] += 1
        else:
            counts["different"] += 1
            yield Difference(seed, body, mine, theirs)


def _has_translation(body: Any) -> bool:
    """Tell whether a server can be asked it: what is no KQL cannot be translated for one."""
    try:
        translated(body)
    except QueryError:
        return False
    return True


def explore(server: Server, seeds: range, requests: int, *, calm: bool = False, strict: bool = False) -> Outcome:
    """Ask the requests of some seeds."""
    outcome = Outcome(Counter(), Counter(), [], strict)
    for seed in seeds:
        made, random = world(seed, calm=calm), Random(seed + 1)
        run(server, seed, made, [request(random, made) for _ in range(requests)], outcome)
    return outcome


def explore_rules(server: Server, folders: Sequence[Path], seed: int) -> Outcome:
    """Ask the filters of rule files over documents made for them, some rules at a time."""
    outcome = Outcome(Counter(), Counter(), [])
    filters = wild.filters_of(folders)
    for start in range(0, len(filters), RULES):
        some, random = filters[start : start + RULES], Random(seed + start + 1)
        made = wild.world_of(some, seed + start)
        run(server, seed, made, list(wild.requests_of(some, made, random)), outcome)
    return outcome


def main() -> int:
    """Ask random requests; 1 when there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = "an Elasticsearch on which indices test-fuzz-* may be made (default: the tests' own, started)"
    parser.add_argument("--url", help=where)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed (default: a fresh one)")
    parser.add_argument("--worlds", type=int, default=1, help="how many seeds")
    parser.add_argument("--requests", type=int, default=400, help="how many requests each")
    parser.add_argument("--rules", type=Path, nargs="+", metavar="FOLDER", help="ask the filters of rule files instead")
    parser.add_argument("--calm", action="store_true", help="documents as logs have them, without values at the edges")
    parser.add_argument("--strict", action="store_true", help="another type of error is a difference too")
    parser.add_argument("--refusals", action="store_true", help="list what was refused")
    args = parser.parse_args()
    server = Server(args.url or elastic.start(elastic.NODES["es8"]).url)
    seeds = range(args.seed, args.seed + args.worlds)
    if args.rules:
        outcome = explore_rules(server, args.rules, args.seed)
    else:
        outcome = explore(server, seeds, args.requests, calm=args.calm, strict=args.strict)
    for difference in outcome.differences:
        print(difference)
    if args.refusals:
        for name, count in outcome.refusals.most_common():
            print(f"refused {count:5} {name}")
    print(f"seeds from {args.seed}: {dict(outcome.counts)}, differences {len(outcome.differences)}")
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
