"""The SMTP client beside its peers, on one sink in one run: `python -m benchmarks.smtp`."""
