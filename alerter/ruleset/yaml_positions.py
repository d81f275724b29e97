"""YAML read with PyYAML into plain values, remembering where every key and value stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from alerter.ruleset.diagnostics import Diagnostic

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes a file may have; the largest rule known to be real has 250,000 characters."""
MOST_NODES = 200_000
"""Values a document may expand to; aliases count each time (a "billion laughs" stops here)."""
STANDARD = "tag:yaml.org,2002:"
MERGE = f"{STANDARD}merge"
COLLECTIONS = ("map", "seq", "set", "omap", "pairs")
DEEPEST = 60
"""Levels of nesting; the C parser's composer calls itself at each level and would overflow the stack."""

Path_ = tuple[Any, ...]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEY_LINE = re.compile(r"(?P<before> *(?:- +)*)[^\s#].*?:(?=\s|$)(?: +(?P<value>[^\s#|>]))?")
_INDENTED = re.compile("mapping values are not allowed|expected key|expected '-' indicator|expected <block end>")
"""What both parsers say of a wrong indentation, but not of that alone."""
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True)
class Mark:
    """Where a value stands; line and column from 1, ``length`` of its text on that line.

    ``file`` is "" for the document's own, else the imported file that the value comes from.
    """

    line: int
    column: int
    length: int = 1
    file: str = ""


@dataclass
class Document:
    """One YAML document: plain values, and the marks of keys and values by path."""

    file: str
    value: Any
    lines: Sequence[str]
    keys: dict[Path_, Mark] = field(default_factory=dict)
    values: dict[Path_, Mark] = field(default_factory=dict)
    others: dict[str, Sequence[str]] = field(default_factory=dict)
    """The lines of imported files, by file."""

    def lines_of(self, file: str) -> Sequence[str]:
        """Return the lines of the document's file, or of one that it imports."""
        return self.others.get(file, self.lines)

    def mark(self, path: Path_, *, key: bool = False) -> Mark:
        """Return the mark of a path; of its nearest ancestor when the path itself is not there."""
        first = self.keys if key else self.values
        while path:
            found = first.get(path) or self.values.get(path) or self.keys.get(path)
            if found:
                return found
            path = path[:-1]
        return self.values.get((), Mark(1, 1))

    def diagnostic(
        self, severity: str, code: str, message: str, hint: str = "", path: Path_ = (), *, key: bool = False
    ) -> Diagnostic:
        """Return a finding at a path's key or value."""
        at = self.mark(path, key=key)
        lines = self.lines_of(at.file)
        source = lines[at.line - 1] if at.line <= len(lines) else ""
        file = at.file or self.file
        return Diagnostic(severity, code, message, hint, file, at.line, at.column, source, at.length)

    def moved(self, found: Diagnostic, line: int, path: Path_) -> Diagnostic:
        """Return a finding at a line, from 1, of a text written as a block (``|``); others stay at the text's start."""
        at = self.mark(path)
        number, lines = at.line + line, self.lines_of(at.file)
        if not lines[at.line - 1][at.column - 1 :].startswith("|") or number > len(lines):
            return found
        source = lines[number - 1]
        indent = len(source) - len(source.lstrip())
        return replace(found, line=number, column=indent + 1, source_line=source, length=len(source) - indent)


def read_file(file: Path) -> tuple[list[Document], list[Diagnostic]]:
    """Read all documents of a file; whatever is wrong with it is a finding, never an exception."""
    name = str(file)
    try:
        raw = file.read_bytes()
    except OSError as error:
        return [], [Diagnostic("error", "unreadable", f"cannot read the file: {error.strerror}", "", name)]
    if len(raw) > LARGEST_FILE:
        return [], [Diagnostic("error", "too_large", f"{len(raw):,} bytes is no rule file", "at most 4 MB", name)]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"not UTF-8: byte 0x{raw[error.start]:02x}"
        return [], [Diagnostic("error", "not_utf8", message, "save the file as UTF-8", name, line, column)]
    return read_text(text, name)


def read_lines(file: Path) -> list[str]:
    """Return the lines of a file that ``read_file`` was given, as its marks count them; none of what is no text."""
    try:
        return _LINE_BREAK.split(file.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return []


def plain_value(text: str) -> Any:
    """Return what a text means when it stands in a YAML file without quotes; the text itself where that is nothing."""
    resolver: Any = yaml.resolver.Resolver()
    tag = resolver.resolve(yaml.ScalarNode, text, (True, False))
    try:
        value = yaml.constructor.SafeConstructor().construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError):
        return text
    return text if isinstance(value, date) else value


def read_text(text: str, file: str) -> tuple[list[Document], list[Diagnostic]]:
    """Read all documents of a text."""
    lines = _LINE_BREAK.split(text)
    findings: list[Diagnostic] = []
    documents: list[Document] = []
    if refused := _unprintable(text, file) or _too_deep(text, file, lines):
        return [], [refused]
    try:
        for root in yaml.compose_all(text, Loader=_Loader):
            if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
                continue  # nothing between two "---", or after the last
            document = Document(file, None, lines)
            builder = _Builder(document, findings)
            document.value = builder.build(root, (), 0)
            if not builder.refused:
                documents.append(document)
    except yaml.YAMLError as error:
        findings.append(_syntax(error, file, lines))
    if not documents and not findings:
        findings.append(Diagnostic("info", "empty_file", "the file holds no document", "", file))
    return documents, findings


