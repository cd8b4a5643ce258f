"""Forms of our own pages: reading one, and telling that it is ours."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from starlette.requests import Request

MAX_FORM = 100_000  # octets; fifty addresses may be in one, and %XX stands for an octet of theirs


def own_page(request: Request, token: str, given: str) -> bool:
    """True where our own page asks: a stranger's page can send a form here, and knows neither origin nor token."""
    origin, host = request.headers.get("origin"), request.headers.get("host")
    site = request.headers.get("sec-fetch-site")
    same_origin = origin is None or origin in {f"http://{host}", f"https://{host}"}
    return same_origin and site in {None, "same-origin"} and hmac.compare_digest(given.encode(), token.encode())


async def read_fields(request: Request) -> dict[str, list[str]] | None:
    """The fields of a form, each with its values; None where it is too long."""
    octets = b""
    async for piece in request.stream():
        octets += piece
        if len(octets) > MAX_FORM:
            return None
    try:
        return parse_qs(octets.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:  # more fields than that
        return None


async def read_form(request: Request) -> dict[str, str] | None:
    """The same, where each field has one value."""
    fields = await read_fields(request)
    return None if fields is None else {name: values[0] for name, values in fields.items()}
