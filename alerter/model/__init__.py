"""The nouns of alerting as frozen dataclasses; parsed once at the boundary, plain data everywhere inside."""
