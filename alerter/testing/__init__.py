"""Public helpers for tests: a manual clock, events in memory, a rule in one line."""

from alerter.clock import ManualClock
from alerter.testing.events import MemoryEvents, evaluated, rule

__all__ = ["ManualClock", "MemoryEvents", "evaluated", "rule"]
