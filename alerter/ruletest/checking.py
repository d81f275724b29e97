"""A test file against its schema, with the place of every mistake."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document
from alerter.ruletest.schema import whole_schema


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(whole_schema())


def check_shape(document: Document) -> Iterator[Diagnostic]:
    """Yield what is wrong with the document's shape; nothing when it can be built."""
    if not isinstance(document.value, dict):
        yield document.diagnostic("error", "not_a_mapping", "a test file is a mapping", "it holds tests: [...]")
        return
    errors = sorted(_validator().iter_errors(document.value), key=lambda e: list(map(str, e.absolute_path)))
    for error in errors:
        yield from _findings(document, _nearest(error))


def _findings(document: Document, error: Any) -> Iterator[Diagnostic]:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for name in [n for n in error.instance if n not in known]:
            hint = did_you_mean(str(name), known) or f"known: {', '.join(known)}"
            message = f"unknown key {name}"
            yield document.diagnostic("error", "unknown_key", message, hint, (*path, name), key=True)
    elif error.validator == "required":
        missing = ", ".join(n for n in error.validator_value if n not in error.instance)
        yield document.diagnostic("error", "missing_option", f"{missing} is missing", _hint(error), path, key=True)
    else:
        name = next((str(p) for p in reversed(path) if isinstance(p, str)), "the file")
        message = f"{name}: {_expected(error)}"
        yield document.diagnostic("error", "wrong_value", message, _hint(error), path)


def _nearest(error: Any) -> Any:
    """Return the error within the alternative that has the value's shape: it says more than "wrong shape"."""
    inner = [e for e in error.context or () if e.validator not in ("type", "enum") or e.relative_path]
    if error.validator == "anyOf" and len({e.schema_path[0] for e in inner}) == 1:
        return _nearest(inner[0])
    return error


def _expected(error: Any) -> str:
    shown = repr(error.instance)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    match error.validator:
        case "enum":
            return f"{shown} is not one of {', '.join(map(str, error.validator_value))}"
        case "type":
            wanted = error.validator_value
            return f"{shown} is not of type {' or '.join(wanted) if isinstance(wanted, list) else wanted}"
        case "minProperties" | "minItems":
            return "nothing is said"
        case "anyOf":
            return f"{shown} has the wrong shape"
        case _:
            return str(error.message)[:120]


def _hint(error: Any) -> str:
    if error.validator == "enum" and isinstance(error.instance, str):
        return did_you_mean(error.instance, map(str, error.validator_value))
    return str(error.schema.get("description", ""))
