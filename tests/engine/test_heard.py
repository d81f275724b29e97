"""What receivers know of an incident by the messages planned for it: ends go to those who heard the beginning."""

from __future__ import annotations

from typing import Any

import pytest

from alerter.engine.heard import Heard, ends_unheard, fallback_id, in_order
from alerter.model.incident import Delivery, DeliveryState, Kind, Reason
from tests.delivery.fakes import NOW, delivery, incident


def sent(id: str, kind: Kind, at: int, **changes: Any) -> Delivery:
    return delivery(id, kind, at=NOW + at, **{"state": DeliveryState.SENT, "receiver": "order", **changes})


def fires(id: str, at: int, **changes: Any) -> Delivery:
    return sent(id, Kind.FIRING, at, **changes)


def ends(id: str, at: int, **changes: Any) -> Delivery:
    return sent(id, Kind.RESOLVED, at, **changes)


def instead(of: Delivery, receiver: str, state: DeliveryState = DeliveryState.SENT) -> Delivery:
    """Return what goes to a fallback."""
    return sent(fallback_id(of, receiver), of.kind, of.at - NOW, receiver=receiver, reason=Reason.FALLBACK, state=state)


FAILED, DROPPED = DeliveryState.FAILED, DeliveryState.DROPPED
FIRST, END = fires("f", 1), ends("r", 9)
DEAD, DEAD_END = fires("f", 1, state=FAILED), ends("r", 9, state=FAILED)


@pytest.mark.parametrize(
    ("listed", "unheard"),
    [
        ([FIRST, END], []),
        ([fires("f", 1, state=DROPPED), END], ["r"]),
        ([FIRST, END, fires("f2", 20, state=DROPPED), ends("r2", 30)], ["r2"]),
        ([FIRST, END, fires("f2", 20, state=DROPPED), ends("r2", 30), fires("f3", 40)], ["r2"]),
        ([FIRST, END, fires("f2", 5), ends("r2", 30)], []),
        ([FIRST, fires("f2", 2), END, ends("of a group", 9)], []),
        ([DEAD, instead(DEAD, "spare"), DEAD_END, instead(DEAD_END, "spare")], []),
        ([DEAD, DEAD_END, instead(DEAD, "spare"), instead(DEAD_END, "spare")], []),
        ([FIRST, DEAD_END, instead(DEAD_END, "spare")], []),
        ([FIRST, DEAD_END, instead(DEAD_END, "spare", FAILED), instead(instead(DEAD_END, "spare"), "third")], []),
    ],
    ids=[
        "told", "kept back", "re-opening kept back", "a later one told", "re-opened before the end by late events",
        "two ends", "at the fallback", "listed late", "the end alone", "a fallback's fallback",
    ],
)  # fmt: skip
def test_ends_are_told_to_who_heard_the_beginning(listed: list[Delivery], unheard: list[str]) -> None:
    """Whatever order fallbacks are listed in."""
    whole = incident("i", *listed)
    assert [d.id for d in listed if d.kind is Kind.RESOLVED and ends_unheard(whole, d)] == unheard


def test_a_late_copy_is_put_where_its_original_was_planned() -> None:
    """So an end that both were told is the last word."""
    copy = instead(DEAD, "spare")
    listed = [DEAD, DEAD_END, ends("r2", 9, receiver="spare"), copy]
    assert [d.id for d in in_order(listed)] == ["f", copy.id, "r", "r2"]
    assert Heard.of(incident("i", *listed)).receivers == {}
    assert Heard.of(incident("i", *listed[:1], copy)).receivers.keys() == {"order", "spare"}
