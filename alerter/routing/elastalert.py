"""ElastAlert's notifiers as receivers: ours, a service's own request, or a URL of ``apprise``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import quote, urlsplit

from alerter.notifiers.email import Mail
from alerter.notifiers.services import Service
from alerter.routing.given import Given, Unusable
from alerter.secrets import Secret


@dataclass(frozen=True)
class Target:
    """A receiver's kind and options; ``place`` tells it from others and may hold a credential."""

    kind: str
    options: Mapping[str, Any]
    place: str = field(repr=False)


def targets(given: Given) -> list[Target]:
    """Return the receivers that a rule's notifier stands for; raises Unusable, saying why there is none."""
    if given.name in KNOWN:
        return list(KNOWN[given.name](given))
    if given.name in APPRISE:
        return [Target("apprise", {"url": Secret(url)}, url) for url in APPRISE[given.name](given)]
    raise Unusable(remedy(given.name))


def remedy(name: str) -> str:
    """Return which receiver does what this notifier did."""
    if name in REMEDIES:
        return REMEDIES[name]
    if "." in name:
        return "Python classes of ElastAlert are not loaded: use a webhook or apprise receiver"
    if name in SCHEMES:
        return f"use an apprise receiver: {{url_env: NAME}} with a {SCHEMES[name]} URL"
    if name in KNOWN or name in APPRISE:
        return "use an apprise receiver: {url_env: NAME} with the webhook's URL, or a webhook receiver"
    return "use a webhook receiver: {url_env: NAME}; its body is described in docs/routing.md"


def _slack(given: Given) -> Iterator[Target]:
    names = {"username": "slack_username_override", "icon_emoji": "slack_emoji_override"}
    names |= {"icon_url": "slack_icon_url_override"}
    looks = {key: given.text(name) for key, name in names.items() if given.options.get(name)}
    channels = given.texts("slack_channel_override")
    urls = given.urls("slack_webhook_url") if given.options.get("slack_webhook_url") else ()
    if not channels and not urls:
        raise Unusable("neither slack_webhook_url nor slack_channel_override is written")
    for url, channel in product(urls or ("",), channels or ("",)):
        options: dict[str, Any] = {"overrides": {**looks, **({"channel": channel} if channel else {})}}
        if channel:
            options["channel"] = channel
        if url:
            options["webhook"] = Secret(url)
        yield Target("slack", options, f"{url} {channel} {sorted(looks.items())}")


def _console(given: Given) -> Iterator[Target]:
    yield Target("console", {}, given.name)


def _email(given: Given) -> Iterator[Target]:
    account, tls = given.account("smtp_auth_file"), given.flag("smtp_ssl")
    if given.options.get("smtp_auth_file") and not {"user", "password"} <= account.keys():
        raise Unusable("smtp_auth_file holds no user and password")
    to = given.texts("email")
    if not to:
        raise Unusable("email is missing")
    port = given.text("smtp_port", "465" if tls else "25")
    if not port.isdecimal():
        raise Unusable("smtp_port is no number")
    mail = Mail(
        to=to,
        sender=given.text("from_addr", "alerter@localhost"),
        host=given.text("smtp_host", "localhost"),
        port=int(port),
        tls=tls,
        user=account.get("user", ""),
        password=account.get("password", ""),
        cc=given.texts("cc"),
        bcc=given.texts("bcc"),
        reply_to=given.text("email_reply_to", ""),
    )
    yield Target("email", {"mail": mail}, f"{mail} {mail.user}")


def _service(name: str, **arguments: Any) -> Target:
    return Target("service", {"service": Service(name, arguments)}, f"{name} {arguments}")


def _pagerduty(given: Given) -> Iterator[Target]:
    yield _service(
        "pagerduty",
        key=given.text("pagerduty_service_key"),
        version=given.text("pagerduty_api_version", "v1"),
        client=given.text("pagerduty_client_name", "alerter"),
    )


def _opsgenie(given: Given) -> Iterator[Target]:
    teams = [{"name": name, "type": "team"} for name in given.texts("opsgenie_teams")]
    people = [{"username": name, "type": "user"} for name in given.texts("opsgenie_recipients")]
    yield _service(
        "opsgenie",
        key=given.text("opsgenie_key"),
        url=given.text("opsgenie_addr", "https://api.opsgenie.com/v2/alerts"),
        responders=[*teams, *people],
        tags=given.texts("opsgenie_tags"),
        priority=given.text("opsgenie_priority", ""),
    )


