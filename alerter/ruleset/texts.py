"""What messages say: ``message``, ElastAlert's options for texts, and the link into Discover."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerter.clock import Millis
from alerter.durations import parse_duration
from alerter.model.rule import MessageTexts
from alerter.model.texts import (
    LONGEST_SUBJECT,
    MISSING,
    AlertTexts,
    Column,
    Discover,
    Filling,
    Gathering,
    Table,
    TableStyle,
    Texts,
    TextType,
)
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.imports import FileState, file_state
from alerter.ruleset.kept_back import is_kept_back, shown, without_user
from alerter.ruleset.yaml_positions import LARGEST_FILE, Document
from alerter.schedule import cron_problem
from alerter.templates import BrokenTemplate, compile_template
from alerter.timetext import length_text
from alerter.zones import zone_exists

SOURCES = ("title", "summary", "runbook", "dashboard")
LINKED = ("kibana_url", "opensearch_url", "kibana_discover_app_url", "opensearch_discover_app_url")
"""Options that links begin with."""
UNWRITTEN = {"description": "", "owner": "", "category": "", "priority": 2}
"""What ElastAlert's texts show of options that a rule does not write."""
WON = (("title", "alert_subject"), ("summary", "alert_text"))
"""Texts of ``message``, and the options that they are shown instead of."""


