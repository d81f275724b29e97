"""Values that ElastAlert takes in a form of its own, put into the one form that the rest knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.yaml_positions import Document

_CLASSES = {
    "AnyRule": "any",
    "BlacklistRule": "blacklist",
    "CardinalityRule": "cardinality",
    "ChangeRule": "change",
    "FlatlineRule": "flatline",
    "FrequencyRule": "frequency",
    "MetricAggregationRule": "metric_aggregation",
    "NewTermsRule": "new_term",
    "PercentageMatchRule": "percentage_match",
    "SpikeMetricAggregationRule": "spike_aggregation",
    "SpikeRule": "spike",
    "WhitelistRule": "whitelist",
}
_TYPES = {f"elastalert.ruletypes.{name}": type_ for name, type_ in _CLASSES.items()}
"""The built-in types by the paths of their classes."""


_NOTHING = (
    "aggregate_by_match_time", "aggregation_key", "alert_subject_max_len", "attach_related", "jinja_root_name",
    "limit_execution", "run_enhancements_first", "search_extra_index", "timestamp_format",
)  # fmt: skip
"""Options that ElastAlert takes without a value, as if they were not written."""


def is_left_out(options: Any) -> bool:
    """Tell whether a document is a rule that is turned off; no value at all turns it off as ``false`` does."""
    return isinstance(options, dict) and "is_enabled" in options and not options["is_enabled"]


def why_left_out(document: Document) -> Iterator[Diagnostic]:
    """Yield what is to be said of a rule that is turned off: nothing where it says so."""
    value = document.value["is_enabled"]
    if value is not False:
        shown = "empty" if value is None else repr(value)
        message = f"is_enabled is {shown}: the rule is left out, as in ElastAlert"
        hint = "write is_enabled: false, or remove it"
        yield document.diagnostic("warning", "is_enabled", message, hint, ("is_enabled",))


def respell(document: Document) -> Iterator[Diagnostic]:
    """Change a rule's values to the form that schema and builder know; what is to be said of it is yielded."""
    options = document.value
    if not isinstance(options, dict):
        return
    for name in _NOTHING:
        if name in options and options[name] is None:
            del options[name]
    if isinstance(options.get("type"), str):
        options["type"] = _TYPES.get(options["type"], options["type"])
    if isinstance(options.get("timestamp_type"), str):
        options["timestamp_type"] = options["timestamp_type"].strip().lower()
    compared = options.get("compare_key")
    if options.get("type") in ("blacklist", "whitelist") and isinstance(compared, list) and len(compared) == 1:
        options["compare_key"] = compared[0]
    if isinstance(options.get("is_enabled"), str):
        message = f"is_enabled is the text {options['is_enabled'][:20]!r}: the rule is on, as in ElastAlert"
        hint = "leave out the quotes: is_enabled: false turns it off"
        yield document.diagnostic("warning", "is_enabled", message, hint, ("is_enabled",))
        options["is_enabled"] = True
