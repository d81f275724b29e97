"""alerter beside ElastAlert 2: the same events through its own rule classes, its public rule files, its own process."""
