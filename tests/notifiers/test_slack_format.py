"""Slack's payloads: golden pictures, limits by construction, no live mention from data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerter.model.incident import Delivery, Incident, Kind, Reason, View
from alerter.notifiers.protocol import Outgoing
from alerter.notifiers.slack.escape import cut, escape, fenced, link, mrkdwn, units
from alerter.notifiers.slack.format import metadata, payload, reply_payload
from alerter.notifiers.text import plain_text
from alerter.timetext import parse_instant
from tests.notifiers.judge import faults, mentions, texts

GOLDEN = Path(__file__).parent.parent / "golden" / "messages"
OPENED = parse_instant("2026-03-10T14:05:00Z")
OPTIONS: dict[str, Any] = {"channel": "#order", "mention": {"critical": "S0123ABCD"}, "time_zone": "Europe/Berlin"}
VIEW = View(
    title="cancellations jump",
    sentence="42 in 5 min (threshold 10)",
    summary="Customers cancel more than usual.",
    condition="at least 10 events in 5 min",
    fields=(("Orders", "17 distinct"),),
    sample='{"message": "order cancelled <&> ```"}',
    chart=((1, 1.0), (2, 5.0), (3, 42.0)),
    threshold=10,
    runbook="https://runbooks.example.org/cancel",
    link="https://kibana.example.org/app/discover#/?_g=(from:1,to:2)",
)
INCIDENT = Incident(
    id="0123456789abcdef0123", rule="cancellations", type="frequency", key=(("user.name", "x"),),
    labels={"domain": "order", "severity": "critical"}, opened=OPENED, matches=3, count=42, peak=530, view=VIEW,
)  # fmt: skip


def outgoing(incident: Incident, kind: Kind, reason: Reason, **changes: Any) -> Outgoing:
    """Return a message as delivery makes it."""
    at = incident.resolved or incident.opened
    text = plain_text(incident, kind, reason, at)
    return Outgoing(incident, Delivery("d1", kind, "order", "#order", at, reason, text), **changes)


CASES = {
    "firing": outgoing(INCIDENT, Kind.FIRING, Reason.FIRST_MATCH),
    "refreshed": outgoing(replace(INCIDENT, revision=2), Kind.FIRING, Reason.FIRST_MATCH, first=False),
    "reopened": outgoing(INCIDENT, Kind.FIRING, Reason.REOPENED, first=False),
    "resolved": outgoing(
        replace(INCIDENT, resolved=OPENED + 37 * 60_000), Kind.RESOLVED, Reason.CONDITION_OVER, first=False
    ),
    "fallback": outgoing(INCIDENT, Kind.FIRING, Reason.FALLBACK, note="sent here because #order cannot be posted to"),
    "plainest": outgoing(INCIDENT, Kind.FIRING, Reason.FIRST_MATCH, plain=3),
    "info": outgoing(
        replace(INCIDENT, rule="", key=None, view=View(title="test message", sentence="nothing is wrong")),
        Kind.INFO,
        Reason.TEST,
    ),
}


def test_the_peak_of_events_is_not_passed_off_as_a_value() -> None:
    """Rules that judge a value show the one that was told last, firing and resolved."""
    valued = replace(INCIDENT, type="metric_aggregation", view=replace(VIEW, sentence="avg of v is 95 in 3 min"))
    firing = json.dumps(payload(outgoing(valued, Kind.FIRING, Reason.FIRST_MATCH), OPTIONS))
    over = replace(valued, resolved=OPENED + 37 * 60_000)
    resolved = json.dumps(payload(outgoing(over, Kind.RESOLVED, Reason.CONDITION_OVER, first=False), OPTIONS))
    assert "3 times" in firing
    assert "Lasted 37 min, 3 matches\\nLast match: avg of v is 95 in 3 min" in resolved
    assert not any("peak" in text or "530" in text for text in (firing, resolved))


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    """Each kind of message looks exactly as recorded; delete a file to record it anew."""
    file = GOLDEN / f"slack_{name}.json"
    made = payload(CASES[name], OPTIONS)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        pytest.fail(f"{file.name} was missing and is recorded now; look at it and run again")
    assert made == json.loads(file.read_text(encoding="utf-8"))
    assert faults(made) == []


def test_mention_only_in_the_first_post_and_for_its_severity() -> None:
    """The on-call group is called once; edits, resolutions and warnings do not call it."""
    assert any("<!subteam^S0123ABCD>" in t for t in texts(payload(CASES["firing"], OPTIONS)))
    warning = replace(INCIDENT, labels={**INCIDENT.labels, "severity": "warning"})
    for message in (CASES["refreshed"], CASES["resolved"], outgoing(warning, Kind.FIRING, Reason.FIRST_MATCH)):
        assert mentions(payload(message, OPTIONS)) == []


def test_reply_mentions_only_when_severity_rises() -> None:
    """A repeat or a re-opening calls nobody; one that is worse than what was told does."""
    for kind, reason in ((Kind.REPEAT, Reason.REPEAT), (Kind.FIRING, Reason.REOPENED)):
        plain = outgoing(INCIDENT, kind, reason)
        raised = replace(plain, delivery=replace(plain.delivery, raised=True))
        assert "<!" not in reply_payload(plain, OPTIONS)["text"]
        assert reply_payload(raised, OPTIONS)["text"].startswith("<!subteam^S0123ABCD> ")


def test_degrading_leaves_out_chart_then_sample_then_blocks() -> None:
    """Each step is plainer; the text and the key stay to the end."""
    sizes = [len(json.dumps(payload(replace(CASES["firing"], plain=n), OPTIONS))) for n in range(4)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert "user.name x" in payload(replace(CASES["firing"], plain=3), OPTIONS)["text"]


def test_block_ids_change_with_every_revision() -> None:
    """Slack asks for new block ids in an edited message."""
    first, second = (
        {b["block_id"] for b in payload(CASES[name], OPTIONS)["blocks"]} for name in ("firing", "refreshed")
    )
    assert not first & second


def test_metadata_marks_the_delivery() -> None:
    """A message can be found again by its delivery."""
    assert metadata(CASES["firing"])["event_payload"]["delivery"] == "d1"


NASTY = st.one_of(
    st.text(max_size=400),
    st.sampled_from(["<!channel>", "<@U1>", "&" * 5_000, "```" * 100, "x" * 100_000, "<https://evil|click>", "\x00\n"]),
    st.text(alphabet="<>&!@#|`*_~\n\u202e\U0001f600漢ع", max_size=4_000),
)


@settings(max_examples=150, deadline=None)
@given(
    title=NASTY, sentence=NASTY, summary=NASTY, sample=NASTY, value=NASTY, url=NASTY, note=NASTY,
    names=st.lists(NASTY, max_size=30), over=st.booleans(), kind=st.sampled_from(list(Kind)),
)  # fmt: skip
def test_any_content_gives_an_acceptable_payload(
    title: str, sentence: str, summary: str, sample: str, value: str, url: str, note: str,
    names: list[str], over: bool, kind: Kind,
) -> None:  # fmt: skip
    """Whatever logs hold, Slack takes the message, nobody is mentioned, and no link is planted."""
    view = View(
        title=title, sentence=sentence, summary=summary, sample=sample, condition=summary,
        fields=tuple((n, value) for n in names), runbook=f"https://x/{url}", link=url, chart=((1, 2.0),),
    )  # fmt: skip
    key = tuple((f"f{n}", name) for n, name in enumerate(names[:12]))
    incident = replace(INCIDENT, key=key, view=view, resolved=OPENED if over else None, rule=title)
    message = outgoing(incident, kind, Reason.FIRST_MATCH, note=note)
    made = payload(message, {"channel": "#order"})
    assert faults(made) == []
    assert mentions(made) == []
    assert "|click>" not in json.dumps(made)
    line = reply_payload(message, {"channel": "#order"})
    assert faults(line) == []
    assert mentions(line) == []


@given(st.text(alphabet="<>&a\U0001f600", max_size=200), st.integers(40, 120))
def test_cut_never_breaks_an_entity_or_a_limit(text: str, limit: int) -> None:
    """What is left is within the limit, whole entities only, and says how much is missing."""
    made = cut(escape(text), limit)
    assert units(made) <= limit
    assert made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0


def test_links_that_are_none_are_shown_as_text() -> None:
    """Only http and https can be clicked."""
    assert link("javascript:alert(1)", "View") == "View"
    assert link("https://x.org/a|b", "View") == "<https://x.org/a%7Cb|View>"


def test_fence_cannot_be_left() -> None:
    """A sample holds no code fence of its own."""
    assert fenced("a ``` b", 100).count("```") == 2


def test_names_can_be_copied_and_marks_do_not_format() -> None:
    """A mark inside a word stays as it is; one that would format is held off by a character without width."""
    assert mrkdwn("jan_doe a*b", 100) == "jan_doe a*b"
    assert mrkdwn("*bold* _x_", 100) == "\u200b*bold\u200b* \u200b_x\u200b_"


def test_link_opens_no_code_fence() -> None:
    """A backtick in a URL is written as URLs write it."""
    assert link("https://x/```", "run") == "<https://x/%60%60%60|run>"


def test_one_match_is_not_several() -> None:
    """A short incident's end is told in good English."""
    short = replace(INCIDENT, matches=1, resolved=OPENED + 60_000)
    shown = texts(payload(outgoing(short, Kind.RESOLVED, Reason.CONDITION_OVER, first=False), OPTIONS))
    ends = [text for text in shown if "Lasted" in text]
    assert len(ends) == 2, "the headline and the text that notifications show"
    assert all("peak 530, 1 match" in text and "1 matches" not in text for text in ends)
