"""The ``route`` tree as written becomes nodes, with inheritance field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerter.clock import SECOND, Millis
from alerter.durations import parse_duration
from alerter.model.route import Receiver
from alerter.model.rule import Position
from alerter.model.silence import Matcher
from alerter.routing.intervals import Interval
from alerter.routing.matchers import MatcherError, checked
from alerter.routing.tree import ALL, Node, Timers
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document

KEYS = (
    "receiver", "matchers", "match", "match_re", "continue", "routes", "group_by", "group_wait", "group_interval",
    "repeat_interval", "mute_time_intervals", "active_time_intervals", "storm",
)  # fmt: skip
Path = tuple[Any, ...]
ReadMatchers = Callable[[Document, Any, Path], tuple[Matcher, ...]]


class TreeReader:
    """Reads the tree of one document; problems go to ``findings``."""

    def __init__(
        self,
        document: Document,
        findings: list[Diagnostic],
        receivers: Mapping[str, Receiver],
        intervals: Mapping[str, tuple[Interval, ...]],
        matchers: ReadMatchers,
    ) -> None:
        self._document = document
        self._findings = findings
        self._receivers = receivers
        self._intervals = intervals
        self._matchers = matchers

    def root(self, written: Any) -> Node | None:
        """Return the root; it matches everything, names a receiver and is never muted."""
        if not isinstance(written, Mapping):
            self._error("wrong_value", "route is a mapping with a receiver", "", ("route",))
            return None
        for name in ("matchers", "match", "match_re", "mute_time_intervals", "active_time_intervals", "continue"):
            if name in written:
                self._error(
                    "root_route", f"the root route takes no {name}", "write it on a child route", ("route", name)
                )
        if "receiver" not in written:
            self._error(
                "missing_option", "the root route needs a receiver", "what matches nothing else goes there", ("route",)
            )
            return None
        return self._node(written, ("route",), None)

    def _node(self, written: Mapping[str, Any], path: Path, parent: Node | None) -> Node:
        for name in written:
            if name not in KEYS:
                self._error(
                    "unknown_key", f"unknown key {name}", did_you_mean(str(name), KEYS), (*path, name), key=True
                )
        matchers = self._all_matchers(written, path)
        here = ", ".join(str(m) for m in matchers) or ("route" if parent is None else "(everything)")
        node = Node(
            receiver=self._receiver(written, path, parent),
            path=here if parent is None else f"{parent.path} > {here}",
            matchers=matchers,
            continues=self._truth(written, path),
            mute=self._names(written, "mute_time_intervals", path),
            active=self._names(written, "active_time_intervals", path),
            timers=self._timers(written, path, parent.timers if parent else Timers()),
            position=self._position(written, path),
        )
        children = written.get("routes") or []
        if not isinstance(children, list):
            self._error("wrong_value", "routes is a list", "", (*path, "routes"))
            children = []
        below = []
        for n, child in enumerate(children):
            if isinstance(child, Mapping):
                below.append(self._node(child, (*path, "routes", n), node))
            else:
                self._error("wrong_value", "a route is a mapping", "", (*path, "routes", n))
        return Node(**{**node.__dict__, "routes": tuple(below)})

    def _position(self, written: Mapping[str, Any], path: Path) -> Position:
        """Return where the route says what it matches, else where it begins."""
        name = next((n for n in ("matchers", "match", "match_re", "receiver") if n in written), None)
        mark = self._document.mark(path if name is None else (*path, name), key=True)
        return Position(self._document.file, mark.line, mark.column)

    def _all_matchers(self, written: Mapping[str, Any], path: Path) -> tuple[Matcher, ...]:
        found = list(self._matchers(self._document, written.get("matchers"), (*path, "matchers")))
        for name, operator in (("match", "="), ("match_re", "=~")):
            old = written.get(name) or {}
            if isinstance(old, Mapping):
                found += self._older(old, operator, (*path, name))
        return tuple(found)

    def _older(self, written: Mapping[str, Any], operator: str, path: Path) -> Iterator[Matcher]:
        """Yield the matchers of ``match`` and ``match_re``, whose values are taken as they are."""
        for label, value in written.items():
            try:
                yield checked(Matcher(str(label), operator, str(value)), str(value))
            except MatcherError as error:
                self._error("matcher", str(error), error.hint, (*path, label))

    def _truth(self, written: Mapping[str, Any], path: Path) -> bool:
        value = written.get("continue", False)
        if not isinstance(value, bool):
            self._error("wrong_value", "continue is true or false", "without quotes", (*path, "continue"))
        return value is True

    def _receiver(self, written: Mapping[str, Any], path: Path, parent: Node | None) -> str:
        name = written.get("receiver")
        if name is None:
            return parent.receiver if parent else ""
        if not isinstance(name, str):
            self._error("wrong_value", "receiver is the name of a receiver", "", (*path, "receiver"))
        elif name not in self._receivers:
            hint = did_you_mean(str(name), self._receivers) or f"receivers: {', '.join(self._receivers) or 'none'}"
            self._error("unknown_receiver", f"receiver {name} does not exist", hint, (*path, "receiver"))
        return str(name)

    def _names(self, written: Mapping[str, Any], name: str, path: Path) -> tuple[str, ...]:
        listed = written.get(name) or []
        names = tuple(str(n) for n in (listed if isinstance(listed, list) else [listed]))
        for interval in names:
            if interval not in self._intervals:
                hint = did_you_mean(interval, self._intervals) or "define it under time_intervals"
                self._error("unknown_interval", f"time interval {interval} does not exist", hint, (*path, name))
        return names

    def _timers(self, written: Mapping[str, Any], path: Path, above: Timers) -> Timers:
        def length(name: str) -> Millis | None:
            return self._length(written, name, path) if name in written else getattr(above, name)

        group_by = self._group_by(written, path) if "group_by" in written else above.group_by
        group_interval = length("group_interval")
        if group_interval == 0 and "group_interval" in written:
            self._error("duration", "group_interval: longer than 0", "like 5m", (*path, "group_interval"))
        storm = above.storm if "storm" not in written else self._storm(written, path)
        return Timers(group_by, length("group_wait"), group_interval, length("repeat_interval"), storm)

    def _group_by(self, written: Mapping[str, Any], path: Path) -> tuple[str, ...] | None:
        """Return the names of labels; ``...`` stands alone for all of them."""
        listed = written["group_by"]
        where = (*path, "group_by")
        if not isinstance(listed, list) or not all(isinstance(name, str) and name for name in listed):
            hint = "like group_by: [rule], [] for one message of all, or ['...'] for one of each"
            self._error("wrong_value", "group_by is a list of names of labels", hint, where)
            return None
        if ALL in listed and len(listed) > 1:
            self._error("wrong_value", "group_by: '...' stands alone, for all labels", "leave the others out", where)
        for n, name in enumerate(listed):
            if name in listed[:n]:
                self._error("wrong_value", f"group_by: {name} is there twice", "", (*where, n))
        return tuple(listed)

    def _storm(self, written: Mapping[str, Any], path: Path) -> Millis | None:
        length = None if written["storm"] in ("off", False) else self._length(written, "storm", path)
        if length is not None and length < SECOND:
            self._error("duration", "storm: at least 1 s", "like storm: 2m, or storm: off", (*path, "storm"))
        return length

    def _length(self, written: Mapping[str, Any], name: str, path: Path) -> Millis | None:
        try:
            return parse_duration(written[name])
        except ValueError as error:
            self._error("duration", f"{name}: {error}", "", (*path, name))
            return None

    def _error(self, code: str, message: str, hint: str, path: Path, *, key: bool = False) -> None:
        self._findings.append(self._document.diagnostic("error", code, message, hint, path, key=key))
