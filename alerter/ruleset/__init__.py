"""Rule files: YAML with positions, JSON Schema, ElastAlert's options, and findings as ``file:line:col``."""
