"""JSON for the Elasticsearch client by orjson, with one order of keys so that the server's caches serve."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
from elasticsearch.serializer import JsonSerializer, NdjsonSerializer

LINES = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
"""Sorted, so that the server's cache of requests knows a question again."""


class FastJson(JsonSerializer):
    """What orjson refuses (numbers beyond 64 bits, halves of surrogate pairs) the standard library still takes."""

    def json_dumps(self, data: Any) -> bytes:
        """Return the value as JSON."""
        try:
            return orjson.dumps(data, default=self.default, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            return bytes(super().json_dumps(data))

    def json_loads(self, data: bytes) -> Any:
        """Return the value that JSON text stands for."""
        try:
            return orjson.loads(data)
        except ValueError:
            return super().json_loads(data)


class FastNdjson(FastJson, NdjsonSerializer):
    """One JSON value a line."""

    mimetype = NdjsonSerializer.mimetype

    def dumps(self, data: Any) -> bytes:
        """Return each value as a line of JSON; texts are lines already."""
        if type(data) is list and all(type(line) is dict for line in data):
            with suppress(TypeError):
                return b"".join([orjson.dumps(line, default=self.default, option=LINES) for line in data])
        return super().dumps(data)


SERIALIZERS: dict[str, Any] = {each.mimetype: each for each in (FastJson(), FastNdjson())}
"""By MIME type, for the client."""