def _alertmanager(given: Given) -> Iterator[Target]:
    for host in given.urls("alertmanager_hosts"):
        yield _service(
            "alertmanager",
            host=host,
            alertname=given.text("alertmanager_alertname", ""),
            labels=given.mapping("alertmanager_labels"),
            annotations=given.mapping("alertmanager_annotations"),
            user=given.text("alertmanager_basic_auth_login", ""),
            password=given.text("alertmanager_basic_auth_password", ""),
        )


def _ms_teams(given: Given) -> Iterator[Target]:
    yield from (_service("ms_teams", url=url) for url in given.urls("ms_teams_webhook_url"))


def _power_automate(given: Given) -> Iterator[Target]:
    yield from (_service("ms_power_automate", url=url) for url in given.urls("ms_power_automate_webhook_url"))


def _jira(given: Given) -> Iterator[Target]:
    account = given.account("jira_account_file")
    if "apikey" not in account and not {"user", "password"} <= account.keys():
        raise Unusable("jira_account_file holds neither an apikey nor user and password")
    yield _service(
        "jira",
        server=given.urls("jira_server")[0],
        project=given.text("jira_project"),
        issuetype=given.text("jira_issuetype"),
        labels=given.texts("jira_labels"),
        user=account.get("user", ""),
        password=account.get("password", ""),
        key=account.get("apikey", ""),
    )


def _post(prefix: str) -> Callable[[Given], Iterator[Target]]:
    def made(given: Given) -> Iterator[Target]:
        headers, values = given.mapping(f"{prefix}_headers"), given.mapping(f"{prefix}_static_payload")
        for url in given.urls(f"{prefix}_url"):
            yield _service("post", url=url, headers=headers, values=values)

    return made


# --- apprise -----------------------------------------------------------------------------------------------------


def _q(text: str) -> str:
    return quote(text, safe="")


def _hook(scheme: str, option: str, channel: str) -> Callable[[Given], Iterator[str]]:
    """Return how to read an incoming webhook ``https://HOST/…/TOKEN`` of Mattermost or Rocket.Chat."""

    def made(given: Given) -> Iterator[str]:
        for url, place in product(given.urls(option), given.texts(channel) or ("",)):
            parts = urlsplit(url)
            before, _, token = parts.path.rpartition("/hooks/")
            if not token:
                raise Unusable(f"{option} is no incoming webhook: it has no /hooks/")
            name = f"{scheme}s" if parts.scheme == "https" else scheme
            if scheme == "rocket":
                yield f"{name}://{_q(token)}@{parts.netloc}" + (f"/{_q(place)}" if place else "")
            else:
                yield f"{name}://{parts.netloc}{before}/{token}" + (f"?channel={_q(place)}" if place else "")

    return made


def _telegram(given: Given) -> Iterator[str]:
    yield f"tgram://{given.text('telegram_bot_token')}/{_q(given.text('telegram_room_id'))}/"


def _dingtalk(given: Given) -> Iterator[str]:
    secret = given.text("dingtalk_sign", "")
    yield f"dingtalk://{_q(secret) + '@' if secret else ''}{_q(given.text('dingtalk_access_token'))}/"


def _twilio(given: Given) -> Iterator[str]:
    sid, token = given.text("twilio_account_sid"), given.text("twilio_auth_token")
    to = "/".join(_q(number) for number in given.texts("twilio_to_number"))
    yield f"twilio://{_q(sid)}:{_q(token)}@{_q(given.text('twilio_from_number'))}/{to}"


def _sns(given: Given) -> Iterator[str]:
    topic = given.text("sns_topic_arn").rpartition(":")[2]
    access, secret = given.text("sns_aws_access_key_id"), given.text("sns_aws_secret_access_key")
    yield f"sns://{_q(access)}/{_q(secret)}/{_q(given.text('sns_aws_region', 'us-east-1'))}/{_q(topic)}"


def _ses(given: Given) -> Iterator[str]:
    access, secret = given.text("ses_aws_access_key_id"), given.text("ses_aws_secret_access_key")
    to = "/".join(_q(address) for address in given.texts("ses_email"))
    region = _q(given.text("ses_aws_region", "us-east-1"))
    yield f"ses://{given.text('ses_from_addr')}/{_q(access)}/{_q(secret)}/{region}/{to}"


