"""`notifier preview`: every template with its samples, as readers see it, and what is wrong with it."""
