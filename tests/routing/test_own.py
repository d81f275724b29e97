"""Receivers that rules bring themselves: where their messages go, and that no credential is seen on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from alerter.config import Settings, SlackAccess
from alerter.lint.registry import LINTS
from alerter.notifiers.registry import make_notifiers
from alerter.project import Project, load_project
from alerter.routing.elastalert import APPRISE, KNOWN, targets
from alerter.routing.given import Given, Unusable, notifiers_of
from alerter.ruleset.checking import check
from alerter.secrets import Secret
from tests.notifiers.standin import serve
from tests.notifiers.test_slack_format import CASES

RULE = "type: any\nindex: logs\n"
ROUTES = "route: {receiver: default}\nreceivers: [{name: default, console: {}}]\n"
HOOK = "https://hooks.slack.com/services/T0/B0/hushhushhush"


def project(
    folder: Path, environ: Mapping[str, str] | None = None, *, honour: bool = True, **rules: str
) -> tuple[Project, Settings]:
    """Load these rules with a route for everything else."""
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "notifiers").mkdir(exist_ok=True)
    (folder / "notifiers" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    for name, text in rules.items():
        (folder / "rules" / f"{name}.yaml").write_text(RULE + text, encoding="utf-8")
    settings = Settings(
        rules=(folder / "rules",),
        notifiers=(folder / "notifiers",),
        honour_rule_webhooks=honour,
        environ=environ or {},
    )
    return load_project(settings), settings


def goes_to(loaded: Project, rule: str) -> list[str]:
    """Return the kinds of receivers that hear of a rule, each with its channel."""
    found = loaded.routing.destinations({"rule": rule}, 0)
    receivers = [loaded.routing.receivers[d.receiver] for d in found]
    return [f"{r.kind} {r.options.get('channel', '')}".strip() for r in receivers]


def test_without_the_setting_routes_decide_and_a_remedy_is_named(tmp_path: Path) -> None:
    """A rule's own notifier is an info that says which receiver does the same; nothing else changes."""
    loaded, _ = project(tmp_path, honour=False, a=f"alert: [slack, email]\nslack_webhook_url: {HOOK}\nemail: a@b.c\n")
    assert goes_to(loaded, "a") == ["console"]
    assert loaded.routing.own == {}
    infos = [d for d in loaded.diagnostics if d.code == "rule_alert"]
    assert [(d.severity, d.line) for d in infos] == [("info", 3), ("info", 3)]
    assert "slack receiver" in infos[0].hint
    assert "apprise receiver" in infos[1].hint
    assert all("honour_rule_webhooks: true" in d.hint for d in infos)


def test_own_receivers_take_the_place_of_the_routes(tmp_path: Path) -> None:
    """A rule with a webhook goes there and nowhere else; one without goes by the tree, which is also the fallback."""
    loaded, settings = project(
        tmp_path,
        a=f"alert: slack\nslack_webhook_url: {HOOK}\nslack_channel_override: '#a'\n",
        b=f"alert: [slack, debug]\nslack_webhook_url: [{HOOK}, {HOOK}2]\n",
        c="alert: email\nemail: a@b.c\n",
        d="",
        e="alert: []\n",
    )
    assert goes_to(loaded, "a") == ["slack #a"]
    assert goes_to(loaded, "b") == ["slack", "slack", "console"]
    assert goes_to(loaded, "c") == ["email"]
    assert goes_to(loaded, "d") == goes_to(loaded, "e") == goes_to(loaded, "alerter: an engine is gone") == ["console"]
    assert {r.fallback for name, r in loaded.routing.receivers.items() if name != "default"} == {"default"}
    assert make_notifiers(loaded.routing, settings).keys() == loaded.routing.receivers.keys()


def test_options_below_an_entry_win(tmp_path: Path) -> None:
    """``alert: [{slack: {...}}]`` may give each entry options of its own."""
    entries = "".join(f"- slack: {{slack_channel_override: '#{name}'}}\n" for name in "xy")
    text = f"slack_webhook_url: {HOOK}\nalert:\n{entries}"
    loaded, _ = project(tmp_path, a=text)
    assert goes_to(loaded, "a") == ["slack #x", "slack #y"]


def test_rules_of_one_place_share_a_receiver(tmp_path: Path) -> None:
    """What names the same place waits in one queue, at one rate."""
    same = f"alert: slack\nslack_webhook_url: {HOOK}\n"
    loaded, _ = project(tmp_path, a=same, b=same, c=f"{same}slack_channel_override: other\n")
    names = {rule: [d.receiver for d in loaded.routing.destinations({"rule": rule}, 0)] for rule in "abc"}
    assert names["a"] == names["b"] != names["c"]


