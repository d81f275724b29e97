"""A source that keeps each request it passes on, as a curl line that anybody with access may send again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from alerter.model.rule import Redaction
from alerter.notifiers.text import one_line
from alerter.redact import redact_text
from alerter.sources.hidden import hidden
from alerter.sources.languages import as_sent
from alerter.sources.protocol import Answer, Hit, SearchRequest, Selected, Selection, Source, SourceError

ACCESS = '-H "Authorization: ApiKey $ALERTER_ES_API_KEY"'
"""Left to the reader's shell: no address and no credential is ever in a line."""
OWN = "ES_URL_OF_RULE"
"""The variable of a cluster that a rule names itself; the access to it is left out, as there are several forms."""


Heard = Callable[[str], None]


class ExplainedSource:
    """The Source protocol; ``take`` returns the lines since it was called last, each request once.

    ``heard`` is told how much was asked so far, at every request and page.

    ``redaction`` is that of the rule that asks: values of its hidden fields are shown as hashes, so that such a line
    must be filled in by hand before it is sent.
    """

    def __init__(self, source: Source, heard: Heard, cluster: str = "") -> None:
        """Pass requests on to a source; ``cluster`` is the name of one that is not that of the settings."""
        self._source = source
        self._cluster = cluster
        self._heard = heard
        self._searches = 0
        self._read = 0
        self._lines: dict[str, None] = {}
        self.kind = source.kind
        self.requests = source.requests
        self.redaction = Redaction()

    def take(self) -> list[str]:
        """Return the curl lines and forget them."""
        lines, self._lines = list(self._lines), {}
        return lines

    def search(self, requests: Sequence[SearchRequest]) -> list[Answer | SourceError]:
        """Answer each request in order; each fails alone."""
        for request in requests:
            self._note(request)
        answers = self._source.search(requests)
        self._tell(len(requests), 0)
        self.requests = self._source.requests
        return answers

    def scan(self, request: SearchRequest, page: int = 10_000) -> Iterator[Sequence[Hit]]:
        """Yield all hits of a request in pages; the line is that of the first page."""
        body = {"size": page, **request.body}
        self._note(replace(request, body=body))
        for hits in self._source.scan(request, page):
            self._tell(1, len(hits))
            yield hits
        self.requests = self._source.requests

    def select(self, selection: Selection) -> Selected:
        """Answer a query in a language of the server's own; raises SourceError."""
        path, body = as_sent(selection)
        self._keep(path, body)
        found = self._source.select(selection)
        self._tell(1, len(found.hits))
        self.requests = self._source.requests
        return found

    def field_types(self, index: str, fields: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Name the mapped types of each field."""
        names = ",".join(quote(name, safe="*.@") for name in dict.fromkeys(fields))
        self._line("", f"{_index(index)}/_field_caps?fields={names}", "")
        types = self._source.field_types(index, fields)
        self.requests = self._source.requests
        return types

    def close(self) -> None:
        """Release connections."""
        self._source.close()

    def _tell(self, searches: int, read: int) -> None:
        self._searches += searches
        self._read += read
        self._heard(f"{self._searches:,} searches" + (f", {self._read:,} documents" if self._read else ""))

    def _note(self, request: SearchRequest) -> None:
        options = {"preference": request.preference, "ignore_unavailable": "true" if request.lenient else None}
        chosen = urlencode({name: value for name, value in options.items() if value})
        self._keep(f"{_index(request.index)}/_search" + (f"?{chosen}" if chosen else ""), request.body)

    def _keep(self, path: str, body: Mapping[str, Any]) -> None:
        text = shlex.quote(redact_text(json.dumps(hidden(body, self.redaction), default=str), self.redaction))
        self._line(" -H 'Content-Type: application/json'", path, f" -d {text}")

    def _line(self, kind: str, path: str, body: str) -> None:
        line = f'curl -sS {ACCESS}{kind} "$ALERTER_ES_URL/{path}"{body}'
        if self._cluster:
            line = f'curl -sS{kind} "${OWN}/{path}"{body} # cluster {one_line(self._cluster)}'
        self._lines[line] = None


def _index(index: str) -> str:
    return quote(index, safe="*,-")
