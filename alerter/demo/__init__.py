"""The built-in stream of User and Order business logs, and the production engine over it in compressed time."""