def test_a_new_secret_is_no_new_receiver(tmp_path: Path) -> None:
    """What comes from a variable may change: open incidents end where they began; the new address is used."""
    text = "alert: slack\nslack_webhook_url: ${HOOK}\n"
    old, _ = project(tmp_path, {"HOOK": HOOK}, a=text)
    new, _ = project(tmp_path, {"HOOK": f"{HOOK}2"}, a=text)
    assert old.routing.own["a"][0].receiver == new.routing.own["a"][0].receiver
    (receiver,) = (r for name, r in new.routing.receivers.items() if name.startswith("own-"))
    assert receiver.options["webhook"].reveal() == f"{HOOK}2"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("alert: slack\nslack_channel_override: '#a'\n", "no way into Slack"),
        ("alert: slack\n", "neither slack_webhook_url nor slack_channel_override"),
        ("alert: slack\nslack_webhook_url: $NOT_SET\n", "the variable NOT_SET is not set"),
        ("alert: slack\nslack_webhook_url: nowhere\n", "slack_webhook_url is no URL"),
        ("alert: mattermost\nmattermost_webhook_url: 'https://[bad/hooks/abc'\n", "mattermost_webhook_url is no URL"),
        ("alert: post\nhttp_post_url: 'http://h:x/'\n", "http_post_url is no URL"),
        ("alert: smseagle\nsmseagle_url: 'https://[::1'\n", "smseagle_url is no URL"),
        ("alert: telegram\ntelegram_bot_token: 1:x\n", "telegram_room_id is missing"),
        ("alert: command\ncommand: rm\n", "runs no commands"),
        ("alert: my.Alerter\n", "Python classes"),
        ("alert: servicenow\n", "webhook receiver"),
        ("alert: jira\njira_account_file: gone.yaml\n", "gone.yaml cannot be read"),
        ("alert: email\nemail: a@b.c\nsmtp_port: x\n", "smtp_port is no number"),
    ],
)
def test_what_cannot_be_used_goes_by_the_routes(tmp_path: Path, text: str, why: str) -> None:
    """Nothing is lost: a warning at the rule's alert says why, and the tree decides."""
    loaded, _ = project(tmp_path, a=text)
    assert goes_to(loaded, "a") == ["console"]
    (found,) = [d for d in loaded.diagnostics if d.code == "own_receiver"]
    assert (found.severity, found.line) == ("warning", 3)
    assert why in found.hint


def test_a_channel_alone_needs_a_way_into_slack(tmp_path: Path) -> None:
    """With a bot token or a webhook of the settings, a rule's channel is enough."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(RULE + "alert: slack\nslack_channel_override: '#a'\n", encoding="utf-8")
    (tmp_path / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    for access in (SlackAccess(token=Secret("xoxb")), SlackAccess(webhook_url=Secret(HOOK))):
        settings = Settings(
            rules=(tmp_path / "rules",), notifiers=(tmp_path / "routes.yaml",), slack=access, honour_rule_webhooks=True
        )
        assert goes_to(load_project(settings), "a") == ["slack #a"]


def test_reloading_a_broken_file_keeps_its_receiver(tmp_path: Path) -> None:
    """A rule that keeps running as it was keeps its webhook too; a mended one takes the new one."""
    loaded, settings = project(tmp_path, a=f"name: a\nalert: slack\nslack_webhook_url: {HOOK}\n")
    file = tmp_path / "rules" / "a.yaml"
    file.write_text("name: a\ntype: any\nindex: [\n", encoding="utf-8")
    kept = load_project(settings, keep=loaded)
    assert goes_to(kept, "a") == ["slack"]
    file.write_text(RULE + "name: a\n", encoding="utf-8")
    assert goes_to(load_project(settings, keep=kept), "a") == ["console"]
    assert [n for n in load_project(settings, keep=kept).routing.receivers if n.startswith("own-")] == []


def test_credentials_are_shown_nowhere(tmp_path: Path) -> None:
    """Neither routes, receivers and notifiers nor any finding of check hold a word of them."""
    text = f"""alert: [slack, telegram, pagerduty, email]
