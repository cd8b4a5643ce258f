"""What keeps a page from doing harm, and what it shows of strangers: policies on every answer, and a look at who is asked."""

from __future__ import annotations

from collections.abc import Container

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The mail's own html: its inline styles and the images that came with it, nothing from anywhere, and no script.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
STRICT = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",  # else a name in a mail's link tells its owner that the mail was read
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Protection:
    """ASGI middleware. ``hosts`` are the names that the page answers to; None: any. ``headers`` are put on where the
    answer has none of its own.

    A page on loopback must look: a stranger's page whose name is pointed to 127.0.0.1 (DNS rebinding) would read the
    mail with the browser of whoever visits it.
    """

    def __init__(
        self, app: ASGIApp, hosts: Container[str] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._headers = STRICT if headers is None else headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        known = self._hosts is None or host_of(Headers(scope=scope).get("host", "")) in self._hosts
        app = self._app if known else PlainTextResponse("This page does not go by that name.", 421)
        await app(scope, receive, strictly)


def host_of(value: str) -> str:
    """Without its port: ``[::1]:80`` is ``[::1]``."""
    name, colon, port = value.rpartition(":")
    return (name if colon and (port.isdigit() or not port) else value).lower()
