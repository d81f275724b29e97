"""One module per family of rule types, pure: (rule, events, memory) to transitions and new memory."""

from alerter.detectors.evaluate import close_all, evaluate, first_checkpoint, lookback, reads_from

__all__ = ["close_all", "evaluate", "first_checkpoint", "lookback", "reads_from"]
