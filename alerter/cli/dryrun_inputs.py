"""What a dry run is made of: rules from files, a source, routes, and the span of each rule."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alerter.cli.dryrun_data import places, read_data
from alerter.cli.dryrun_warnings import field_warnings, span_warnings
from alerter.cli.moments import moment
from alerter.cli.output import complain
from alerter.cli.progress import Progress
from alerter.clock import DAY, Millis, SystemClock
from alerter.config import Settings, load_settings
from alerter.engine.dryrun import DryRun, default_end, dry_run
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.routing.load import load_routing
from alerter.routing.own import own_receivers, with_own
from alerter.routing.tree import Routing, console_routing
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.load import load_rules
from alerter.ruleset.yaml_positions import Document
from alerter.shipped import shipped_dir
from alerter.sources.clusters import Clusters
from alerter.sources.embedded import EmbeddedSource
from alerter.sources.explain import ExplainedSource
from alerter.sources.open import open_elasticsearch
from alerter.sources.protocol import Source, SourceError
from alerter.sources.reader import Reader
from alerter.timetext import iso, length_text

LONGEST: Millis = 366 * DAY
"""Span of data files that is taken without being asked for: more is a wrong time in one of the documents."""
NO_ROUTES = (
    "without a settings file all messages go to the console receiver; to see the routes of ./notifiers, as alerter run"
    " has them, write an alerter.yaml (an empty one will do)"
)


@dataclass
class Inputs:
    """Everything ``test-rule`` needs, loaded once for all its rules."""

    rules: tuple[Rule, ...]
    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    source: Source
    routing: Routing
    start: Millis | None
    end: Millis | None
    refused: bool
    notes: list[str] = field(default_factory=list)
    documents_read: int = 0
    """Lines of the data files that are documents; 0 for a cluster."""
    files: tuple[str, ...] = ()
    """The data files; none for a cluster."""
    wrapped: ExplainedSource | None = None
    explain: bool = False
    progress: Progress | None = None
    """Told how much was asked so far."""
    main: Source | None = None
    """The data files or the cluster of the settings; ``source`` is that of the rule in turn."""
    clusters: Clusters | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Inputs:
        """Load rules, routes and the source named on the command line; raises UsageError."""
        logging.getLogger("alerter.engine.tick").addHandler(logging.NullHandler())  # failures are raised, and said once
        settings = load_settings(args.config)
        missing = [path for path in args.rules if not Path(path).exists()]
        if missing:
            raise UsageError(f"{missing[0]} does not exist", "name rule files or folders")
        loaded = load_rules([Path(p) for p in args.rules], settings)
        errors = [d for d in loaded.diagnostics if d.severity == "error"]
        for text in dict.fromkeys(found.text() for found in errors):
            complain(text)
        if not loaded.rules and not errors:
            raise UsageError("no rule found in " + ", ".join(args.rules), "name a rule file or a folder with rules")
        now = SystemClock().now()
        start = None if args.start is None else moment(args.start, "--start", now)
        end = None if args.end is None else moment(args.end, "--end", now)
        if start is not None and end is not None and start >= end:
            raise UsageError("--start must be before --end")
        clusters = Clusters()
        source, notes = _source(args, settings, loaded.rules, clusters)
        made = cls(
            loaded.rules,
            loaded.documents,
            loaded.diagnostics,
            source,
            with_own(_routing(settings), own_receivers(loaded, settings)),
            start,
            end,
            bool(errors),
            notes,
            source.events if isinstance(source, EmbeddedSource) else 0,
            tuple(args.data or ()),
        )
        made.explain = getattr(args, "explain", False)
        made.main, made.clusters = source, clusters
        made._ask(source)
        return made

    def _ask(self, source: Source, cluster: str = "") -> None:
        """Ask this source from now on, which is that of a ``cluster`` that a rule names."""
        self.source = source
        if self.explain or (sys.stderr.isatty() and source.kind != "embedded"):
            self.source = self.wrapped = ExplainedSource(source, self.heard, cluster)

    def turn_to(self, rule: Rule) -> None:
        """Ask the cluster of a rule from now on. Raises SourceError where there can be no client of it."""
        if self.main is not None and self.clusters is not None:
            source = self.clusters.of(rule, self.main)
            own = rule.cluster if source is not self.main else None
            self._ask(source, own.name if own is not None else "")

    def the_rule(self, name: str | None) -> Rule:
        """Return the one rule, or the one of that name. Raises UsageError."""
        found = [rule for rule in self.rules if name in (None, rule.name)]
        if len(found) == 1:
            return found[0]
        if not self.rules:
            raise UsageError("the rule has errors", "run: alerter check")
        names = ", ".join(rule.name for rule in self.rules[:10])
        what = "there are several rules" if found else f"there is no rule {name}"
        raise UsageError(what, f"name one with --rule: {names}")

    def dry_run(self, rule: Rule) -> DryRun:
        """Run one rule over its span; raises SourceError."""
        self.turn_to(rule)
        if self.wrapped is not None:
            self.wrapped.redaction = rule.redact
        start, end = self.span(rule)

        def reached(at: Millis) -> None:
            if self.progress is not None:
                self.progress.reached((at - start) / max(end - start, 1))

        return dry_run(rule, self.source, self.routing, start, end, reached=reached)

    def heard(self, text: str) -> None:
        """Show how much was asked so far."""
        if self.progress is not None:
            self.progress.more(text)

    def explained(self) -> list[str] | None:
        """Return the requests since the last call as curl lines; None where they are not wanted."""
        return self.wrapped.take() if self.wrapped is not None and self.explain else None

    def span(self, rule: Rule) -> tuple[Millis, Millis]:
        """Return ``(start, end]``: as given, else that of the data, else the last 24 hours. Raises SourceError."""
        if self.source.kind != "embedded":
            end = self.end if self.end is not None else SystemClock().now() - rule.query_delay
            return self.start if self.start is not None else end - DAY, end
        first, last = self.extent(rule) if None in (self.start, self.end) else (None, None)
        if first is None or last is None:
            first = last = self.end or self.start or 0
        start = self.start if self.start is not None else first - 1
        end = self.end if self.end is not None else default_end(rule, last)
        return start, max(start, end)

    def _odd_time(self, rule: Rule, answer: DryRun) -> Iterator[str]:
        """Warn of data files that are further apart than is likely meant; a time may be wrong."""
        if self.source.kind != "embedded" or None not in (self.start, self.end) or answer.end - answer.start <= LONGEST:
            return
        first, last = self.extent(rule)
        if first is not None and last is not None:
            earliest, latest = (f" ({place})" if place else "" for place in places(self.files, self.source, rule))
            apart = f"the documents are from {iso(first)}{earliest} to {iso(last)}{latest}: {length_text(last - first)}"
            yield f"odd_time: {apart}; name the span with --start and --end, or mend the time that is wrong"

    def extent(self, rule: Rule) -> tuple[Millis | None, Millis | None]:
        """Return the time of the earliest and the latest document of the rule's index. Raises SourceError."""
        return Reader(self.source).extent(rule)

    def warnings(self, rule: Rule, answer: DryRun) -> list[Diagnostic]:
        """Return what should be known about the rule's file, its data and its answer."""
        at = rule.position
        own = [d for d in self.diagnostics if d.file == at.file and d.severity == "warning"]
        document = self.documents[self.rules.index(rule)]
        odd = span_warnings(self.extent(rule), answer.start, answer.end, SystemClock().now())
        texts = [*self.notes, *answer.warnings, *odd, *self._odd_time(rule, answer)]
        return [*own, *field_warnings(rule, document, self.source), *(_warning(text, rule) for text in texts)]

    def close(self) -> None:
        """Release the sources."""
        for source in (self.main or self.source, self.clusters):
            if source is not None:
                source.close()


