"""From a YAML rule to the right Slack channel: the real binary, a real Elasticsearch, the Slack stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.shop import ROUTES, Cluster, Shop
from tests.support.client import client_of
from tests.support.slack import Slack

MOST_PASSES = 20


@pytest.fixture
def shop(tmp_path: Path, es: Any, index_prefix: str, slack: Slack) -> Shop:
    """Return a project against the plain Elasticsearch, telling Slack by bot token; its rules have started."""
    access = {"ALERTER_ES_URL": es.url, **slack.environment()}
    made = Shop(tmp_path, Cluster(client_of(es)), index_prefix, access)
    made.node.ensure(made.index)
    made.run("run", "--once")
    return made


def until(shop: Shop, done: Any) -> None:
    """Run passes, each a process of its own, until something is true."""
    for _ in range(MOST_PASSES):
        shop.run("run", "--once")
        if done():
            return
    raise AssertionError("it never came")


def texts(slack: Slack, channel: str) -> list[str]:
    """Return the root messages' texts."""
    return [str(m["text"]) for m in slack.messages(channel)]


def test_two_domains_two_channels_by_bot_token(shop: Shop, slack: Slack) -> None:
    """User and Order incidents reach their own channels, once, edited to resolved, with a line in the thread."""
    for domain in ("user", "order"):
        shop.rule(domain, resolve="1h")  # however slow the machine is: they still fire when it is looked at
    shop.happen("user")
    shop.happen("order")
    shop.run("run", "--once")
    (user,) = slack.messages("#alerts-user")
    (order,) = slack.messages("#alerts-order")
    assert user["text"].startswith("[FIRING] [CRITICAL] User: user storm title - 3 in 1 min")
    assert order["text"].startswith("[FIRING] [CRITICAL] Order: order storm title")
    assert slack.messages("#alerts") == []
    for domain in ("user", "order"):
        shop.rule(domain)
    until(
        shop,
        lambda: all(t.startswith("[RESOLVED]") for t in texts(slack, "#alerts-user") + texts(slack, "#alerts-order")),
    )
    (edited,) = slack.messages("#alerts-user")
    assert edited["ts"] == user["ts"]
    (line,) = slack.thread("#alerts-user", str(user["ts"]))
    assert str(line["text"]).startswith("[RESOLVED]")


def test_repeat_goes_to_the_thread_and_restarts_change_nothing(shop: Shop, slack: Slack) -> None:
    """Every pass is a new process: the incident is known again, a repeat goes into its thread."""
    shop.rule("user", realert="1s", resolve="1h")
    shop.run("run", "--once")
    shop.happen("user")
    until(shop, lambda: len(texts(slack, "#alerts-user")) == 1)
    root = slack.messages("#alerts-user")[0]
    for _ in range(MOST_PASSES):
        shop.happen("user")
        shop.run("run", "--once")
        if slack.thread("#alerts-user", str(root["ts"])):
            break
    assert str(slack.thread("#alerts-user", str(root["ts"]))[0]["text"]).startswith("[REPEAT]")
    assert len(slack.messages("#alerts-user")) == 1


def test_silenced_is_not_told_and_listed_with_its_reason(shop: Shop, slack: Slack) -> None:
    """A silence by matcher keeps Order quiet and User not; it is listed, and can be expired."""
    for domain in ("user", "order"):
        shop.rule(domain, resolve="1h")
    added = shop.run("silence", "add", "--matcher", 'domain="order"', "--for", "1h", "--comment", "release")
    shop.happen("user")
    shop.happen("order")
    until(shop, lambda: len(texts(slack, "#alerts-user")) == 1)
    assert slack.messages("#alerts-order") == []
    listed = json.loads(shop.run("incidents", "--format", "json").stdout)
    assert {i["rule"]: len(i["messages"]) for i in listed if i["rule"]} == {"user storm": 1, "order storm": 0}
    (silence,) = json.loads(shop.run("silence", "list", "--format", "json").stdout)
    assert silence["id"] == added.stdout.split()[0]
    shop.run("silence", "expire", silence["id"])
    assert json.loads(shop.run("silence", "list", "--format", "json").stdout) == []


