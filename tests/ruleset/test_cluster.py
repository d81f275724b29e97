"""A rule's own cluster: which address and access its options make, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from alerter.config import load_settings
from alerter.model.rule import Rule
from alerter.ruleset.load import load_rules

MAIN = {"ALERTER_ES_URL": "https://main.example:9243/es", "ALERTER_ES_API_KEY": "main-key"}
BASE = {"name": "r", "type": "any", "index": "logs"}


def loaded(folder: Path, environ: dict[str, str], **options: Any) -> tuple[Rule | None, list[tuple[str, str, int]]]:
    """Return the rule and what is said of lines after the third."""
    file = folder / "r.yaml"
    file.write_text(yaml.safe_dump(BASE, sort_keys=False) + yaml.safe_dump(options, sort_keys=False))
    found = load_rules([file], load_settings(None, environ))
    return (found.rules[0] if found.rules else None), [(d.severity, d.code, d.line) for d in found.diagnostics]


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"es_host": "other.example"}, "https://other.example:9243/es"),
        ({"es_host": "other.example", "es_port": "9200", "use_ssl": False}, "http://other.example:9200/es"),
        ({"es_host": "other.example", "es_port": 9200, "es_url_prefix": ""}, "https://other.example:9200"),
        ({"es_host": "http://other.example:9201", "es_url_prefix": "/x/"}, "http://other.example:9201/x"),
        ({"es_port": 9244}, "https://main.example:9244/es"),
        ({"es_hosts": ["a.example", "b.example:9201"], "es_url_prefix": ""}, "https://a.example:9243"),
    ],
)
def test_what_is_not_written_is_that_of_the_settings(tmp_path: Path, options: dict[str, Any], url: str) -> None:
    """As with ElastAlert's configuration; but credentials go to no host that they were not written for."""
    rule, said = loaded(tmp_path, MAIN, **options)
    assert rule is not None
    assert rule.cluster is not None
    assert (rule.cluster.name, rule.cluster.access.urls[0], said) == (url, url, [])
    assert not rule.cluster.access.api_key


def test_the_cluster_of_the_settings(tmp_path: Path) -> None:
    """A rule that names it asks it like all others."""
    for options in (
        {"es_host": "MAIN.example", "es_port": 9243},
        {"es_host": "main.example", "use_ssl": True},
        {"es_host": None, "es_username": ""},
    ):
        rule, said = loaded(tmp_path, MAIN, **options)
        assert rule is not None
        assert (rule.cluster, said) == (None, [])


def test_its_own_user_there(tmp_path: Path) -> None:
    """Another access to the same place; the settings' own is not mixed into it."""
    rule, said = loaded(tmp_path, {**MAIN, "PASS_2": "hunter2"}, es_username="ann", es_password="${PASS_2}")
    assert rule is not None
    assert rule.cluster is not None
    access = rule.cluster.access
    assert (access.username, access.password.reveal(), bool(access.api_key)) == ("ann", "hunter2", False)
    assert (access.urls, said) == (("https://main.example:9243/es",), [])
    assert "hunter2" not in f"{rule!r} {rule.file_text}"


def test_credentials_in_files(tmp_path: Path) -> None:
    """They work, with a warning; a variable that is not set is an error, since nothing would be let in."""
    rule, said = loaded(tmp_path, {}, es_host="a.example", es_api_key="abc", es_port=9200)
    assert rule is not None
    assert rule.cluster is not None
    assert rule.cluster.access.api_key.reveal() == "abc"
    assert said == [("warning", "inline_secret", 5)]
    assert loaded(tmp_path, {}, es_host="a.example", es_bearer="$NOT_THERE") == (
        None,
        [("error", "environment_variable", 5)],
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"es_host": "http://ann:pw@a.example:9200"}, ("error", "wrong_value", 4)),
        ({"es_host": "a b"}, ("error", "wrong_value", 4)),
        ({"es_host": "a.example", "es_port": "nine"}, ("error", "wrong_value", 5)),
        ({"es_host": "a.example", "ca_certs": "/nowhere/ca.pem"}, ("error", "access_file", 5)),
        ({"aws_region": "eu-west-1"}, ("error", "unsupported_option", 4)),
        ({"profile": "x"}, ("error", "unsupported_option", 4)),
    ],
)
def test_what_makes_no_access(tmp_path: Path, options: dict[str, Any], said: tuple[str, str, int]) -> None:
    """It is refused by name, where it stands, and no secret is shown."""
    assert loaded(tmp_path, {}, **options) == (None, [said])


@pytest.mark.parametrize("environ", [{"ALERTER_DATA": "events.ndjson"}, {"ES_HOST": "main.example"}])
def test_what_overrules_it(tmp_path: Path, environ: dict[str, str]) -> None:
    """Events of data files are those of all rules; ElastAlert's own variable counts more than a rule file, as there."""
    rule, said = loaded(tmp_path, environ, es_host="a.example", es_port=9200)
    assert rule is not None
    assert rule.cluster is None
    assert said == [("info", "ignored_option", 4), ("info", "ignored_option", 5)]


def test_the_certificate(tmp_path: Path) -> None:
    """``verify_certs: false`` reaches the client."""
    rule, _ = loaded(tmp_path, {}, es_host="a.example", use_ssl=True, verify_certs=False)
    assert rule is not None
    assert rule.cluster is not None
    assert rule.cluster.access.verify is False


def test_another_cluster_is_another_meaning(tmp_path: Path) -> None:
    """What fired on the one is not known of the other."""
    here, _ = loaded(tmp_path, MAIN, description="x")
    there, _ = loaded(tmp_path, MAIN, es_host="a.example")
    assert here is not None
    assert there is not None
    assert here.meaning() != there.meaning()
