"""Receivers as written: one kind each, its options checked, no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alerter.model.route import Receiver
from alerter.model.rule import Position
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


def read_receiver(
    document: Document, entry: Mapping[str, Any], path: tuple[Any, ...], findings: list[Diagnostic]
) -> Receiver | None:
    """Return the receiver, or None with the reasons in ``findings``."""
    before = len(findings)

    def error(code: str, message: str, hint: str = "", *at: Any, key: bool = False) -> None:
        findings.append(document.diagnostic("error", code, message, hint, (*path, *at), key=key))

    name = str(entry.get("name", ""))
    if not name:
        error("missing_option", "a receiver needs a name")
    for key in entry:
        if key not in ("name", "fallback", *KINDS):
            error(
                "unknown_key", f"unknown key {key}", did_you_mean(str(key), ["name", "fallback", *KINDS]), key, key=True
            )
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        error("receiver_kind", f"receiver {name} must have exactly one kind", f"one of {', '.join(KINDS)}")
        return None
    kind = kinds[0]
    options = entry[kind] or {}
    if not isinstance(options, Mapping):
        error("wrong_value", f"{kind}: is a mapping of options", "", kind)
        return None
    for key in options:
        if key not in KINDS[kind]:
            hint = did_you_mean(str(key), KINDS[kind]) or f"known: {', '.join(KINDS[kind]) or 'none'}"
            error("unknown_key", f"unknown key {key} of a {kind} receiver", hint, kind, key, key=True)
    _check_options(kind, options, error)
    _warn_of_secret(document, kind, options, path, findings)
    if any(f.severity == "error" for f in findings[before:]):
        return None
    mark = document.mark((*path, "name"))
    fallback = entry.get("fallback")
    position = Position(document.file, mark.line, mark.column)
    return Receiver(name, kind, dict(options), None if fallback is None else str(fallback), position)


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


def _check_options(kind: str, options: Mapping[str, Any], error: Any) -> None:
    if kind == "slack":
        if not options.get("channel"):
            error("missing_option", "a slack receiver needs a channel", 'like channel: "#alerts"', kind)
        if not isinstance(options.get("mention", {}), Mapping):
            error("wrong_value", "mention is a mapping", "like {critical: S0123ABCD}", kind, "mention")
        else:
            for severity in options.get("mention") or {}:
                if severity not in ("info", "warning", "critical"):
                    error(
                        "wrong_value",
                        f"mention: unknown severity {severity}",
                        "info, warning or critical",
                        kind,
                        "mention",
                    )
        if not zone_exists(str(options.get("time_zone", "UTC"))):
            error("time_zone", f"unknown time zone {options['time_zone']}", "like Europe/Berlin", kind, "time_zone")
        if options.get("on_unclear", "resend") not in ("resend", "hold"):
            error("wrong_value", "on_unclear is resend or hold", "", kind, "on_unclear")
    if kind in ("webhook", "apprise") and sum(n in options for n in ("url", "url_env", "url_file")) != 1:
        error("missing_option", f"a {kind} receiver needs one of url, url_env, url_file", "", kind)


def _warn_of_secret(
    document: Document, kind: str, options: Mapping[str, Any], path: tuple[Any, ...], findings: list[Diagnostic]
) -> None:
    url = str(options.get("url", ""))
    if (kind == "apprise" or "@" in url or "hooks.slack" in url or "token=" in url.lower()) and url:
        message = "a URL that may hold a credential is written in the file"
        hint = "use url_env or url_file"
        findings.append(document.diagnostic("warning", "inline_secret", message, hint, (*path, kind, "url"), key=True))
