"""Options that every rule has unless it writes them: ``rule_defaults`` of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from alerter.clock import MINUTE
from alerter.config import Settings, load_settings
from alerter.errors import UsageError
from alerter.model.rule import Frequency
from alerter.project import any_changed, load_project
from alerter.ruleset.checking import check
from alerter.ruleset.load import LoadedRules, load_rules

ROUTES = "route: {receiver: default}\nreceivers: [{name: default, console: {}}]\n"


def load(folder: Path, defaults: str, **rules: str) -> LoadedRules:
    """Load these rules above these defaults."""
    return load_rules([folder / "rules"], settings(folder, defaults, **rules))


def settings(folder: Path, defaults: str, **rules: str) -> Settings:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "notifiers").mkdir(exist_ok=True)
    (folder / "notifiers" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    (folder / "defaults.yaml").write_text(defaults, encoding="utf-8")
    for name, text in rules.items():
        (folder / "rules" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Settings(
        rules=(folder / "rules",),
        rule_defaults=folder / "defaults.yaml",
        notifiers=(folder / "notifiers",),
        environ={"N": "7"},
    )


def test_a_rule_has_what_it_does_not_write(tmp_path: Path) -> None:
    """A rule's own value counts first, then that of an import, then the default; a filter is no addition."""
    defaults = "timestamp_field: time\nnum_events: $N\ntimeframe: 5m\nowner: all\nfilter: [{term: {a: 1}}]\n"
    loaded = load(
        tmp_path,
        defaults,
        a="type: frequency\nindex: i\n",
        b="type: frequency\nindex: i\nnum_events: 2\nimport: part.inc\nfilter: []\n",
    )
    (tmp_path / "rules" / "part.inc").write_text("owner: part\n", encoding="utf-8")
    a, b = load_rules([tmp_path / "rules"], settings(tmp_path, defaults)).rules
    assert loaded.unread == 1  # before its part was there
    assert (a.condition, a.owner, a.time.name) == (Frequency(7, 5 * MINUTE), "all", "time")
    assert (b.condition, b.owner, b.time.name) == (Frequency(2, 5 * MINUTE), "part", "time")
    assert (len(a.filter), len(b.filter)) == (1, 0)


def test_findings_name_the_place_of_the_default_once(tmp_path: Path) -> None:
    """However many rules have it; what is wrong only for some types is said for these."""
    rules = dict.fromkeys("abc", "type: any\nindex: i\n")
    loaded = load(tmp_path, "owner: x\nrealerd: 5m\nnum_events: x\n", **rules, d="type: frequency\ntimeframe: 5m\n")
    assert [(d.severity, Path(d.file).name, d.line) for d in loaded.diagnostics] == [
        ("warning", "defaults.yaml", 2),
        ("error", "defaults.yaml", 3),
    ]
    assert (len(loaded.rules), len(loaded.refused), loaded.unread) == (3, 1, 0)


@pytest.mark.parametrize(
    ("defaults", "line", "said"),
    [("owner: a\nname: x\n", 2, "name is no default"), ("a: [\n", 2, "node content"), ("- a\n", 1, "rule_defaults")],
)
def test_bad_defaults_keep_rules_from_loading(tmp_path: Path, defaults: str, line: int, said: str) -> None:
    """Without them rules would mean something else."""
    loaded = load(tmp_path, defaults, a="type: any\n", b="type: any\n")
    assert (loaded.rules, loaded.unread) == ((), 2)
    found = [d for d in loaded.diagnostics if d.severity == "error" and said in d.message]
    assert [(Path(d.file).name, d.line) for d in found] == [("defaults.yaml", line)]


def test_a_running_alerter_keeps_its_rules_when_the_defaults_break(tmp_path: Path) -> None:
    """As with imports; and it looks again when the file is another one."""
    chosen = settings(tmp_path, "owner: a\n", a="type: any\n")
    project = load_project(chosen)
    assert not any_changed(project.imported)
    (tmp_path / "defaults.yaml").write_text("owner: [\n", encoding="utf-8")
    assert any_changed(project.imported)
    assert [rule.owner for rule in load_project(chosen, project).rules] == ["a"]