def test_two_domains_by_two_webhooks(tmp_path: Path, es: Any, index_prefix: str, slack: Slack) -> None:
    """Without a bot, a webhook per receiver reaches the two channels; resolved is a message of its own."""
    access = {
        "ALERTER_ES_URL": es.url,
        "HOOK": slack.webhook_url("alerts"),
        "USER_HOOK": slack.webhook_url("alerts-user"),
        "ORDER_HOOK": slack.webhook_url("alerts-order"),
    }
    shop = Shop(tmp_path, Cluster(client_of(es)), index_prefix, access)
    hooks = (", webhook_env: HOOK", ", webhook_env: USER_HOOK", ", webhook_env: ORDER_HOOK")
    shop.write("notifiers/routes.yaml", ROUTES % hooks)
    shop.node.ensure(shop.index)
    shop.run("run", "--once")
    shop.happen("user")
    shop.happen("order")
    until(shop, lambda: len(texts(slack, "#alerts-user")) == 2 and len(texts(slack, "#alerts-order")) == 2)
    for channel in ("#alerts-user", "#alerts-order"):
        assert [t.split("]")[0] for t in texts(slack, channel)] == ["[FIRING", "[RESOLVED"]


def test_dry_run_says_what_the_engine_did(shop: Shop, slack: Slack) -> None:
    """test-rule over the span finds the incident that the engine told."""
    shop.happen("user")
    until(shop, lambda: bool(texts(slack, "#alerts-user")))
    (told,) = (i for i in json.loads(shop.run("incidents", "--format", "json").stdout) if i["rule"] == "user storm")
    (answer,) = shop.run("test-rule", "rules/user", "--format", "json").stdout.splitlines()
    (dry,) = json.loads(answer)["incidents"]
    assert dry["opened"] == told["opened"]
    assert dry["messages"][0]["text"] == told["messages"][0]["text"]
    assert dry["messages"][0]["channel"] == "#alerts-user"


def test_bad_rule_is_named_and_the_others_run(shop: Shop, slack: Slack) -> None:
    """One bad file is named with its place; the rule beside it runs."""
    shop.write("rules/order/storm.yaml", "name: broken\ntype: frequency\nnum_events: many\n")
    shop.happen("user")
    done = shop.run("run", "--once")
    assert "rules/order/storm.yaml:3:13" in done.stderr
    assert len(texts(slack, "#alerts-user")) == 1


def test_unreachable_cluster_is_exit_code_2(shop: Shop) -> None:
    """A cluster that is down is said in one line, with exit code 2."""
    shop.environ["ALERTER_ES_URL"] = "http://127.0.0.1:9"
    for command in (["run", "--once"], ["status"], ["incidents"], ["test-rule", "rules"]):
        done = shop.run(*command, code=2)
        assert "cannot be reached" in done.stderr


def test_missing_channel_goes_to_the_fallback(shop: Shop, slack: Slack) -> None:
    """A channel that does not exist: the message goes to the fallback, with the reason."""
    routes = (ROUTES % ("", "", "")).replace('channel: "#alerts-user"}', 'channel: "#nowhere"}\n    fallback: default')
    shop.write("notifiers/routes.yaml", routes)
    shop.happen("user")
    shop.run("run", "--once")
    (message,) = slack.messages("#alerts")
    assert "#nowhere" in json.dumps(message)


def test_revoked_token_keeps_the_outbox(shop: Shop, slack: Slack) -> None:
    """With a token that Slack refuses nothing is lost: it is delivered when there is a good one."""
    good = shop.environ["ALERTER_SLACK_TOKEN"]
    shop.environ["ALERTER_SLACK_TOKEN"] = "xoxb-revoked"
    shop.write("alerter.yaml", "rules: rules\nnotifiers: notifiers\nrun_every: 1s\nquery_delay: 0s\n")
    shop.happen("user")
    done = shop.run("run", "--once", code=None)
    assert "invalid_auth" in done.stderr
    assert slack.messages("#alerts-user") == []
    shop.environ["ALERTER_SLACK_TOKEN"] = good
    shop.run("run", "--once")
    assert len(slack.messages("#alerts-user")) == 1