def _warning(text: str, rule: Rule) -> Diagnostic:
    """Return a warning of the form ``code: sentence`` as a finding at the rule's place."""
    code, _, sentence = text.partition(": ")
    at = rule.position
    known = code.isidentifier() and sentence
    return Diagnostic(
        "warning", code if known else "data", sentence if known else text, "", at.file, at.line, at.column
    )


def _source(
    args: argparse.Namespace, settings: Settings, rules: Sequence[Rule], clusters: Clusters
) -> tuple[Source, list[str]]:
    if not args.data:
        if not settings.es.urls:
            if rules and all(rule.cluster is not None for rule in rules):
                return opened_or_refused(rules[0], clusters), []
            raise UsageError("no data to ask", "give --data FILE, or set ALERTER_ES_URL to ask a cluster")
        return open_elasticsearch(settings), []
    source = read_data(args.data)
    return source, [f"data: {text}" for text in source.warnings]


def opened_or_refused(rule: Rule, clusters: Clusters) -> Source:
    """Return the source of a rule's own cluster. Raises UsageError where there can be no client of it."""
    assert rule.cluster is not None
    try:
        return clusters.made(rule.cluster)
    except SourceError as error:
        raise UsageError(f"{place_of(rule)}: {error.reason}", error.hint) from None


def place_of(rule: Rule) -> str:
    """Return where a rule stands, and its name."""
    at = rule.position
    return f"{at.file}:{at.line}:{at.column}: {rule.name}"


def _routing(settings: Settings) -> Routing:
    """Return the routes of the settings; without a settings file everything goes to the console receiver.

    Where ``alerter run`` would take ``./notifiers`` all the same this is said, as its answer is another one.
    """
    if not settings.configured:
        if settings.notifiers != (shipped_dir() / "notifiers",):
            complain(f"alerter: {NO_ROUTES}")
        return console_routing()
    routing, findings = load_routing(settings.notifiers)
    errors = [d.text() for d in findings if d.severity == "error"]
    if routing is None or errors:
        raise UsageError("the notifiers' files have errors:\n" + "\n".join(errors), "run: alerter check")
    return routing
