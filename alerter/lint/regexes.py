"""Regular expressions that Lucene reads otherwise than Python, Perl or grep."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alerter.lint.messages import sought
from alerter.lint.model import Found, Path, Subject
from alerter.lint.queries import Leaf
from alerter.query import lucene

_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_ESCAPE = r"\\."
DIFFERENCES: tuple[tuple[str, str, str], ...] = (
    (r"\(\?[:=!<aiLmsux]", "groups that begin with (? are none of Lucene's", "write (...); there is no look-around"),
    (r"\\[bBAZz]", "{} is the plain letter to Lucene: there are no word boundaries", "name what may stand there"),
    (r"\\[1-9]", "{} is the plain digit to Lucene: there are no back-references", "write the group out"),
    (r"\\[ntrfvx]", "{} is the plain letter to Lucene", "write the character itself"),
    (
        r"[*+?}][?+]",
        "{} is no lazy or possessive repetition to Lucene",
        "leave out the second sign: all is matched anyway",
    ),
    (r"\^", "^ is a plain character to Lucene: expressions always match the whole value", "leave it out"),
    (r"\$", "$ is a plain character to Lucene: expressions always match the whole value", "leave it out"),
    (r"[@&~#]", "{} is an operator to Lucene", "write \\{} for the character"),
    (r"<(?!\d+-\d+>)", "< begins a range of numbers to Lucene: <1-99>", "write \\< for the character"),
    (
        r"(?<![^(|])(?<!\\[(|])\||\|(?=[|)]|\Z)",
        "an empty alternative is none to Lucene: {} is then a plain character",
        "write (a|b)? for what may be missing",
    ),
    (r'"', "quotes enclose plain text to Lucene", 'write \\" for the character'),
)
"""A construct, what Lucene takes it for, what to write; the order keeps ``(?i)`` from being taken for a repetition."""
_KNOWN = re.compile("|".join(f"(?P<d{n}>{pattern})" for n, (pattern, _, _) in enumerate(DIFFERENCES)))
_TOKEN = re.compile(f"{_KNOWN.pattern}|(?P<other>{_CLASS}|{_ESCAPE}|.)", re.DOTALL)


def lucene_regex(subject: Subject) -> Iterator[Found]:
    """The first construct of each expression that Lucene reads otherwise than Python."""
    for leaf in subject.leaves:
        for expression, path, at, names in expressions(leaf):
            found = difference(expression)
            if found is None:
                continue
            part, offset, message, hint = found
            shown = _short(sought(expression, names, subject))
            yield Found(f"{shown}: {message}", hint, path, part=part, offset=at + offset)


def difference(expression: str) -> tuple[str, int, str, str] | None:
    """Return the first difference: the characters, their offset, what they mean to Lucene, what to write; or None."""
    for token in _TOKEN.finditer(expression):
        if token.lastgroup != "other" and token.lastgroup is not None:
            _, message, hint = DIFFERENCES[int(token.lastgroup[1:])]
            return token.group(), token.start(), message.format(token.group()), hint.format(token.group())
    return None


def expressions(leaf: Leaf) -> Iterator[tuple[str, Path, int, tuple[str, ...]]]:
    """Yield the regular expressions of a clause: as written, path, offset in the text there, fields."""
    if leaf.name == "regexp":
        value, path = leaf.value
        if isinstance(value, str):
            yield value, path, 0, (leaf.field or "",)
    for item in leaf.terms:
        if isinstance(item, lucene.Pattern) and item.kind == "regexp" and leaf.text is not None:
            yield item.text, leaf.text[1], item.at + 1, leaf.of(item)


def _short(expression: str) -> str:
    return expression if len(expression) <= 60 else expression[:57] + "..."
