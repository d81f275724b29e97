"""Sigma rules as rule files, by the converter that writes ElastAlert's; needs the extra ``alerter[sigma]``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from alerter.errors import UsageError

SEVERITIES = {"INFORMATIONAL": "info", "LOW": "info", "MEDIUM": "warning", "HIGH": "critical", "CRITICAL": "critical"}
EVERYWHERE = "*"
"""The index of rules whose pipeline names none."""


@dataclass(frozen=True)
class Failure:
    """A Sigma rule that cannot be converted: the file and why."""

    file: Path
    message: str


@dataclass
class Conversion:
    """The text of each rule file by its name, and what could not be converted."""

    texts: dict[Path, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def convert(paths: Sequence[Path], pipelines: Sequence[str], index: str | None = None) -> Conversion:
    """Convert all rules below the paths; ``index`` stands in for ``*``. Raises UsageError for paths and pipelines.

    Rules that only serve a correlation give no file. Names are those of the Sigma files, in their folders.
    """
    backend = _backend(pipelines)
    found = Conversion()
    homes: dict[Path, Path] = {}
    rules = []
    for root in paths:
        for file in _files(root):
            homes[file] = file.relative_to(root) if root.is_dir() else Path(file.name)
            rules += _read(file, found.failures)
    for rule in _resolved(rules, found.failures):
        for document in _converted(backend, rule, found.failures):
            name = _free(homes[_file(rule)].with_suffix(".yaml"), found.texts)
            found.texts[name] = _text(document, rule, index)
    return found


def _backend(pipelines: Sequence[str]) -> Any:
    try:
        from sigma.backends.elasticsearch.elasticsearch_elastalert import ElastalertBackend
        from sigma.exceptions import SigmaError
        from sigma.pipelines.elasticsearch import pipelines as known
        from sigma.processing.resolver import ProcessingPipelineResolver
    except ImportError:
        raise UsageError("Sigma rules need the package pySigma", "pip install 'alerter[sigma]'") from None
    try:
        pipeline = ProcessingPipelineResolver(dict(known)).resolve(list(pipelines))
    except (SigmaError, yaml.YAMLError, UnicodeDecodeError, OSError, KeyError, TypeError, ValueError) as error:
        names = ", ".join(sorted(known))
        message = f"--pipeline: {_first_line(error)}"
        raise UsageError(message, f"one of {names}, or a pipeline's file") from None
    backend = ElastalertBackend(processing_pipeline=pipeline)
    backend.init_processing_pipeline(backend.default_format)
    return backend


def _files(root: Path) -> Iterator[Path]:
    if not root.exists():
        raise UsageError(f"{root} does not exist", "name Sigma rules, or folders with them")
    yield from sorted(f for f in root.rglob("*") if f.suffix in (".yml", ".yaml")) if root.is_dir() else [root]


def _read(file: Path, failures: list[Failure]) -> list[Any]:
    """Return the rules of a file, those without errors."""
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError, SigmaRuleLocation

    try:
        text = file.read_text(encoding="utf-8")
        found = SigmaCollection.from_yaml(text, True, SigmaRuleLocation(file), True, False)
    except (SigmaError, yaml.YAMLError, OSError, ValueError, TypeError, AttributeError) as error:
        failures.append(Failure(file, _yaml_words(error)))
        return []
    errors = [*found.errors, *(error for rule in found.rules for error in rule.errors)]
    failures += dict.fromkeys(Failure(file, _first_line(error)) for error in errors)  # the file's hold its rules'
    return [rule for rule in (*found.rules, *found.filters) if not rule.errors]


def _resolved(rules: Sequence[Any], failures: list[Failure]) -> list[Any]:
    """Return the rules in an order in which correlations find what they name; those that do not are failures."""
    from sigma.collection import SigmaCollection
    from sigma.correlations import SigmaCorrelationRule
    from sigma.exceptions import SigmaError

    left = list(rules)
    for rule in rules:
        if isinstance(rule, SigmaCorrelationRule):
            try:
                rule.resolve_rule_references(SigmaCollection(left))
            except SigmaError as error:
                failures.append(Failure(_file(rule), _first_line(error)))
                left.remove(rule)
    whole = SigmaCollection(left)
    whole.resolve_rule_references()
    return list(whole.rules)


def _converted(backend: Any, rule: Any, failures: list[Failure]) -> list[dict[str, Any]]:
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule

    ask = backend.convert_rule if isinstance(rule, SigmaRule) else backend.convert_correlation_rule
    try:
        return [yaml.safe_load(text) for text in ask(rule, backend.default_format)]
    except (SigmaError, NotImplementedError, KeyError, yaml.YAMLError) as error:
        failures.append(Failure(_file(rule), f"{rule.title}: {_first_line(error)}"))
        return []


def _text(document: dict[str, Any], rule: Any, index: str | None) -> str:
    """Return the rule file: what the converter writes, with the severity of the Sigma level."""
    if index is not None and document.get("index") == EVERYWHERE:
        document["index"] = index
    if rule.level is not None:
        document["severity"] = SEVERITIES[rule.level.name]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _file(rule: Any) -> Path:
    """Return the Sigma file of a rule."""
    return Path(rule.source.path)


def _free(name: Path, taken: dict[Path, str]) -> Path:
    numbered = (name.with_stem(f"{name.stem}-{number}") for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbered) if one not in taken)


def _yaml_words(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _first_line(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', None) or 'no YAML'}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__
