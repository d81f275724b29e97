"""Dynamic mapping: the first value of a field in arrival order decides its type, as on a real server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerter.query.dates import NotADate, date_format
from alerter.query.decoding import decode
from alerter.query.errors import RejectedQuery, UnsupportedQuery, argument
from alerter.query.fieldtypes import SUPPORTED, BadValue, Cell, FieldType
from alerter.query.names import names
from alerter.query.shapes import Shapes
from alerter.query.store import Column, Document, Rejection, Store, View

KEYWORD_LIMIT = 256
MOST_OBJECTS = 19
"""The objects around a field at most, by nesting or by dots; with the field itself a server's mapping depth of 20."""
MOST_ARRAYS = 100
"""The arrays around a value at most. A server takes more; what reads documents later does not."""
_DYNAMIC_DATES = ("strict_date_optional_time", "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd")
_COMMON_OPTIONS = names("""
    type fields index doc_values store norms similarity eager_global_ordinals index_options copy_to meta boost
    fielddata term_vector analyzer format search_analyzer ignore_above coerce locale split_queries_on_whitespace""")
_FIXED = {
    "copy_to": None,
    "index": True,
    "fielddata": False,
    "boost": 1,
    "search_analyzer": "standard",
    "split_queries_on_whitespace": False,
}


class Conflict(Exception):
    """A document that a server rejects; ``type`` is that of its error."""

    def __init__(self, type: str, reason: str) -> None:
        super().__init__(reason)
        self.type = type


def explicit(store: Store, properties: Mapping[str, Any]) -> None:
    """Map the fields of a ``properties`` object; raises RejectedQuery or UnsupportedQuery."""
    _map(store, properties, "", 1)
    deep = [path for path in store.objects if path.count(".") >= MOST_OBJECTS]
    if deep:
        raise argument(_too_deep(min(deep, key=lambda path: (path.count("."), path))))


def _too_deep(path: str) -> str:
    return f"Limit of mapping depth [{MOST_OBJECTS + 1}] has been exceeded due to object field [{path}]"


def _map(store: Store, properties: Mapping[str, Any], prefix: str, level: int) -> None:
    for name, options in properties.items():
        path = prefix + name
        if not isinstance(options, Mapping):
            raise RejectedQuery("mapper_parsing_exception", f"Expected map for property [{path}]")
        kind = options.get("type", "object" if "properties" in options else None)
        parents = path.split(".")
        store.objects.update(".".join(parents[:i]) for i in range(1, len(parents)))
        if kind == "object":
            if level > MOST_OBJECTS + 1:
                reason = f"Failed to parse mapping: Limit of mapping depth [{MOST_OBJECTS + 1}] has been exceeded"
                raise RejectedQuery("mapper_parsing_exception", reason)
            for option in set(options) - {"type", "properties", "dynamic"}:
                raise UnsupportedQuery(f"mapping option [{option}] of [{path}]")
            if options.get("dynamic", True) not in (True, "true"):
                raise UnsupportedQuery(f"mapping option [dynamic] of [{path}]")
            store.objects.add(path)
            _map(store, options.get("properties", {}), path + ".", level + 1)
            continue
        column = store.columns[path] = Column(store)
        _view(store, column, _field(path, kind, options))
        for sub, more in options.get("fields", {}).items():
            _view(store, column, _field(f"{path}.{sub}", more.get("type"), more))


def _field(path: str, kind: Any, options: Mapping[str, Any]) -> FieldType:
    if kind not in SUPPORTED:
        raise UnsupportedQuery(f"field type [{kind}] of [{path}]")
    for option in set(options) - _COMMON_OPTIONS:
        raise UnsupportedQuery(f"mapping option [{option}] of [{path}]")
    for option, value in _FIXED.items():
        if option in options and options[option] != value:
            raise UnsupportedQuery(f"mapping option [{option}] of [{path}]")
    if options.get("analyzer", "standard") != "standard":
        raise UnsupportedQuery(f"analyzer [{options['analyzer']}] of [{path}]")
    return FieldType(
        path,
        kind,
        ignore_above=options.get("ignore_above"),
        format=date_format(options.get("format", "strict_date_optional_time||epoch_millis")),
        coerce=options.get("coerce", True) not in (False, "false"),
        doc_values=options.get("doc_values", True) not in (False, "false"),
    )


