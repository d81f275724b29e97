"""One call of a notifier; whatever goes wrong comes out as a NotifierError."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from alerter.errors import UsageError
from alerter.notifiers.protocol import Failure, NotifierError, Outgoing

log = logging.getLogger(__name__)
T = TypeVar("T")


class NotAllowed(Exception):
    """This engine may not send now: it lost its place in the fleet. The pass ends; what was claimed stays so."""


def attempted(attempt: Callable[[Outgoing], T], message: Outgoing) -> T:
    """Return what the attempt returns; raises NotifierError, and NotAllowed, only.

    A secret that cannot be read is a matter of credentials. Any other error is ours, made while the message was put
    into shape: a plainer message is tried, for a page must not be lost to a bug.
    """
    try:
        return attempt(message)
    except (NotifierError, NotAllowed):
        raise
    except UsageError as error:
        raise NotifierError(Failure.CREDENTIALS, "no_credentials", error.message) from None
    except Exception as error:
        log.debug("message %s", message.delivery.id, exc_info=True)
        raise NotifierError(Failure.DEGRADE, type(error).__name__, "the message could not be put into shape") from error
