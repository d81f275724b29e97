"""The cluster that a rule names itself: ElastAlert's ``es_host`` and what goes with it.

As with ElastAlert a part that a rule does not write is that of the settings. Credentials are not: they are sent to no
host but their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from alerter.access import UNSET, EsAccess, RuleCluster
from alerter.config import URL, Settings
from alerter.elastalert_environ import es_urls
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.options import SECRET_ACCESS
from alerter.ruleset.schema import PEM_FILES
from alerter.ruleset.variables import filled_secret
from alerter.ruleset.yaml_positions import Document
from alerter.secrets import Secret

PLACE = ("es_host", "es_hosts", "es_port", "use_ssl", "es_url_prefix")
CREDENTIALS = ("es_username", *SECRET_ACCESS)
ACCESS = (*PLACE, *CREDENTIALS, *PEM_FILES, "verify_certs")
"""The options that make a cluster."""


def rule_cluster(document: Document, settings: Settings, findings: list[Diagnostic]) -> RuleCluster | None:
    """Return the cluster that a rule asks; None where it is that of the settings. Problems go to ``findings``."""
    if not any(_given(document.value.get(name)) for name in ACCESS):
        return None
    return _Reader(document, settings, findings).cluster()


def _given(value: Any) -> bool:
    return value is not None and value not in ("", [])


class _Reader:
    def __init__(self, document: Document, settings: Settings, findings: list[Diagnostic]) -> None:
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._main = settings.es
        self._settings = settings
        self._findings = findings

    def cluster(self) -> RuleCluster | None:
        reason = self._overruled()
        if reason:
            for name in ACCESS:
                if name in self._options:
                    self._find("info", "ignored_option", f"{name} means nothing here", reason, name)
            return None
        urls = self._urls()
        bad = [url for url in urls if not URL.fullmatch(url) or "@" in url]
        if bad:
            message = "the cluster's address cannot be made of this"
            hint = "es_host: es.example.com, es_port: 9200; a user is es_username, a password es_password: $VARIABLE"
            self._find("error", "wrong_value", message, hint, next(n for n in PLACE if n in self._options))
            return None
        access = self._access(urls)
        if access == self._main or not access.urls:
            return None
        return RuleCluster(_name(access, self._main), access)

    def _find(self, severity: str, code: str, message: str, hint: str, name: str) -> None:
        self._findings.append(self._document.diagnostic(severity, code, message, hint, (name,), key=True))

    def _overruled(self) -> str:
        """Return why the options mean nothing, "" where they do."""
        environ = self._settings.environ
        if self._settings.data and not self._main.urls:
            return "the events are read from the files that data: names"
        ours = environ.get("ALERTER_ES_URL") or environ.get("ALERTER_ES_URL_FILE")
        if not ours and (environ.get("ES_HOSTS") or environ.get("ES_HOST")):
            return "ES_HOST of the environment counts, as with ElastAlert; set ALERTER_ES_URL instead of it"
        return ""

    # --- where -------------------------------------------------------------------------------------------------

    def _urls(self) -> tuple[str, ...]:
        """Return the addresses; none where they are those of the settings."""
        if not any(_given(self._options.get(name)) for name in PLACE):
            return ()
        main = urlsplit(self._main.urls[0]) if self._main.urls else SplitResult("http", "localhost:9200", "", "", "")
        hosts = list(self._hosts()) or [f"[{main.hostname}]" if ":" in (main.hostname or "") else main.hostname or ""]
        port = str(self._options.get("es_port") or main.port or "").strip()
        prefix = self._options.get("es_url_prefix")
        tls = self._options.get("use_ssl")
        return tuple(
            es_urls(
                iter(hosts),
                port,
                main.path if prefix is None else str(prefix),
                tls=main.scheme == "https" if tls is None else bool(tls),
            )
        )

    def _hosts(self) -> Iterator[str]:
        written = self._options.get("es_hosts") or self._options.get("es_host") or ()
        for entry in [written] if isinstance(written, str) else written:
            yield from (host.strip() for host in str(entry).split(",") if host.strip())

    # --- who ---------------------------------------------------------------------------------------------------

    def _access(self, urls: Sequence[str]) -> EsAccess:
        """Return how it is reached: the settings' access with what the rule says, no credentials at another place."""
        main = self._main
        if not urls or set(map(_plain, urls)) <= set(map(_plain, main.urls)):
            access = main
        else:
            access = EsAccess(tuple(urls), ca_certs=main.ca_certs)
        if any(_given(self._options.get(name)) for name in CREDENTIALS):
            password, api_key, bearer = (self._secret(name) for name in SECRET_ACCESS)
            user = str(self._options.get("es_username") or "")
            bare = tuple(map(_without_user, access.urls))
            access = replace(access, urls=bare, username=user, password=password, api_key=api_key, bearer=bearer)
        return replace(
            access,
            ca_certs=self._file("ca_certs") or access.ca_certs,
            client_cert=self._file("client_cert") or access.client_cert,
            client_key=self._file("client_key") or access.client_key,
            verify=access.verify and self._options.get("verify_certs") is not False,
        )

    def _secret(self, name: str) -> Secret:
        written = self._options.get(name)
        if not _given(written):
            return UNSET
        value, unset = filled_secret(str(written), self._settings.environ)
        if unset:
            message = f"{name}: the variable {unset[0]} is not set"
            self._find("error", "environment_variable", message, "set it where alerter runs", name)
        return Secret(value, name=name)

    def _file(self, name: str) -> str:
        path = str(self._options.get(name) or "")
        if path and not os.access(path, os.R_OK):
            self._find("error", "access_file", f"{name}: cannot read {path}", "the path of a PEM file", name)
        return path


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _plain(url: str) -> str:
    """Return what tells addresses apart."""
    return _without_user(url).rstrip("/").lower()


def _name(access: EsAccess, main: EsAccess) -> str:
    """Return the first address; with another user at the place of the settings, this beside it."""
    place = _plain(access.urls[0])
    return f"{place} ({access.username or 'own access'})" if place in map(_plain, main.urls) else place
