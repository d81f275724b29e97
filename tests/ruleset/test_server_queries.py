"""EQL and ES|QL in rule files: what selects single events is taken, what does not is refused by name."""

from __future__ import annotations

import pytest

from alerter.model.language import Language
from alerter.ruleset.server_queries import Cleaned, Refusal, of_single_events

TAKEN = [
    (Language.EQL, 'any where user == "a|b"', ""),
    (Language.EQL, 'process where x : """a" | tail""" // | head 5', ""),
    (Language.EQL, "any where true /* | head 5 */ and not `a|b` == 1", ""),
    (Language.ESQL, 'from logs metadata _id | where message like "*|*" | eval u = to_lower(user)', ""),
    (Language.ESQL, 'FROM logs | WHERE (a == ")|" OR `(` == 1) // (\n| KEEP a', ""),
    (Language.ESQL, "FROM logs // a | b\n| LOOKUP JOIN known ON user | KEEP `a|b`, user", ""),
]
REFUSED = [
    (Language.EQL, "sequence by user [any where true] [any where false]", "sequence answers with groups"),
    (Language.EQL, "Sample by user [any where true]", "sample answers with groups"),
    (Language.EQL, "any where true | head 10", "head 10 leaves events out"),
    (Language.ESQL, "FROM logs | STATS n = COUNT(*) BY user", "STATS does not look at one event"),
    (Language.ESQL, "FROM logs | LIMIT 10 | WHERE a > 1", "LIMIT does not look at one event"),
    (Language.ESQL, "FROM logs | LIMIT 10 | LIMIT 5", "LIMIT does not look at one event"),
    (Language.ESQL, "ROW a = 1", "does not begin with FROM"),
    (Language.ESQL, "FROM logs | /* none */ | WHERE a > 1", "an empty command"),
    (Language.ESQL, "FROM logs | WHERE a IN (FROM b | LIMIT 1)", "a query within the query"),
    (Language.ESQL, "FROM (FROM b | STATS n = COUNT(*))", "a query within the query"),
    (Language.ESQL, "FROM logs | FORK (WHERE a | LIMIT 1) (WHERE b)", "FORK does not look at one event"),
    (Language.ESQL, "LIMIT 5", "does not begin with FROM"),
]


@pytest.mark.parametrize(("language", "text", "left_out"), TAKEN)
def test_taken(language: Language, text: str, left_out: str) -> None:
    """A pipe in a string, a name or a comment is none."""
    assert of_single_events(language, text) == Cleaned(text, left_out)


@pytest.mark.parametrize(("language", "text", "reason"), REFUSED)
def test_refused(language: Language, text: str, reason: str) -> None:
    """What it would count is no event, or not every one."""
    found = of_single_events(language, text)
    assert isinstance(found, Refusal)
    assert reason in found.message


def test_a_limit_at_the_end_is_left_out() -> None:
    """It is the habit of everybody who writes ES|QL, and every event is read."""
    assert of_single_events(Language.ESQL, "FROM a | WHERE b\n| LIMIT 100") == Cleaned(
        "FROM a | WHERE b", "| LIMIT 100"
    )
