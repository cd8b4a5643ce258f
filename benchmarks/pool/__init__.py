"""The session pool, measured: `python -m benchmarks.pool` writes ``RESULTS.md``."""