slack_webhook_url: {HOOK}
telegram_bot_token: "123:hushhush"
telegram_room_id: "5"
pagerduty_service_key: hushhush
smtp_auth_file: account.yaml
email: a@b.c
"""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "account.yaml").write_text("user: u\npassword: hushhush\n", encoding="utf-8")
    loaded, settings = project(tmp_path, a=text)
    assert goes_to(loaded, "a") == ["slack", "apprise", "service", "email"]
    found = check([tmp_path / "rules"], settings).diagnostics
    inline = [d.line for d in found if d.code == "inline_secret"]
    assert inline == [4, 5, 7]
    shown = repr(loaded.routing) + "".join(d.text() + json.dumps(d.as_json()) for d in (*found, *loaded.diagnostics))
    shown += "".join(repr(n) for n in make_notifiers(loaded.routing, settings).values())
    assert "hush" not in shown
    assert "inline_secret" in shown
    assert LINTS  # the findings above went through all of them


def test_slack_webhook_gets_our_message_with_the_rules_channel(tmp_path: Path) -> None:
    """The post is our own format; channel, name and icon are those of the rule, as ElastAlert sends them."""
    with serve({"x": [(200, {}, "ok")]}) as standin:
        text = "alert: slack\nslack_webhook_url: ${HOOK}\nslack_channel_override: '#a'\nslack_username_override: me\n"
        loaded, settings = project(tmp_path, {"HOOK": f"{standin.url}x"}, a=text)
        (place,) = loaded.routing.destinations({"rule": "a"}, 0)
        make_notifiers(loaded.routing, settings)[place.receiver].post(CASES["firing"])
    ((_, sent),) = standin.asked
    assert (sent["channel"], sent["username"]) == ("#a", "me")
    assert sent["blocks"]


EXAMPLES: dict[str, tuple[str, dict[str, object]]] = {
    "telegram": ("NotifyTelegram", {"telegram_bot_token": "123456789:abcdefghijkl", "telegram_room_id": "-100123"}),
    "discord": ("NotifyDiscord", {"discord_webhook_url": "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2"}),
    "googlechat": (
        "NotifyGoogleChat",
        {"googlechat_webhook_url": "https://chat.googleapis.com/v1/spaces/AAA/messages?key=k&token=t"},
    ),
    "mattermost": (
        "NotifyMattermost",
        {"mattermost_webhook_url": "https://mm.example:8443/hooks/5555j9e3t7fj", "mattermost_channel_override": "ops"},
    ),
    "rocketchat": ("NotifyRocketChat", {"rocket_chat_webhook_url": "https://rc.example/hooks/abc/def"}),
    "webex_webhook": ("NotifyWebexTeams", {"webex_webhook_id": "a" * 80}),
    "dingtalk": ("NotifyDingTalk", {"dingtalk_access_token": "abcdefabcdef123", "dingtalk_sign": "sec"}),
    "twilio": (
        "NotifyTwilio",
        {
            "twilio_account_sid": "AC12345678901234567890123456789012",
            "twilio_auth_token": "1" * 32,
            "twilio_from_number": "+15551234567",
            "twilio_to_number": "+15557654321",
        },
    ),
    "victorops": (
        "NotifySplunk",
        {"victorops_api_key": "abcdefab-1234-1234-1234-abcdefabcdef", "victorops_routing_key": "team"},
    ),
    "lark": ("NotifyFeishu", {"lark_bot_id": "abcdef01-1234-1234-1234-abcdefabcdef"}),
    "workwechat": ("NotifyWeComBot", {"work_wechat_bot_id": "abcdef01-1234-1234-1234-abcdefabcdef"}),
    "pagertree": (
        "NotifyPagerTree",
        {"pagertree_integration_url": "https://api.pagertree.com/integration/int_0123456789"},
    ),
    "sns": (
        "NotifySNS",
        {
            "sns_topic_arn": "arn:aws:sns:eu-west-1:1:topic",
            "sns_aws_access_key_id": "AHIAJGNT76XIMXDBIJYA",
            "sns_aws_secret_access_key": "bu1dHSdO22pfaaVy/wmNsdljF4C07D3bndi9PQJ9",
            "sns_aws_region": "eu-west-1",
        },
    ),
    "ses": (
        "NotifySES",
        {
            "ses_email": ["a@example.com", "b@example.com"],
            "ses_from_addr": "c@example.com",
            "ses_aws_access_key_id": "AHIAJGNT76XIMXDBIJYA",
            "ses_aws_secret_access_key": "bu1dHSdO22pfaaVy/wmNsdljF4C07D3bndi9PQJ9",
        },
    ),
    "smseagle": (
        "NotifySMSEagle",
        {"smseagle_url": "https://sms.example", "smseagle_token": "t0ken", "smseagle_to": ["15551234567"]},
    ),
}


@pytest.mark.parametrize("name", sorted(APPRISE))
def test_apprise_takes_the_urls(name: str, tmp_path: Path) -> None:
    """Every notifier that is mapped gives a URL that apprise reads as that service."""
    apprise = pytest.importorskip("apprise")
    service, options = EXAMPLES[name]
    (target,) = targets(Given(name, options, tmp_path, {}))
    assert type(apprise.Apprise.instantiate(target.options["url"].reveal())).__name__ == service


@pytest.mark.parametrize("name", sorted([*APPRISE, *KNOWN]))
def test_a_notifier_without_its_options_says_what_is_missing(name: str, tmp_path: Path) -> None:
    """No option is taken for granted: the first one that is missing is named."""
    if name != "debug":
        with pytest.raises(Unusable, match=r"is missing|is written|holds neither"):
            targets(Given(name, {}, tmp_path, {}))


def test_a_variable_may_be_in_a_file(tmp_path: Path) -> None:
    """As alerter's own: NAME_FILE names the file that holds the value, which is never shown."""
    (tmp_path / "hook").write_text(f"{HOOK}\n", encoding="utf-8")
    (given,) = notifiers_of({"slack_webhook_url": "$HOOK"}, tmp_path, {"HOOK_FILE": str(tmp_path / "hook")})
    assert given.urls("slack_webhook_url") == (HOOK,)
    assert given.as_written(f"at {HOOK}") == "at $HOOK"
    (given,) = notifiers_of({"slack_webhook_url": "$HOOK"}, tmp_path, {"HOOK_FILE": str(tmp_path / "none")})
    assert given.as_written("at") == "at"
    with pytest.raises(Unusable, match="slack_webhook_url: HOOK_FILE: cannot read"):
        given.urls("slack_webhook_url")


