"""Real servers for the tests: Elasticsearch and the Slack stand-in, fetched, started once and reused between runs."""
