"""The clusters that rules name themselves, beside the one of the settings."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from alerter.access import RuleCluster
from alerter.errors import UsageError
from alerter.model.rule import Rule
from alerter.sources.protocol import Source, SourceError

ACCESS_HINT = "see es_host and the rule's other es_ options"


class Clusters:
    """A source for each of them, made when it is first asked; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[RuleCluster, Source] = {}

    def of(self, rule: Rule, main: Source) -> Source:
        """Return the source that a rule asks: documents in memory are those of every rule. Raises SourceError."""
        return main if rule.cluster is None or main.kind == "embedded" else self.made(rule.cluster)

    def made(self, cluster: RuleCluster) -> Source:
        """Return the source over a cluster. Raises SourceError where no client can be made."""
        with self._lock:
            if cluster not in self._sources:
                self._sources[cluster] = _opened(cluster)
            return self._sources[cluster]

    def sources(self) -> Mapping[str, Source]:
        """Return those that were asked, by the names of their clusters; of two accesses to one cluster the newer."""
        with self._lock:
            return {cluster.name: source for cluster, source in self._sources.items()}

    def keep(self, rules: Iterable[Rule]) -> None:
        """Close those that no rule names any more."""
        named = {rule.cluster for rule in rules}
        with self._lock:
            gone = [self._sources.pop(cluster) for cluster in self._sources.keys() - named]
        for source in gone:
            source.close()

    def close(self) -> None:
        """Release all connections."""
        self.keep(())


def _opened(cluster: RuleCluster) -> Source:
    from alerter.sources.elasticsearch import ElasticsearchSource
    from alerter.sources.es_client import connect

    if cluster.problem:
        raise SourceError("denied", f"{cluster.problem} (cluster {cluster.name})", ACCESS_HINT)
    try:
        return ElasticsearchSource(connect(cluster.access, of_rule=True), cluster.name)
    except UsageError as error:
        raise SourceError("denied", f"{error.message} (cluster {cluster.name})", ACCESS_HINT) from None
