"""A rule document against its type's schema and the list of options: all findings, with positions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from alerter.durations import parse_duration
from alerter.plugins.registry import RULE_TYPES, installed
from alerter.redact import MARK
from alerter.ruleset.diagnostics import Diagnostic, names_secret
from alerter.ruleset.kept_back import shown
from alerter.ruleset.options import (
    HOSTS,
    MEANINGLESS,
    MEANINGLESS_PREFIXES,
    REFUSED,
    ROUTED,
    ROUTED_PREFIXES,
    RUNS_COMMANDS,
    SECRET_ACCESS,
    SUPPORTED,
    TYPES,
)
from alerter.ruleset.schema import COMMON, LENGTH, rule_schema
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.text_schema import named_in_texts
from alerter.ruleset.variables import is_variable, names_variables
from alerter.ruleset.yaml_positions import Document, plain_value

LENGTHS = [name for name, shape in COMMON.items() if shape is LENGTH]
_DOTTED = re.compile(rf"({'|'.join(LENGTHS)})\.(weeks|days|hours|minutes|seconds|milliseconds)")
TABLE = "docs/elastalert.md#options"
RESERVED = "alerter: "
"""The names of the incidents that alerter/watch opens begin so."""
ENTRIES = ("alert", "alerts", "debug")
"""Options that name notifiers: what is said of them is said by routing.own."""
HELD_BACK = {
    **dict.fromkeys(HOSTS, "like es.example.com, or es_hosts: [es2.example.com:9200]"),
    "es_username": "a text, or $NAME, a variable of the environment; a number goes in quotes",
    **{n: f"write {n}: $NAME, a variable of the environment; literally it goes in quotes" for n in SECRET_ACCESS},
}
"""Options whose values no finding shows, each with how it is written."""
_SHAPES = {list: "a list", dict: "a mapping", bool: "yes or no", int: "a number", float: "a number", str: "a text"}
KNOWN = sorted(SUPPORTED | ROUTED | MEANINGLESS.keys() | REFUSED.keys())


@cache
def _validator(type_: str) -> Draft202012Validator:
    return Draft202012Validator(rule_schema(type_))


def validate(document: Document, *, strict: bool = False, honour: bool = False) -> Iterator[Diagnostic]:
    """Yield every finding about a rule document; none of severity error means that it can be built.

    With ``honour`` the options of notifiers may count: then ``routing.own`` says of which they do not.
    """
    if not isinstance(document.value, dict):
        yield document.diagnostic("error", "not_a_mapping", "a rule is a mapping of options", "like type: frequency")
        return
    yield from _options(document, strict, honour)
    if str(document.value.get("name", "")).startswith(RESERVED):
        message = f"rule names that begin with {RESERVED!r} are the alerter's own incidents"
        yield document.diagnostic("error", "reserved_name", message, "give the rule another name", ("name",))
    type_ = document.value.get("type")
    if type_ not in TYPES and type_ not in installed(RULE_TYPES):
        yield _unknown_type(document, type_)
        return
    yield from _lengths(document)
    for error in sorted(_validator(type_).iter_errors(document.value), key=lambda e: list(map(str, e.absolute_path))):
        yield _from_schema(document, error)


def _lengths(document: Document) -> Iterator[Diagnostic]:
    for name in LENGTHS:
        value = document.value.get(name)
        if not isinstance(value, str | dict):
            continue  # the schema says so, or there is none
        try:
            parse_duration(value)
        except ValueError as error:
            yield document.diagnostic("error", "duration", f"{name}: {error}", "", (name,))


def _unknown_type(document: Document, type_: object) -> Diagnostic:
    if "type" not in document.value:
        return document.diagnostic(
            "error", "missing_option", "the option type is missing", f"one of {', '.join(TYPES)}"
        )
    if isinstance(type_, str) and "." in type_:
        message = f"{type_}: Python classes of ElastAlert are not loaded"
        hint = "write it as a function and name it by an entry point of the group alerter.rule_types: docs/plugins.md"
        return document.diagnostic("error", "custom_type", message, hint, ("type",))
    others = "a type of your own is an entry point of the group alerter.rule_types: docs/plugins.md"
    hint = did_you_mean(str(type_), [*TYPES, *installed(RULE_TYPES)]) or f"one of {', '.join(TYPES)}; {others}"
    return document.diagnostic("error", "unknown_type", f"unknown rule type {type_!r}", hint, ("type",))


def _options(document: Document, strict: bool, honour: bool) -> Iterator[Diagnostic]:
    own = {name for _, name in named_in_texts(document.value)}
    for name in document.value:
        written = document.value[name]
        if name in SECRET_ACCESS and _is_inline(written):
            hint = f"name a variable of the environment: {name}: $NAME"
            yield document.diagnostic("warning", "inline_secret", f"{name} holds a credential", hint, (name,), key=True)
        if name in SUPPORTED:
            continue
        if dotted := _DOTTED.fullmatch(str(name)):
            value = str(document.value[name])[:20]
            hint = f"write {dotted[1]}: {{{dotted[2]}: {value}}}; ElastAlert ignores the dotted form too"
            message = f"{name} sets nothing: a length of time is a mapping"
            yield document.diagnostic("error", "unsupported_option", message, hint, (name,), key=True)
        elif name in REFUSED:
            yield document.diagnostic(
                "error",
                "unsupported_option",
                f"{name} is not supported",
                f"{REFUSED[name]}: {TABLE}",
                (name,),
                key=True,
            )
        elif name in MEANINGLESS:
            inline = names_secret(name) and not is_variable(document.value[name])
            severity, code = ("warning", "inline_secret") if inline else ("info", "ignored_option")
            message = f"{name} means nothing here"
            yield document.diagnostic(severity, code, message, MEANINGLESS[name], (name,), key=True)
        elif is_routed(name):
            yield from _routed(document, name, honour)
        elif not str(name).startswith(MEANINGLESS_PREFIXES) and name not in own and not _is_heading(document, name):
            severity = "error" if strict else "warning"
            hint = did_you_mean(str(name), KNOWN)
            yield document.diagnostic(severity, "unknown_option", f"unknown option {name}", hint, (name,), key=True)


def _is_inline(written: Any) -> bool:
    """Whether a credential stands in the file; of ``[ID, KEY]`` the key is one."""
    secret = written[-1] if isinstance(written, list) and written else written
    return bool(secret) and not names_variables(str(secret))


def _is_heading(document: Document, name: str) -> bool:
    """Tell whether a key only heads the options of a notifier, as in ``pagerduty:`` with nothing after it."""
    return document.value[name] is None and f"{name}_" in ROUTED_PREFIXES


def _routed(document: Document, name: str, honour: bool) -> Iterator[Diagnostic]:
    value = document.value[name]
    named = names_secret(name) and not is_variable(value)
    if value and (named or ("webhook" in name and isinstance(value, str) and value.startswith("http"))):
        hint = "move it to the environment and name it in a receiver: webhook_env, url_env"
        yield document.diagnostic("warning", "inline_secret", f"{name} holds a credential", hint, (name,), key=True)
    elif not honour and name not in ENTRIES:
        yield routed_elsewhere(document, name)


def is_routed(name: object) -> bool:
    """Tell whether an option is one of ElastAlert's notifiers."""
    return name in ROUTED or str(name).startswith(ROUTED_PREFIXES)


