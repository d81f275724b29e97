"""A rule's own cluster: which address and access its options make, and what is said of them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerter.config import load_settings
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.ruleset.load import load_rules
from alerter.sources.clusters import Clusters
from alerter.sources.protocol import SourceError

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


@pytest.mark.parametrize("main", ["https://es.main.example", "https://es.main.example:443/", "https://ES.main.example"])
@pytest.mark.parametrize(
    "options",
    [
        {"use_ssl": True},
        {"es_host": "es.main.example"},
        {"es_host": "es.main.example", "es_port": 443, "use_ssl": True},
        {"es_host": "https://es.main.example:443"},
    ],
)
def test_a_port_that_is_not_written(tmp_path: Path, main: str, options: dict[str, Any]) -> None:
    """The settings' URL has that of its scheme: naming that place is no other cluster."""
    rule, said = loaded(tmp_path, {"ALERTER_ES_URL": main, "ALERTER_ES_API_KEY": "main-key"}, **options)
    assert rule is not None
    assert (rule.cluster, said) == (None, [])
    other, _ = loaded(tmp_path, {"ALERTER_ES_URL": main}, es_host="other.example")
    assert other is not None
    assert other.cluster is not None
    assert other.cluster.access.urls == ("https://other.example:443",)


@pytest.mark.parametrize("url", ["https://h:99999", "https://h:0", "https://[1:2]:9200"])
def test_an_address_of_the_settings_that_is_none(url: str) -> None:
    """It is refused with the settings, not where rules load."""
    with pytest.raises(UsageError, match="URL 1 is not like"):
        load_settings(None, {"ALERTER_ES_URL": url})


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
    """They work, with a warning."""
    rule, said = loaded(tmp_path, {}, es_host="a.example", es_api_key="abc", es_port=9200)
    assert rule is not None
    assert rule.cluster is not None
    assert rule.cluster.access.api_key.reveal() == "abc"
    assert said == [("warning", "inline_secret", 5)]
    rule, said = loaded(tmp_path, {}, es_host="a.example", es_api_key=["id", "key"])
    assert rule is not None
    assert rule.cluster is not None
    assert rule.cluster.access.api_key.reveal() == base64.b64encode(b"id:key").decode()  # as the client of ElastAlert
    assert said == [("warning", "inline_secret", 5)]


@pytest.mark.parametrize("written", ["S$uperSecret99", "a${X}b", "$A$B", "5$", "pa$$word", "${A}$b"])
def test_a_dollar_in_a_password(tmp_path: Path, written: str) -> None:
    """Only what is nothing but variables names them; any other is a literal credential, with what is set filled in."""
    rule, said = loaded(tmp_path, {"SET": "x"}, es_host="a.example", es_username="ann", es_password=written)
    assert rule is not None
    assert rule.cluster is not None
    assert (rule.cluster.access.password.reveal(), rule.cluster.problem) == (written, "")
    assert said == [("warning", "inline_secret", 6)]
    rule, _ = loaded(tmp_path, {"X": "set"}, es_host="a.example", es_username="ann", es_password="a${X}b")
    assert rule is not None
    assert rule.cluster is not None
    assert rule.cluster.access.password.reveal() == "asetb"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"es_password": "$uperSecret99"}, "unset_variable"),
        ({"es_bearer": "${NOT_THERE}"}, "unset_variable"),
        ({"es_api_key": ["${ID_2}", "${KEY_2}"]}, "unset_variable"),
        ({"es_api_key": "$EMPTY"}, "unset_variable"),
        ({"use_ssl": True, "ca_certs": "/nowhere/ca.pem"}, "access_file"),
    ],
)
def test_an_access_that_is_not_here(tmp_path: Path, options: dict[str, Any], code: str) -> None:
    """Checks and tests over documents need no secrets: the rule loads, and only asking its cluster fails."""
    rule, said = loaded(tmp_path, {"EMPTY": ""}, es_host="a.example", **options)
    assert rule is not None
    assert rule.cluster is not None
    assert [found[:2] for found in said] == [("warning", code)]
    clusters = Clusters()
    with pytest.raises(SourceError) as failed:
        clusters.made(rule.cluster)
    assert failed.value.kind == "denied"
    assert failed.value.reason.startswith(f"{list(options)[-1]}: ")
    assert "uperSecret" not in failed.value.reason
    assert "ALERTER" not in f"{failed.value.reason} {failed.value.hint}"


