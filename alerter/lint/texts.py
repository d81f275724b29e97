"""ElastAlert's texts whose placeholders and arguments do not belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from alerter.formats import BrokenFormat, Placeholder, placeholders, unfilled
from alerter.lint.model import Found, Path, Subject
from alerter.model.texts import TextType
from alerter.ruleset.text_schema import named_in_texts

TEXTS = ("alert_subject", "alert_text")
GIVEN = frozenset(
    {
        "num_hits", "num_matches", "related_events", "kibana_discover_url", "opensearch_discover_url", "spike_count",
        "reference_count", "count", "threshold", "key", "percentage", "percentage_formatted", "denominator",
        "metric_agg_value", "metric_agg_value_formatted", "name", "old_value", "new_value", "new_field",
        "missing_field",
    }
)  # fmt: skip
"""What texts may name beside fields and options."""
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_@][\w.@-]*")
_BARE = re.compile(r"(?<!\{)\{([A-Za-z_@][\w.@-]*|\d*)\}(?!\})")


def alert_format(subject: Subject) -> Iterator[Found]:
    """A placeholder that nothing fills in, or an argument that no placeholder shows."""
    for name in TEXTS:
        text = subject.options.get(name)
        if isinstance(text, str) and not _is_template(subject, name):
            yield from _found(subject, name, text)


def text_fields(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield the fields that subject and text are filled with, with their paths; options of the rule are none."""
    for path, name in named_in_texts(subject.options):
        plain = re.sub(r"\[\d\]\.?", ".", name).strip(".")
        counted = plain.startswith(("metric_", "top_events_"))
        if plain not in GIVEN and name not in subject.options and not counted:
            yield path, plain


def _is_template(subject: Subject, name: str) -> bool:
    jinja = subject.options.get("alert_text_type") == TextType.JINJA
    return jinja and (name == "alert_text" or f"{name}_args" not in subject.options)


def _found(subject: Subject, name: str, text: str) -> Iterator[Found]:
    args = subject.options.get(f"{name}_args")
    keywords = subject.options.get("alert_text_kw") if name == "alert_text" else None
    for written in unfilled(text):
        field = written[2:].partition(")")[0]
        yield _part(name, text, written, f"write {{0}}, and {name}_args: [{field}]")
    if args is not None:
        listed = [str(arg) for arg in args] if isinstance(args, list) else [str(args)]
        yield from _with(name, text, lambda found: _numbered(name, text, found, listed))
    elif isinstance(keywords, Mapping):
        yield from _with(name, text, lambda found: _named(name, text, found, list(map(str, keywords.values()))))
    else:
        yield from _bare(name, text)


def _with(name: str, text: str, look: Callable[[Sequence[Placeholder]], Iterator[Found]]) -> Iterator[Found]:
    try:
        found = placeholders(text)
    except BrokenFormat as error:
        hint = "placeholders are {0}, {1}; a brace itself is written twice: {{ }}"
        yield Found(f"{name} is shown as it is written: {error}", hint, (name,))
        return
    yield from look(found)


def _numbered(name: str, text: str, found: Sequence[Placeholder], args: Sequence[str]) -> Iterator[Found]:
    shown = {p.position for p in found if p.position is not None}
    for placeholder in found:
        if placeholder.position is None:
            hint = f"write {{{args.index(placeholder.name)}}}" if placeholder.name in args else "write {0}, {1}, ..."
            yield _part(name, text, placeholder.written, f"{hint}: {name}_args are numbered from 0")
    beyond = sorted(at for at in shown if at >= len(args))
    if beyond:
        message = f"{name} has a place {{{beyond[0]}}}, but {name}_args only {len(args)} values"
        yield Found(message, "add what is missing; the first value is {0}", (name,))
    unused = [arg for at, arg in enumerate(args) if at not in shown]
    if unused and not beyond:
        message = f"{unused[0]} of {name}_args is not shown: {name} has no {{{args.index(unused[0])}}}"
        yield Found(message, "leave it out, or write its placeholder", (f"{name}_args",), key=True)


def _named(name: str, text: str, found: Sequence[Placeholder], names: Sequence[str]) -> Iterator[Found]:
    for placeholder in found:
        if placeholder.name not in names:
            hint = f"names of alert_text_kw: {', '.join(names)}" if names else "alert_text_kw: {field: name}"
            yield _part(name, text, placeholder.written, hint)


def _bare(name: str, text: str) -> Iterator[Found]:
    """Yield what looks like a placeholder in a text that has no arguments."""
    template = _JINJA.search(text)
    if template is not None:
        yield _part(name, text, template.group(), "alert_text_type: alert_text_jinja makes the text a template")
        return
    for found in _BARE.finditer(text):
        field = found[1] if _NAME.fullmatch(found[1]) else "FIELD"
        yield _part(name, text, found.group(), f"write {{0}}, and {name}_args: [{field}]")


def _part(name: str, text: str, written: str, hint: str) -> Found:
    offset = max(text.find(written), 0)
    return Found(f"{name}: {written} is not filled in", hint, (name,), part=written, offset=offset)
