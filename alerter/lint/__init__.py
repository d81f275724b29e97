"""What is valid but surely wrong: one small pure function per lint, and the list of all of them (``registry``)."""
