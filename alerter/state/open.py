"""The state that the settings name."""

from __future__ import annotations

from alerter.config import Settings
from alerter.state.protocol import State


def open_state(settings: Settings) -> State:
    """Return the state in Elasticsearch when ALERTER_ES_URL is set, else in the SQLite file ``state_file``."""
    if settings.es.urls:
        from alerter.sources.es_client import connect
        from alerter.state.elasticsearch import ElasticsearchState

        return ElasticsearchState(connect(settings.es), settings.state_index)
    from alerter.state.sqlite import SqliteState

    return SqliteState(str(settings.state_file))
