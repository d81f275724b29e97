"""Alerting for Elasticsearch: ElastAlert's rule files, exact windows, one Slack message per incident."""

__version__ = "0.1.0"
