"""The desk behind WSGI (PEP 3333) and ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from notifier.unsubscribe.desk import MAX_BODY, Answer, Desk, too_big

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WSGI:
    """An application by PEP 3333. ``desk`` is asked at each request."""

    desk: Callable[[], Desk]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ)
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        length = environ.get("CONTENT_LENGTH") or "0"
        size = int(length) if length.isascii() and length.isdigit() else MAX_BODY + 1
        languages = environ.get("HTTP_ACCEPT_LANGUAGE", "")
        if size > MAX_BODY:  # before any of it is read
            return too_big(languages)
        body = environ["wsgi.input"].read(size) if size else b""
        query, content_type = environ.get("QUERY_STRING", ""), environ.get("CONTENT_TYPE", "")
        return self.desk().answer(environ["REQUEST_METHOD"], query, content_type, body, languages=languages)


@dataclass(frozen=True, slots=True)
class ASGI:
    """The same for ASGI. The desk answers in a thread, for the store is waited for there."""

    desk: Callable[[], Desk]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # a server may ask for lifespan; there is nothing to begin and to end
            return
        fields = {name: value.decode("latin-1") for name, value in scope["headers"]}
        request = (scope["method"], scope["query_string"].decode("latin-1"), fields.get(b"content-type", ""))
        languages = fields.get(b"accept-language", "")
        body = await _body(receive)
        answer = await asyncio.to_thread(lambda: self.desk().answer(*request, body, languages=languages))
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


async def _body(receive: Receive) -> bytes:
    """Not much more of it than the desk looks at."""
    body = b""
    while len(body) <= MAX_BODY:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body", False):
            break
    return body
