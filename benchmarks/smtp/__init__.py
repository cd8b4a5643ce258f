"""SMTP clients side by side on one sink: `python -m benchmarks.smtp` writes ``RESULTS.md``."""
