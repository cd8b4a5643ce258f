"""What the ledger costs, measured: `python -m benchmarks.delivery` writes ``RESULTS.md``."""
