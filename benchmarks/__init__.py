"""What alerter costs beside ElastAlert 2 and beside the least a program could ask: ``python -m benchmarks run``."""
