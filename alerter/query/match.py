"""Full-text conditions: match, phrase, prefixes, over one field or several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alerter.query import leaves, patterns
from alerter.query.analysis import Tokens, lower, standard
from alerter.query.context import Context
from alerter.query.errors import RejectedQuery, UnsupportedQuery, shard
from alerter.query.fieldtypes import as_text
from alerter.query.nodes import All, Bool, Node, Nothing, all_of, any_of
from alerter.query.phrases import Want, contains, refuse_repeated
from alerter.query.store import View

BOOLEAN, PHRASE, PHRASE_PREFIX, BOOL_PREFIX = "boolean", "phrase", "phrase_prefix", "bool_prefix"


@dataclass(frozen=True)
class Options:
    """How a text is matched; the defaults are those of ``match``."""

    conjunction: bool = False
    """All words instead of any."""
    minimum: str | None = None
    fuzziness: Any = None
    fixed: int = 0
    swaps: bool = True
    most: int = 50
    slop: int = 0
    lenient: bool = False
    without_words: str = "none"
    """What a text without words matches: ``none``, ``all``, or ``null``: the clause is dropped."""

    @property
    def plain(self) -> bool:
        """Tell whether a value is compared as it is."""
        return self.fuzziness is None and not self.lenient


def minimum_of(count: int, spec: str | int) -> int:
    """Resolve ``minimum_should_match`` (``2``, ``-1``, ``75%``, ``2<-25% 9<-3``) for a number of clauses."""
    text = str(spec).strip()
    result = count
    try:
        if "<" in text:
            for condition in re.sub(r"\s*<\s*", "<", text).split():
                bound, rest = condition.split("<")
                if count <= int(bound):
                    return result
                result = minimum_of(count, rest)
            return result
        if text.endswith("%"):
            share = int(count * int(text[:-1]) / 100)
            result = count + share if share < 0 or text.startswith("-") else share
        else:
            number = int(text)
            result = count + number if number < 0 else number
    except ValueError:
        raise UnsupportedQuery(f"minimum_should_match [{spec}]") from None
    return max(result, 0)


def match(context: Context, view: View, value: Any, kind: str, options: Options) -> Node | None:
    """Match a text against a field; None when it has no words and the clause is to be dropped."""
    try:
        nodes = clauses(context, view, value, kind, options)
    except RejectedQuery:
        if options.lenient:
            return Nothing()
        raise
    if not nodes:
        return _wordless(options)
    if len(nodes) == 1:
        return nodes[0]
    if options.conjunction:
        # all words are required, so that no optional ones are left for a minimum
        unmet = options.minimum is not None and minimum_of(0, options.minimum) > 0
        return Nothing() if unmet else all_of(nodes)
    minimum = max(1, minimum_of(len(nodes), options.minimum)) if options.minimum is not None else 1
    return Bool(should=nodes, minimum=minimum)


def _wordless(options: Options) -> Node | None:
    if options.without_words == "null":
        return None
    return All() if options.without_words == "all" else Nothing()


def clauses(context: Context, view: View, value: Any, kind: str, options: Options) -> list[Node]:
    """Return the clauses of the words of a text, one per word; a phrase is one clause. May be empty."""
    type = view.type
    if kind == PHRASE_PREFIX and not type.is_text:
        reason = (
            f"Can only use phrase prefix queries on text fields - not on [{type.name}] which is of type [{type.kind}]"
        )
        raise shard(f"failed to create query: {reason}")
    text = as_text(value)
    if not type.is_text:
        if kind == BOOL_PREFIX and type.kind == "keyword":
            return [leaves.prefix(context, view, text)]
        return [_word(context, view, text, options, kind in (BOOLEAN, BOOL_PREFIX))]
    words = standard(text)
    if kind in (PHRASE, PHRASE_PREFIX):
        return [_phrase(context, view, words, kind, options)] if words else []
    found = [_word(context, view, word, options, True) for word in words]
    if kind == BOOL_PREFIX and words and lower(text).endswith(words[-1]):
        # only a word with nothing behind it, not even a full stop, may go on
        found[-1] = leaves.prefix(context, view, words[-1])
    return found


def _word(context: Context, view: View, word: Any, options: Options, may_be_fuzzy: bool) -> Node:
    """Match one word; a lenient query takes it for nothing where the field cannot hold it."""
    try:
        return _strict_word(context, view, word, options, may_be_fuzzy)
    except RejectedQuery:
        if not options.lenient:
            raise
        return Nothing()


def _strict_word(context: Context, view: View, word: Any, options: Options, may_be_fuzzy: bool) -> Node:
    if options.fuzziness is not None and may_be_fuzzy:
        text = as_text(word)
        edits = patterns.fuzziness(options.fuzziness, text)
        return leaves.fuzzy(context, view, text, edits, options.fixed, options.swaps, options.most)
    return leaves.term(context, view, word)


def _phrase(context: Context, view: View, words: Sequence[str], kind: str, options: Options) -> Node:
    slop = options.slop
    if kind == PHRASE:
        if len(words) == 1:
            return leaves.term(context, view, words[0])
        wants: list[Want] = list(words)
    else:
        last = patterns.prefix(words[-1])
        leaves.limited(view, last, options.most, "a phrase prefix")
        wants = [*words[:-1], last]
    if slop:
        refuse_repeated(wants)
    key = (kind, tuple(words), slop)

    def test(code: int) -> bool:
        tokens: Tokens = view.tokens(code)
        return contains(tokens, wants, slop)

    return context.leaves.get(key, view, lambda: test)


def over_fields(
    context: Context, fields: Sequence[View], value: Any, type: str, options: Options, quoted: bool = False
) -> Node | None:
    """Match a text against several fields as ``multi_match`` of a type does; None when it has no words anywhere."""
    if not fields:
        return Nothing()
    kind = PHRASE if quoted else type if type in (PHRASE, PHRASE_PREFIX, BOOL_PREFIX) else BOOLEAN
    found = [match(context, view, value, kind, options) for view in fields]
    useful = [node for node in found if node is not None]
    return any_of(useful) if useful else None
