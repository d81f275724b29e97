"""A checked document turned into test cases; what is wrong with a value is a finding, and all are found in one run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alerter.clock import Millis
from alerter.model.silence import Matcher, Silence
from alerter.routing.matchers import MatcherError, parse_matcher, parse_matchers
from alerter.ruletest.model import At, Case, Expectation, Inline, Repeat, Sample, Step, Visible
from alerter.ruletest.places import Places
from alerter.ruletest.times import read_lag, read_time
from alerter.ruletest.wanted import read_decisions, read_expectation
from alerter.timetext import parse_instant

DEFAULT_START: Millis = parse_instant("2026-01-01T00:00:00Z")
"""Where a test starts that does not say so; a Thursday."""


class CaseBuilder:
    """Builds the cases of one file; read ``places.findings`` afterwards."""

    def __init__(self, places: Places, folder: Path) -> None:
        self._places = places
        self._folder = folder

    def case(self, written: Mapping[str, Any], path: At) -> Case:
        """Read one test."""
        places = self._places
        places.start = start = self._start(written, path)
        end = places.time(written["end"], (*path, "end")) if "end" in written else None
        if end is not None and end <= start:
            places.error("end", "the end must be after the start", "", (*path, "end"))
        events = tuple(self._event(one, (*path, "events", n)) for n, one in enumerate(written.get("events", [])))
        steps = self._steps(written.get("steps", []), (*path, "steps"), end)
        expect = self._whole(written, path, end if end is not None else start)
        if expect is None and not any(step.expect for step in steps):
            places.error("no_expectation", "the test expects nothing", "write expect: below a step or the test", path)
        return Case(str(written["name"]), path, start, end, events, steps, expect)

    def _start(self, written: Mapping[str, Any], path: At) -> Millis:
        if "start" not in written:
            return DEFAULT_START
        where = (*path, "start")
        try:
            return read_time(self._places.text(written["start"], where), None)
        except ValueError as error:
            self._places.error("time", str(error), "", where)
            return DEFAULT_START

    def _whole(self, written: Mapping[str, Any], path: At, end: Millis) -> Expectation | None:
        where = (*path, "expect")
        found = (
            read_expectation(self._places, written["expect"], where, end, whole=True) if "expect" in written else None
        )
        if "expect_decisions" not in written:
            return found
        if found is not None and "decisions" in found.lists:
            self._places.error("twice", "decisions are expected twice", "", (*path, "expect_decisions"), key=True)
        decisions = read_decisions(self._places, written["expect_decisions"], (*path, "expect_decisions"))
        if found is None:
            return Expectation((*path, "expect_decisions"), end, whole=True, lists={"decisions": decisions})
        return Expectation(found.path, end, True, found.firing, {**found.lists, "decisions": decisions}, found.only)

    # --- events ------------------------------------------------------------------------------------------------

    def _event(self, written: Mapping[str, Any], path: At) -> Inline | Sample:
        visible = self._visible(written, path)
        if "file" in written:
            return self._sample(written, path, visible)
        for name in ("set", "first"):
            if name in written:
                self._places.error("only_with_file", f"{name} goes with file", "", (*path, name), key=True)
        if "at" not in written:
            self._places.error("missing_option", "at is missing: when the event happens", "", path)
        at = self._places.time(written["at"], (*path, "at")) if "at" in written else self._places.start
        each = {str(name): tuple(values) for name, values in written.get("each", {}).items()}
        repeat = self._repeat(written["repeat"], (*path, "repeat"), at) if "repeat" in written else Repeat()
        return Inline(at, written.get("document", {}), repeat, each, visible)

    def _sample(self, written: Mapping[str, Any], path: At, visible: Visible) -> Sample:
        for name in ("document", "repeat", "each"):
            if name in written:
                hint = "set: replaces fields" if name == "document" else ""
                self._places.error("not_with_file", f"{name} does not go with file", hint, (*path, name), key=True)
        file = Path(os.path.normpath(self._folder / written["file"]))
        if not file.is_file():
            self._places.error("no_such_file", f"{file} does not exist", "relative to this file", (*path, "file"))
        at = self._places.time(written["at"], (*path, "at")) if "at" in written else None
        return Sample(file, (*path, "file"), at, written.get("set", {}), written.get("first"), visible)

    def _visible(self, written: Mapping[str, Any], path: At) -> Visible:
        if "visible_at" not in written:
            return Visible()
        where = (*path, "visible_at")
        lag = read_lag(self._places.text(written["visible_at"], where))
        return Visible(lag=lag) if lag is not None else Visible(at=self._places.time(written["visible_at"], where))

    def _repeat(self, written: Mapping[str, Any], path: At, at: Millis) -> Repeat:
        every = self._places.length(written["every"], (*path, "every"))
        jitter = self._places.length(written.get("jitter", "0"), (*path, "jitter"))
        if ("count" in written) is ("until" in written):
            self._places.error("repeat", "repeat needs either count or until", "", path)
        if "until" not in written:
            return Repeat(written.get("count", 1), every, jitter, written.get("seed", 0))
        until = self._places.time(written["until"], (*path, "until"))
        if until < at:
            self._places.error("repeat", "until is before at", "", (*path, "until"))
        if every <= 0:
            self._places.error("repeat", "every must be longer than nothing", "", (*path, "every"))
            return Repeat()
        count = max((until - at) // every + 1, 1)
        if count > 100_000:
            self._places.error("repeat", f"{count:,} events are too many for a test", "at most 100,000", path)
            return Repeat()
        return Repeat(count, every, jitter, written.get("seed", 0))

    # --- steps -------------------------------------------------------------------------------------------------

    def _steps(self, written: list[Mapping[str, Any]], path: At, end: Millis | None) -> tuple[Step, ...]:
        at = self._places.start
        steps = []
        for n, one in enumerate(written):
            where = (*path, n)
            if "at" in one:
                before, at = at, self._places.time(one["at"], (*where, "at"))
                if at < before:
                    message = f"this step is before {self._places.clock(before)}"
                    self._places.error("order", message, "steps stand in the order of time", (*where, "at"))
                if end is not None and at > end:
                    self._places.error("order", "this step is after the end of the test", "", (*where, "at"))
            steps.append(self._step(one, where, at))
        return tuple(steps)

    def _step(self, written: Mapping[str, Any], path: At, at: Millis) -> Step:
        if not {"expect", "restart", "silence"} & set(written):
            self._places.error("empty_step", "the step does nothing", "expect, restart or silence", path)
        silence = self._silence(written["silence"], (*path, "silence"), at) if "silence" in written else None
        expect = None
        if "expect" in written:
            expect = read_expectation(self._places, written["expect"], (*path, "expect"), at, whole=False)
        return Step(at, path, silence, "restart" in written, expect)

    def _silence(self, written: Mapping[str, Any], path: At, at: Millis) -> Silence:
        matchers = [Matcher("rule", "=", written["rule"])] if "rule" in written else []
        matchers += [Matcher(n, "=", "" if v is None else str(v)) for n, v in written.get("key", {}).items()]
        listed = written.get("matchers", [])
        try:
            found = parse_matchers(listed) if isinstance(listed, str) else [parse_matcher(text) for text in listed]
            matchers += found
        except MatcherError as error:
            self._places.error("matcher", str(error), error.hint, (*path, "matchers"))
        if not matchers or all(m.matches({}) for m in matchers):
            hint = "give rule, key, or a matcher that does not match the empty value"
            self._places.error("silence", "this silence would match everything", hint, path)
        length = self._places.length(written["for"], (*path, "for"))
        number = "-".join(str(p) for p in path if isinstance(p, int))
        why = written.get("comment", "a rule test")
        return Silence(f"test-{number}", tuple(matchers), at, at + length, "rule test", why, at)