def aggregation_key(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields or labels by which what is aggregated is told apart; none without ``aggregation``."""
    written = options.get("aggregation_key") or []
    names = written if isinstance(written, list) else [written]
    return tuple(dict.fromkeys(str(name) for name in names)) if options.get("aggregation") else ()


class TextReader:
    """Reads the texts of one rule document; findings of severity error mean that the rule does not load."""

    def __init__(
        self,
        document: Document,
        file: Path,
        findings: list[Diagnostic],
        length: Callable[[str], Millis | None],
    ) -> None:
        """``length`` reads an option that is a length of time, None where it is not written."""
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._file = file
        self._findings = findings
        self._length = length
        self.read: set[FileState] = set()
        """The files that were read, as they were before."""

    def message(self) -> MessageTexts:
        """Return the templates of ``message``."""
        written = self._options.get("message") or {}
        fields = tuple((str(n), str(v)) for n, v in (written.get("fields") or {}).items())
        texts = {name: str(written.get(name, "")) for name in SOURCES}
        for name, source in texts.items():
            self._compile(source, "message", name)
        for name, source in fields:
            self._compile(source, "message", "fields", name)
        for name, option in WON:
            if texts[name] and option in self._options:
                message, hint = f"{option} is not shown: message.{name} is", "leave one of them out"
                found = self._document.diagnostic("warning", "message_wins", message, hint, (option,), key=True)
                self._findings.append(found)
        return MessageTexts(fields=fields, **texts)

    def texts(self) -> Texts:
        """Return what ElastAlert's options say."""
        keys = self._options.get("top_count_keys") or []
        return Texts(
            alert=self._alert(),
            discover=self._discover(),
            top=tuple(dict.fromkeys(map(str, keys if isinstance(keys, list) else [keys]))),
            top_number=int(self._options.get("top_count_number") or 5),
            related=bool(self._options.get("attach_related")),
            table=self._table(),
            gathering=self._gathering(),
        )

    def _table(self) -> Table | None:
        written = self._options.get("summary_table_fields") or []
        columns = [_column(one) for one in (written if isinstance(written, list) else [written])]
        if not columns:
            return None
        rows = self._options.get("summary_table_max_rows")
        return Table(
            tuple(columns),
            TableStyle(self._options.get("summary_table_type") or TableStyle.ASCII),
            None if rows is None else int(rows),
            str(self._options.get("summary_prefix") or ""),
            str(self._options.get("summary_suffix") or ""),
        )

    def _gathering(self) -> Gathering | None:
        """Return the aggregation, and say what it does here."""
        written = self._options.get("aggregation")
        if not written:
            return None
        cron = written.get("schedule") if isinstance(written, Mapping) else None
        key = aggregation_key(self._options)
        if cron is not None:
            zone = str((self._options.get("schedule") or {}).get("timezone", "UTC"))
            problem = cron_problem(str(cron))
            if problem:
                self._error("cron", f"{cron!r} {problem}", 'like "0 * * * *"', "aggregation", "schedule")
            gathering = Gathering(cron=str(cron), timezone=zone if zone_exists(zone) else "UTC", key=key)
        else:
            period = self._length("aggregation")
            if not period:
                return None
            gathering = Gathering(period, key=key, by_match=bool(self._options.get("aggregate_by_match_time")))
        when = f"{length_text(gathering.period)} after the first" if gathering.period else f"at the times of {cron}"
        message = f"aggregation: what matches is told in one message, {when}, and not before"
        hint = "where the first match must be told at once, leave it out and write realert"
        found = self._document.diagnostic("info", "gathered", message, hint, ("aggregation",), key=True)
        self._findings.append(found)
        return gathering

    def _alert(self) -> AlertTexts:
        options = self._options
        kind = TextType(options.get("alert_text_type") or TextType.DEFAULT)
        jinja = kind is TextType.JINJA
        subject, text = self._filling("alert_subject", jinja), self._filling("alert_text", jinja)
        if jinja and options.get("jinja_template_path"):
            text = Filling(self._template(str(options["jinja_template_path"])), jinja=True)
        found = AlertTexts(
            subject=subject,
            subject_length=int(options.get("alert_subject_max_len") or LONGEST_SUBJECT),
            text=text,
            type=kind,
            missing=str(self._referred(options.get("alert_missing_value", MISSING))),
            root=str(options.get("jinja_root_name") or "_data"),
        )
        wanted, every = set(found.paths), subject.jinja or text.jinja
        named = {n: v for n, v in self._plain_options() if every or n in wanted} if every or wanted else {}
        return AlertTexts(**{**vars(found), "options": named})

    def _filling(self, name: str, jinja: bool) -> Filling:
        source = self._referred(self._options.get(name))
        args, keywords = self._options.get(f"{name}_args"), self._options.get("alert_text_kw")
        if name == "alert_subject":
            jinja, keywords = jinja and args is None, None
        text = "" if source is None else str(source)
        if jinja:
            if not self._options.get("jinja_template_path") or name == "alert_subject":
                self._compile(text, name)
            return Filling(text, jinja=True)
        if args is not None:
            paths = args if isinstance(args, list) else [args]
            return Filling(text, tuple(str(self._referred(path)) for path in paths))
        if isinstance(keywords, Mapping):
            return Filling(text, None, tuple((str(path), str(word)) for path, word in keywords.items()))
        return Filling(text)

    def _referred(self, value: Any) -> Any:
        """Return a value, or for ``$owner$`` that of the rule's option ``owner``, as ElastAlert does."""
        name = value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == "$" else ""
        options = {**UNWRITTEN, "name": self._file.stem, **self._options}
        if name not in options or is_kept_back(name):
            return value
        return shown(_as_elastalert(name, options[name]))

    def _template(self, name: str) -> str:
        """Return the template of a file, relative to the rule's."""
        path = self._file.parent / name
        self.read.add(file_state(path))
        try:
            with path.open(encoding="utf-8") as opened:
                source = opened.read(LARGEST_FILE)
            compile_template(source)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or (error if isinstance(error, BrokenTemplate) else "not UTF-8")
            line = f" line {error.line}:" if isinstance(error, BrokenTemplate) else ""
            message = f"jinja_template_path: {path}:{line} {reason}"
            self._error("template", message, "a file, relative to the rule's", "jinja_template_path")
            return ""
        return source

    def _plain_options(self) -> Iterator[tuple[str, Any]]:
        """Yield the options that texts may show, as ElastAlert has them: lengths of time as ``0:05:00``."""
        yield "name", str(self._options.get("name") or self._file.stem)
        for name, value in {**UNWRITTEN, **self._options}.items():
            if name != "name" and value is not None and not is_kept_back(name):
                yield name, shown(_as_elastalert(name, value))

    def _discover(self) -> Discover:
        family = "opensearch" if self._options.get("generate_opensearch_discover_url") else "kibana"
        columns = self._options.get(f"{family}_discover_columns") or ()
        return Discover(
            str(self._options.get(f"{family}_discover_index_pattern_id") or ""),
            tuple(map(str, columns)),
            self._length(f"{family}_discover_from_timedelta"),
            self._length(f"{family}_discover_to_timedelta"),
        )

    def kibana_url(self, default: str) -> str:
        """Return the base of links into Discover, "" for none; ``default`` is that of the settings.

        Links name no user and no password: people log in by themselves.
        """
        options = self._options
        for name in LINKED:
            self._without_user(name)
        wanted = options.get("generate_kibana_discover_url") or options.get("generate_opensearch_discover_url")
        named = str(options.get("kibana_discover_app_url") or options.get("opensearch_discover_app_url") or "")
        base = str(options.get("kibana_url") or options.get("opensearch_url") or default or "")
        if named and base and "://" not in named:
            named = f"{base.rstrip('/')}/{named.lstrip('/')}"
        return without_user(named if wanted and named else base)

    def _without_user(self, name: str) -> None:
        """Say that a URL holds a credential, which links do not."""
        written = str(self._options.get(name) or "")
        if without_user(written) != written:
            message, hint = f"{name} holds a credential: links are made without it", "take it out: people log in there"
            found = self._document.diagnostic("warning", "inline_secret", message, hint, (name,), key=True)
            self._findings.append(found)

    def _compile(self, source: str, *path: str) -> None:
        try:
            compile_template(source)
        except BrokenTemplate as error:
            message = f"{'.'.join(path)}: {error}"
            found = self._document.diagnostic("error", "template", message, "Jinja2, like {{ count }} events", path)
            self._findings.append(self._document.moved(found, error.line, path))

    def _error(self, code: str, message: str, hint: str, *path: Any) -> None:
        self._findings.append(self._document.diagnostic("error", code, message, hint, path))


def _column(written: Any) -> Column:
    if isinstance(written, Mapping):
        return Column(str(written["path"]), str(written.get("header", written["path"])))
    return Column(str(written), str(written))


def _as_elastalert(name: str, value: Any) -> Any:
    if name in ("timeframe", "realert", "exponential_realert", "buffer_time", "query_delay", "bucket_interval"):
        try:
            return str(timedelta(milliseconds=parse_duration(value)))
        except ValueError:
            return str(value)
    return value
