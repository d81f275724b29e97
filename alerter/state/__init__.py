"""Checkpoints, incidents, silences and decisions: one protocol, kept in Elasticsearch or in SQLite."""
