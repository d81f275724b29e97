"""Subjects and texts filled by both from the same match: fields at any depth, missing ones, options, templates."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from alerter.engine.texts import said
from tests.elastalert.ours import rule_of
from tests.elastalert.peer import Case, ElastAlert

CASES = 600
MATCH: dict[str, Any] = {
    "@timestamp": "2026-03-10T11:00:03.000Z",
    "host": {"name": "web-1", "ip": ["10.0.0.1", "10.0.0.2"], "os": {"full.name": "Linux ü", "v": 6.1}},
    "a.b": "dotted",
    "a": {"b": "nested", "c": None},
    "tags": ["x", "y"],
    "n": 3.14159,
    "big": 12345678901234567890,
    "tiny": 1e-9,
    "zero": 0,
    "empty": "",
    "off": False,
    "none": None,
    "items": [{"id": 7, "in": {"x": "deep"}}, {"id": 8}],
    "odd": "{0} {{ x }} $name$ %(a)s",
    "lines": "one\ntwo",
    "message.keyword": "kept",
    "num_hits": 12,
    "num_matches": 2,
}
PATHS = (
    "host.name", "host", "host.ip", "host.ip[0]", "host.ip[1]", "host.ip[7]", "host.os.full.name", "host.os.v", "a.b",
    "a", "a.c", "tags", "tags[0]", "n", "big", "tiny", "zero", "empty", "off", "none", "items", "items[0]",
    "items[1]id", "items[0]in.x", "odd", "lines", "message.keyword",
    "message", "num_hits", "num_matches", "nowhere", "nowhere.at.all", "owner", "priority", "name", "index", "type.x",
    "category", "description", "@timestamp", "host.name.keyword",
)  # fmt: skip
"""What texts are filled with: fields, options of the rule, and what is neither."""
PIECES = (
    "{}", "{}", "{}", "<{}>", "{!r}", "{!s:>12}", "{:>8}", "{:<3}|", "{:.2f}", "{:,}", "{:05d}", "{:x}", "{[name]}",
    "{{}}", "{{{}}}", "plain ", "ü ", "\n", "%s", "$name$",
)  # fmt: skip
EXPRESSIONS = (
    "{{ host.name }}", "{{ host['name'] }}", "{{ ROOT['a.b'] }}", "{{ ROOT.a.b }}", "{{ a.b }}", "{{ nowhere }}",
    "{{ n | round(2) }}", "{{ tags | join(', ') }}", "{% for t in tags %}<{{ t }}>{% endfor %}", "{{ items[0].id }}",
    "{{ owner }}", "{{ name }}", "{% if off %}yes{% else %}no{% endif %}", "{{ none }}", "{{ host | length }}",
    "{{ ROOT['nowhere'] }}", "{{ zero or 'z' }}", "{{ num_hits }}/{{ num_matches }}", "{{ lines | upper }}",
    "{{ odd }}", "{{ nowhere | default('d') }}", "{{ ROOT.owner }}", "{{ items | map(attribute='id') | list }}",
    "{{ '%05.1f' | format(n) }}", "{{ empty | e }}", "{{ priority + 1 }}", "text ", "{{ '<b>' | escape }}",
    "{{ ROOT | length > 3 }}", "{# gone #}", "{{ big }} ", "{{ tiny }} ", "{{ ROOT.items[1].id }}\n",
)  # fmt: skip


def thrown(dice: Random) -> dict[str, Any]:
    """Return the options of a rule whose texts are filled in one of ElastAlert's ways."""
    rule: dict[str, Any] = {"name": "r ü", "type": "any", "index": "logs", "alert": "debug"}
    rule |= {"priority": dice.choice([0, 3])} if dice.random() < 0.7 else {}
    rule |= {"owner": "ops"} if dice.random() < 0.7 else {}
    rule |= {"category": "net"} if dice.random() < 0.5 else {}
    rule |= {"description": "what it is"} if dice.random() < 0.5 else {}
    rule |= {"alert_missing_value": dice.choice(["<none>", "", "-"])} if dice.random() < 0.3 else {}
    rule |= {"alert_subject_max_len": dice.choice([1, 5, 20])} if dice.random() < 0.2 else {}
    way = dice.choice(["args", "args", "kw", "jinja", "plain", "reference"])
    if way == "jinja":
        rule["alert_text_type"] = "alert_text_jinja"
        if dice.random() < 0.4:
            rule["jinja_root_name"] = dice.choice(["data", "x_1"])
        root = rule.get("jinja_root_name", "_data")
        for name in ("alert_text", "alert_subject"):
            rule[name] = "".join(dice.choice(EXPRESSIONS).replace("ROOT", root) for _ in range(dice.randint(1, 5)))
        return rule
    rule["alert_text_type"] = dice.choice(["alert_text_only", "exclude_fields"])
    if way == "reference":
        rule |= {"alert_subject": "$owner$", "alert_text": "$description$"}
        return rule
    for name in ("alert_text", "alert_subject"):
        rule[name] = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 6)))
        if way == "args":
            rule[f"{name}_args"] = [dice.choice(PATHS) for _ in range(6)]
    if way == "kw":
        names = [f"v{n}" for n in range(6)]
        paths = dice.sample(PATHS, 6)
        rule["alert_text_kw"] = dict(zip(paths, names, strict=True))
        given = iter(names)
        while "{}" in rule["alert_text"].replace("{{}}", ""):
            rule["alert_text"] = rule["alert_text"].replace("{}", f"{{{next(given)}}}", 1)
    return rule


@pytest.mark.peer
def test_the_same_is_said(elastalert: ElastAlert) -> None:
    """Wherever ElastAlert says anything at all, alerter says the same; the ends of texts are trimmed."""
    dice = Random(7)
    rules = [thrown(dice) for _ in range(CASES)]
    answers = elastalert.ask([Case(rule, [["text", MATCH]]) for rule in rules])
    compared = 0
    for rule, answer in zip(rules, answers, strict=True):
        if answer.failed:
            continue  # what loses the alert there stands as it is here: tests/engine/test_texts.py
        compared += 1
        ((_, theirs),) = answer.matches
        mine = said(rule_of(rule), MATCH, {})
        assert (mine.title.strip(), mine.summary.strip()) == (theirs["title"].strip(), theirs["text"].strip()), rule
    assert compared > CASES / 2
