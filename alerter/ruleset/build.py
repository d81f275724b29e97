"""A valid rule document becomes a Rule, with every default filled in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from alerter.clock import MINUTE, Millis
from alerter.config import Settings
from alerter.durations import parse_duration
from alerter.model.indices import DatedIndex, unknown_letters
from alerter.model.rule import (
    Alive,
    AnyEvent,
    Attribute,
    Cardinality,
    Condition,
    Flatline,
    Frequency,
    FromEvent,
    KeyValue,
    Position,
    Realert,
    Redaction,
    Rule,
    Severity,
    Spike,
    SpikeType,
    TimeField,
    TimeKind,
    ValueList,
)
from alerter.ruleset.cluster import rule_cluster
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.filters import clean_filter
from alerter.ruleset.history import History
from alerter.ruleset.imports import FileState
from alerter.ruleset.metrics import Metrics
from alerter.ruleset.plugins import custom, enhancements
from alerter.ruleset.schedules import Schedules
from alerter.ruleset.texts import TextReader, aggregation_key
from alerter.ruleset.yaml_positions import Document

CUSTOM_TIME = "%Y-%m-%dT%H:%M:%SZ"
"""What ``timestamp_type: custom`` means without ``timestamp_format``."""
BUILT_IN_LABELS = frozenset({"rule", "type", "index", "domain", "severity", "environment", "owner", "cause"})
"""The names that matchers see for every incident."""


class Builder:
    """Builds one rule; findings of severity error mean that there is none."""

    def __init__(self, document: Document, file: Path, domain: str, settings: Settings) -> None:
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._file = file
        self._domain = domain
        self._settings = settings
        self.findings: list[Diagnostic] = []
        self.read: set[FileState] = set()
        """The files read beside the rule's, as they were before."""

    def build(self) -> Rule | None:
        """Return the rule, or None with the reasons in ``findings``."""
        options = self._options
        texts = TextReader(self._document, self._file, self.findings, self._optional)
        schedules = Schedules(self._document, self.findings, self._optional, self._settings)
        schedule = schedules.schedule()
        realert = self._realert()
        rule = Rule(
            name=str(options.get("name") or self._file.stem),
            type=options["type"],
            index=self._index(),
            dated=self._dated(),
            condition=self._condition(),
            position=self._position(),
            filter=clean_filter(options.get("filter"), self._document, self.findings),
            query_key=self._query_key(),
            time=self._time(),
            schedule=schedule,
            query_delay=self._length("query_delay", self._settings.query_delay),
            buffer_time=self._buffer_time,
            max_catchup=schedules.max_catchup(schedule),
            known_keys_for=self._length("known_keys_for", 24 * 60 * MINUTE),
            realert=realert,
            resolve_after=self._optional("resolve_after"),
            include=_texts(options.get("include")),
            domain=self._attribute("domain", self._domain),
            severity=self._attribute("severity", Severity.WARNING),
            environment=self._attribute("environment", ""),
            owner=self._attribute("owner", ""),
            labels=self._labels(),
            description="" if options.get("description") is None else str(options["description"]),
            message=texts.message(),
            redact=self._redact(),
            kibana_url=texts.kibana_url(self._settings.kibana_url),
            texts=texts.texts(),
            enhancements=enhancements(self._document, self.findings, realert),
            cluster=rule_cluster(self._document, self._settings, self.findings),
        )
        self.read |= texts.read
        return None if any(f.severity == "error" for f in self.findings) else rule

    # --- parts -------------------------------------------------------------------------------------------------

    def _error(self, code: str, message: str, hint: str, *path: Any) -> None:
        self.findings.append(self._document.diagnostic("error", code, message, hint, path))

    def _warn(self, code: str, message: str, hint: str, *path: Any) -> None:
        self.findings.append(self._document.diagnostic("warning", code, message, hint, path))

    def _position(self) -> Position:
        marks = (self._document.mark((name,), key=True) for name in ("name", "type"))
        mark = next((one for one in marks if not one.file), self._document.mark(()))
        return Position(str(self._file), mark.line, mark.column)

    def _index(self) -> str:
        index = str(self._options.get("index") or "*")
        if "%" in index and not self._options.get("use_strftime_index"):
            message = f"index {index} holds a date pattern, but an index of exactly this name is read"
            hint = f"add use_strftime_index: true, or write a wildcard: {DatedIndex(index).starred}"
            self._warn("index_pattern", message, hint, "index")
        return index

    def _dated(self) -> DatedIndex | None:
        index, extra = str(self._options.get("index") or "*"), bool(self._options.get("search_extra_index"))
        if not self._options.get("use_strftime_index") or "%" not in index:
            return None
        for letter in unknown_letters(index):
            hint = "index names take %Y %y %m %d %H %j, and for weeks %G %V %U %W"
            self._error("index_pattern", f"index {index}: no date is made of {letter}", hint, "index")
        return DatedIndex(index, extra)

    def _length(self, name: str, default: Millis) -> Millis:
        found = self._optional(name)
        return default if found is None else found

    def _optional(self, *path: str) -> Millis | None:
        value: Any = self._options
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            return None
        if isinstance(value, Mapping) and any(isinstance(v, str) for v in value.values()):
            self._warn(
                "number_as_text", f"{'.'.join(path)}: a number is written as text", "leave out the quotes", *path
            )
        try:
            return parse_duration(value)
        except ValueError as error:
            self._error("duration", f"{'.'.join(path)}: {error}", "", *path)
            return None

    @cached_property
    def _buffer_time(self) -> Millis:
        return self._length("buffer_time", self._settings.buffer_time)

    def _positive(self, name: str) -> Millis:
        length = self._length(name, 0)
        if length <= 0 and not any(f.code == "duration" for f in self.findings):
            self._error("duration", f"{name} must be longer than nothing", "like 5m", name)
        return max(length, 1)

    def _query_key(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_texts(self._options.get("query_key"))))

    def _time(self) -> TimeField:
        kind = TimeKind(self._options.get("timestamp_type", "iso"))
        written = self._options.get("timestamp_format", CUSTOM_TIME if kind is TimeKind.CUSTOM else None)
        return TimeField(str(self._options.get("timestamp_field", "@timestamp")), kind, written)

    def _realert(self) -> Realert:
        length, cap = self._optional("realert"), self._optional("exponential_realert")
        written = length is not None
        if length is None:
            length = 0 if self._options.get("aggregation") else MINUTE
        if cap is not None and cap <= length:
            message = "exponential_realert must be longer than realert"
            self._error("exponential_realert", message, "it is the longest silence", "exponential_realert")
        return Realert(length, written, cap)

    def _attribute(self, name: str, default: str) -> Attribute:
        return _attribute(self._options.get(name, default))

    def _labels(self) -> dict[str, Attribute]:
        """Return the labels; where matchers would see two things under one name, the built-in one wins."""
        labels = {str(name): _attribute(value) for name, value in (self._options.get("labels") or {}).items()}
        for name in BUILT_IN_LABELS & labels.keys():
            message = f"the label {name} is hidden by the built-in of that name"
            self._warn("label_clash", message, f"write {name}: at the top, or rename the label", "labels", name)
            del labels[name]
        for name in aggregation_key(self._options):
            if name not in BUILT_IN_LABELS | labels.keys() and name not in self._query_key():
                labels[name] = FromEvent(name, split=self._options["type"] in ("any", "blacklist", "whitelist"))
        for name in ("priority", "category"):
            if name in self._options:
                labels.setdefault(name, str(self._options[name]))
        for name in self._query_key():
            if name in labels:
                message = f"the label {name} hides the key field {name}"
                self._warn("label_clash", message, "rename the label", "labels", name)
            elif name in BUILT_IN_LABELS:
                message = f"routes see the built-in {name}, never the key field {name}"
                self._warn("label_clash", message, "match on another field, or on a label", "query_key")
        return labels

    def _redact(self) -> Redaction:
        written = self._options.get("redact") or {}
        patterns = _texts(written.get("patterns"))
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                self._error("regex", f"redact.patterns: {pattern!r}: {error}", "", "redact", "patterns")
        return Redaction(_texts(written.get("fields")), patterns)

    # --- conditions --------------------------------------------------------------------------------------------

    def _condition(self) -> Condition:
        build: dict[str, Callable[[], Condition]] = {
            "any": AnyEvent,
            "blacklist": lambda: self._list("blacklist", deny=True),
            "whitelist": lambda: self._list("whitelist", deny=False),
            "frequency": lambda: Frequency(int(self._options["num_events"]), self._positive("timeframe")),
            "spike": self._spike,
            "flatline": self._flatline,
            "cardinality": self._cardinality,
            "metric_aggregation": lambda: self._metrics().metric_aggregation(),
            "percentage_match": lambda: self._metrics().percentage_match(),
            "change": lambda: History(self._document, self.findings, self._optional).change(),
            "new_term": lambda: History(self._document, self.findings, self._optional).new_term(self._query_key()),
            "spike_aggregation": lambda: self._metrics().spike_aggregation(self._height(), self._positive("timeframe")),
        }
        found = build.get(self._options["type"])
        return custom(self._document, self.findings, self._positive("timeframe")) if found is None else found()

    def _height(self) -> float:
        height = float(self._options["spike_height"])
        if not math.isfinite(height):
            self._error("wrong_value", f"spike_height: {height} is no height", "like 3", "spike_height")
        return height

    def _spike(self) -> Condition:
        options = self._options
        if "field_value" in options:
            return self._metrics().spike_of_field(self._height(), self._positive("timeframe"))
        return Spike(
            height=self._height(),
            direction=SpikeType(options["spike_type"]),
            timeframe=self._positive("timeframe"),
            threshold_ref=int(options.get("threshold_ref", 0)),
            threshold_cur=int(options.get("threshold_cur", 0)),
            alert_on_new_data=options.get("alert_on_new_data", False),
        )

    def _flatline(self) -> Condition:
        options = self._options
        written = options.get("alive")
        alive = None
        if written is not None:
            clauses = clean_filter(written.get("filter"), self._document, self.findings, ("alive", "filter"))
            alive = Alive(written.get("index"), clauses)
        forget_keys = options.get("forget_keys", False)
        return Flatline(int(options["threshold"]), self._positive("timeframe"), forget_keys, alive)

    def _cardinality(self) -> Condition:
        maximum, minimum = self._options.get("max_cardinality"), self._options.get("min_cardinality")
        if maximum is None and minimum is None:
            hint = "more different values than max_cardinality match, and fewer than min_cardinality"
            self._error("missing_option", "max_cardinality or min_cardinality is missing", hint, "type")
        elif maximum is not None and minimum is not None and minimum > maximum:
            message = f"min_cardinality {minimum:,} is above max_cardinality {maximum:,}: every number would match"
            hint = "from min_cardinality to max_cardinality, both included, nothing matches"
            self._error("wrong_value", message, hint, "min_cardinality")
        return Cardinality(self._options["cardinality_field"], self._positive("timeframe"), maximum, minimum)

    def _metrics(self) -> Metrics:
        return Metrics(self._document, self.findings, self._optional, self._buffer_time)

    def _list(self, name: str, *, deny: bool) -> Condition:
        values: list[KeyValue] = []
        patterns: list[str] = []
        for n, entry in enumerate(self._entries(name)):
            if isinstance(entry, str) and len(entry) > 2 and entry.startswith("/") and entry.endswith("/"):
                self._pattern(entry[1:-1], patterns, name, n)
            elif isinstance(entry, str | int | float | bool | None):
                values.append(entry)
            else:
                self._error("wrong_value", f"{name}: an entry must be a plain value", "", name, n)
        ignore_null = bool(self._options.get("ignore_null", False))
        return ValueList(self._options["compare_key"], tuple(values), deny, ignore_null, tuple(patterns))

    def _pattern(self, pattern: str, patterns: list[str], *path: Any) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            self._error("regex", f"{path[0]}: /{pattern}/: {error}", "", *path)
        else:
            patterns.append(pattern)

    def _entries(self, name: str) -> Iterator[Any]:
        """Yield the list's entries, with ``!file PATH`` replaced by the file's lines."""
        for n, entry in enumerate(self._options[name]):
            if not (isinstance(entry, str) and entry.startswith("!file")):
                yield entry
                continue
            path = self._file.parent / entry.removeprefix("!file").strip()
            try:
                yield from (line.rstrip() for line in path.read_text(encoding="utf-8").splitlines())
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8"
                self._error("list_file", f"{name}: cannot read {path}: {reason}", "relative to the rule file", name, n)


def _attribute(value: Any) -> Attribute:
    if isinstance(value, Mapping):
        default = value.get("default")
        mapped = {str(k): str(v) for k, v in (value.get("map") or {}).items()}
        return FromEvent(value["field"], mapped, None if default is None else str(default), value.get("split", True))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    listed: Sequence[Any] = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in listed)
