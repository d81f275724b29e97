"""What the services of ElastAlert's rules are asked, at a stand-in: their own shapes, ends too, no keys in errors."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerter.model.incident import Kind, Reason
from alerter.notifiers import services
from alerter.notifiers.email import EmailNotifier, Mail
from alerter.notifiers.http import HttpAnswer
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing
from alerter.notifiers.services import Service, ServiceNotifier
from alerter.routing.elastalert import targets
from alerter.routing.given import Given
from alerter.timetext import iso, parse_instant
from tests.notifiers.standin import HANG_UP, Answer, StandIn, serve
from tests.notifiers.test_slack_format import CASES, INCIDENT, OPENED, outgoing
from tests.support.smtp import serve_mail

FIRING, RESOLVED = CASES["firing"], CASES["resolved"]


def notifier(name: str, folder: Path, **options: Any) -> ServiceNotifier:
    """Return the notifier of a rule with these options."""
    (target,) = targets(Given(name, options, folder, {}))
    return ServiceNotifier(target.options["service"])


def asked(standin: StandIn) -> list[dict[str, Any]]:
    """Return the bodies, in order."""
    return [body for _, body in standin.asked]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_pagerduty_opens_and_closes_one_incident(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trigger and resolve carry the incident's id, in the API that the rule names."""
    with serve({"enqueue": [(202, {}, "{}")], "create_event.json": [(200, {}, "{}")]}) as standin:
        monkeypatch.setattr(services, "PAGERDUTY", standin.url.rstrip("/"))
        made = notifier("pagerduty", tmp_path, pagerduty_service_key="k", pagerduty_api_version=version)
        made.post(FIRING)
        made.post(RESOLVED)
    opened, closed = asked(standin)
    key, action, id_ = {
        "v1": ("service_key", "event_type", "incident_key"),
        "v2": ("routing_key", "event_action", "dedup_key"),
    }[version]
    assert (opened[key], opened[action], closed[action]) == ("k", "trigger", "resolve")
    assert opened[id_] == closed[id_] == INCIDENT.id
    title = opened["description"] if version == "v1" else opened["payload"]["summary"]
    assert title == "Order: cancellations jump"


def test_opsgenie_alias_is_the_incident(tmp_path: Path) -> None:
    """Created with its responders, closed by the alias."""
    with serve({"alerts": [(202, {}, "{}")], "close": [(202, {}, "{}")]}) as standin:
        made = notifier(
            "opsgenie",
            tmp_path,
            opsgenie_key="k",
            opsgenie_addr=f"{standin.url}alerts",
            opsgenie_teams=["shop"],
            opsgenie_recipients="me",
            opsgenie_priority="P2",
        )
        made.post(FIRING)
        made.post(RESOLVED)
    (first, created), (second, closed) = standin.asked
    assert (first, second, closed["identifierType"]) == ("alerts", "close", "alias")
    assert (created["alias"], created["priority"]) == (INCIDENT.id, "P2")
    assert [r["type"] for r in created["responders"]] == ["team", "user"]
    assert standin.tokens == ["GenieKey k", "GenieKey k"]


def test_alertmanager_is_told_when_it_ends(tmp_path: Path) -> None:
    """Labels have names that Alertmanager takes; an open alert ends a week on, a closed one when it did."""
    sent: list[Any] = []

    def send(url: str, body: bytes, more: Mapping[str, str]) -> HttpAnswer:
        sent.append(json.loads(body))  # the stand-in remembers mappings only
        return HttpAnswer(200, url)

    options = {"alertmanager_hosts": ["http://am.example"], "alertmanager_labels": {"a-b": "c"}}
    (target,) = targets(Given("alertmanager", options, tmp_path, {}))
    made = ServiceNotifier(target.options["service"], send)
    made.post(FIRING)
    made.post(RESOLVED)
    (opened,), (closed,) = sent
    assert opened["labels"]["a_b"] == "c"
    assert opened["labels"]["alertname"] == INCIDENT.rule
    assert opened["labels"]["user_name"] == "x"
    assert opened["labels"] == closed["labels"]
    assert opened["startsAt"] == closed["startsAt"] == iso(OPENED)
    assert parse_instant(opened["endsAt"]) > parse_instant(closed["endsAt"])


OPENING = ["pagerduty", "opsgenie", "alertmanager", "jira"]


