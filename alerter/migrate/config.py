"""An ElastAlert ``config.yaml`` in alerter's terms: every key with its meaning, the settings, the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerter.clock import SECOND
from alerter.config import LOG_LEVELS
from alerter.durations import parse_duration
from alerter.elastalert_environ import YES, es_urls
from alerter.errors import UsageError
from alerter.migrate.defaults import inherited
from alerter.migrate.keys import KEYS, Fate, meaning_of
from alerter.migrate.variables import Variable, filled, is_reference, references
from alerter.ruleset.options import SUPPORTED
from alerter.ruleset.suggest import did_you_mean
from alerter.ruleset.yaml_positions import Document, read_file

LENGTHS = ("run_every", "buffer_time", "query_delay", "old_query_limit")
SECRETS = ("es_password", "es_api_key", "es_bearer", "slack_webhook_url")
_INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Row:
    """One key of the configuration: where it stands and what becomes of it; never its value."""

    key: str
    line: int
    column: int
    fate: Fate
    becomes: str
    meaning: str


@dataclass(frozen=True)
class Configuration:
    """What an ElastAlert configuration says; ``options`` are its raw values and may hold secrets.

    ``defaults`` are the options that rules inherit, with the names of variables in place of secrets.
    """

    file: Path
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    environment: tuple[Variable, ...]
    rules: tuple[Path, ...]
    defaults: Mapping[str, Any]
    options: Mapping[str, Any] = field(repr=False)


def read_configuration(file: Path, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read the file; raises UsageError with all that is wrong with it as YAML.

    Values taken from the environment stay references to it; only the folders of the rules are looked for now.
    """
    if not file.is_file():
        raise UsageError(f"{file} does not exist", "name ElastAlert's config.yaml")
    documents, findings = read_file(file)
    errors = [found.text() for found in findings if found.severity == "error"]
    if errors:
        raise UsageError("\n".join(errors))
    document = documents[0] if documents else None
    if document is None or not isinstance(document.value, dict) or "type" in document.value:
        raise UsageError(f"{file} is no configuration of ElastAlert", "a mapping of keys such as rules_folder")
    return _Reader(file, document, os.environ if environ is None else environ).read()


