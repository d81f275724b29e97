"""Streams of events through the production engine, by counts, beside every instant known."""