def taken(name: str, folder: Path, *messages: Outgoing, **options: Any) -> list[Any]:
    """Return the bodies that one of the services which open something is sent."""
    sent: list[Any] = []

    def send(url: str, body: bytes, more: Mapping[str, str]) -> HttpAnswer:
        sent.append(json.loads(body))
        return HttpAnswer(200, url)

    (folder / "jira.yaml").write_text("apikey: k\n", encoding="utf-8")
    options = {
        "pagerduty_service_key": "k", "opsgenie_key": "k", "alertmanager_hosts": "http://am.example",
        "jira_server": "http://jira.example", "jira_project": "P", "jira_issuetype": "Bug",
        "jira_account_file": "jira.yaml", **options,
    }  # fmt: skip
    (target,) = targets(Given(name, options, folder, {}))
    made = ServiceNotifier(target.options["service"], send)
    for message in messages:
        made.post(message)
    return sent


@pytest.mark.parametrize("name", OPENING)
def test_what_nothing_closes_opens_nothing(name: str, tmp_path: Path) -> None:
    """A digest tells of incidents that are over: no page, alert or ticket is left behind by it."""
    over = replace(INCIDENT, rule="", key=None, labels={"severity": "info"}, resolved=OPENED + 60_000)
    assert taken(name, tmp_path, outgoing(over, Kind.DIGEST, Reason.CATCH_UP)) == []


@pytest.mark.parametrize("name", OPENING)
def test_a_test_message_that_would_stay_open_is_refused(name: str, tmp_path: Path) -> None:
    """``notify-test`` says that nothing was sent, and why."""
    with pytest.raises(NotifierError, match=r"no_test_message: .* would stay open"):
        taken(name, tmp_path, CASES["info"])


def test_alertmanager_ends_the_alert_whose_severity_rose(tmp_path: Path) -> None:
    """Labels are an alert's identity there: a severity that may rise is none of them, unless the rule fixes it."""
    before = replace(INCIDENT, labels={**INCIDENT.labels, "severity": "warning"})
    messages = outgoing(before, Kind.FIRING, Reason.FIRST_MATCH), RESOLVED
    (opened,), (closed,) = taken("alertmanager", tmp_path, *messages)
    assert opened["labels"] == closed["labels"]
    assert "severity" not in opened["labels"]
    assert (opened["annotations"]["severity"], closed["annotations"]["severity"]) == ("warning", "critical")
    (fixed,), _ = taken("alertmanager", tmp_path, *messages, alertmanager_labels={"severity": "page"})
    assert fixed["labels"]["severity"] == "page"
    split = replace(before, key=(("severity", "warning"),))
    ((by_key,),) = taken("alertmanager", tmp_path, outgoing(split, Kind.FIRING, Reason.FIRST_MATCH))
    assert by_key["labels"]["severity"] == "warning"


@pytest.mark.parametrize("evil", ["{nofo{noformat}rmat} [~admin]", "{NoFormat:x} h1. x", "a \\", "a {"])
def test_log_content_ends_no_block_of_jira(evil: str, tmp_path: Path) -> None:
    """Whatever a log line holds, the block in which nothing is markup begins and ends where alerter says."""
    message = replace(FIRING, delivery=replace(FIRING.delivery, text=evil))
    (body,) = taken("jira", tmp_path, message)
    text = body["fields"]["description"]
    assert [found.start() for found in re.finditer(r"\{noformat", text, re.IGNORECASE)] == [0, len(text) - 10]
    assert text[-11] == "\n"
    assert text.replace("\u200b", "") == f"{{noformat}}{evil.strip()}\n{{noformat}}"


@pytest.mark.parametrize("name", ["ms_teams", "ms_power_automate"])
def test_teams_gets_a_card(name: str, tmp_path: Path) -> None:
    """Title and text stand in the card of each kind of webhook."""
    with serve({"x": [(200, {}, "1")]}) as standin:
        notifier(name, tmp_path, **{f"{name}_webhook_url": f"{standin.url}x"}).post(FIRING)
    (card,) = asked(standin)
    assert "Order: cancellations jump" in str(card)
    assert FIRING.delivery.text in str(card)
    assert ("@type" in card) == (name == "ms_teams")


