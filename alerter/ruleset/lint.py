"""What a rule file probably does not mean: read as it is written, it works otherwise than its author thinks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.schema import BY_TYPE
from alerter.ruleset.yaml_positions import Document

Path = tuple[Any, ...]
WINDOWED = ("frequency", "spike", "flatline", "cardinality")
OWNERS: Mapping[str, tuple[str, ...]] = {
    "timeframe": WINDOWED,
    **{
        n: tuple(t for t in BY_TYPE if n in BY_TYPE[t]["properties"])
        for own in BY_TYPE.values()
        for n in own["properties"]
    },
}
"""The types that look at an option, for each option that not all of them do."""
TEXTS = ("title", "summary", "runbook", "dashboard")
_NO_OPERATORS = re.compile(r'\\.|"(?:\\.|[^"\\])*"|/(?:\\.|[^/\\])*/', re.DOTALL)
_LOWER = re.compile(r"(?<=[\s)])(?:and|or|And|Or)(?=[\s(])")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_FORMAT = re.compile(r"\{(?P<name>[A-Za-z_][\w.]*)?\d*\}")


def lint(document: Document) -> Iterator[Diagnostic]:
    """Yield warnings and infos about a rule document of a known type; its values may have any shape."""
    yield from _index(document)
    yield from _unused(document)
    yield from _operators(document, document.value.get("filter"), ("filter",))
    yield from _operators(document, document.value.get("alive"), ("alive",))
    yield from _formats(document)


def _index(document: Document) -> Iterator[Diagnostic]:
    if not document.value.get("index"):
        message = "without index the rule reads every index of the cluster"
        path = ("index",) if "index" in document.value else ("type",)
        yield document.diagnostic("warning", "no_index", message, "name one, or a pattern: logs-*", path, key=True)


def _unused(document: Document) -> Iterator[Diagnostic]:
    type_ = document.value["type"]
    for name in document.value:
        owners = OWNERS.get(name, (type_,))
        if type_ not in owners:
            message = f"{name} means nothing to a rule of type {type_}"
            hint = f"it belongs to {', '.join(owners)}"
            yield document.diagnostic("info", "unused_option", message, hint, (name,), key=True)


def _operators(document: Document, node: Any, path: Path) -> Iterator[Diagnostic]:
    """Yield a warning for each query string, at any depth, with an operator that Lucene takes for a word."""
    if isinstance(node, list):
        for n, inner in enumerate(node):
            yield from _operators(document, inner, (*path, n))
    elif isinstance(node, Mapping):
        for name, inner in node.items():
            query = inner.get("query") if name == "query_string" and isinstance(inner, Mapping) else None
            if isinstance(query, str):
                yield from _lower_case(document, query, (*path, name, "query"))
            else:
                yield from _operators(document, inner, (*path, name))


def _lower_case(document: Document, query: str, path: Path) -> Iterator[Diagnostic]:
    found = _LOWER.search(_NO_OPERATORS.sub(lambda quoted: "x" * len(quoted.group()), query))
    if found is not None:
        word = found.group()
        message = f"{word} is searched for as a word: operators are written in capitals"
        hint = f'write {word.upper()}; to search for the word, "{word}"'
        yield document.diagnostic("warning", "query_lowercase_operator", message, hint, path)


def _formats(document: Document) -> Iterator[Diagnostic]:
    """Yield an info for each text of a message with ``{name}``, which ElastAlert would fill in and Jinja2 does not."""
    message = document.value.get("message")
    if not isinstance(message, Mapping):
        return
    fields = message.get("fields")
    texts: list[tuple[Path, Any]] = [(("message", name), message.get(name)) for name in TEXTS]
    if isinstance(fields, Mapping):
        texts += [(("message", "fields", name), text) for name, text in fields.items()]
    for path, text in texts:
        found = _FORMAT.search(_JINJA.sub("", text)) if isinstance(text, str) else None
        if found is not None:
            hint = f"write {{{{ {found['name'] or 'field'} }}}}"
            said = f"{'.'.join(path)}: {found.group()} is not filled in"
            yield document.diagnostic("info", "format_text", said, hint, path)
