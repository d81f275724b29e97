"""The source that the settings name."""

from __future__ import annotations

from alerter.clock import SystemClock
from alerter.config import Settings
from alerter.errors import UsageError
from alerter.sources.protocol import Source


def open_source(settings: Settings) -> Source:
    """Return Elasticsearch when ALERTER_ES_URL is set, else the embedded source over ``data``."""
    if settings.es.urls:
        return open_elasticsearch(settings)
    if not settings.data:
        raise UsageError(
            "nothing to read: neither ALERTER_ES_URL nor data: is set",
            "export ALERTER_ES_URL=http://localhost:9200, or write data: [events.ndjson] into alerter.yaml",
        )
    from alerter.sources.embedded import EmbeddedSource

    return EmbeddedSource(now=SystemClock().now)


def open_elasticsearch(settings: Settings) -> Source:
    """Return the source over the cluster of the settings."""
    from alerter.sources.elasticsearch import ElasticsearchSource
    from alerter.sources.es_client import connect

    return ElasticsearchSource(connect(settings.es))
