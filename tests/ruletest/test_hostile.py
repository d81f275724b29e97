"""Any value in any place of a test file is a finding or a test, never an exception."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerter.config import Settings
from alerter.errors import UsageError
from alerter.ruletest.coverage import measure
from alerter.ruletest.junit import junit
from alerter.ruletest.report import as_json, failed_text
from alerter.ruletest.suite import Result, Suite
from alerter.ruletest.update import update
from tests.ruletest.conftest import Folder

FILE: dict[str, Any] = {
    "routes": "routes",
    "tests": [
        {
            "name": "a",
            "start": "2026-03-10T10:00:00Z",
            "end": "10:10:00",
            "events": [
                {
                    "at": "10:00:01",
                    "repeat": {"count": 4, "every": "10s", "jitter": "1s", "seed": 3},
                    "document": {"kind": "reset", "n": "{{ n }}"},
                    "each": {"user.name": ["a", "b"]},
                    "visible_at": "+5s",
                },
                {"file": "sample.ndjson", "at": "1m", "set": {"kind": "x"}, "first": 2},
            ],
            "steps": [
                {"silence": {"rule": "resets", "key": {"a": "b"}, "matchers": ["x=y"], "for": "1m", "comment": "c"}},
                {"at": "2m", "restart": True, "expect": {"firing": {"at": "1m", "key": None}, "messages": []}},
            ],
            "expect": {
                "not_firing": [{"between": ["1m", "2m"]}],
                "matches": [{"at": "1m", "key": None, "count": {"min": 1, "max": 2}, "value": 3, "facts": {"x": 1}}],
                "incidents": [{"state": "firing", "opened": True, "resolved": None, "labels": {"domain": "user"}}],
                "messages": [{"kind": "firing", "text": {"contains": "x", "not": ["y"], "matches": "z"}}],
                "decisions": [{"outcome": "fired", "until": {"between": ["1m", "2m"]}, "times": 2}],
                "only": True,
            },
        }
    ],
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from(
        [10**30, -1, 1e308, "", "9" * 40 + "d", "0001-01-01", "9999-12-31T23:59:59Z", "{{ n }}", "(", "\u0001"]
    ),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["at", "a", "min", "between", "matches"]), st.text(max_size=3), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, inner in items for place in places(inner, (*path, step)))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(places(FILE)[1:]), junk=JUNK)
def test_any_value_anywhere_is_a_finding_or_a_test(folder: Folder, place: tuple[Any, ...], junk: Any) -> None:
    """Reading, running, reporting, updating and measuring survive whatever stands in one place."""
    written = copy.deepcopy(FILE)
    inner = written
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = junk
    (folder.path / "sample.ndjson").write_text('{"@timestamp": "2026-03-10T10:00:00Z", "kind": "reset"}\n')
    loaded = folder.load(json.dumps(written))
    suite = Suite(Settings())
    results: list[Result] = []
    try:
        suite.run(loaded.files, results.append)
    except UsageError:
        return
    assert results or loaded.diagnostics
    covered = measure([folder.path], suite, results)
    json.dumps(as_json(results, loaded.diagnostics, 1, covered.as_json()))
    junit(results, loaded.diagnostics)
    assert all(failed_text(r, diff=True) for r in results)
    update([r for r in results if not r.passed])
