"""``simple_query_string``: a syntax in which every text is a query; what is no operator is a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from alerter.query import leaves, match
from alerter.query.analysis import lower
from alerter.query.clauses import check, flag, whole
from alerter.query.context import Context
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument, parsing
from alerter.query.fieldtypes import as_text
from alerter.query.fulltext import conjunction, everywhere, fields_of, no_analyzer
from alerter.query.match import Options
from alerter.query.names import names
from alerter.query.nodes import All, Bool, Node, Nothing, any_of, without
from alerter.query.store import View

_ALLOWED = names("""
    query fields default_operator analyzer flags lenient minimum_should_match analyze_wildcard quote_field_suffix
    fuzzy_prefix_length fuzzy_max_expansions fuzzy_transpositions auto_generate_synonyms_phrase_query all_fields""")
_FLAGS = names("ALL NONE AND OR NOT PREFIX PHRASE PRECEDENCE ESCAPE WHITESPACE FUZZY NEAR SLOP")
_BLANK = " \t\n\r"
MUST, SHOULD = "must", "should"


@dataclass
class _Tree:
    """What was read so far: clauses joined by one operator; another operator makes it the first clause of a new one."""

    nodes: list[Node] = field(default_factory=list)
    joined: str = ""

    def node(self, minimum: str | None = None) -> Node | None:
        if not self.nodes:
            return None
        if len(self.nodes) == 1:
            if minimum is not None and isinstance(self.nodes[0], Bool):
                raise UnsupportedQuery("simple_query_string parameter [minimum_should_match] of a single part")
            return self.nodes[0]
        if self.joined == MUST:
            # all parts are required, so that no optional ones are left for a minimum
            unmet = minimum is not None and match.minimum_of(0, minimum) > 0
            return Nothing() if unmet else Bool(must=self.nodes)
        least = 1 if minimum is None else max(1, match.minimum_of(len(self.nodes), minimum))
        return Bool(should=self.nodes, minimum=least)


def simple_query_string(context: Context, body: Mapping[str, Any]) -> Node:
    """Compile ``simple_query_string``."""
    name = "simple_query_string"
    check(name, body, _ALLOWED)
    text = body.get("query")
    if text is None:
        raise parsing(f"[{name}] query text missing")
    for option in ("quote_field_suffix", "all_fields"):
        if option in body:
            raise UnsupportedQuery(f"{name} parameter [{option}]")
    if flag(name, body, "analyze_wildcard"):
        raise UnsupportedQuery(f"{name} parameter [analyze_wildcard]")
    no_analyzer(name, body)
    listed = body.get("fields") or ["*"]
    fields = fields_of(context, name, listed)
    options = Options(
        conjunction=conjunction(body.get("default_operator", "or")),
        fixed=whole(name, body, "fuzzy_prefix_length", 0),
        most=whole(name, body, "fuzzy_max_expansions", 50),
        swaps=flag(name, body, "fuzzy_transpositions", True),
        lenient=flag(name, body, "lenient", everywhere(listed)),
        without_words="null",
    )
    parser = _Parser(context, as_text(text), fields, options, _flags(body.get("flags", "ALL")))
    if as_text(text).strip() == "*":
        return All()
    minimum = body.get("minimum_should_match")
    return parser.tree().node(None if minimum is None else str(minimum)) or Nothing()


def _flags(value: Any) -> Set[str]:
    if not isinstance(value, str):
        raise UnsupportedQuery("simple_query_string parameter [flags] that is no text")
    wanted = {name.strip().upper() for name in value.split("|")} if value else {"ALL"}
    for name in wanted - _FLAGS:
        raise argument(f"Unknown simple_query_string flag [{name}]")
    return _FLAGS if "ALL" in wanted else wanted


class _Parser:
    def __init__(self, context: Context, text: str, fields: Sequence[View], options: Options, flags: Set[str]) -> None:
        self.context, self.text, self.at = context, text, 0
        self.fields, self.options, self.flags = fields, options, flags
        self.default = MUST if options.conjunction else SHOULD

    def tree(self, depth: int = 0) -> _Tree:
        """Read to the end; raises UnsupportedQuery for very deep nesting."""
        if depth > 50:
            raise UnsupportedQuery("a simple_query_string nested more than 50 deep")
        tree, operator, negations = _Tree(), "", 0
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == "-" and "NOT" in self.flags:
                negations += 1
                self.at += 1
                continue
            if (sign == "+" and "AND" in self.flags) or (sign == "|" and "OR" in self.flags):
                if not operator and tree.nodes:
                    operator = MUST if sign == "+" else SHOULD
                self.at += 1
            elif (sign in _BLANK and "WHITESPACE" in self.flags) or (sign == ")" and "PRECEDENCE" in self.flags):
                self.at += 1
            else:
                found, read = self._branch(sign, depth)
                if found is not None:
                    self._grow(tree, without(found) if negations % 2 else found, operator or self.default)
                if read:
                    operator = ""
            negations = 0
        return tree

    def _grow(self, tree: _Tree, node: Node, operator: str) -> None:
        if tree.nodes and tree.joined != operator:
            whole = tree.node()
            tree.nodes = [whole] if whole is not None else []
            tree.joined = operator
        tree.nodes.append(node)

    def _branch(self, sign: str, depth: int) -> tuple[Node | None, bool]:
        """Read a group, a phrase or a word; False where the operator before it waits for what comes next.

        So it does behind a stray sign, and behind a text without words; what is empty takes it along.
        """
        if sign == "(" and "PRECEDENCE" in self.flags:
            return self._group(depth)
        if sign == '"' and "PHRASE" in self.flags:
            return self._phrase()
        found = self._token()
        return found, found is not None

    def _group(self, depth: int) -> tuple[Node | None, bool]:
        self.at += 1
        start, level, escaped = self.at, 1, False
        for place in range(start, len(self.text)):
            letter = self.text[place]
            if escaped:
                escaped = False
            elif letter == "\\" and "ESCAPE" in self.flags:
                escaped = True
            elif letter in "()":
                level += 1 if letter == "(" else -1
                if level == 0:
                    self.at = place + 1
                    inner = _Parser(self.context, self.text[start:place], self.fields, self.options, self.flags)
                    found = inner.tree(depth + 1).node()
                    return found, found is not None or place == start
        return None, False

    def _phrase(self) -> tuple[Node | None, bool]:
        self.at += 1
        found, place = "", self.at
        while place < len(self.text) and self.text[place] != '"':
            if self.text[place] == "\\" and "ESCAPE" in self.flags and place + 1 < len(self.text):
                place += 1
            found += self.text[place]
            place += 1
        if place >= len(self.text):
            return None, False
        self.at = place + 1
        slop = 0
        if self.text.startswith("~", self.at) and self.flags & {"NEAR", "SLOP"}:
            slop = self._amount()
            self.at += 1  # so does a server, whatever stands there
        elif not found:
            return None, True
        options = replace(self.options, slop=slop)
        node = match.over_fields(self.context, self.fields, found, "phrase", options, quoted=True)
        return node, node is not None

    def _amount(self) -> int:
        self.at += 1
        digits = ""
        while self.at < len(self.text) and not self._ends():
            digits += self.text[self.at]
            self.at += 1
        return 2 if not digits else int(digits) if digits.isascii() and digits.isdigit() else 0

    def _ends(self) -> bool:
        letter = self.text[self.at]
        known = {'"': "PHRASE", "|": "OR", "+": "AND", "(": "PRECEDENCE", ")": "PRECEDENCE"}
        return known.get(letter, "WHITESPACE" if letter in _BLANK else "") in self.flags

    def _token(self) -> Node | None:
        found, prefix, escaped = "", False, False
        while self.at < len(self.text):
            letter = self.text[self.at]
            if not escaped:
                if letter == "\\" and "ESCAPE" in self.flags:
                    escaped, prefix = True, False
                    self.at += 1
                    continue
                if self._ends():
                    break
                if found and letter == "~" and "FUZZY" in self.flags:
                    return self._fuzzy(found, min(self._amount(), 2))
                prefix = bool(found) and letter == "*" and "PREFIX" in self.flags
            escaped = False
            found += letter
            self.at += 1
        if not found:
            return None
        if prefix:
            return self._each(lambda view: leaves.prefix(self.context, view, _normal(view, found[:-1])))
        return match.over_fields(self.context, self.fields, found, "best_fields", self.options)

    def _fuzzy(self, word: str, edits: int) -> Node | None:
        options = self.options
        if edits == 0:
            return match.over_fields(self.context, self.fields, word, "best_fields", options)
        return self._each(
            lambda view: leaves.fuzzy(
                self.context, view, _normal(view, word), edits, options.fixed, options.swaps, options.most
            )
        )

    def _each(self, build: Any) -> Node:
        if not self.fields:
            raise UnsupportedQuery("a simple_query_string with a pattern on fields that are not mapped")
        nodes = []
        for view in self.fields:
            try:
                nodes.append(build(view))
            except RejectedQuery:
                if not self.options.lenient:
                    raise
        return any_of(nodes)


def _normal(view: View, text: str) -> str:
    return lower(text) if view.type.is_text else text
