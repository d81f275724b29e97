"""Reading the silences of an ElastAlert writeback index; nothing of it is ever written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from elasticsearch.helpers import scan

from alerter.access import EsAccess
from alerter.clock import Millis
from alerter.sources.es_client import as_source_error, connect
from alerter.timetext import iso

PAGE = 1_000


def silence_index(writeback: str) -> str:
    """Return the index of the silences: ``elastalert_silence`` for ``elastalert``."""
    return writeback if writeback.endswith("_silence") else f"{writeback}_silence"


def read_silences(access: EsAccess, index: str, now: Millis) -> Iterator[Mapping[str, Any]]:
    """Yield the silences that last beyond ``now``; raises SourceError, also when there is no such index."""
    query = {"query": {"range": {"until": {"gt": iso(now)}}}, "_source": ["rule_name", "until", "@timestamp"]}
    client = connect(access)
    try:
        for hit in scan(client, query=query, index=index, size=PAGE):
            source = hit.get("_source")
            if isinstance(source, Mapping):
                yield source
    except Exception as error:
        raise as_source_error(error) from None
    finally:
        client.close()
