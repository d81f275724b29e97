"""Receivers as written: one kind each, its options checked, no secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alerter.model.route import Receiver
from alerter.model.rule import Position
from alerter.routing.elastalert import APPRISE, KNOWN, REMEDIES, SCHEMES, remedy
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document
from alerter.zones import zone_exists

KINDS: dict[str, tuple[str, ...]] = {
    "slack": ("channel", "mention", "webhook_env", "webhook_file", "time_zone", "on_unclear"),
    "console": (),
    "webhook": ("url", "url_env", "url_file"),
    "apprise": ("url", "url_env", "url_file"),
}
"""Each kind's options."""
SEVERITIES = ("info", "warning", "critical")
MENTIONED = "here|channel|[UWS][A-Z]*[0-9][A-Z0-9]*|[UWS][A-Z]{8,}"
"""Who can be mentioned: an id has a digit, or is longer than most names that somebody writes in capitals."""
ALIASES = {
    "teams": "ms_teams",
    "msteams": "ms_teams",
    "msteamsv2": "ms_teams",
    "mail": "email",
    "webex": "webex_webhook",
}
"""What other programs call the services of ElastAlert's notifiers."""


def read_receiver(
    document: Document, entry: Mapping[str, Any], path: tuple[Any, ...], findings: list[Diagnostic]
) -> Receiver:
    """Return the receiver; what is wrong with it goes to ``findings``, and its name is taken all the same."""

    def error(code: str, message: str, hint: str = "", *at: Any, key: bool = False) -> None:
        findings.append(document.diagnostic("error", code, message, hint, (*path, *at), key=key))

    name = str(entry.get("name", ""))
    if not name:
        error("missing_option", "a receiver needs a name")
    kinds = [kind for kind in KINDS if kind in entry]
    others = [key for key in entry if key not in ("name", "fallback", *KINDS)]
    for key in others:
        error("unknown_key", f"unknown key {key}", _instead(str(key)), key, key=True)
    meant = [key for key in map(str, others) if _instead(key) and not did_you_mean(key, ["name", "fallback"])]
    if len(kinds) > 1 or not (kinds or meant):
        error("receiver_kind", f"receiver {name} must have exactly one kind", f"one of {', '.join(KINDS)}")
    for kind in kinds:
        _check_kind(document, kind, entry[kind] or {}, path, findings)
    mark = document.mark((*path, "name"))
    fallback = entry.get("fallback")
    position = Position(document.file, mark.line, mark.column)
    options = entry[kinds[0]] if kinds else None
    return Receiver(
        name,
        kinds[0] if kinds else "",
        dict(options) if isinstance(options, Mapping) else {},
        None if fallback is None else str(fallback),
        position,
    )


def _instead(key: str) -> str:
    """Return what to write in place of an unknown key, which may be a service that another kind reaches."""
    near = did_you_mean(key, ["name", "fallback", *KINDS])
    service = key.removesuffix("_configs").removesuffix("_config")
    service = ALIASES.get(service, service)
    if near or service in KINDS:
        return near or f"did you mean {service}?"
    return remedy(service) if service in (*KNOWN, *APPRISE, *SCHEMES, *REMEDIES) else ""


def unset_variables(receivers: Iterable[Receiver], environ: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Yield a warning for each receiver whose variable is not set here: ``alerter run`` would refuse it."""
    for receiver in receivers:
        at = receiver.position or Position("", 1, 1)
        for option in ("webhook_env", "url_env"):
            variable = str(receiver.options.get(option, ""))
            if variable and not environ.get(variable):
                message = f"receiver {receiver.name}: the variable {variable} of {option} is not set here"
                hint = f"alerter run does not start without it: export {variable}=... where it runs"
                yield Diagnostic("warning", "unset_variable", message, hint, at.file, at.line, at.column)


def _check_kind(document: Document, kind: str, options: Any, path: tuple[Any, ...], findings: list[Diagnostic]) -> None:
    def error(code: str, message: str, hint: str = "", *at: Any, key: bool = False) -> None:
        findings.append(document.diagnostic("error", code, message, hint, (*path, kind, *at), key=key))

    if not isinstance(options, Mapping):
        error("wrong_value", f"{kind}: is a mapping of options")
        return
    for key in options:
        if key not in KINDS[kind]:
            hint = did_you_mean(str(key), KINDS[kind]) or f"known: {', '.join(KINDS[kind]) or 'none'}"
            error("unknown_key", f"unknown key {key} of a {kind} receiver", hint, key, key=True)
    if kind == "slack":
        _check_slack(options, error)
    if kind in ("webhook", "apprise") and sum(n in options for n in ("url", "url_env", "url_file")) != 1:
        error("missing_option", f"a {kind} receiver needs one of url, url_env, url_file")
    _warn_of_secret(document, kind, options, path, findings)


def _check_slack(options: Mapping[str, Any], error: Any) -> None:
    if not options.get("channel"):
        error("missing_option", "a slack receiver needs a channel", 'like channel: "#alerts"')
    mention = options.get("mention", {})
    if not isinstance(mention, Mapping):
        error("wrong_value", "mention is a mapping", "like {critical: S0123ABCD}", "mention")
    else:
        _check_mention(mention, error)
    if not zone_exists(str(options.get("time_zone", "UTC"))):
        error("time_zone", f"unknown time zone {options['time_zone']}", "like Europe/Berlin", "time_zone")
    if options.get("on_unclear", "resend") not in ("resend", "hold"):
        error("wrong_value", "on_unclear is resend or hold", "", "on_unclear")


def _check_mention(mention: Mapping[str, Any], error: Any) -> None:
    """Slack shows any other name as it is written, and tells nobody."""
    for severity, who in mention.items():
        if severity not in SEVERITIES:
            hint = did_you_mean(str(severity), SEVERITIES) or "info, warning or critical"
            error("wrong_value", f"mention: unknown severity {severity}", hint, "mention", severity, key=True)
        if who not in (None, "") and not re.fullmatch(MENTIONED, str(who)):
            inner = re.sub(r"^<?[@!](?:subteam\^)?|>$", "", str(who))
            meant = f"write {inner}; " if re.fullmatch(MENTIONED, inner) else ""
            hint = f"{meant}a person is U... or W..., a user group S..., all are here or channel"
            error("wrong_value", f"mention: {who} is no Slack id", hint, "mention", severity)


def _warn_of_secret(
    document: Document, kind: str, options: Mapping[str, Any], path: tuple[Any, ...], findings: list[Diagnostic]
) -> None:
    url = str(options.get("url", ""))
    if (kind == "apprise" or "@" in url or "hooks.slack" in url or "token=" in url.lower()) and url:
        message = "a URL that may hold a credential is written in the file"
        hint = "use url_env or url_file"
        findings.append(document.diagnostic("warning", "inline_secret", message, hint, (*path, kind, "url"), key=True))
