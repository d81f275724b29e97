"""One module per command: arguments in, text out, an exit code."""
