"""Why somebody was told, or not: kept records to an account of every decision, pure."""
