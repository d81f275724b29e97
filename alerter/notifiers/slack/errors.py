"""Slack's error codes by the class of reaction (reference: Slack's method documentation)."""

from __future__ import annotations

from alerter.clock import SECOND, Millis
from alerter.notifiers.protocol import Failure, NotifierError

CLASSES: dict[Failure, frozenset[str]] = {
    Failure.WAIT: frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"}),
    Failure.UNCLEAR: frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"}),
    Failure.DEGRADE: frozenset(
        {
            "invalid_blocks",
            "invalid_blocks_format",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
            "invalid_attachments",
            "too_many_attachments",
            "attachment_payload_limit_exceeded",
            "invalid_metadata_format",
            "metadata_too_large",
        }
    ),
    Failure.CHANNEL: frozenset(
        {
            "channel_not_found",
            "not_in_channel",
            "is_archived",
            "posting_to_channel_denied",
            "team_not_found",
        }
    ),
    Failure.CREDENTIALS: frozenset(
        {
            "not_authed",
            "invalid_auth",
            "account_inactive",
            "token_revoked",
            "token_expired",
            "missing_scope",
            "not_allowed_token_type",
            "access_denied",
            "invalid_token",
        }
    ),
    Failure.GONE: frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"}),
}
REMEDIES = {
    "channel_not_found": "the channel does not exist, or is private and the bot was never invited: /invite the bot",
    "not_in_channel": "invite the bot: /invite @alerter",
    "is_archived": "un-archive the channel, or name another one in the receiver",
    "token_revoked": "put a new bot token into ALERTER_SLACK_TOKEN",
    "invalid_auth": "ALERTER_SLACK_TOKEN is not a valid bot token",
    "not_authed": "set ALERTER_SLACK_TOKEN",
    "missing_scope": "add the scopes of notifiers/slack/manifest.yaml and reinstall the app",
}
DEFAULT_WAIT: Millis = 30 * SECOND


def from_code(code: str, *, posting: bool, detail: str = "", retry_after: Millis = 0) -> NotifierError:
    """Return the error of Slack's code; an unknown one is unclear for a post, and retried for the rest."""
    known = next((failure for failure, codes in CLASSES.items() if code in codes), None)
    failure = known or (Failure.CHANNEL if code.startswith("restricted_action") else Failure.UNCLEAR)
    if not posting and failure is Failure.UNCLEAR:
        failure = Failure.WAIT
    if failure is Failure.WAIT:
        retry_after = retry_after or DEFAULT_WAIT
    return NotifierError(failure, code, detail or REMEDIES.get(code, ""), retry_after)