def _smseagle(given: Given) -> Iterator[str]:
    parts = urlsplit(given.urls("smseagle_url")[0])
    scheme = "smseagles" if parts.scheme == "https" else "smseagle"
    places = (*given.texts("smseagle_to"), *(f"@{name}" for name in given.texts("smseagle_contacts")))
    to = "/".join(_q(place) for place in (*places, *(f"#{name}" for name in given.texts("smseagle_groups"))))
    if not to:
        raise Unusable("smseagle_to is missing")
    yield f"{scheme}://{_q(given.text('smseagle_token'))}@{parts.netloc}/{to}"


def _url(option: str) -> Callable[[Given], Iterator[str]]:
    """Return how to read a webhook whose own URL apprise knows."""
    return lambda given: iter(given.urls(option))


def _token(url: str, *options: str) -> Callable[[Given], Iterator[str]]:
    return lambda given: iter([url.format(*(_q(given.text(option)) for option in options))])


KNOWN: Mapping[str, Callable[[Given], Iterator[Target]]] = {
    "slack": _slack,
    "debug": _console,
    "email": _email,
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
    "alertmanager": _alertmanager,
    "ms_teams": _ms_teams,
    "ms_power_automate": _power_automate,
    "jira": _jira,
    "post": _post("http_post"),
    "post2": _post("http_post2"),
}
"""Notifiers that need nothing but alerter."""
APPRISE: Mapping[str, Callable[[Given], Iterator[str]]] = {
    "telegram": _telegram,
    "discord": _url("discord_webhook_url"),
    "googlechat": _url("googlechat_webhook_url"),
    "mattermost": _hook("mmost", "mattermost_webhook_url", "mattermost_channel_override"),
    "rocketchat": _hook("rocket", "rocket_chat_webhook_url", "rocket_chat_channel_override"),
    "webex_webhook": _token("wxteams://{}/", "webex_webhook_id"),
    "dingtalk": _dingtalk,
    "twilio": _twilio,
    "victorops": _token("splunk://{}@{}/", "victorops_routing_key", "victorops_api_key"),
    "lark": _token("feishu://{}/", "lark_bot_id"),
    "workwechat": _token("wecombot://{}/", "work_wechat_bot_id"),
    "pagertree": lambda given: iter(
        [f"pagertree://{_q(given.urls('pagertree_integration_url')[0].rpartition('/')[2])}"]
    ),
    "sns": _sns,
    "ses": _ses,
    "smseagle": _smseagle,
}
"""Notifiers that the optional package ``apprise`` knows, as its URLs."""
SCHEMES = {
    "telegram": "tgram://",
    "mattermost": "mmosts://",
    "rocketchat": "rockets://",
    "webex_webhook": "wxteams://",
    "dingtalk": "dingtalk://",
    "twilio": "twilio://",
    "victorops": "splunk://",
    "lark": "feishu://",
    "workwechat": "wecombot://",
    "pagertree": "pagertree://",
    "sns": "sns://",
    "ses": "ses://",
    "smseagle": "smseagles://",
}
"""How the URLs of apprise begin that these notifiers become."""
REMEDIES = {
    "command": "alerter runs no commands; a webhook or apprise receiver does it",
    "slack": "use a slack receiver: {channel: NAME}, by bot token or webhook_env",
    "debug": "use a console receiver: {}",
    "email": "use an apprise receiver: {url_env: NAME} with a mailtos:// URL",
    "pagerduty": "use an apprise receiver: {url_env: NAME} with a pagerduty:// URL",
    "opsgenie": "use an apprise receiver: {url_env: NAME} with an opsgenie:// URL",
    "ms_teams": "use an apprise receiver: {url_env: NAME} with the webhook's URL",
    "ms_power_automate": "use an apprise receiver: {url_env: NAME} with the flow's URL",
    "exotel": "use an apprise receiver: {url_env: NAME} with an exotel:// URL",
    "line": "use an apprise receiver: {url_env: NAME} with a line:// URL",
    "matrixhookshot": "use an apprise receiver: {url_env: NAME} with a matrixs:// URL",
    "indexer": "nothing is needed: incidents are in the index alerter-incidents",
}
"""What does the same in ``notifiers/``, where it is more than a webhook."""