def _unprintable(text: str, file: str) -> Diagnostic | None:
    """YAML takes no control characters; its reader says so without a usable position."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if not found:
        return None
    before = _LINE_BREAK.split(text[: found.start()])
    message = f"the character U+{ord(found.group()):04X} cannot stand in YAML"
    return Diagnostic("error", "control_character", message, "remove it", file, len(before), len(before[-1]) + 1)


def _too_deep(text: str, file: str, lines: Sequence[str]) -> Diagnostic | None:
    """Look at the events alone, which needs no stack; what is wrong with the syntax is found again when composing."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                at = _mark(event)
                message = f"nested more than {DEEPEST} levels deep"
                return Diagnostic("error", "too_deep", message, "", file, at.line, at.column, lines[at.line - 1])
    except yaml.YAMLError:
        return None
    return None


class _Builder:
    def __init__(self, document: Document, findings: list[Diagnostic]) -> None:
        self._document = document
        self._findings = findings
        self._nodes = 0
        self._constructor = yaml.constructor.SafeConstructor()
        self.refused = False

    def build(self, node: yaml.Node, path: Path_, depth: int) -> Any:
        self._document.values[path] = _mark(node)
        if not self._may_go_on(depth):
            self._refuse("too_large", "the document is too large or too deep", "aliases are counted where used", path)
            return None
        if not isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(STANDARD) not in COLLECTIONS:
            self._refuse("yaml_value", f"the tag {node.tag} has no meaning here", "remove it", path)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, n), depth + 1) for n, item in enumerate(node.value) if not self.refused]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path_, depth: int) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        for key_node, value_node in self._pairs(node, depth):
            if self.refused:
                break
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.values[(*path, "?")] = _mark(key_node)
                self._refuse("key", "a key must be plain text", "templates such as {{ x }} need quotes", (*path, "?"))
                break
            key = self._scalar(key_node, path)
            name = key if isinstance(key, str) else key_node.value
            here = (*path, name)
            if name in built:
                first = self._document.keys[here].line
                self._document.keys[here] = _mark(key_node)
                message = f"the key {name} is there twice"
                self._refuse("duplicate_key", message, f"first in line {first}", here, key=True)
                break
            self._document.keys[here] = _mark(key_node)
            built[name] = self.build(value_node, here, depth + 1)
        return built

    def _pairs(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield keys and values, with ``<<`` merges resolved: own keys win, then the source named first."""
        taken = {_name(key) for key, _ in node.value}
        for key, value in node.value:
            if key.tag != MERGE:
                yield key, value
                continue
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(source, yaml.MappingNode) and self._may_go_on(depth):
                    yield from self._merged(source, taken, depth + 1)

    def _merged(self, source: yaml.MappingNode, taken: set[Any], depth: int) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        for key, value in self._pairs(source, depth):
            if _name(key) not in taken:
                taken.add(_name(key))
                yield key, value

    def _may_go_on(self, depth: int) -> bool:
        """Count one more value or merge, and tell whether the document is still of a size that people write."""
        self._nodes += 1
        return not self.refused and self._nodes <= MOST_NODES and depth <= DEEPEST

    def _scalar(self, node: yaml.Node, path: Path_) -> Any:
        """Return a plain value; a date becomes text again, as JSON has none."""
        try:
            value = self._constructor.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError):
            value = b""  # a tag that does not fit, like !!bool maybe
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, bytes):
            self._document.values[path] = _mark(node)
            kind = node.tag.removeprefix(STANDARD)
            self._refuse("yaml_value", f"{str(node.value)[:60]!r} cannot be read as {kind}", "quote it", path)
            return None
        return value

    def _refuse(self, code: str, message: str, hint: str, path: Path_, *, key: bool = False) -> None:
        if not self.refused:
            self._findings.append(self._document.diagnostic("error", code, message, hint, path, key=key))
        self.refused = True


def _name(key: yaml.Node) -> Any:
    return key.value if isinstance(key, yaml.ScalarNode) else id(key)


def _mark(node: yaml.Node | yaml.Event) -> Mark:
    start, end = node.start_mark, node.end_mark
    assert start is not None, "both parsers mark everything"
    assert end is not None
    length = end.column - start.column if end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, max(length, 1))


def _syntax(error: yaml.YAMLError, file: str, lines: Sequence[str]) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    source = lines[line - 1] if line <= len(lines) else ""
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    hint = ""
    if "\\t" in repr(problem) or "\t" in source[: column + 1]:
        hint = "YAML takes no tabs for indentation; use spaces"
    elif "{{" in source or source.strip().startswith(("%", "@")):
        hint = "a template must be filled in, or quoted"
    elif _INDENTED.search(problem):
        hint = _indentation_hint(source[: column - 1], lines[: line - 1])
    return Diagnostic("error", "yaml_syntax", problem, hint, file, line, column, source)


def _indentation_hint(before: str, above: Sequence[str]) -> str:
    """Tell a wrong indentation from a colon or a quote within the line, by what stands ``before`` the mistake."""
    if re.search(r":\s", before):
        closed = before.rstrip().endswith(("'", '"', "]", "}"))
        return "nothing may follow what is quoted or in brackets" if closed else "a value with a colon needs quotes"
    indent = len(before) - len(before.lstrip())
    keys = (found for line in reversed(above) if (found := _KEY_LINE.match(line)) and len(found["before"]) < indent)
    key = next(keys, None)
    if key and key["value"]:
        return "the line is indented too far: align it with the key above"
    return "check the indentation: all keys of a mapping begin in one column, and so do all - of a list"
