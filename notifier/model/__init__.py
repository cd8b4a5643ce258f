"""Frozen values that the rooms hand to one another. They hold no behaviour that needs I/O, a clock or a library."""
