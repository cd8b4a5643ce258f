"""`notifier console`: how everything stands, each mail's story, and what an operator decides."""