def test_jira_opens_one_ticket(tmp_path: Path) -> None:
    """The first message opens it, with the account of the file; repeats and the end open none."""
    (tmp_path / "jira.yaml").write_text("user: u\npassword: p\n", encoding="utf-8")
    with serve({"issue": [(201, {}, "{}")]}) as standin:
        made = notifier(
            "jira",
            tmp_path,
            jira_server=standin.url,
            jira_project="OPS",
            jira_issuetype="Bug",
            jira_account_file="jira.yaml",
            jira_labels=["log"],
        )
        for message in (FIRING, replace(FIRING, first=False), RESOLVED):
            made.post(message)
    (body,) = asked(standin)
    assert body["fields"]["project"] == {"key": "OPS"}
    assert (body["fields"]["issuetype"], body["fields"]["labels"]) == ({"name": "Bug"}, ["log"])
    assert standin.tokens == ["Basic " + base64.b64encode(b"u:p").decode()]


@pytest.mark.parametrize("name", ["ms_teams", "ms_power_automate", "jira"])
def test_log_content_is_no_markup(name: str, tmp_path: Path) -> None:
    """A link or an image in a log line stays the text that it is."""
    evil = "{noformat}!https://evil/x.png! [click](https://evil)"
    message = replace(FIRING, delivery=replace(FIRING.delivery, text=evil))
    (tmp_path / "a.yaml").write_text("apikey: k\n", encoding="utf-8")
    with serve({"x": [(200, {}, "1")], "issue": [(201, {}, "{}")]}) as standin:
        jira = {"jira_server": standin.url, "jira_project": "P", "jira_issuetype": "Bug", "jira_account_file": "a.yaml"}
        notifier(name, tmp_path, **{f"{name}_webhook_url": f"{standin.url}x"}, **jira).post(message)
    (body,) = asked(standin)
    if name == "jira":
        text = body["fields"]["description"]
        assert text.startswith("{noformat}{\u200bnoformat}!https://evil")
        assert text.count("{noformat}") == 2
        assert standin.tokens == ["Bearer k"]
    elif name == "ms_teams":
        assert all(section["markdown"] is False for section in body["sections"])
        assert "text" not in body
    else:
        assert "TextBlock" not in str(body).replace("RichTextBlock", "")


@pytest.mark.parametrize("name", ["post", "post2"])
def test_post_sends_our_document_with_the_rules_values(name: str, tmp_path: Path) -> None:
    """Headers and fixed values are the rule's, the rest is the document of webhook receivers."""
    prefix = "http_post" if name == "post" else "http_post2"
    with serve({"x": [(200, {}, "")]}) as standin:
        options = {
            f"{prefix}_url": f"{standin.url}x",
            f"{prefix}_headers": {"Authorization": "me"},
            f"{prefix}_static_payload": {"team": "shop"},
        }
        notifier(name, tmp_path, **options).post(FIRING)
    (body,) = asked(standin)
    assert (body["team"], body["incident"]["id"], standin.tokens) == ("shop", INCIDENT.id, ["me"])


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((429, {"Retry-After": "7"}, "hush"), Failure.WAIT),
        ((500, {}, "hush"), Failure.UNCLEAR),
        ((401, {}, "bad key hush"), Failure.CREDENTIALS),
        ((404, {}, "hush"), Failure.CHANNEL),
        ((400, {}, "hush"), Failure.DEGRADE),
        (HANG_UP, Failure.UNCLEAR),
    ],
)
def test_failures_are_classed_and_show_nothing(answer: Answer, failure: Failure, tmp_path: Path) -> None:
    """What a service answers may hold the key it was sent: only the status is said."""
    with serve({"x": [answer]}) as standin, pytest.raises(NotifierError) as raised:
        notifier("post", tmp_path, http_post_url=f"{standin.url}x").post(FIRING)
    assert raised.value.failure is failure
    assert raised.value.detail == ""
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "headers", "code"),
    [("http://h:x/", {}, "bad_url"), ("https://[", {}, "bad_url"), ("", {"X": "a\nb"}, "bad_header")],
)
def test_what_cannot_be_asked_is_a_failure(url: str, headers: dict[str, str], code: str) -> None:
    """A port, a host or a header that is none never ends the engine, and nothing was sent."""
    with serve({"x": [(200, {}, "")]}) as standin:
        made = ServiceNotifier(Service("post", {"url": url or f"{standin.url}x", "headers": headers, "values": {}}))
        with pytest.raises(NotifierError, match=code) as raised:
            made.post(FIRING)
    assert raised.value.failure is Failure.WAIT