def _view(store: Store, column: Column, type: FieldType) -> View:
    view = View(type, column)
    column.views.append(view)
    store.views[type.name] = view
    store.version += 1
    return view


class Loader:
    """Adds documents to a store, one after the other, mapping new fields as they come."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._shapes = Shapes(store)

    def add(self, document: Document) -> bool:
        """Index a document; a rejected one is noted in the store and leaves the mapping as it was."""
        return self._shapes.add(document) or self._look_at(document)

    def _look_at(self, document: Document) -> bool:
        store = self.store
        leaves: dict[str, Any] = {}
        try:
            self._walk("", document.source, leaves)
            try:
                cells, fresh = self._cells(leaves, document.line is None)
            except _Inexact:
                leaves.clear()
                self._walk("", decode(document.line or b"{}"), leaves)
                cells, fresh = self._cells(leaves, True)
        except Conflict as conflict:
            store.rejections.append(Rejection(document.id, document.origin, conflict.type, str(conflict)))
            return False
        for path, column in fresh.items():
            self._adopt(path, column)
        objects = store.objects
        for path, value in leaves.items():
            if value is _OBJECT and path not in objects:
                self._adopt_object(path)
        store.add(document, cells)
        self._shapes.learn(document.source)
        return True

    def _walk(self, prefix: str, node: Mapping[str, Any], leaves: dict[str, Any], arrays: int = 0) -> None:
        """Collect the values of each leaf, in so many arrays; objects are noted so that conflicts show."""
        columns, objects = self.store.columns, self.store.objects
        for name, value in node.items():
            path = prefix + name
            if value is None:
                if "." in name:  # also a null makes objects of what stands before the dots
                    self._check_name(name, path, prefix, leaves)
                continue
            if value.__class__ is str and path in columns and path not in leaves:
                leaves[path] = value
                continue
            if "." in name or not name.strip():
                self._check_name(name, path, prefix, leaves)
            if isinstance(value, list):
                self._array(path, value, leaves, arrays + 1)
            elif isinstance(value, dict):
                self._object(path, leaves)
                self._walk(path + ".", value, leaves, arrays)
            else:
                if path in objects or leaves.get(path) is _OBJECT:
                    reason = f"object mapping for [{path}] tried to parse field [{name}] as object, but found a value"
                    raise Conflict("document_parsing_exception", reason)
                known = leaves.get(path)
                leaves[path] = value if known is None else _more(known, value)

    def _check_name(self, name: str, path: str, prefix: str, leaves: dict[str, Any]) -> None:
        parts = name.split(".")
        if any(not part.strip() for part in parts):
            reason = f"field name cannot contain only whitespace or be empty [{path}]"
            raise Conflict("illegal_argument_exception", reason)
        for i in range(1, len(parts)):
            self._object(prefix + ".".join(parts[:i]), leaves)

    def _object(self, path: str, leaves: dict[str, Any]) -> None:
        if path in self.store.columns or leaves.get(path, _OBJECT) is not _OBJECT:
            raise self._not_an_object(path)
        if path.count(".") >= MOST_OBJECTS:
            raise Conflict("document_parsing_exception", f"failed to parse: {_too_deep(path)}")
        leaves[path] = _OBJECT

    def _not_an_object(self, path: str) -> Conflict:
        if path in self.store.columns:
            reason = f"failed to parse field [{path}]: it holds values, found an object"
            return Conflict("document_parsing_exception", reason)
        reason = f"can't merge a non object mapping [{path}] with an object mapping"
        return Conflict("illegal_argument_exception", reason)

    def _array(self, path: str, values: Sequence[Any], leaves: dict[str, Any], arrays: int) -> None:
        if arrays > MOST_ARRAYS:
            raise Conflict(
                "document_parsing_exception", f"[{path}] is nested in more than {MOST_ARRAYS} arrays, a limit here"
            )
        for value in values:
            if isinstance(value, list):
                self._array(path, value, leaves, arrays + 1)
            elif value is not None:
                # each element is walked as if it were the only one, under the name already resolved
                self._element(path, value, leaves, arrays)

    def _element(self, path: str, value: Any, leaves: dict[str, Any], arrays: int) -> None:
        if isinstance(value, dict):
            self._object(path, leaves)
            self._walk(path + ".", value, leaves, arrays)
            return
        if path in self.store.objects or leaves.get(path) is _OBJECT:
            reason = f"object mapping for [{path}] tried to parse field [null] as object, but found a concrete value"
            raise Conflict("document_parsing_exception", reason)
        known = leaves.get(path)
        leaves[path] = value if known is None else _more(known, value)

    def _cells(self, leaves: dict[str, Any], exact: bool) -> tuple[list[tuple[Column, int]], dict[str, Column]]:
        cells: list[tuple[Column, int]] = []
        fresh: dict[str, Column] = {}
        columns = self.store.columns
        torn: Conflict | None = None
        try:
            for path, value in leaves.items():
                if value is _OBJECT:
                    continue
                column = columns.get(path)
                if column is None:
                    try:
                        column = fresh[path] = self._dynamic(path, value)
                    except Conflict as conflict:
                        torn = conflict  # a server finds it after all values were read
                        continue
                values: Cell = tuple(value) if value.__class__ is _Many else (value,)
                if not exact and any(_is_rough(each, column) for each in values):
                    raise _Inexact
                cells.append((column, column.code_for(values)))
        except BadValue as error:
            raise Conflict("document_parsing_exception", str(error)) from None
        if torn is not None:
            raise torn
        return cells, fresh

    def _dynamic(self, path: str, value: Any) -> Column:
        column = Column(self.store)
        values = value if value.__class__ is _Many else [value]
        type = dynamic_type(path, values[0])
        for other in (dynamic_type(path, each) for each in values[1:]):
            # a server maps each value of the array on its own, and then cannot merge the mappings
            if (other.kind, other.format.name) != (type.kind, type.format.name):
                for each in values:
                    dynamic_type(path, each).typed((each,))
                reason = f"mapper [{path}] cannot be changed from type [{type.kind}] to [{other.kind}]"
                raise Conflict("illegal_argument_exception", reason)
        column.views.append(View(type, column))
        if column.views[0].type.is_text and f"{path}.keyword" not in self.store.views:
            column.views.append(View(FieldType(f"{path}.keyword", "keyword", ignore_above=KEYWORD_LIMIT), column))
            column.common = True
        return column

    def _adopt(self, path: str, column: Column) -> None:
        self.store.columns[path] = column
        for view in column.views:
            self.store.views[view.type.name] = view
        self.store.version += 1

    def _adopt_object(self, path: str) -> None:
        parts = path.split(".")
        self.store.objects.update(".".join(parts[:i]) for i in range(1, len(parts) + 1))
        self.store.version += 1


class _Many(list[Any]):
    """Several values of one leaf; a class of its own, because a raw list never stands for values."""


class _Inexact(Exception):
    """A number that was decoded roughly, and matters as it is written."""


def _is_rough(value: Any, column: Column) -> bool:
    """Tell whether a number's spelling may matter: in all but numbers, and where digits were lost."""
    if value.__class__ is not float:
        return False
    return abs(value) >= 1e15 or not column.views[0].type.is_number or len(column.views) > 1


_OBJECT = object()


def _more(known: Any, value: Any) -> _Many:
    if known.__class__ is _Many:
        known.append(value)
        return known
    return _Many([known, value])


def dynamic_type(path: str, value: Any) -> FieldType:
    """Choose the type that dynamic mapping gives to a field whose first value this is."""
    if isinstance(value, bool):
        return FieldType(path, "boolean")
    if isinstance(value, int):
        return FieldType(path, "long")
    if isinstance(value, float):
        return FieldType(path, "float")
    if any(sign in value[1:] for sign in "-/:"):  # a server takes no plain number for a date
        for form in _DYNAMIC_DATES:
            try:
                date_format(form).read(value)
            except NotADate:
                continue
            return FieldType(path, "date", format=date_format(f"{form}||epoch_millis"))
    return FieldType(path, "text")


def cell_of(values: Sequence[Any], type: FieldType) -> Cell:
    """Type values outside a store, such as ``missing`` of an aggregation; raises BadValue."""
    return type.typed(tuple(values))
