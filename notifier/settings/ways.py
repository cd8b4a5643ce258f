"""``NOTIFIER_SMTP_URL`` and the URLs of accounts: relays in tiers, or the recipients' own servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from notifier.settings.mx import MxDelivery, parse_mx
from notifier.settings.relay import Tiers, parse_relays
from notifier.smtp import Endpoint

Way = Tiers | MxDelivery


def parse_way(text: str) -> Way:
    """Read relays, as `parse_relays` does, or one ``mx://``. Raises `ValueError`."""
    if not any(part.startswith("mx://") for part in text.replace(",", " ").split()):
        return parse_relays(text)
    if len(text.split()) > 1 or not text.startswith("mx://"):
        raise ValueError("has mx:// beside other relays; the recipients' own servers stand alone")
    return parse_mx(text)


def with_user_timeout(way: Way, seconds: float | None) -> Way:
    """The same way, whose connections are given up after so long without an acknowledgement."""
    if isinstance(way, MxDelivery):
        return replace(way, template=replace(way.template, user_timeout=seconds))
    return tuple(
        tuple(replace(relay, endpoint=replace(relay.endpoint, user_timeout=seconds)) for relay in tier) for tier in way
    )


def endpoints_of(way: Way) -> Iterator[Endpoint]:
    """Every relay's, in their order; of ``mx://`` the one that all hosts are made by."""
    if isinstance(way, MxDelivery):
        yield way.template
    else:
        yield from (relay.endpoint for tier in way for relay in tier)
