"""From the call to the relay's last word, with real workers: `python -m benchmarks.end_to_end` writes ``RESULTS.md``."""
