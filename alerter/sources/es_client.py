"""The Elasticsearch client, and what its errors mean."""

from __future__ import annotations

import base64
import os
import re
from typing import Any

from elastic_transport import ConnectionError as EsConnectionError
from elastic_transport import ConnectionTimeout, TlsError, Transport, TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from alerter.access import EsAccess
from alerter.errors import UsageError
from alerter.sources.protocol import UNREADABLE, SourceError, unreadable
from alerter.sources.serializers import SERIALIZERS

TIMEOUT_SECONDS = 30
SPEAKS_TO = "alerter speaks to Elasticsearch 7.17, 8 and 9; OpenSearch is not supported yet"
_CREDENTIALS = re.compile(r"//[^/@\s]*@")


def connect(access: EsAccess, *, of_rule: bool = False) -> Elasticsearch:
    """Return a client; nothing is sent yet. ``info()`` is never called: not every server serves it.

    A dead node is left for the next one of ``urls``; nothing else is tried again. Raises UsageError for settings
    that no client can be made of; ``of_rule``: it names the rule's options instead of the variables.
    """
    options: dict[str, Any] = {
        "request_timeout": TIMEOUT_SECONDS,
        "max_retries": len(access.urls) - 1,
        "retry_on_timeout": False,
        "retry_on_status": (),
        "serializers": SERIALIZERS,
        "transport_class": _transport(access),
    }
    if any(url.startswith("https") for url in access.urls):
        options |= _tls(access, "" if of_rule else "ALERTER_ES_")
    try:
        return Elasticsearch(list(access.urls), **options)
    except ValueError as error:
        place = "es_host" if of_rule else "ALERTER_ES_URL"
        name = "ALERTER_ES_CA_FINGERPRINT" if "ingerprint" in str(error) else place
        hint = "a SHA-256 in hexadecimal" if "ingerprint" in str(error) else "like https://es.example:9200"
        raise UsageError(f"{name} cannot be used: {_CREDENTIALS.sub('//', str(error))}", hint) from None


def _transport(access: EsAccess) -> type[Transport]:
    """Return a transport that reads the secrets at every request, so that a rotated secret file serves at once."""

    class Authenticated(Transport):
        def perform_request(self, method: str, target: str, **options: Any) -> Any:
            header = _authorization(access)
            if header:
                options["headers"] = {**(options.get("headers") or {}), "authorization": header}
            return super().perform_request(method, target, **options)

    return Authenticated


def _authorization(access: EsAccess) -> str:
    """Return the header for the credentials as they are now; "" without any."""
    if access.api_key:
        return f"ApiKey {access.api_key.reveal()}"
    if access.bearer:
        return f"Bearer {access.bearer.reveal()}"
    if access.username:
        pair = f"{access.username}:{access.password.reveal()}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return ""


def _tls(access: EsAccess, prefix: str) -> dict[str, Any]:
    files = {"CA_CERTS": access.ca_certs, "CLIENT_CERT": access.client_cert, "CLIENT_KEY": access.client_key}
    for name, path in files.items():
        if path and not os.access(path, os.R_OK):
            option = f"{prefix}{name}" if prefix else name.lower()
            raise UsageError(f"{option}: cannot read {path}", "the path of a PEM file")
    options: dict[str, Any] = {} if access.verify else {"verify_certs": False, "ssl_show_warn": False}
    if access.ca_fingerprint:
        options["ssl_assert_fingerprint"] = access.ca_fingerprint.replace(":", "").lower()
        if not access.ca_certs:
            options |= {"verify_certs": False, "ssl_show_warn": False}  # the pinned fingerprint is the check
    if access.ca_certs:
        options["ca_certs"] = access.ca_certs
    if access.client_cert:
        options["client_cert"] = access.client_cert
    if access.client_key:
        options["client_key"] = access.client_key
    return options


def as_source_error(error: Exception) -> SourceError:
    """Return what an error of the client means, with the remedy."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, UsageError):
        return SourceError("denied", error.message, error.hint)
    if isinstance(error, UnsupportedProductError):
        hint = SPEAKS_TO
        return SourceError("denied", "the server is not Elasticsearch (its product header is missing)", hint)
    if isinstance(error, TlsError):
        hint = "set ALERTER_ES_CA_CERTS (a PEM file) or ALERTER_ES_CA_FINGERPRINT"
        return SourceError("denied", f"TLS: the server's certificate is refused: {_first_line(error)}", hint)
    if isinstance(error, ConnectionTimeout):
        return SourceError("unreachable", f"Elasticsearch did not answer within {TIMEOUT_SECONDS} s")
    if isinstance(error, EsConnectionError | TransportError) and not isinstance(error, ApiError):
        hint = "is ALERTER_ES_URL right, and the cluster up?"
        return SourceError("unreachable", f"Elasticsearch cannot be reached: {_first_line(error)}", hint)
    if isinstance(error, ApiError):
        return from_answer(error.meta.status, error.body)
    if isinstance(error, UNREADABLE):
        return unreadable(error)
    return SourceError("unreachable", f"Elasticsearch: {type(error).__name__}: {_first_line(error)}")


def from_answer(status: int, body: Any) -> SourceError:
    """Return what an answer with an error status means."""
    kind, reason = _root_cause(body)
    if status == 401:
        hint = "check ALERTER_ES_USERNAME and ALERTER_ES_PASSWORD, or ALERTER_ES_API_KEY"
        return SourceError("denied", "Elasticsearch does not know these credentials (401)", hint)
    if status == 403:
        return SourceError("denied", f"not allowed (403): {reason}", "grant the privilege; see docs/operations.md")
    if kind == "search_context_missing_exception":
        return SourceError("incomplete", "the point in time ended before all pages were read")
    if kind == "index_not_found_exception" or (status == 404 and kind):
        return SourceError("missing", reason or "not found")
    if status == 404:
        hint = "is ALERTER_ES_URL right, with its path if it has one?"
        return SourceError("unreachable", "the address of Elasticsearch answers 404, which is not its own", hint)
    if status in (429, 503) or kind == "es_rejected_execution_exception":
        return SourceError("busy", f"Elasticsearch is busy or not ready ({status}): {reason}")
    if status == 406 or "media_type" in kind:
        hint = SPEAKS_TO
        return SourceError("denied", f"the server refuses this client ({status}): {reason}", hint)
    if status >= 500:
        return SourceError("incomplete", f"Elasticsearch failed ({status}): {kind}: {reason}")
    return SourceError("rejected", f"Elasticsearch rejects the query: {kind}: {reason}", "see alerter check")


def _root_cause(body: Any) -> tuple[str, str]:
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return "", error[:500]
    if not isinstance(error, dict):
        return "", str(body)[:200]
    causes = error.get("root_cause") or []
    cause = causes[0] if causes and isinstance(causes[0], dict) else error
    return str(cause.get("type") or error.get("type") or ""), str(cause.get("reason") or error.get("reason") or "")[
        :500
    ]


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", "") or error)
    return _CREDENTIALS.sub("//", text.partition("\n")[0])[:300]


def version(client: Elasticsearch) -> str:
    """Return the lowest version of the cluster's nodes; raises SourceError."""
    try:
        answer = client.perform_request(
            "GET", "/_nodes?filter_path=nodes.*.version", headers={"accept": "application/json"}
        )
    except Exception as error:
        raise as_source_error(error) from None
    versions = [node["version"] for node in (answer.body or {}).get("nodes", {}).values()]
    return str(min(versions, key=lambda v: [int(p) for p in v.split("-")[0].split(".")], default="unknown"))