class _Reader:
    def __init__(self, file: Path, document: Document, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._notes: dict[str, str] = {}

    def read(self) -> Configuration:
        rules = tuple(self._folders())
        taken = inherited(self._options, {key: self._where(key) for key in self._options})
        self._notes |= taken.notes
        variables = (*self._variables(), *taken.variables)
        settings = dict(self._settings())
        rows = tuple(self._row(str(key)) for key in self._options)
        return Configuration(self._file, rows, settings, variables, rules, taken.options, self._options)

    def _where(self, key: str) -> str:
        return f"{self._file.name}, line {self._document.mark((key,), key=True).line}"

    def _row(self, key: str) -> Row:
        meaning, mark = meaning_of(key), self._document.mark((key,), key=True)
        text = meaning.text
        if meaning.fate is Fate.UNKNOWN:
            near = did_you_mean(key, (*KEYS, *SUPPORTED))
            text = f"{text}; {near}" if near else text
        if key in self._notes:
            text = f"{text}; {self._notes[key]}"
        elif references(self._options.get(key)):
            text = f"{text}; it takes {', '.join(references(self._options[key]))} from the environment"
        return Row(key, mark.line, mark.column, meaning.fate, meaning.name, text)

    def _folders(self) -> Iterator[Path]:
        """Yield the rules' folders: relative to the configuration, else to here, as ElastAlert took them."""
        written = self._options.get("rules_folder", "rules")
        for name in written if isinstance(written, list) else [written]:
            text = self._filled("rules_folder", str(name))
            beside = self._file.parent / text
            folder = Path(text) if not beside.exists() and Path(text).exists() else beside
            if not folder.exists():
                self._notes["rules_folder"] = f"there is no folder {folder}"
            yield folder

    def _filled(self, key: str, text: str) -> str:
        """Return a text with the variables' values of now, which is noted."""
        for name in references(text):
            if name in self._environ:
                self._notes[key] = f"the value that {name} has now is written"
            else:
                self._notes[key] = f"the variable {name} is not set: its name stays as it is written"
        return filled(text, self._environ)

    def _settings(self) -> Iterator[tuple[str, Any]]:
        """Yield the settings with their values, those that alerter would refuse left out with a note."""
        for key in LENGTHS:
            if key in self._options:
                yield from self._length(key)
        prefix = self._options.get("writeback_index")
        if references(prefix):
            self._notes["writeback_index"] = "taken from the environment by ALERTER_STATE_INDEX in alerter.env"
        elif isinstance(prefix, str) and _INDEX_NAME.fullmatch(prefix):
            yield "state_index", prefix
        elif prefix is not None:
            self._notes["writeback_index"] = "no index name begins so: alerter is taken"
        kibana = self._options.get("kibana_url")
        if references(kibana):
            self._notes["kibana_url"] = "taken from the environment by ALERTER_KIBANA_URL in alerter.env"
        elif isinstance(kibana, str) and "@" in kibana:
            self._notes["kibana_url"] = "left out: it holds a login, which would stand in every message"
        elif isinstance(kibana, str):
            yield "kibana_url", kibana
        level = self._level()
        if level:
            yield "log", {"level": level}
        if self._options.get("scan_subdirectories") is False:
            self._notes["scan_subdirectories"] = "folders below the rules would be read now: move them elsewhere"
        if self._options.get("verify_certs") is False:
            self._notes["verify_certs"] = "without either a certificate that is not trusted is refused"

    def _length(self, key: str) -> Iterator[tuple[str, Any]]:
        value, name = self._options[key], KEYS[key].name
        taken = [n for part in (value.values() if isinstance(value, dict) else [value]) for n in references(part)]
        if taken:
            self._notes[key] = f"left out: it takes {', '.join(taken)} from the environment; write the value itself"
            return
        try:
            length = parse_duration(value)
        except ValueError as error:
            self._notes[key] = f"left out: {error}"
            return
        if key == "run_every" and length < SECOND:
            self._notes[key] = "left out: at least 1 s"
            return
        yield name, value

    def _level(self) -> str:
        logging = self._options.get("logging")
        if not isinstance(logging, Mapping):
            return ""
        loggers = logging.get("loggers")
        places = (loggers.get("elastalert") if isinstance(loggers, Mapping) else None, logging.get("root"))
        levels = (str(place.get("level", "")).lower() for place in places if isinstance(place, Mapping))
        return next((level for level in levels if level in LOG_LEVELS), "")

    def _variables(self) -> Iterator[Variable]:
        """Yield the variables, each once; a URL that may hold a password counts as a secret."""
        hosts = list(self._hosts())
        if hosts:
            key = "es_hosts" if self._options.get("es_hosts") else "es_host"
            tls = self._filled("use_ssl", str(self._options.get("use_ssl", ""))).lower() in YES
            if references(self._options.get("use_ssl")):
                written = "https" if tls else "http"
                self._notes["use_ssl"] = f"it comes from the environment: {written} is written, as it is now"
            prefix = str(self._options.get("es_url_prefix") or "")
            urls = ",".join(es_urls(iter(hosts), str(self._options.get("es_port") or ""), prefix, tls=tls))
            yield Variable("ALERTER_ES_URL", "" if "@" in urls else urls, self._where(key))
        for key, meaning in KEYS.items():
            value = self._options.get(key)
            if meaning.fate is Fate.ENVIRONMENT and meaning.name != "ALERTER_ES_URL" and value not in (None, ""):
                hidden = key in SECRETS and not is_reference(value)
                yield Variable(meaning.name, "" if hidden else str(value), self._where(key))
        for key in ("writeback_index", "kibana_url"):
            if references(self._options.get(key)):
                yield Variable(f"ALERTER_{KEYS[key].name}".upper(), str(self._options[key]), self._where(key))

    def _hosts(self) -> Iterator[str]:
        written = self._options.get("es_hosts") or self._options.get("es_host")
        for entry in written if isinstance(written, list) else [written]:
            yield from (host.strip() for host in str(entry or "").split(",") if host.strip())