def routed_elsewhere(document: Document, name: str, *, own: bool = False) -> Diagnostic:
    """Return the finding on an option of a notifier that changes nothing; ``own``: in a rule with own receivers."""
    message = "the rule's own receivers do not use it" if own else "where messages go is for the routes"
    hint = "it changes nothing here: leave it out" if own else "name a receiver in notifiers/ and route to it by labels"
    if name.startswith(RUNS_COMMANDS):
        hint = "alerter runs no commands; a webhook or apprise receiver does it"
    return document.diagnostic("info", "routed_elsewhere", f"{name}: {message}", hint, (name,), key=True)


def _from_schema(document: Document, error: Any) -> Diagnostic:
    error = _nearest(error)
    path = tuple(error.absolute_path)
    where = ".".join(str(p) for p in path)
    if error.validator == "required":
        missing = next(n for n in error.validator_value if n not in error.instance)
        known = [k for k in error.instance if k not in (SUPPORTED if not path else error.schema["properties"])]
        hint = did_you_mean(missing, known).replace("did you mean", "is it written as")
        message = f"the option {where + '.' if where else ''}{missing} is missing"
        return document.diagnostic("error", "missing_option", message, hint, path or ("type",), key=not path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        name = next(n for n in error.instance if n not in known)
        hint = did_you_mean(str(name), known) or f"known: {', '.join(known)}"
        return document.diagnostic("error", "unknown_key", f"unknown key {where}.{name}", hint, (*path, name), key=True)
    if path and path[0] in HELD_BACK:
        message, hint = f"{path[0]} {_shape(document.value[path[0]], error)}", HELD_BACK[path[0]]
        return document.diagnostic("error", "wrong_value", message, hint, path[:1], key=True)
    return document.diagnostic("error", "wrong_value", f"{where}: {_expected(error)}", _hint(error), path)


def _shape(value: Any, error: Any) -> str:
    """Return what is wrong with a value that is not to be shown."""
    what = "nothing" if error.instance is None else _SHAPES.get(type(error.instance), "something else")
    if error.instance is value:
        return f"is {what}, not a text"
    return f"holds {what} where a text belongs"


def _nearest(error: Any) -> Any:
    """Return the error within the alternative that has the value's shape: it says more than "wrong shape"."""
    inner = [e for e in error.context or () if e.validator != "type" or e.relative_path]
    inner = [e for e in inner if e.relative_path or e.validator in ("required", "additionalProperties")] or inner
    return _nearest(inner[0]) if error.validator == "anyOf" and len({e.schema_path[0] for e in inner}) == 1 else error


def _expected(error: Any) -> str:
    hidden = any(names_secret(str(part)) for part in error.absolute_path)
    value = MARK if hidden else repr(shown(error.instance))
    value = value if len(value) <= 60 else value[:57] + "..."
    match error.validator:
        case "type":
            wanted = error.validator_value
            names = " or ".join(wanted) if isinstance(wanted, list) else wanted
            return f"{value} is not of type {names}"
        case "enum":
            return f"{value} is not one of {', '.join(map(str, error.validator_value))}"
        case "minimum" | "exclusiveMinimum":
            return f"{value} is too small: at least {error.validator_value}"
        case "maximum":
            return f"{value} is too large: at most {error.validator_value}"
        case "anyOf":
            choices = _choices(error)
            return f"{value} is not one of {', '.join(choices)}" if choices else f"{value} has the wrong shape"
        case _:
            return f"{value}: {error.message.replace(repr(error.instance), value)[:120]}"


def _choices(error: Any) -> list[str]:
    """Return the values that an alternative of the schema lists, when the value is a plain one."""
    if isinstance(error.instance, dict | list):
        return []
    return [str(choice) for alternative in error.validator_value for choice in alternative.get("enum", ())]


def _hint(error: Any) -> str:
    if error.validator == "anyOf" and _choices(error):
        return did_you_mean(str(error.instance), _choices(error))
    if error.instance is None:
        return "write a value, or remove it"
    if error.validator == "type" and isinstance(error.instance, str) and _is_wanted(error):
        return "leave out the quotes"
    if error.validator == "enum" and isinstance(error.instance, str):
        return did_you_mean(error.instance, map(str, error.validator_value))
    return str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""


def _is_wanted(error: Any) -> bool:
    """Tell whether a text, without its quotes, is a value of the type that is wanted."""
    value = plain_value(error.instance)
    return not isinstance(value, str) and Draft202012Validator({"type": error.validator_value}).is_valid(value)
