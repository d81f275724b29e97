"""Aggregations: each type is compiled from its options into a function from matching documents to a result."""
