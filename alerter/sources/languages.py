"""EQL and ES|QL: how a query is sent, what its answer says, and how all of its events are read, in pages by time.

Neither language can go on where an answer ended. So each page holds the oldest events of what is left; those of its
newest millisecond are left for the next page, as there may be more of them. ES|QL cuts its answers at a limit of the
server's own without a word in them, so its events are counted first, and the count is what must have been read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from alerter.access import RuleCluster
from alerter.clock import SECOND, Millis
from alerter.model.language import Language, ServerQuery
from alerter.model.rule import Rule
from alerter.sources.parts import Types
from alerter.sources.protocol import UNREADABLE, Hit, Selected, Selection, Source, SourceError, unreadable
from alerter.sources.timefield import DATES, TimeReader

PAGE = 10_000
"""Events of one page: as many as a server gives at once."""
WITHOUT_SOURCE = "-hits.events._source"
"""The ``filter_path`` of events without their documents."""
_MILLIS = "epoch_millis"
Place = tuple[RuleCluster | None, str, ServerQuery | None]


# --- one request -------------------------------------------------------------------------------------------------


def as_sent(selection: Selection) -> tuple[str, Mapping[str, Any]]:
    """Return path and body of the request, as people may send it again."""
    if selection.query.language is Language.EQL:
        path = f"{quote(selection.index, safe='*,-')}/_eql/search"
        return path + ("" if selection.whole else f"?filter_path={WITHOUT_SOURCE}"), eql_body(selection)
    return "_query", esql_body(selection)


def eql_body(selection: Selection) -> dict[str, Any]:
    """Return the body of a request in EQL."""
    return {
        "query": selection.query.text,
        "filter": {"bool": {"filter": list(selection.clauses)}},
        "timestamp_field": selection.time,
        "result_position": "head",
        "size": selection.size,
        "fields": [name if isinstance(name, Mapping) else {"field": name} for name in selection.fields],
    }


def esql_body(selection: Selection) -> dict[str, Any]:
    """Return the body of a request in ES|QL: the query with what makes it count, or the oldest rows first."""
    commands = [selection.query.text]
    if selection.counted:
        commands.append("STATS n = COUNT(*)")
    elif selection.size:
        names = dict.fromkeys([selection.time, *map(_name_of, selection.fields)])
        commands += [] if selection.whole else [f"KEEP {', '.join(map(_quoted, names))}"]
        commands += [f"SORT {_quoted(selection.time)} ASC", f"LIMIT {selection.size}"]
    else:
        commands.append("LIMIT 0")
    return {"query": "\n| ".join(commands), "filter": {"bool": {"filter": list(selection.clauses)}}}


def _name_of(field: Any) -> str:
    return str(field["field"] if isinstance(field, Mapping) else field)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


# --- its answer --------------------------------------------------------------------------------------------------


def eql_events(found: Mapping[str, Any]) -> Selected:
    """Read an answer of EQL; raises SourceError for a part of one, and one of UNREADABLE."""
    if found.get("timed_out") or found.get("is_partial") or found.get("is_running"):
        raise SourceError("incomplete", "the EQL search was cut short on the server")
    if found.get("shard_failures"):
        raise SourceError("incomplete", f"{len(found['shard_failures'])} shards failed in the EQL search")
    hits = found["hits"]
    if "sequences" in hits:
        raise SourceError("rejected", "the EQL query answers with sequences, and a rule judges single events")
    events = hits["events"] if hits.get("total", {}).get("value") != 0 else hits.get("events", ())
    return Selected(tuple(map(_event, events)))


def _event(found: Mapping[str, Any]) -> Hit:
    source = found.get("_source")
    if not isinstance(source, Mapping | None):
        raise TypeError("an event is no document")
    return Hit(found["_id"], found["_index"], source, found.get("fields") or {})


def esql_rows(selection: Selection, found: Mapping[str, Any]) -> Selected:
    """Read an answer of ES|QL; raises SourceError for a part of one, and one of UNREADABLE."""
    if found.get("is_partial") or found.get("is_running"):
        raise SourceError("incomplete", "the ES|QL query was answered in part only")
    columns = {str(column["name"]): frozenset({str(column["type"])}) for column in found["columns"]}
    if selection.counted:
        ((number,),) = found["values"]
        return Selected(columns=columns, total=int(number))
    instants = {_name_of(f) for f in selection.fields if isinstance(f, Mapping) and f.get("format") == _MILLIS}
    dates = {name for name in instants if columns.get(name, frozenset()) <= DATES}
    return Selected(tuple(_row(selection, list(columns), row, dates) for row in found["values"]), columns)


def _row(selection: Selection, names: Sequence[str], row: Sequence[Any], dates: set[str]) -> Hit:
    """Return a row as a document whose fields are the columns; without the metadata it has no ``_id``."""
    held = {name: value for name, value in zip(names, row, strict=True) if value is not None}
    id, index = str(held.pop("_id", "")), str(held.pop("_index", selection.index))
    fields: dict[str, Sequence[Any]] = {}
    for name, value in held.items():
        values = value if isinstance(value, list) else [value]
        fields[name] = [_millis(value) for value in values] if name in dates else values
    return Hit(id, index, held if selection.whole else None, fields)


def _millis(value: Any) -> Millis:
    moment = datetime.fromisoformat(str(value))
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond // 1000


# --- its fields --------------------------------------------------------------------------------------------------


def place_of(rule: Rule) -> Place:
    """Return where the types of a rule's fields come from: its cluster's index, or its own ES|QL query."""
    query = rule.server_query
    return rule.cluster, rule.everywhere, query if query is not None and query.language is Language.ESQL else None


def types_of(source: Source, rule: Rule, fields: Sequence[str]) -> Types:
    """Return the types of fields: those of an ES|QL query are its columns. Raises SourceError."""
    if place_of(rule)[2] is None:
        return source.field_types(rule.everywhere, fields)
    return columns_of(source, rule)


def columns_of(source: Source, rule: Rule) -> Types:
    """Return the columns of a rule's ES|QL query, which ``EVAL`` may make; of others none. Raises SourceError."""
    _, index, query = place_of(rule)
    return {} if query is None else source.select(Selection(query, index, rule.time.name, (), 0)).columns


