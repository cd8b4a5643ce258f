"""Each peer as its documentation has it: an ``app`` for `celery -A`, and `enqueue` for one task a mail."""
