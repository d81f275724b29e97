"""The judge finds what Slack would refuse, and passes a good message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.slack_judge import judge, live_mentions

POINTS = [{"label": str(n), "value": n} for n in range(3)]
SERIES = {"name": "count", "data": POINTS}
CHART = {"type": "bar", "series": [SERIES], "axis_config": {"categories": ["0", "1", "2"]}}


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def table(*cells: str) -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": cell} for cell in cells]]}


GOOD: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Refunds surge"}},
    section("*42* in 5 min &amp; rising <https://example.com|View> <!date^1^{date}|then>", block_id="a"),
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Key*\nx"}], "block_id": "b"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "firing"}]},
    {"type": "divider"},
    {"type": "data_visualization", "title": "Events", "chart": CHART},
    table("rule", "firing"),
]


def test_a_good_message_passes() -> None:
    """Every block the product may send is known to the judge."""
    attachments = [{"color": "#a30200", "blocks": [section("in the state's colour")]}]
    metadata = {"event_type": "alerter", "event_payload": {"delivery": "d"}}
    payload = {"text": "Refunds surge", "blocks": GOOD, "attachments": attachments, "metadata": metadata}
    assert judge("chat.postMessage", payload) == []
    assert judge("conversations.history", {"text": ""}) == []


@pytest.mark.parametrize(
    ("spoiled", "finding"),
    [
        ({"text": ""}, "text is missing"),
        ({"text": "x" * 41_000}, "text is longer"),
        ({"blocks": [section("x" * 3_001)]}, "json-pointer:/blocks/0"),
        ({"blocks": [section("&amp;" * 601)]}, "json-pointer:/blocks/0"),
        ({"blocks": [section("\N{PILE OF POO}" * 1_501)]}, "UTF-16"),
        ({"blocks": [{"type": "section"}]}, "json-pointer:/blocks/0"),
        ({"blocks": [{"type": "section", "fields": GOOD[2]["fields"] * 11}]}, "json-pointer:/blocks/0"),
        ({"blocks": [{"type": "context", "elements": GOOD[3]["elements"] * 11}]}, "json-pointer:/blocks/0"),
        ({"blocks": [section("a", block_id="a"), section("b", block_id="a")]}, "block_id a stands twice"),
        ({"blocks": [section("x" * 2_900)] * 3}, "over all blocks"),
        ({"blocks": [{"type": "divider"}] * 51}, "more than 50 blocks"),
        ({"blocks": [table("a"), table("b")]}, "more than one table"),
        ({"blocks": [table("a", "")]}, "empty cell"),
        ({"blocks": [{"type": "sparkle"}]}, "unknown block type"),
        ({"blocks": [section("a < b & c")]}, "not escaped"),
        ({"attachments": [{"blocks": [section("x" * 3_001)]}]}, "json-pointer:/attachments/0"),
        ({"metadata": {"event_payload": {}}}, "event_type"),
        ({"metadata": {"event_type": "a", "event_payload": {"x": "y" * 2_000}}}, "metadata is longer"),
    ],
)
def test_what_slack_refuses_is_found(spoiled: dict[str, Any], finding: str) -> None:
    """Each spoiled part gives a finding that names it."""
    found = judge("chat.postMessage", {"text": "fine", **spoiled})
    assert any(finding in line for line in found), found


def test_an_edit_takes_less_text_than_a_post() -> None:
    """``chat.update`` refuses a text above 4,000 bytes, which a post still takes."""
    assert judge("chat.postMessage", {"text": "x" * 5_000}) == []
    assert judge("chat.update", {"text": "x" * 5_000}) != []


def test_live_mentions_are_found_wherever_they_stand() -> None:
    """A mention in a block, a field or an attachment is live; an escaped one is not."""
    blocks = [section("<!channel> and &lt;!here&gt;"), {"type": "section", "fields": [{"text": "<@U123|x>"}]}]
    attachments = [{"fallback": "<!subteam^S1>", "blocks": []}]
    payload = {"text": "<!everyone>", "blocks": blocks, "attachments": attachments}
    assert sorted(live_mentions(payload)) == ["<!channel>", "<!everyone>", "<!subteam^S1>", "<@U123|x>"]
