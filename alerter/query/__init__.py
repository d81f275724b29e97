"""Queries of alert rules: parsed, turned into Elasticsearch's DSL, and answered in process over documents in memory."""
