"""``alerter schema``: every kind of file, every key described; what loads fits, what is wrong in shape does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from alerter.cli.main import main
from alerter.config import GROUPS, KEYS
from alerter.routing.receivers import KINDS
from alerter.routing.routes import KEYS as ROUTE_KEYS
from alerter.ruleset.options import SUPPORTED
from alerter.ruleset.schema import BY_TYPE, COMMON
from alerter.ruleset.yaml_positions import read_file, read_text
from alerter.schemas import settings
from alerter.shipped import shipped_dir

KINDS_OF_FILES = ("rule", "test", "routes", "config")


def schema(kind: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["schema", kind]) == 0
    return dict(json.loads(capsys.readouterr().out))


def values(*files: Path) -> Iterator[Any]:
    for file in files:
        documents, _ = read_file(file)
        yield from (document.value for document in documents)


@pytest.mark.parametrize("kind", KINDS_OF_FILES)
def test_each_is_a_schema_whose_examples_fit(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is valid JSON Schema, and each example fits the part that it explains."""
    whole = schema(kind, capsys)
    Draft202012Validator.check_schema(whole)
    root = {"$defs": whole.get("$defs", {})}

    def look(part: Any) -> int:
        if isinstance(part, list):
            return sum(map(look, part))
        if not isinstance(part, dict):
            return 0
        shown = part.get("examples", []) if isinstance(part.get("examples"), list) else []
        for example in shown:
            Draft202012Validator({**part, **root}).validate(example)
        return len(shown) + sum(look(inner) for name, inner in part.items() if name != "examples")

    assert look(whole) > 0 or kind == "test"


def test_shipped_files_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """Rules, tests and routes that come with alerter have no complaint in an editor."""
    folder = shipped_dir()
    every = sorted((folder / "rules").rglob("*.yaml"))
    tests = [f for f in every if f.name.endswith(".test.yaml")]
    routes = [f for f in sorted((folder / "notifiers").rglob("*.yaml")) if "manifest" not in f.name]
    for kind, files in (("rule", [f for f in every if f not in tests]), ("test", tests), ("routes", routes)):
        judge = Draft202012Validator(schema(kind, capsys))
        found = list(values(*files))
        assert found
        for value in found:
            judge.validate(value)


def test_every_option_of_a_rule_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    """Completion explains each option that is evaluated, everywhere it may stand."""
    whole = schema("rule", capsys)
    of_types = {name for own in BY_TYPE.values() for name in own["properties"]}
    described = {n for n, s in whole["properties"].items() if "description" in s}
    for choice in whole["allOf"]:
        described |= {n for n, s in choice["then"]["properties"].items() if "description" in s and "examples" in s}
    links = {n for n in SUPPORTED if n.startswith(("generate_", "kibana_", "opensearch_"))}
    unexplained = {"bucket_interval", "sync_bucket_interval", "metric_format_string", "percentage_format_string"}
    assert (of_types | COMMON.keys() | SUPPORTED) - described - links - unexplained == set()


def test_every_key_of_routes_and_settings_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """What the reader takes an editor completes."""
    routes = schema("routes", capsys)
    assert set(routes["$defs"]["route"]["properties"]) == set(ROUTE_KEYS)
    receiver = routes["properties"]["receivers"]["items"]["properties"]
    assert {k: set(receiver[k].get("properties", ())) for k in KINDS} == {k: set(v) for k, v in KINDS.items()}
    config = schema("config", capsys)["properties"]
    assert set(config) == set(KEYS)
    for group, names in GROUPS.items():
        inner = settings.SETTINGS[group]
        shape = inner["anyOf"][-1] if "anyOf" in inner else inner
        assert set(shape["properties"]) == set(names), group


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("rule", "type: frequency\nnum_events: 0\ntimeframe: 5m\n"),
        ("rule", "type: often\n"),
        ("routes", "route: {receiver: x, recievers: []}\n"),
        ("routes", "receivers: [{name: x, slack: {channel: '#a'}, console: {}}]\n"),
        ("routes", "receivers: [{name: x, webhook: {}}]\n"),
        ("routes", "time_intervals: [{name: x, time_intervals: [{times: [{start_time: '08:00'}]}]}]\n"),
        ("config", "rule: rules\n"),
        ("config", "log: {level: loud}\n"),
    ],
)
def test_mistakes_are_seen(kind: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An editor marks what loading refuses."""
    (document,), _ = read_text(text, "x.yaml")
    assert list(Draft202012Validator(schema(kind, capsys)).iter_errors(document.value))