# --- mail ----------------------------------------------------------------------------------------------------------


def test_mail_reaches_everybody_it_is_for(tmp_path: Path) -> None:
    """To, Cc and Reply-To stand in the letter, Bcc only in the envelope; the account is used."""
    (tmp_path / "account.yaml").write_text("user: u\npassword: p\n", encoding="utf-8")
    with serve_mail() as mail:
        options = {
            "email": ["a@example.com", "b@example.com"],
            "cc": "c@example.com",
            "bcc": "d@example.com",
            "email_reply_to": "e@example.com",
            "from_addr": "f@example.com",
            "smtp_host": "127.0.0.1",
            "smtp_port": mail.port,
            "smtp_auth_file": "account.yaml",
        }
        (target,) = targets(Given("email", options, tmp_path, {}))
        EmailNotifier(target.options["mail"]).post(FIRING)
    (letter,) = mail.letters
    assert (letter["To"], letter["Cc"], letter["Bcc"]) == ("a@example.com, b@example.com", "c@example.com", None)
    assert (letter["From"], letter["Reply-To"]) == ("f@example.com", "e@example.com")
    assert mail.recipients == ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    assert letter["Subject"].startswith("[FIRING] [CRITICAL] Order: cancellations jump")
    assert FIRING.delivery.text in letter.get_content().replace("\n", " ")  # type: ignore[attr-defined]
    assert any(c.startswith("AUTH PLAIN") for c in mail.commands)


def test_hostile_text_adds_no_header() -> None:
    """A line break in log content ends no header of the letter."""
    hostile = replace(INCIDENT, key=(("user", "x\r\nBcc: evil@example.com"),))
    message = outgoing(hostile, Kind.FIRING, Reason.FIRST_MATCH)
    message = replace(message, delivery=replace(message.delivery, text="a\r\nBcc: evil@example.com\r\n\r\nb"))
    with serve_mail() as mail:
        EmailNotifier(Mail(("a@example.com",), "f@example.com", "127.0.0.1", mail.port)).post(message)
    assert mail.letters[0]["Bcc"] is None
    assert mail.recipients == ["a@example.com"]


@pytest.mark.parametrize(
    ("refusals", "failure"),
    [
        ({"RCPT": "550 no such user"}, Failure.CHANNEL),
        ({"MAIL": "451 later"}, Failure.WAIT),
        ({"MAIL": "553 no"}, Failure.CHANNEL),
        ({"AUTH": "535 who"}, Failure.CREDENTIALS),
        ({"AUTH": "535 who", "QUIT": "421 busy"}, Failure.CREDENTIALS),
        ({"RCPT": "450 4.2.0 greylisted"}, Failure.WAIT),
        ({"RCPT": "421 busy"}, Failure.WAIT),
        ({"RCPT": ""}, Failure.WAIT),
        ({".": "452 full"}, Failure.WAIT),
        ({".": "554 spam"}, Failure.CHANNEL),
        ({".": ""}, Failure.UNCLEAR),
    ],
)
def test_a_refused_letter_is_classed(refusals: dict[str, str], failure: Failure) -> None:
    """What will never go through goes to the fallback, what may goes again, a password is said to be wrong."""
    with serve_mail(refusals) as mail:
        made = EmailNotifier(
            Mail(("a@example.com",), "f@example.com", "127.0.0.1", mail.port, user="u", password="hush")
        )
        with pytest.raises(NotifierError) as raised:
            made.post(FIRING)
    assert raised.value.failure is failure
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("goodbye", ["421 busy", "250 bye", "500 what", ""])
def test_a_letter_taken_is_sent_whatever_quit_is_answered(goodbye: str) -> None:
    """The server has the letter once it said so: an odd goodbye is no failure, which would send it again for ever."""
    with serve_mail({"QUIT": goodbye}) as mail:
        EmailNotifier(Mail(("a@example.com",), "f@example.com", "127.0.0.1", mail.port)).post(FIRING)
    assert len(mail.letters) == 1


def test_no_mail_server_means_later() -> None:
    """A server that cannot be reached is tried again."""
    with serve_mail() as mail:
        port = mail.port
    with pytest.raises(NotifierError) as raised:
        EmailNotifier(Mail(("a@example.com",), "f@example.com", "127.0.0.1", port)).post(FIRING)
    assert raised.value.failure is Failure.WAIT
