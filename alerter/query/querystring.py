"""``query_string``: Lucene's syntax with Elasticsearch's meaning of fields, types and leniency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerter.query import leaves, lucene, match, patterns
from alerter.query.analysis import lower, standard
from alerter.query.clauses import flag
from alerter.query.context import Context
from alerter.query.errors import RejectedQuery, UnsupportedQuery, parsing, shard
from alerter.query.fieldtypes import as_text
from alerter.query.names import METADATA
from alerter.query.nodes import All, Bool, Ids, Node, Nothing, all_of, any_of
from alerter.query.store import View
from alerter.query.stringoptions import Settings, check_names, settings_of

_SPECIAL = set('+-=&|><!(){}[]^"~*?:\\/')

MUST, SHOULD, NOT = "must", "should", "not"


@dataclass
class Part:
    """A clause of a boolean query while it is put together."""

    occur: str
    node: Node
    first: bool = False
    """Whether it comes of the first clause."""


def query_string(context: Context, body: Mapping[str, Any]) -> Node:
    """Compile ``query_string``; remembered while no field is added, unless it speaks of ``now``."""
    check_names(body)
    text = body.get("query")
    if text is None and "query" in body:
        raise UnsupportedQuery("query_string parameter [query] of null")
    if text is None or isinstance(text, (list, dict)):
        raise parsing("[query_string] must be provided with a [query]")
    key = ("query_string", repr(sorted(body.items(), key=lambda item: item[0])))
    known = context.plans.get(key)
    if known is None:
        known = _compile(context, as_text(text), body)
        if "now" not in as_text(text):
            context.plans[key] = known
    return known


def _compile(context: Context, text: str, body: Mapping[str, Any]) -> Node:
    settings = settings_of(context, body)
    if flag("query_string", body, "escape"):
        text = "".join("\\" + sign if sign in _SPECIAL else sign for sign in text)
    if not text.strip():
        return Nothing()
    minimum = body.get("minimum_should_match")
    try:
        node = Compiler(context, settings).group(lucene.parse(text), top=None if minimum is None else str(minimum))
    except lucene.SyntaxFailure as failure:
        raise shard(f"Failed to parse query [{text}]: {failure.reason} at column {failure.at + 1}") from None
    return Nothing() if node is None else node


class Compiler:
    """Turns the tree of a query string into nodes, field by field."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self.context, self.settings = context, settings

    def group(self, group: lucene.Group, top: str | None = None) -> Node | None:
        """Put clauses together as Lucene's classic parser does: AND makes both its sides required."""
        first = group.clauses[0]
        if len(group.clauses) == 1 and isinstance(first.item, lucene.Group) and not first.sign:
            return self.group(first.item, top)
        parts: list[Part] = []
        for clause in group.clauses:
            self._add(parts, clause, clause is first)
        if not parts:
            return None
        if len(parts) == 1 and parts[0].first and not first.sign:
            if top is not None and isinstance(parts[0].node, Bool) and self._may_be_boolean(first.item):
                raise UnsupportedQuery("query_string parameter [minimum_should_match] of a single clause")
            return parts[0].node
        must = [part.node for part in parts if part.occur == MUST]
        should = [part.node for part in parts if part.occur == SHOULD]
        never = [part.node for part in parts if part.occur == NOT]
        minimum = match.minimum_of(len(should), top) if top is not None else 0
        if should and not must:
            minimum = max(minimum, 1)
        return Bool(must, should, never, minimum)

    def _may_be_boolean(self, item: lucene.Item) -> bool:
        """Tell whether a server may make a boolean query of it, to which a minimum would apply."""
        if isinstance(item, lucene.Words):
            return len(self._fields(item.field)) == 1
        return isinstance(item, lucene.Group)

    def _add(self, parts: list[Part], clause: lucene.Clause, first: bool) -> None:
        settings = self.settings
        if isinstance(clause.item, lucene.Words) and clause.item.several:
            nodes = self._words(clause.item)
            parts.extend(Part(MUST if settings.conjunction else SHOULD, node, first) for node in nodes)
            return
        node = self._item(clause.item)
        if parts and parts[-1].occur != NOT:
            if clause.joined == "AND":
                parts[-1].occur = MUST
            elif clause.joined == "OR" and settings.conjunction:
                parts[-1].occur = SHOULD
        if node is None:
            return
        if clause.sign == "-":
            occur = NOT
        elif settings.conjunction:
            occur = SHOULD if clause.joined == "OR" and not clause.sign else MUST
            if clause.joined == "OR":
                occur = SHOULD
        else:
            occur = MUST if clause.sign == "+" or clause.joined == "AND" else SHOULD
        parts.append(Part(occur, node, first))

    def _item(self, item: lucene.Item) -> Node | None:
        if isinstance(item, lucene.Group):
            return self.group(item)
        if isinstance(item, lucene.Words):
            return self._text(item.field, item.text)
        if isinstance(item, lucene.Quoted):
            return self._phrase(item)
        if isinstance(item, lucene.Range):
            return self._range(item.field, item.low, item.high, item.with_low, item.with_high)
        if isinstance(item, lucene.Fuzzy):
            return self._fuzzy(item)
        return self._pattern(item)

    def _fields(self, field: str | None) -> Sequence[View]:
        if field is None or (field == "*" and self.settings.default == "*"):
            return self.settings.fields
        views = self.context.store.matching(field)
        # a server takes what begins with a stroke for its own where it looks for fields by a pattern
        return [view for view in views if "*" not in field or not view.type.name.startswith("_")]

    def _words(self, words: lucene.Words) -> list[Node]:
        """Return the clauses of several bare words: one each on a single text field, else one in all."""
        fields, options = self._fields(words.field), self.settings.options
        single = len(fields) == 1 and self.settings.type in ("best_fields", "most_fields")
        if single and fields[0].type.is_text and not self._is_range(words.field, words.text):
            return match.clauses(self.context, fields[0], words.text, match.BOOLEAN, options)
        node = self._text(words.field, words.text)
        return [] if node is None else [node]

    def _is_range(self, field: str | None, text: str) -> bool:
        """Tell whether ``>=5`` is a range: where a field is named, or is the default; also with words behind it."""
        return (field or self.settings.default) is not None and len(text) > 1 and text[0] in "<>"

    def _text(self, field: str | None, text: str) -> Node | None:
        special = self._special(field, text)
        if special is not None:
            return special
        named = field if field is not None else self.settings.default
        if self._is_range(field, text):
            inclusive = len(text) > 2 and text[1] == "="
            bound = text[2:] if inclusive else text[1:]
            if text[0] == ">":
                return self._range(field, bound, None, inclusive, True)
            return self._range(field, None, bound, True, inclusive)
        fields = self._fields(field)
        if named is not None and self.settings.zone is not None and len(fields) == 1 and fields[0].type.is_date:
            return self._range(field, text, text, True, True)
        if not fields:
            return Nothing()
        return match.over_fields(self.context, fields, text, self.settings.type, self.settings.options)

    def _special(self, field: str | None, text: str) -> Node | None:
        if field == "_exists_":
            return leaves.exists(self.context, text)
        if field == "_id":
            return Ids(lambda: self.context.store.with_ids([text]))
        if field in METADATA and field not in self.context.store.views:
            raise UnsupportedQuery(f"the metadata field [{field}]")
        return None

    def _phrase(self, item: lucene.Quoted) -> Node | None:
        special = self._special(item.field, item.text)
        if special is not None:
            return special
        fields = self._fields(item.field)
        if not fields:
            return Nothing()
        options = self.settings.options
        if item.slop is not None:
            options = replace(options, slop=item.slop)
        return match.over_fields(self.context, fields, item.text, "phrase", options, quoted=True)

    def _each(self, field: str | None, build: Callable[[View], Node]) -> Node:
        """Match where one of the fields does; a lenient query skips fields that cannot hold such a value."""
        if field == "_exists_" and field not in self.context.store.views:
            return Nothing()
        if field in METADATA and field not in self.context.store.views:
            raise UnsupportedQuery(f"the metadata field [{field}]")
        nodes = []
        for view in self._fields(field):
            try:
                nodes.append(build(view))
            except RejectedQuery:
                if not self.settings.lenient:
                    raise
        return any_of(nodes)

    def _range(self, field: str | None, low: str | None, high: str | None, with_low: bool, with_high: bool) -> Node:
        def build(view: View) -> Node:
            ends = (low, high)
            if view.type.is_text:
                ends = (None if low is None else lower(low), None if high is None else lower(high))
            if low is None and high is None and not view.type.is_text:
                return leaves.exists(self.context, view.type.name)
            bounds = leaves.Bounds(*ends, with_low or low is None, with_high or high is None)
            if self.settings.zone is not None:
                if not view.type.is_date:
                    return leaves.span(self.context, view, bounds)
                bounds = replace(bounds, zone=self.settings.zone)
            return leaves.span(self.context, view, bounds)

        return self._each(field, build)

    def _fuzzy(self, item: lucene.Fuzzy) -> Node:
        edits = _edits(item.amount) if item.amount else patterns.fuzziness(self.settings.fuzziness, item.text)
        options = self.settings.options

        def build(view: View) -> Node:
            word = lower(item.text) if view.type.is_text else item.text
            return leaves.fuzzy(self.context, view, word, edits, options.fixed, options.swaps, options.most)

        return self._each(item.field, build)

    def _pattern(self, item: lucene.Pattern) -> Node:
        if item.kind == "wildcard":
            return self._wildcard(item)
        if item.kind == "prefix":
            text = lucene.unescape(item.text, item.at)
            if self.settings.analyze_wildcard:
                return self._each(item.field, lambda view: self._analysed_prefix(view, text))
            return self._each(
                item.field, lambda view: leaves.prefix(self.context, view, lower(text) if view.type.is_text else text)
            )
        return self._each(item.field, lambda view: leaves.regexp(self.context, view, item.text))

    def _wildcard(self, item: lucene.Pattern) -> Node:
        field = item.field if item.field is not None else self.settings.default
        if item.text == "*" and field is not None:
            return All() if field == "*" else leaves.exists(self.context, field)
        if not self.settings.leading and item.text[0] in "*?" and self._fields(item.field):
            raise lucene.SyntaxFailure("'*' or '?' not allowed as first character in WildcardQuery", item.at)

        def build(view: View) -> Node:
            if item.text == "*":
                return leaves.exists(self.context, view.type.name)
            return leaves.wildcard(self.context, view, lower(item.text) if view.type.is_text else item.text)

        return self._each(item.field, build)

    def _analysed_prefix(self, view: View, text: str) -> Node:
        if not view.type.is_text:
            return leaves.prefix(self.context, view, text)
        words = standard(text)
        if not words:
            return Nothing()
        nodes = [leaves.term(self.context, view, word) for word in words[:-1]]
        nodes.append(leaves.prefix(self.context, view, words[-1]))
        return all_of(nodes) if self.settings.conjunction else any_of(nodes)


def _edits(amount: str) -> int:
    try:
        number = float(amount)
    except ValueError:
        raise shard(f"failed to create query: fuzziness cannot be [{amount}].") from None
    if number not in (0, 1, 2):
        raise shard(f"failed to create query: Valid edit distances are [0, 1, 2] but was [{amount}]")
    return int(number)
