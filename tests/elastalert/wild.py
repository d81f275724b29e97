"""Every rule file found in public: what alerter makes of it, and why where it makes nothing.

    python -m tests.elastalert.wild [--long]    the table by reason; with --long each file

A rule that loads is run dry over samples of real logs and over documents made of the fields and values it names, spread
over an hour. Both lie beside the repository (shared/wild-rules, shared/logs) and are no part of it.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from alerter.clock import HOUR
from alerter.config import Settings
from alerter.engine.dryrun import DryRun, dry_run
from alerter.model.rule import Rule, TimeKind
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.load import load_rules
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.protocol import SourceError
from alerter.timetext import iso
from tests.conformance.wild import world_of
from tests.elastalert.ours import T0
from tests.engine.support import routing

SHARED = Path(__file__).parents[3] / "shared"
WILD = SHARED / "wild-rules"
LOGS = SHARED / "logs"
MOST = 40
"""Lines of each log that are looked at, from all over it."""
ROUTING = routing()
OWN_FIELDS = ("compare_key", "cardinality_field", "aggregation_key", "fields", "top_count_keys")

NOT_YAML = ("yaml_syntax", "duplicate_key", "not_a_mapping", "control_character")
REASONS = {
    "enhancement": "names a Python class of ElastAlert as enhancement",
    "custom_type": "names a Python class of ElastAlert as type",
    "metric_agg_script": "wants a script to be run",
    "realert.minutes": "sets nothing by a dotted option (ElastAlert passes it silently)",
    "missing_option": "lacks an option that its type needs (ElastAlert refuses it too)",
}


@dataclass(frozen=True)
class Verdict:
    """What became of one file: its rules, and the errors of those that did not load."""

    file: Path
    rules: tuple[Rule, ...]
    errors: tuple[Diagnostic, ...]
    said: int
    """Findings of any severity."""

    @property
    def reason(self) -> str:
        """Why it gives no rule, in a few words; empty where it gives one."""
        if self.rules and not self.errors:
            return ""
        if any(error.code in NOT_YAML for error in self.errors):
            return "is not valid YAML"
        for name, reason in REASONS.items():
            if any(error.code == name or error.message.startswith(name) for error in self.errors):
                return reason
        return "; ".join(sorted({error.code for error in self.errors})) or "says that it is off"


def files() -> list[Path]:
    """Return the rule files, in a stable order."""
    return sorted(f for f in WILD.rglob("*") if f.is_file() and f.name != "SOURCES.tsv")


def verdict(file: Path) -> Verdict:
    """Load one file by itself."""
    loaded = load_rules([file], Settings())
    errors = tuple(d for d in loaded.diagnostics if d.severity == "error")
    return Verdict(file, loaded.rules, errors, len(loaded.diagnostics))


def runs(rule: Rule, options: Mapping[str, Any]) -> Iterator[tuple[str, DryRun | SourceError]]:
    """Yield what a rule does over each log and over documents of its own shape, or the source's clear refusal."""
    for name in sorted(LOGS.rglob("*.gz")):
        yield name.stem, _dry(rule, _log(name))
    yield "its own fields", _dry(rule, _shaped(rule, options))


def _dry(rule: Rule, documents: Sequence[Mapping[str, Any]]) -> DryRun | SourceError:
    step = HOUR // len(documents)
    timed = [_at(rule, document, T0 + nth * step) for nth, document in enumerate(documents)]
    try:
        return dry_run(rule, EmbeddedSource(documents=timed), ROUTING, T0 - 1, T0 + HOUR)
    except SourceError as error:
        return error


@cache
def _log(name: Path) -> list[dict[str, Any]]:
    with gzip.open(name, "rt", encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    sample = every[:: max(len(every) // MOST, 1)]
    return [line["_source"] if set(line) >= {"_index", "_source"} else line for line in sample]


def _shaped(rule: Rule, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return documents that the rule's filter may select, with values in the fields that its options name."""
    dice = Random(rule.name)
    made = [json.loads(line) for line in world_of([[dict(c) for c in rule.filter]], len(rule.name), MOST).lines]
    listed = [options[name] for name in OWN_FIELDS if name in options]
    names = [*rule.query_key, *(field for held in listed for field in _texts(held))]
    for document in made:
        for name in names:
            if dice.random() < 0.8:
                document[name.removesuffix(".keyword")] = dice.choice(["a", "b", 3, 0.5, None, ["a", "b"], "x y"])
        if "metric_agg_key" in options:
            document[options["metric_agg_key"]] = dice.choice([0, 0.5, 1, 3, None])
    return made


def _texts(held: Any) -> Iterator[str]:
    if isinstance(held, str):
        yield held
    elif isinstance(held, list):
        for each in held:
            yield from _texts(each)


def _at(rule: Rule, document: Mapping[str, Any], at: int) -> dict[str, Any]:
    """Return the document with a time as the rule reads it."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    written: dict[TimeKind, Any] = {
        TimeKind.ISO: iso(at),
        TimeKind.UNIX: at // 1000,
        TimeKind.UNIX_MS: at,
        TimeKind.CUSTOM: moment.strftime(rule.time.format or ""),
    }
    return {**document, rule.time.name: written[rule.time.kind]}


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the table by reason, and the share that the project promises."""
    counted = Counter(one.reason for one in verdicts)
    lines = [f"{counted.pop('', 0):4} load and run"]
    lines += [f"{number:4} refused: {reason}" for reason, number in counted.most_common()]
    usable = [one for one in verdicts if one.reason not in ("is not valid YAML", *_foreign())]
    share = 100 * sum(not one.reason for one in usable) / max(len(usable), 1)
    return [*lines, f"{share:.1f} % of the {len(usable)} that are valid YAML and name no Python class or script"]


def _foreign() -> list[str]:
    return [REASONS[name] for name in ("enhancement", "custom_type", "metric_agg_script")]


def main() -> None:
    """Print the table."""
    verdicts = [verdict(file) for file in files()]
    if "--long" in sys.argv:
        for one in verdicts:
            where = [f"{error.line}:{error.column} {error.message}" for error in one.errors]
            print(f"{one.file.relative_to(WILD)}: {one.reason or 'runs'}", *where, sep="\n    ")
    print(*table(verdicts), sep="\n")


if __name__ == "__main__":
    main()
