"""The cluster that a rule names itself: ElastAlert's ``es_host`` and what goes with it.

As with ElastAlert a part that a rule does not write is that of the settings. Credentials are not: they are sent to no
host but their own. What a rule's access lacks where it is loaded (a variable, a file) does not keep it from loading:
a check, or a test over documents, needs no secrets.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from alerter.access import UNSET, EsAccess, RuleCluster
from alerter.config import Settings, is_url
from alerter.elastalert_environ import es_urls
from alerter.ruleset.diagnostics import Diagnostic
from alerter.ruleset.options import CREDENTIALS, PLACE, SECRET_ACCESS, has_any, is_given
from alerter.ruleset.schema import PEM_FILES
from alerter.ruleset.variables import filled_secret, likely_variables, names_variables, shown_secrets
from alerter.ruleset.yaml_positions import Document
from alerter.secrets import Secret

ACCESS = (*PLACE, *CREDENTIALS, *PEM_FILES, "verify_certs")
"""The options that make a cluster."""


def rule_cluster(document: Document, settings: Settings, findings: list[Diagnostic]) -> RuleCluster | None:
    """Return the cluster that a rule asks; None where it is that of the settings. Problems go to ``findings``."""
    if not has_any(document.value, ACCESS):
        return None
    return _Reader(document, settings, findings).cluster()


class _Reader:
    def __init__(self, document: Document, settings: Settings, findings: list[Diagnostic]) -> None:
        self._document = document
        self._options: Mapping[str, Any] = document.value
        self._main = settings.es
        self._settings = settings
        self._findings = findings
        self._problem = ""

    def cluster(self) -> RuleCluster | None:
        reason = self._overruled()
        if reason:
            for name in ACCESS:
                if name in self._options:
                    self._find("info", "ignored_option", f"{name} means nothing here", reason, name)
            return None
        urls = self._urls()
        if any(not is_url(url) or "@" in url for url in urls):
            message = "the cluster's address cannot be made of this"
            hint = "es_host: es.example.com, es_port: 9200; a user is es_username, a password es_password: $VARIABLE"
            written = [name for name in PLACE if is_given(self._options.get(name))]
            self._find("error", "wrong_value", message, hint, "es_port" if self._is_port_bad() else written[0])
            return None
        access = self._access(urls)
        if not access.urls or (access == self._main and not self._problem):
            return None
        places, main = set(map(_plain, access.urls)), set(map(_plain, self._main.urls))
        place = "" if places & main else " ".join(sorted(places))
        return RuleCluster(_name(access, self._main), access, place, self._problem)

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
        if not has_any(self._options, PLACE):
            return ()
        main = urlsplit(self._main.urls[0] if self._main.urls else "http://localhost:9200")
        hosts = list(self._hosts()) or [f"[{main.hostname}]" if ":" in (main.hostname or "") else main.hostname or ""]
        port = str(self._options.get("es_port") or _port(main)).strip()
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

    def _is_port_bad(self) -> bool:
        return not is_url(f"http://host:{str(self._options.get('es_port') or 1).strip()}")

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
        if has_any(self._options, CREDENTIALS):
            user, (password, api_key, bearer) = self._user(), (self._secret(name) for name in SECRET_ACCESS)
            bare = tuple(map(_without_user, access.urls))
            access = replace(access, urls=bare, username=user, password=password, api_key=api_key, bearer=bearer)
        return replace(
            access,
            ca_certs=self._file("ca_certs") or access.ca_certs,
            client_cert=self._file("client_cert") or access.client_cert,
            client_key=self._file("client_key") or access.client_key,
            verify=access.verify and self._options.get("verify_certs") is not False,
        )

    def _user(self) -> str:
        """Return the user's name, which is no secret: reports show it, and servers say it."""
        name, environ = "es_username", self._settings.environ
        written = str(self._options.get(name) or "")
        for variable in shown_secrets(written, environ):
            message = f"the variable {variable} holds a credential, and {name} is shown in reports and by servers"
            hint = "a credential is written as es_password, es_api_key or es_bearer"
            self._find("error", "secret_variable", message, hint, name)
            return ""
        value, unset = filled_secret(written, environ)
        if set(unset) & set(likely_variables(written)) or (written and not value):
            self._unset(name)
        return value

    def _secret(self, name: str) -> Secret:
        written = self._options.get(name)
        if not is_given(written):
            return UNSET
        parts = [str(part) for part in (written if isinstance(written, list) else [written])]
        filled = [filled_secret(part, self._settings.environ) for part in parts]
        pairs = zip(parts, filled, strict=True)
        if any(names_variables(part) and (unset or not value) for part, (value, unset) in pairs):
            self._unset(name)
        value = ":".join(value for value, _ in filled)
        return Secret(base64.b64encode(value.encode()).decode() if isinstance(written, list) else value, name=name)

    def _unset(self, name: str) -> None:
        self._problem = f"{name}: the variable that it names is not set"  # the name may be a part of a password
        hint = "set it where alerter runs; without it the rule's cluster is not asked"
        self._find("warning", "unset_variable", self._problem, hint, name)

    def _file(self, name: str) -> str:
        path = str(self._options.get(name) or "")
        if path and not os.access(path, os.R_OK):
            hint = "the path of a PEM file; it must be there where alerter runs"
            self._find("warning", "access_file", f"{name}: cannot read {path}", hint, name)
        return path


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _plain(url: str) -> str:
    """Return what tells addresses apart: with the port, which is that of the scheme where none is written."""
    parts = urlsplit(_without_user(url))
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{_port(parts)}{parts.path.rstrip('/')}"


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _name(access: EsAccess, main: EsAccess) -> str:
    """Return the first address; with another user at the place of the settings, this beside it."""
    place = _plain(access.urls[0])
    return f"{place} ({access.username or 'own access'})" if place in map(_plain, main.urls) else place
