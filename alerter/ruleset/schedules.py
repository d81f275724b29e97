"""When a rule is evaluated, from its options: run_every, schedule, limit_execution, and how far it looks back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alerter.clock import Millis
from alerter.config import Settings
from alerter.model.rule import Schedule
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.yaml_positions import Document
from alerter.schedule import cron_problem, longest_pause
from alerter.zones import zone_exists

Length = Callable[..., Millis | None]
"""Reads the option at a path that is a length of time; None where it is not there, or wrong and said to be."""
DROPPING = "to drop messages outside some hours, use mute_time_intervals or active_time_intervals of a route"


class Schedules:
    """Builds the schedule of a document that its schema allows; what is wrong goes to ``findings``."""

    def __init__(self, document: Document, findings: list[Diagnostic], length: Length, settings: Settings) -> None:
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._findings = findings
        self._length = length
        self._settings = settings

    def schedule(self) -> Schedule:
        """Return when the rule is evaluated."""
        written = self._options.get("schedule") or {}
        every = self._length("schedule", "every") or self._length("run_every") or self._settings.run_every
        cron, zone = written.get("cron"), str(written.get("timezone", "UTC"))
        if cron and "every" in written:
            self._error("schedule", "schedule takes every or cron, not both", "", "schedule")
        cron = self._cron(cron, "schedule", "cron")
        limit = self._limit(cron)
        if not zone_exists(zone):
            self._error("time_zone", f"unknown time zone {zone}", "like Europe/Berlin", "schedule", "timezone")
            return Schedule(every)
        return Schedule(every, cron, zone, limit) if cron or limit else Schedule(every)

    def max_catchup(self, schedule: Schedule) -> Millis:
        """Return how far a rule looks back: no less than the pauses of its ``limit_execution``, unless it says so."""
        written = self._length("max_catchup")
        if written is not None:
            return written
        pause = longest_pause(schedule.limit) if schedule.limit else 0
        return max(self._settings.max_catchup, pause)

    def _limit(self, cron: str | None) -> str | None:
        limit = self._cron(self._options.get("limit_execution"), "limit_execution")
        if self._options.get("limit_execution_coverage"):
            message = "limit_execution_coverage: true would never count what happens outside the cron's minutes"
            hint = f"leave it out: then it is found at the next allowed minute; {DROPPING}"
            self._error("unsupported_option", message, hint, "limit_execution_coverage")
        if limit is None:
            return None
        if cron is not None:
            message = "limit_execution and schedule.cron both say when the rule is evaluated"
            self._error("schedule", message, "write one of them", "limit_execution")
        message = (
            "limit_execution postpones: what happens outside these minutes is found, and told, at the next of them"
        )
        self._findings.append(
            self._document.diagnostic("info", "postponed", message, DROPPING, ("limit_execution",), key=True)
        )
        return limit

    def _cron(self, text: Any, *path: str) -> str | None:
        """Return a cron expression; None where there is none, or it is wrong and said to be."""
        problem = cron_problem(str(text)) if text else ""
        if problem:
            self._error("cron", f"{text!r} {problem}", 'like "*/5 * * * *"', *path)
        return None if problem or not text else str(text)

    def _error(self, code: str, message: str, hint: str, *path: Any) -> None:
        self._findings.append(self._document.diagnostic("error", code, message, hint, path))