@pytest.mark.parametrize(
    ("alert", "names"),
    [
        ("slack", ["slack"]),
        (["slack", {"email": {"email": "a@b.c"}}, None, 5], ["slack", "email"]),
        ({"post": {}, "http_post": None}, ["post", "post"]),
        (None, []),
    ],
)
def test_all_shapes_of_alert_are_read(alert: object, names: list[str], tmp_path: Path) -> None:
    """Text, list, mapping, lists of mappings; what is no name is passed over."""
    assert [given.name for given in notifiers_of({"alert": alert}, tmp_path, {})] == names


def test_an_option_that_counts_is_not_said_to_be_routed_elsewhere(tmp_path: Path) -> None:
    """With the setting only what the rule's receivers leave out is named; without any of its own, all of it."""
    loaded, _ = project(
        tmp_path,
        a=f"alert: slack\nslack_webhook_url: {HOOK}\nslack_channel_override: '#a'\nslack_title: x\n",
        b="alert: stomp\nstomp_hostname: h\n",
        c="slack_title: x\n",
    )
    said = [(Path(d.file).name, d.line, d.message) for d in loaded.diagnostics if d.code == "routed_elsewhere"]
    assert sorted(said) == [
        ("a.yaml", 6, "slack_title: the rule's own receivers do not use it"),
        ("b.yaml", 4, "stomp_hostname: where messages go is for the routes"),
        ("c.yaml", 3, "slack_title: where messages go is for the routes"),
    ]


def test_the_setting_is_no_remedy_for_what_it_cannot_do(tmp_path: Path) -> None:
    """The hint names it only for notifiers of which a receiver can be made."""
    loaded, _ = project(tmp_path, honour=False, a="alert: [stomp, telegram, a.B]\n")
    hints = [d.hint for d in loaded.diagnostics if d.code == "rule_alert"]
    assert ["honour_rule_webhooks" in hint for hint in hints] == [False, True, False]


def test_check_warns_of_a_variable_without_which_the_engine_does_not_start(tmp_path: Path) -> None:
    """Where checks run secrets may be missing, so it is a warning, at the receiver."""
    (tmp_path / "routes.yaml").write_text(
        "route: {receiver: default}\nreceivers:\n  - name: default\n    slack: {channel: '#a', webhook_env: HOOK}\n",
        encoding="utf-8",
    )
    (found,) = check([tmp_path / "routes.yaml"], Settings()).diagnostics
    assert (found.severity, found.code, found.line, found.column) == ("warning", "unset_variable", 3, 11)
    assert "the variable HOOK of webhook_env is not set" in found.message
    assert check([tmp_path / "routes.yaml"], Settings(environ={"HOOK": HOOK})).diagnostics == ()


def test_an_option_may_name_another_of_the_rule(tmp_path: Path) -> None:
    """``$owner$`` is the rule's option ``owner``, as in ElastAlert."""
    loaded, _ = project(
        tmp_path, a=f"owner: ops\nalert: slack\nslack_webhook_url: {HOOK}\nslack_channel_override: $owner$\n"
    )
    assert goes_to(loaded, "a") == ["slack ops"]
