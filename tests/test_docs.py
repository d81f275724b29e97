"""What the documentation says exists: commands, options, files, settings, metrics, rule keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerter.cli.main import COMMANDS, build_parser
from alerter.config import KEYS
from alerter.metrics import Metrics
from alerter.ruleset.options import SUPPORTED, TYPES
from alerter.ruleset.yaml_positions import read_file
from alerter.state.mappings import FIELDS

ROOT = Path(__file__).parent.parent
TEXTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "rules/README.md",
    ROOT / "notifiers/README.md",
]
BARE = {
    "silence": ["list"],
    "notify-test": ["default"],
    "test-rule": ["rules/"],
    "backtest": ["rules/", "--sweep", "num_events=5"],
    "new": ["frequency"],
    "query": ["--data", "x", "--body", "x"],
}
"""Arguments for commands that the prose names without any."""
TO_WRITE = {"rules/order/payment-errors.yaml", "rules/user/reset-storm.yaml"}


def written(text: str) -> Iterator[str]:
    """Yield each command line: indented blocks, fenced blocks, and what stands between backticks."""
    for line in text.splitlines():
        if re.match(r"(    +|export .*)?(\.venv/bin/)?alerter [a-z]", line.strip()) and line.startswith(" "):
            yield line.strip().removeprefix(".venv/bin/").split("#")[0]
    yield from re.findall(r"`(alerter [a-z][^`]*)`", text)


def commands() -> list[tuple[str, str]]:
    """Return every command line with the file it stands in."""
    return [(file.name, line) for file in TEXTS for line in written(file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("file", "line"), commands())
def test_a_documented_command_parses(file: str, line: str) -> None:
    """Every command line in the documentation is accepted by the parser."""
    words = shlex.split(line.split(" > ")[0])[1:]
    assert words[0] in COMMANDS, f"{file}: {line}"
    rest = words[1:] or BARE.get(words[0], [])
    if (words[0], *rest) == ("silence", "add"):
        rest = ["add", "--rule", "x", "--for", "1h", "--comment", "x"]
    if "--help" in rest:
        return
    assert callable(build_parser(only=words[0]).parse_args([words[0], *rest]).run)


def test_every_command_is_in_the_readme() -> None:
    """The README's table names each command."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`alerter {name}" not in text] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` of each command ends with an example of that command."""
    with pytest.raises(SystemExit) as ended:
        build_parser(only=name).parse_args([name, "--help"])
    assert ended.value.code == 0
    assert f"alerter {name}" in capsys.readouterr().out.partition("example")[2]


def test_examples_name_rules_that_are_shipped() -> None:
    """Rule files in the documentation and in the help of commands exist, but for those a reader is to write."""
    texts = [*TEXTS, *sorted((ROOT / "alerter/cli").glob("*.py"))]
    named = {
        found for file in texts for found in re.findall(r"rules/\w+/[\w-]+\.yaml", file.read_text(encoding="utf-8"))
    }
    assert {name for name in named if not (ROOT / name).is_file()} == TO_WRITE


def test_every_link_leads_to_a_file() -> None:
    """Relative links and pictures in the documentation exist."""
    for file in TEXTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).is_file(), f"{file.name}: {target}"


def test_every_setting_and_metric_is_documented() -> None:
    """docs/operations.md names each setting, each metric, and each field of the state indices."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    metrics = {m for m in re.findall(r"# HELP (\w+)", Metrics().text(0).decode()) if not m.endswith("_created")}
    fields = {name for index in FIELDS.values() for name in index}
    assert [name for name in (*KEYS, *metrics, *fields) if f"`{name}`" not in text and f"`{name}," not in text] == []


def test_every_rule_type_and_key_is_documented() -> None:
    """docs/rules.md names each rule type and each key of ours; links to Kibana have ElastAlert's names, too."""
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    elastalert = {n for n in SUPPORTED if n.startswith(("generate_", "kibana_discover", "opensearch_"))}
    names = {"message": "message.title", "kibana_url": "kibana_url"}
    missing = [n for n in (*TYPES, *SUPPORTED - elastalert) if f"`{names.get(n, n)}" not in text]
    assert missing == []


def test_the_slack_manifest_names_the_scopes_that_are_explained() -> None:
    """docs/slack.md explains exactly the scopes that the app's manifest asks for."""
    [document], _ = read_file(ROOT / "notifiers/slack/manifest.yaml")
    text = (ROOT / "docs/slack.md").read_text(encoding="utf-8")
    assert [scope for scope in document.value["oauth_config"]["scopes"]["bot"] if f"`{scope}`" not in text] == []
