"""Coming from ElastAlert: its configuration and its silences in alerter's terms."""
