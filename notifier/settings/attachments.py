"""``NOTIFIER_ATTACHMENT_URLS``: where attachments may be fetched from."""

from __future__ import annotations

from importlib.util import find_spec

from notifier.store.fetching import checked_prefix


def parse_prefixes(text: str) -> tuple[str, ...]:
    """URLs with blanks between. Raises `ValueError`."""
    prefixes = tuple(map(checked_prefix, text.split()))
    if prefixes and find_spec("fsspec") is None:
        raise ValueError("needs: pip install notifier-worker[blobs]")
    return prefixes