def test_defaults_among_the_rules_are_no_rule(tmp_path: Path) -> None:
    """Nor are they checked as one."""
    chosen = settings(tmp_path, "", a="type: any\n")
    (tmp_path / "rules" / "all.yaml").write_text("owner: x\n", encoding="utf-8")
    (tmp_path / "alerter.yaml").write_text("rules: rules\nrule_defaults: rules/all.yaml\n", encoding="utf-8")
    chosen = load_settings(str(tmp_path / "alerter.yaml"), {})
    (rule,) = load_rules(chosen.rules, chosen).rules
    assert rule.owner == "x"
    for paths in ([], [tmp_path / "rules" / "all.yaml"]):
        assert [d for d in check(paths, chosen).diagnostics if d.file.endswith("all.yaml")] == []


@pytest.mark.parametrize("written", ["nowhere.yaml", "[a.yaml, b.yaml]", "rules", "{a: 1}"])
def test_the_file_must_be_there(tmp_path: Path, written: str) -> None:
    """Said at the start, with the place in the settings."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "alerter.yaml").write_text(f"rules: rules\nrule_defaults: {written}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"alerter[.]yaml:2:16: .*rule_defaults"):
        load_settings(str(tmp_path / "alerter.yaml"), {})


def test_an_import_may_be_beside_the_rule(tmp_path: Path) -> None:
    """An imported file's own imports are looked for beside it, then beside the rule, as ElastAlert does."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.inc").write_text("import: two.inc\nindex: i\n", encoding="utf-8")
    (tmp_path / "two.inc").write_text("owner: two\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text("type: any\nimport: deep/one.inc\n", encoding="utf-8")
    (rule,) = load_rules([tmp_path / "a.yaml"], Settings()).rules
    assert rule.owner == "two"


A = "es_host: a.example\nes_username: ann\nes_password: pass-of-a\n"


@pytest.mark.parametrize(
    ("rule", "access"),
    [
        ("", ("a.example", "ann", "pass-of-a", "")),
        ("use_strftime_index: false\n", ("a.example", "ann", "pass-of-a", "")),
        ("es_host: b.example\n", ("b.example", "", "", "")),
        ("es_hosts: [b.example]\n", ("b.example", "", "", "")),
        ("es_port: 9201\n", ("a.example", "", "", "")),
        ("es_host: b.example\nes_username: bob\n", ("b.example", "bob", "", "")),
        ("es_api_key: own-key\n", ("a.example", "", "", "own-key")),
        ("es_host:\n", ("a.example", "ann", "pass-of-a", "")),
        ("es_host: ''\nes_password: ''\nes_url_prefix: ''\n", ("a.example", "ann", "pass-of-a", "")),
        ("es_api_key:\n", ("a.example", "ann", "pass-of-a", "")),
        ("es_host: b.example\nes_password: ''\n", ("b.example", "", "", "")),
    ],
)
@pytest.mark.parametrize("imported", [False, True])
def test_credentials_go_with_the_place_they_stand_beside(
    tmp_path: Path, rule: str, access: tuple[str, ...], imported: bool
) -> None:
    """Those of defaults or of an import reach no host that a file above names, and are never mixed with others.

    What has no value is as if it were not written.
    """
    if imported:
        (tmp_path / "part.inc").write_text(A, encoding="utf-8")
        rule += "import: ../part.inc\n"
    loaded = load(tmp_path, "owner: all\n" if imported else A, a=f"type: any\nindex: i\n{rule}")
    assert [d.code for d in loaded.diagnostics if d.severity == "error"] == []
    (one,) = loaded.rules
    assert one.cluster is not None
    found = one.cluster.access
    host = one.cluster.name.split("/")[2].split(":")[0]
    assert (host, found.username, found.password.reveal(), found.api_key.reveal()) == access
    assert "pass-of-a" in one.file_text or access[2] == ""


@pytest.mark.parametrize(
    ("below", "above"),
    [("es_hosts: [a.example]", "es_host: b.example"), ("es_host: a.example", "es_hosts: [b.example]")],
)
def test_hosts_are_those_of_one_file(tmp_path: Path, below: str, above: str) -> None:
    """The nodes of a default are not asked with the credentials of a rule that names its own host."""
    rule = f"type: any\nindex: i\n{above}\nes_username: bob\nes_password: pass-of-b\n"
    (one,) = load(tmp_path, f"{below}\n", a=rule).rules
    assert one.cluster is not None
    assert one.cluster.name.split("/")[2].split(":")[0] == "b.example"
    assert one.cluster.access.password.reveal() == "pass-of-b"


def test_credentials_that_do_not_count_are_said(tmp_path: Path) -> None:
    """Where none are left: a rule that writes its own needs no warning."""
    loaded = load(tmp_path, A, a="type: any\nindex: i\nes_host: b.example\n")
    (found,) = [d for d in loaded.diagnostics if d.code == "credentials_left_out"]
    assert (found.severity, Path(found.file).name, found.line) == ("warning", "a.yaml", 3)
    (tmp_path / "part.inc").write_text("es_host: b.example\n", encoding="utf-8")
    for own in ("es_host: b.example\nes_username: bob", "es_host:", "import: ../part.inc\nes_username: bob"):
        loaded = load(tmp_path, A, a=f"type: any\nindex: i\n{own}\n")
        assert len(loaded.rules) == 1
        assert "credentials_left_out" not in {d.code for d in loaded.diagnostics}


def test_what_does_not_count_is_said_of_each_document(tmp_path: Path) -> None:
    """Of two rules in a file the one that has credentials says nothing for the other."""
    other, same = "type: any\nindex: i\nes_host: b.example\n", "name: same\ntype: any\nindex: i\n"
    for text in (f"{other}---\n{same}", f"{same}---\n{other}"):
        codes = [d.code for d in load(tmp_path, A, a=text).diagnostics]
        assert codes.count("credentials_left_out") == 1


def test_a_place_above_credentials(tmp_path: Path) -> None:
    """They are left out, which is said: the place that is left is asked without."""
    for own in ("use_ssl: false", "es_port: 9201", "es_host: b.example\nes_username: ''"):
        loaded = load(tmp_path, A, a=f"type: any\nindex: i\n{own}\n")
        assert [d.code for d in loaded.diagnostics] == ["credentials_left_out"]


def test_a_nested_import_whose_credentials_do_not_count(tmp_path: Path) -> None:
    """Said where nothing above it writes any."""
    (tmp_path / "far.inc").write_text(A, encoding="utf-8")
    (tmp_path / "near.inc").write_text("import: far.inc\nes_host: b.example\n", encoding="utf-8")
    for own, said in (("", ["credentials_left_out"]), ("es_username: bob\n", [])):
        loaded = load(tmp_path, "owner: all\n", a=f"type: any\nindex: i\nimport: ../near.inc\n{own}")
        assert [d.code for d in loaded.diagnostics] == said


def test_a_user_name_may_be_a_variable(tmp_path: Path) -> None:
    """It is no credential: a variable of any name is filled in, in a rule and in defaults, and stays a text."""
    rule, access = "type: any\nindex: i\n", "es_host: b.example\nes_username: $ES_USERNAME\n"
    for defaults, own in (("owner: all\n", rule + access), (access, rule)):
        known = replace(settings(tmp_path, defaults, a=own), environ={"ES_USERNAME": "1001"})
        loaded = load_rules([tmp_path / "rules"], known)
        assert [d.code for d in loaded.diagnostics] == []
        assert loaded.rules[0].cluster is not None
        assert loaded.rules[0].cluster.access.username == "1001"


@pytest.mark.parametrize(
    ("written", "environ", "code"),
    [
        ("$MY_PASSWORD", {"MY_PASSWORD": "hunter2"}, "secret_variable"),
        ("svc-${ES_TOKEN}", {"ES_TOKEN": "hunter2"}, "secret_variable"),
        ("$WHERE", {"WHERE": "https://ann:hunter2@b.example"}, "secret_variable"),
        ("$ES_AUTH_USER", {"ES_AUTH_USER": "svc"}, ""),
        ("svc-$STAGE", {}, "unset_variable"),
        ("$stage", {}, "unset_variable"),
        ("$STAGE", {"STAGE": ""}, "unset_variable"),
        ("corp$ann", {}, ""),
        ("svc-$STAGE", {"STAGE": "dev"}, ""),
    ],
)
def test_a_user_name_is_shown(tmp_path: Path, written: str, environ: Mapping[str, str], code: str) -> None:
    """So a credential is none; and a name with a variable that is not set asks nobody."""
    own = f"type: any\nindex: i\nes_host: b.example\nes_username: {written}\n"
    loaded = load_rules([tmp_path / "rules"], replace(settings(tmp_path, "owner: all\n", a=own), environ=environ))
    assert [(d.code, d.line) for d in loaded.diagnostics] == ([(code, 4)] if code else [])
    assert len(loaded.rules) == (code != "secret_variable")
    for rule in loaded.rules:
        assert rule.cluster is not None
        assert (rule.cluster.problem != "") is (code == "unset_variable")
    assert "hunter2" not in f"{loaded.rules} {[str(d) for d in loaded.diagnostics]}"


def test_findings_of_defaults_are_said_with_all_rules(tmp_path: Path) -> None:
    """Left out where one rule is named, not where the folder of all of them is."""
    known = settings(tmp_path, "foo_bar: 1\n", a="type: any\nindex: i\n")
    folder = tmp_path / "rules"
    spelled = tmp_path / "notifiers" / ".." / "rules"
    whole = [[], [folder], [spelled], [tmp_path]]
    for paths, said in (*((paths, True) for paths in whole), ([folder / "a.yaml"], False)):
        assert ("unknown_option" in {d.code for d in check(paths, known).diagnostics}) is said


def test_an_import_above_the_defaults(tmp_path: Path) -> None:
    """Its place counts for the rule, and the credentials of the defaults are not those of it."""
    (tmp_path / "part.inc").write_text("es_host: b.example\n", encoding="utf-8")
    (rule,) = load(tmp_path, A, a="type: any\nindex: i\nimport: ../part.inc\n").rules
    assert rule.cluster is not None
    assert (rule.cluster.access.username, bool(rule.cluster.access.password)) == ("", False)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n# nothing\n---\n"])
def test_a_file_of_remarks_is_no_default(tmp_path: Path, text: str) -> None:
    """As when all that stood there was made a remark; an import must hold something."""
    loaded = load(tmp_path, text, a="type: any\nindex: i\n", b="type: any\nindex: i\nimport: part.inc\n")
    assert [rule.name for rule in loaded.rules] == ["a"]
    (tmp_path / "rules" / "part.inc").write_text(text, encoding="utf-8")
    again = load_rules([tmp_path / "rules"], settings(tmp_path, text))
    errors = [(Path(d.file).name, d.code) for d in again.diagnostics if d.severity == "error"]
    assert errors == [("b.yaml", "import")]


def test_a_limit_that_is_left_out_can_be_silenced(tmp_path: Path) -> None:
    """As every warning of reading the files."""
    rule = "type: any\nindex: i\nfilter:\n- esql: 'FROM i | LIMIT 5'{}\n"
    for remark, codes in (("", {"limit_left_out"}), ("  # alerter: ignore[limit_left_out] known", set())):
        found = check([], settings(tmp_path, "", a=rule.format(remark))).diagnostics
        assert {d.code for d in found if d.severity == "warning"} - {"default_route_only"} == codes