@pytest.mark.parametrize(
    "written",
    [
        "es_api_key: [myid, hunter2]",
        "es_api_key: [myid, {a: hunter2}]",
        "es_api_key:\n  - myid\n  - 7\n  - hunter2",
        "es_password: 9123456",
        "es_bearer: {a: hunter2}",
        "es_bearer:\n  a: hunter2",
        'es_host: ["https://elastic:hunter2@h1"]',
        'es_host:\n- "elastic:hunter2@h1"',
        'es_hosts: {a: "u:hunter2@h"}',
        'es_hosts: [{a: "u:hunter2@h"}]',
        "es_host: u:hunter2@h",
        "es_hosts:\n- http://h1\n- u:hunter2@h",
        'kibana_url: ["https://elastic:hunter2@k"]',
        "labels: {token: [hunter2]}",
    ],
)
def test_no_credential_is_shown(tmp_path: Path, written: str) -> None:
    """Whatever shape it has, also where the finding is about the shape."""
    (tmp_path / "r.yaml").write_text(f"type: any\nindex: logs\n{written}\n")
    found = load_rules([tmp_path], load_settings(None, {})).diagnostics
    text = "\n".join(f"{d.text()} {d.as_json()}" for d in found)
    assert "hunter2" not in text
    assert "9123456" not in text
    if "myid, hunter2" in written:
        assert [d.code for d in found] == ["inline_secret"]
    else:
        assert {d.code for d in found if d.severity == "error"} == {"wrong_value"}
        assert [d.line for d in found if d.severity == "error"] == [3]


def test_how_a_wrong_shape_is_named(tmp_path: Path) -> None:
    """By the option and what it is."""
    (tmp_path / "r.yaml").write_text("type: any\nes_password: 12\nes_hosts: [{a: b}]\nes_port: 99999\n")
    found = load_rules([tmp_path], load_settings(None, {})).diagnostics
    assert {d.message for d in found} == {
        "es_password is a number, not a text",
        "es_hosts holds a mapping where a text belongs",
        "es_port: 99999 is too large: at most 65535",
        "es_password holds a credential",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"es_host": "http://ann:pw@a.example:9200"}, ("error", "wrong_value", 4)),
        ({"es_host": "a b"}, ("error", "wrong_value", 4)),
        ({"es_host": "a.example", "es_port": "nine"}, ("error", "wrong_value", 5)),
        ({"es_host": "a.example", "es_port": 99999}, ("error", "wrong_value", 5)),
        ({"es_host": "a.example", "es_port": "99999"}, ("error", "wrong_value", 5)),
        ({"es_host": "a.example:99999"}, ("error", "wrong_value", 4)),
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


BOTH = "https://main.example:9243/es,https://second.example:9243/es"


def test_another_access_is_no_other_meaning(tmp_path: Path) -> None:
    """Who asks, and which of a cluster's addresses are named in which order, changes nothing of what is counted."""

    def meaning(environ: dict[str, str], **options: Any) -> str:
        rule, _ = loaded(tmp_path, environ, **options)
        assert rule is not None
        return rule.meaning()

    plain = meaning(MAIN, description="x")
    pair = ["main.example", "second.example"]
    assert {
        meaning(MAIN, es_username="ann", es_password="x"),
        meaning(MAIN, es_username="bob", es_password="y", verify_certs=False),
        meaning(MAIN, es_hosts=pair),
        meaning({"ALERTER_ES_URL": BOTH}, es_hosts=pair),
    } == {plain}
    there = meaning(MAIN, es_hosts=["a.example", "b.example"])
    assert there == meaning(MAIN, es_hosts=["b.example", "a.example"], es_username="ann", es_password="x")
    assert there != plain


def test_meanings_that_are_stored(tmp_path: Path) -> None:
    """A rule on the settings' cluster has the meaning that it had before rules could name one."""
    for environ in (MAIN, {}):
        rule, _ = loaded(tmp_path, environ, description="x")
        assert rule is not None
        assert rule.meaning() == "799463f1c8df81e1"


def test_a_credential_may_be_in_a_file(tmp_path: Path) -> None:
    """$NAME is also what the file holds that NAME_FILE names; one that cannot be read is none."""
    (tmp_path / "pw").write_text("hush\n", encoding="utf-8")
    options = {"es_host": "o.example", "es_username": "u", "es_password": "$PW"}
    found, findings = loaded(tmp_path, MAIN | {"PW_FILE": str(tmp_path / "pw")}, **options)
    assert found is not None
    assert found.cluster is not None
    assert (found.cluster.access.password.reveal(), findings) == ("hush", [])
    _, findings = loaded(tmp_path, MAIN | {"PW_FILE": str(tmp_path / "none")}, **options)
    assert findings == [("warning", "unset_variable", 6)]