# --- all of its events -------------------------------------------------------------------------------------------


def events(source: Source, time: TimeReader, selection: Selection, start: Millis, end: Millis) -> Iterator[
    tuple[Millis, Hit]
]:  # fmt: skip
    """Yield all events of ``(start, end]``, oldest first, each with its time; ``clauses`` do not name the span.

    Raises SourceError, also where one millisecond has more events than a page holds.
    """
    expected = PAGE
    counts = selection.query.language is Language.ESQL
    if counts:
        clauses = (*selection.clauses, time.range(start, end))
        expected = source.select(replace(selection, clauses=clauses, counted=True)).total
    read = 0
    while read < expected:
        page = _page(source, time, selection, start, end)
        done = read + len(page) >= expected if counts else len(page) < PAGE
        newest = page[-1][0] if page else start
        whole = page if done else [one for one in page if one[0] < newest]
        if not done and (not whole or newest - 1 <= start):
            raise _stuck(selection, len(page))
        yield from (one for one in whole if start < one[0] <= end)
        if done:
            return
        read, start = read + len(whole) if counts else 0, newest - 1


def oldest(source: Source, time: TimeReader, selection: Selection, start: Millis, end: Millis) -> (
    tuple[Millis, Hit] | None
):  # fmt: skip
    """Return the first event of ``(start, end]`` with its time, None where there is none. Raises SourceError."""
    return next(iter(_page(source, time, selection, start, end, size=1)), None)


def _page(
    source: Source, time: TimeReader, selection: Selection, start: Millis, end: Millis, size: int | None = None
) -> list[tuple[Millis, Hit]]:
    clauses = (*selection.clauses, time.range(start, end))
    hits = source.select(replace(selection, clauses=clauses, size=PAGE if size is None else size)).hits
    try:
        return sorted(((time.of(hit), hit) for hit in hits), key=lambda one: one[0])
    except UNREADABLE as error:
        raise unreadable(error) from None


def _stuck(selection: Selection, number: int) -> SourceError:
    """Return why the next page cannot be had."""
    title = selection.query.language.called
    if number < PAGE:
        return SourceError("incomplete", f"{title} counts more events than it answers with")
    return SourceError(
        "rejected",
        f"{title} selects {number:,} events or more of one millisecond, and can name no more of them",
        "narrow the query",
    )
