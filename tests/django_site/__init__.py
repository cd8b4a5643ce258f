"""A Django project for tests: an order is a row, and its confirmation a mail of the same transaction."""
