"""Values of any shape, in configurations and under ``alert``: a finding or a note, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.config import Settings, load_settings
from alerter.migrate.config import read_configuration
from alerter.migrate.files import file_texts, write_files
from alerter.migrate.keys import KEYS
from alerter.migrate.routes import find_places
from alerter.notifiers.registry import make_notifiers
from alerter.routing.elastalert import APPRISE, KNOWN, targets
from alerter.routing.given import Given, Unusable
from alerter.routing.load import load_routing
from alerter.routing.own import own_receivers, with_own
from alerter.routing.tree import console_routing
from alerter.ruleset.load import load_rules

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70_000), st.just("https://h/x"), st.just("$NOT_SET"), st.text(max_size=8)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
OPTIONS = (
    "slack_webhook_url", "slack_channel_override", "slack_username_override", "email", "smtp_host", "smtp_port", "cc",
    "smtp_auth_file", "pagerduty_service_key", "opsgenie_key", "opsgenie_teams", "alertmanager_hosts", "jira_server",
    "alertmanager_labels", "jira_project", "jira_issuetype", "jira_account_file", "http_post_url", "http_post_headers",
    "http_post_static_payload", "ms_teams_webhook_url", "mattermost_webhook_url", "rocket_chat_webhook_url",
    "telegram_bot_token", "telegram_room_id", "smseagle_url", "smseagle_to", "pagertree_integration_url",
)  # fmt: skip

OTHERS = ("typo", "jinja_x", "es_x", "name", "owner")


@SOME
@given(st.dictionaries(st.sampled_from([*KEYS, *OPTIONS, *OTHERS]), VALUES, min_size=1))
def test_a_configuration_of_any_values_gives_files_that_load(tmp_path: Path, written: dict[str, Any]) -> None:
    """Whatever the values are, each key has a row, and what is written is taken as it is."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    config = read_configuration(tmp_path / "config.yaml")
    assert {row.key for row in config.rows} == set(written)
    rules = load_rules([], Settings())
    texts = file_texts(config, find_places(rules, config.options), tmp_path)
    write_files(texts, tmp_path, force=True)
    load_settings(str(tmp_path / "alerter.yaml"), {})


@SOME
@given(st.sampled_from([*KNOWN, *APPRISE, "other", "a.b"]), st.dictionaries(st.sampled_from(OPTIONS), VALUES))
def test_notifiers_of_any_options(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """A notifier is either a receiver, or it is said why it is none."""
    try:
        found = targets(Given(name, options, tmp_path, {}))
    except Unusable as error:
        said = str(error)
    else:
        said = ", ".join(target.kind for target in found)
    assert said


@SOME
@given(VALUES, st.dictionaries(st.sampled_from(OPTIONS), VALUES))
def test_rules_of_any_alerts_have_receivers_that_can_be_made(
    tmp_path: Path, alert: Any, options: dict[str, Any]
) -> None:
    """Every receiver that a loaded rule brings is one that the engine can make, and the routes file loads."""
    rule = {"name": "r", "type": "any", "index": "i", **options, "alert": [alert, "slack", "email", "post"]}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(rule), encoding="utf-8")
    chosen = Settings(honour_rule_webhooks=True)
    loaded = load_rules([tmp_path / "r.yaml"], chosen)
    routing = with_own(console_routing(), own_receivers(loaded, chosen))
    assert set(make_notifiers(routing, chosen)) == set(routing.receivers)
    text = file_texts(_empty(tmp_path), find_places(loaded, {}), tmp_path)["notifiers/routes.yaml"]
    (tmp_path / "routes.yaml").write_text(text, encoding="utf-8")
    found, findings = load_routing([tmp_path / "routes.yaml"])
    assert found is not None, [f.text() for f in findings]


def _empty(folder: Path) -> Any:
    (folder / "config.yaml").write_text("rules_folder: x\n", encoding="utf-8")
    return read_configuration(folder / "config.yaml")


@pytest.mark.parametrize("name", ["slack", "post"])
def test_an_address_with_a_line_break_is_no_url(name: str, tmp_path: Path) -> None:
    """What cannot be asked is refused when it is read, not when it is sent."""
    options = {"slack_webhook_url": "https://h/x\ny", "http_post_url": "https://h/ x"}
    with pytest.raises(Unusable, match="no URL"):
        targets(Given(name, options, tmp_path, {}))
