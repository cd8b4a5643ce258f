"""The documentation; `python -m docs.reference` writes the part that comes from the code."""
