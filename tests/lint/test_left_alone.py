"""What the lints leave alone, beside what they say: the edges at which a rule becomes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerter.config import Settings
from alerter.lint.facts import Facts
from alerter.lint.formats import as_github, as_json
from alerter.lint.registry import BUILT, WRITTEN
from alerter.lint.templates import event_fields, template_fields
from alerter.ruleset.checking import MOST, check

FREQUENCY = "type: frequency\nindex: logs\nnum_events: 5\ntimeframe: 5m\n"
FLATLINE = "type: flatline\nindex: logs\nthreshold: 1\ntimeframe: 5m\n"
CARDINALITY = "type: cardinality\nindex: logs\ncardinality_field: user\ntimeframe: 5m\n"
SPIKE = "type: spike\nindex: logs\nspike_type: up\ntimeframe: 5m\n"
CODES = {lint.id for group in (WRITTEN, BUILT) for lint in group}


def codes(folder: Path, text: str) -> list[str]:
    """Return the codes of the lints about one rule."""
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return [d.code for d in check([folder / "a.yaml"], Settings()).diagnostics if d.code in CODES]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FREQUENCY, []),
        (FREQUENCY + "realert: {minutes: 0}", []),
        (FREQUENCY + "realert: 1m", []),
        (FREQUENCY + "realert: 59s", ["short_realert"]),
        (FREQUENCY + "run_every: 5m", []),
        (FREQUENCY + "realert: 1h\nschedule: {cron: '0 * * * *'}", []),
        (FREQUENCY + "realert: 30m\nschedule: {cron: '0,20 * * * *'}", []),
        (FREQUENCY + "realert: 19m\nschedule: {cron: '0,20 * * * *'}", ["short_realert"]),
        (FREQUENCY + "run_every: 10m", []),
        (FREQUENCY + "run_every: 1h\nmax_catchup: 1h", []),
        (FREQUENCY + "run_every: 1h\nmax_catchup: 59m", ["short_catchup"]),
        (FLATLINE + "run_every: 5m", []),
        (FLATLINE + "run_every: 6m", ["gap_between_windows"]),
        (FLATLINE + "query_key: host\nknown_keys_for: 6m", []),
        (FLATLINE + "query_key: host\nknown_keys_for: 5m", ["threshold_out_of_reach"]),
        (FLATLINE + "known_keys_for: 5m", []),
        (FLATLINE.replace("1", "2", 1) + "query_key: host\nknown_keys_for: 5m", []),
        (CARDINALITY + "max_cardinality: 3\nrun_every: 1h", []),
        (CARDINALITY + "min_cardinality: 3\nrun_every: 1h", ["gap_between_windows"]),
        (CARDINALITY + "max_cardinality: 3\nquery_key: host", []),
        (CARDINALITY + "max_cardinality: 3\nquery_key: [host, user]", ["threshold_out_of_reach"]),
        (CARDINALITY + "max_cardinality: 1\nfilter: [{terms: {user: [a, b]}}]", []),
        (CARDINALITY + "max_cardinality: 2\nfilter: [{terms: {user.keyword: [a, b]}}]", ["threshold_out_of_reach"]),
        (SPIKE + "spike_height: 1.1", []),
        (SPIKE + "spike_height: 1", ["threshold_out_of_reach"]),
    ],
)
def test_numbers_and_lengths(tmp_path: Path, text: str, found: list[str]) -> None:
    """At the limit a rule is well, beyond it is not."""
    assert codes(tmp_path, text) == found


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("{wildcard: {host: 'web*'}}", []),
        ("{query_string: {query: 'host:* AND NOT other:*'}}", []),
        ("{query_string: {query: '*'}}", []),
        ("{regexp: {host: '.*'}}", []),
        ("{query_string: {query: '?eb'}}", ["leading_wildcard"]),
        ('{query_string: {query: message:"2 * 3" OR message:"a b"}}', []),
        ("{range: {at: {gte: '2026-01-01', lt: '2026-02-01'}}}", []),
        ("{range: {at: {gte: '2026-02-01', lt: '2026-01-01'}}}", ["matches_nothing"]),
        ("{range: {n: {gt: 5, lt: 5}}}", ["matches_nothing"]),
        ("{range: {n: {gt: b, lt: a}}}", []),
        ("{range: {at: {gte: 'now-1d/d', time_zone: Europe/Berlin}}}", ["now_in_filter"]),
        ("{range: {at: {gte: 'now-1h/h'}}}", ["now_in_filter"]),
        ("{match: {message: 'right now/days'}}", []),
        ("{query_string: {query: 'message:now AND user:nowak'}}", []),
        ("{term: {answer: now}}", []),
        ("{kql: 'message: now'}", []),
        ("{query_string: {query: 'reason:timeout AND reason:database'}}", []),
        ("{query_string: {query: 'code:500 AND code:404'}}", []),
        ("{query_string: {query: 'reason.keyword:timeout AND reason.keyword:database'}}", ["matches_nothing"]),
        ("{query_string: {query: 'addr.keyword:10.0.0.0\\/8 AND addr.keyword:10.1.0.0\\/16'}}", []),
        ("{bool: {must: [{term: {addr: 10.0.0.0/8}}, {term: {addr: 10.1.0.0/16}}]}}", []),
        ("{bool: {must: [{term: {code: 500}}, {term: {code: '500.0'}}]}}", []),
        ("{bool: {must: [{term: {code: 500}}, {term: {code: 501}}]}}", ["matches_nothing"]),
        ("{bool: {must: [{term: {code: nan}}, {term: {code: nan}}]}}", []),
        ("{bool: {must: [{term: {code: 1" + 400 * "0" + "}}, {term: {code: 1}}]}}", ["matches_nothing"]),
        ("{range: {n: {gte: 1, relation: 5}}}", ["refused_filter"]),
        ("{range: {n: {gte: 1, relation: [within]}}}", ["refused_filter"]),
        ("{more_like_this: {like: x}}", []),
        ("{bool: {mustNot: {term: {a: b}}, minimum_should_match: 0}}", []),
        ("{bool: {must: null, should: []}}", []),
        ("{term: {level: [A]}}", ["refused_filter"]),
        ("{nested: {path: p, query: {term: {p.a: 1}}}}", []),
    ],
)
def test_clauses(tmp_path: Path, clause: str, found: list[str]) -> None:
    """Patterns that begin with a letter, values that are only asked for, text that looks like dates."""
    assert codes(tmp_path, f"type: any\nindex: logs\nfilter:\n- {clause}\n") == found


@pytest.mark.parametrize(
    ("clause", "column", "message", "hint"),
    [
        ("{trem: {a: b}}", 4, "knows no query trem", "did you mean term?"),
        ("{matchphrase: {a: b}}", 4, "knows no query matchphrase", "did you mean match_phrase?"),
        ("log_level: ERROR", 3, "knows no query log_level", "write term: {log_level: ...}"),
        ("log_level: [ERROR]", 3, "knows no query log_level", "write terms: {log_level: [...]}"),
        ("{not: {term: {a: b}}}", 4, "knows no query not", "write bool: {must_not: ...}"),
        ("{query: {trem: {a: b}}}", 12, "knows no query trem", "did you mean term?"),
        ("{bool: {msut: []}}", 11, "bool has no msut", "did you mean must?"),
        ("{bool: {must: {trem: {a: b}}}}", 18, "knows no query trem", "did you mean term?"),
        ("{bool: {should: [{bool: {must_not: [{trem: {a: b}}]}}]}}", 40, "knows no query trem", "did you mean term?"),
        ("{nested: {path: p, query: {trem: {p.a: b}}}}", 30, "knows no query trem", "did you mean term?"),
        ("{constant_score: {filter: {trem: {a: b}}}}", 30, "knows no query trem", "did you mean term?"),
        ("{constant_score: {fliter: {term: {a: b}}}}", 4, "does not support [fliter]", ""),
        ("{type: {value: access}}", 4, "knows no query type", "holds one kind of documents"),
        ("{bool: {must: [{term: {a: b}, exists: {field: a}}]}}", 18, "found term, exists", "several ones are a list"),
        ("{bool: {must: [5]}}", 18, "found int", "several ones are a list"),
        ("{bool: [a]}", 4, "bool is a mapping", ""),
    ],
)
def test_names_that_no_server_knows(tmp_path: Path, clause: str, column: int, message: str, hint: str) -> None:
    """A misspelt query is refused at every run: it is an error, at its name, with what was probably meant."""
    (tmp_path / "a.yaml").write_text(f"type: any\nindex: logs\nfilter:\n- {clause}\n", encoding="utf-8")
    (found,) = [d for d in check([tmp_path / "a.yaml"], Settings()).diagnostics if d.code == "refused_filter"]
    assert (found.severity, found.line, found.column) == ("error", 4, column)
    assert message in found.message
    assert found.hint.endswith(hint)


@pytest.mark.parametrize("name", ["geo_shape", "span_near", "percolate", "rank_feature", "script", "wrapper"])
def test_queries_that_files_do_not_answer_are_no_error(tmp_path: Path, name: str) -> None:
    """A cluster knows more queries than are answered over files."""
    assert codes(tmp_path, f"type: any\nindex: logs\nfilter: [{{bool: {{must: [{{{name}: {{a: b}}}}]}}}}]\n") == []


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("{query_string: {query: 'reason:timeout AND reason:database'}}", []),
        ("{query_string: {query: 'code:500 AND code:404'}}", ["matches_nothing"]),
        ("{query_string: {query: 'code:500 AND code:500.0'}}", []),
        ("{query_string: {query: 'level:ERROR AND level:WARN'}}", ["matches_nothing"]),
        ("{query_string: {query: 'mixed:a AND mixed:b'}}", []),
        ("{query_string: {query: 'later:a AND later:b'}}", []),
        ("{bool: {must: [{term: {reason: timeout}}, {term: {reason: database}}]}}", []),
        ("{bool: {must: [{term: {addr: '10.0.0.1'}}, {term: {addr: '10.0.0.2'}}]}}", []),
        ("{bool: {must: [{term: {level: a}}, {term: {level: b}}]}}", ["matches_nothing"]),
    ],
)
def test_values_at_once_by_type(tmp_path: Path, clause: str, found: list[str]) -> None:
    """Where types are known, only keywords and numbers have one value; two numbers are compared as numbers."""
    types = {"reason": {"text"}, "code": {"long"}, "level": {"keyword"}, "addr": {"ip"}, "mixed": {"text", "keyword"}}
    facts = Facts({name: frozenset(kinds) for name, kinds in types.items()})
    (tmp_path / "a.yaml").write_text(f"type: any\nindex: logs\nfilter:\n- {clause}\n", encoding="utf-8")
    result = check([tmp_path / "a.yaml"], Settings(), ask=lambda rules: [facts for _ in rules])
    assert [d.code for d in result.diagnostics if d.code == "matches_nothing"] == found


@pytest.mark.parametrize(
    ("source", "all_names", "of_event"),
    [
        ("{{ a.b }} {{ c }}", ("a.b", "c"), ("a.b", "c")),
        ("{{ a['b'] }} {{ event.c.d }} {{ events[0].e }}", ("a.b", "c.d", "e"), ("a.b", "c.d", "e")),
        ("{{ key.user }} {{ labels.tier }}", ("user", "tier"), ()),
        ("{{ count }} {{ rule }} {{ value }}", ("count", "rule", "value"), ()),
        ("{{ a.upper() }} {{ event.get('b') }}", ("a",), ("a",)),
        ("{% for x in events %}{{ x.a }}{% endfor %}{% set y = 1 %}{{ y }}", (), ()),
        ("{{ a | default(b) }}{% if c.d == 'e' %}f{% endif %}", ("a", "b", "c.d"), ("a", "b", "c.d")),
        ("{{ a[b] }}", ("a", "b"), ("a", "b")),
        ("{{ broken", (), ()),
    ],
)
def test_names_in_texts(source: str, all_names: tuple[str, ...], of_event: tuple[str, ...]) -> None:
    """Fields are told from what is given, from what the text makes itself, and from methods."""
    assert set(template_fields(source)) == set(all_names)
    assert set(event_fields(source)) == set(of_event)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("message: {title: '{{ user.name }} on {{ host.ip }}'}\nquery_key: user.name", []),
        ("message: {title: '{{ user.password }}'}", ["redacted_field"]),
        ("message: {title: '{{ spinner }} {{ pinned }} {{ emails_sent }}'}", []),
        ("message: {title: '{{ pin }}'}", ["private_field"]),
        ("message: {title: '{{ pin }}'}\nredact: {fields: [pin]}", ["redacted_field"]),
        ("query_key: user.email", ["private_field"]),
        ("query_key: user.email\nredact: {fields: [user.email]}", []),
        ("include: [http.request.headers.cookie]", ["private_field"]),
    ],
)
def test_private_fields(tmp_path: Path, text: str, found: list[str]) -> None:
    """By whole parts of names; a redacted key is well, as its hash keeps incidents apart."""
    assert codes(tmp_path, FREQUENCY + text) == found


def test_one_mistake_is_not_said_ten_thousand_times(tmp_path: Path) -> None:
    """A generated query gets as many findings as people can read, and its long line is searched once."""
    query = " OR ".join(f"a:*v{n}" for n in range(10_000))
    assert len(codes(tmp_path, f'type: any\nindex: logs\nfilter: [{{query_string: {{query: "{query}"}}}}]')) == MOST


def test_no_escape_sequence_of_a_file_reaches_the_terminal(tmp_path: Path) -> None:
    """YAML can spell control characters; the text shows a mark in their place."""
    (tmp_path / "a.yaml").write_text('type: any\nindex: x\n"\\e[31mred": 1\n', encoding="utf-8")
    text = "".join(d.text() for d in check([tmp_path], Settings()).diagnostics)
    assert "\ufffd[31mred" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "clause",
    [
        "{bool: {must: [{term: {user.pin: s3cret1}}, {term: {user.pin: s3cret2}}]}}",
        "{bool: {must: [{term: {badge: s3cret1}}, {term: {badge: s3cret2}}]}}",
        "{range: {badge: {gte: 987654, lt: 123456}}}",
        "{query_string: {query: 'badge:[987654 TO 123456]'}}",
        "{query_string: {query: '[987654 TO 123456]', fields: [level, badge^2]}}",
        "{query_string: {query: '[987654 TO 123456]', default_field: badge}}",
        "{range: {n: {gte: 987654, lt: 123456}}}",
        "{wildcard: {badge: '*s3cret'}}",
        "{query_string: {query: 'badge:*s3cret'}}",
        "{query_string: {query: 'badge:\"*s3cret*\"'}}",
        "{query_string: {query: 's3cret*s3cret*a OR *s3cret', default_field: badge}}",
        "{query_string: {query: 'badge:/s3cret.*$/'}}",
        "{regexp: {badge: '(?i)s3cret'}}",
        "{kql: 'badge: *s3cret'}",
        "{term: {badge: S3CRET s3cret}}",
    ],
)
def test_no_message_names_a_value_of_a_private_field(tmp_path: Path, clause: str) -> None:
    """Not of a field that is redacted, of one that looks private, and nothing that a pattern hides."""
    text = f"type: any\nindex: a\nfilter: [{clause}]\nredact: {{fields: [badge], patterns: ['987654', '123456']}}\n"
    text = text if "{n:" in clause else text.replace(", patterns: ['987654', '123456']", "")
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    facts = Facts({"badge": frozenset({"text" if "S3CRET" in clause else "keyword"})})
    result = check([tmp_path], Settings(), ask=lambda rules: [facts for _ in rules])
    found = [d for d in result.diagnostics if d.code in CODES | {"term_on_text"}]
    assert found
    said = "".join((*as_github(found), as_json(found, 1, 1), *(d.message for d in found)))
    assert "[redacted]" in said
    assert not any(secret in said for secret in ("s3cret", "S3CRET", "987654", "123456"))
