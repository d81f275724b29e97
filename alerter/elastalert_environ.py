"""ElastAlert's variables of the environment, read where the ``ALERTER_`` name is absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerter.secrets import Secret

CREDENTIALS = ("USERNAME", "PASSWORD", "API_KEY", "BEARER")
YES = ("y", "yes", "t", "true", "on", "1")


def secret_of(environ: Mapping[str, str], name: str) -> Secret:
    """Return ``ALERTER_ES_<name>`` (or the file of ``…_FILE``), else what ElastAlert's variables say of it.

    Credentials of ElastAlert's variables are taken only where no ``ALERTER_`` name gives any: an API key and a
    password that were not meant for each other are never put together.
    """
    own = Secret.of(environ, f"ALERTER_ES_{name}")
    if own:
        return own
    if name == "URL":
        return Secret(",".join(_urls(environ)), name="ES_HOSTS" if environ.get("ES_HOSTS") else "ES_HOST")
    ours = (f"ALERTER_ES_{credential}{ending}" for credential in CREDENTIALS for ending in ("", "_FILE"))
    if name not in CREDENTIALS or any(environ.get(one) for one in ours):
        return own
    return Secret(environ.get(f"ES_{name}", ""), name=f"ES_{name}")


def _urls(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the URLs of ``ES_HOSTS`` (comma separated, each with or without a port), else that of ``ES_HOST``."""
    hosts = environ.get("ES_HOSTS") or environ.get("ES_HOST", "")
    yield from es_urls(
        (host.strip() for host in hosts.split(",") if host.strip()),
        environ.get("ES_PORT", ""),
        environ.get("ES_URL_PREFIX", ""),
        tls=environ.get("ES_USE_SSL", "").strip().lower() in YES,
    )


def es_urls(hosts: Iterator[str], port: str, prefix: str, *, tls: bool) -> Iterator[str]:
    """Yield a URL for each host; one that names its scheme or its port keeps it, else the port is ``port`` or 9200."""
    for host in hosts:
        scheme, _, rest = host.rpartition("://")
        place = rest.rstrip("/")
        if ":" not in place.rpartition("@")[2]:
            place = f"{place}:{port or 9200}"
        path = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
        yield f"{scheme or ('https' if tls else 'http')}://{place}{path}"
