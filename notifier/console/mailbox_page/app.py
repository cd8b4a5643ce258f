"""The mailbox page as a Starlette app. What a mail holds is hostile until shown otherwise: see the policies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from notifier.console.mailbox_page.views import TABS, Mail, attachments_of, list_page, mail_page

PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
# The mail's own html: its inline styles and the images that came with it, and nothing from anywhere.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox"
_CID = re.compile(r"cid:([^\"'\s)>]+)")
FIRST_TAB = "html"
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif"})


class Mails(Protocol):
    """What the page needs of a mailbox."""

    def search(self, words: str) -> Sequence[Mail]: ...
    def get(self, number: int) -> Mail | None: ...


class MailboxPages:
    """The page's endpoints. They only read."""

    def __init__(self, mailbox: Mails) -> None:
        self._mailbox = mailbox

    def routes(self) -> list[Route]:
        """Where each endpoint is."""
        return [
            Route("/", self.index),
            Route("/mail/{number:int}", self.show),
            Route("/mail/{number:int}/html", self.html),
            Route("/mail/{number:int}/source", self.source),
            Route("/mail/{number:int}/file/{index:int}", self.file),
            Route("/mail/{number:int}/image/{index:int}", self.image),
        ]

    def index(self, request: Request) -> Response:
        """The list, searched by ``q``, at ``page``."""
        words = request.query_params.get("q", "").strip()[:200]
        asked = request.query_params.get("page", "1")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
        return _page(list_page(self._mailbox.search(words), words, number))

    def show(self, request: Request) -> Response:
        """One mail at a tab."""
        tab = request.query_params.get("tab", FIRST_TAB)
        return _page(mail_page(self._found(request), tab if tab in TABS else FIRST_TAB))

    def html(self, request: Request) -> Response:
        """The mail's own html, for the sandboxed frame."""
        mail = self._found(request)
        part = mail.message.get_body(("html",))
        if part is None:
            raise HTTPException(404, "This mail has no HTML part.")
        text = _with_own_images(str(part.get_content()), mail)
        return HTMLResponse(text, headers={"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"})

    def source(self, request: Request) -> Response:
        """The message as it came."""
        mail = self._found(request)
        return _download(mail.data, f"mail-{mail.number}.eml", "message/rfc822")

    def file(self, request: Request) -> Response:
        """An attachment, to be saved and not shown."""
        part = _part(self._found(request), request.path_params["index"])
        return _download(_octets(part), part.get_filename() or "file", "application/octet-stream")

    def image(self, request: Request) -> Response:
        """An inline image."""
        part = _part(self._found(request), request.path_params["index"])
        if part.get_content_type() not in _IMAGES:
            raise HTTPException(404, "That is no image.")
        return Response(_octets(part), media_type=part.get_content_type(), headers=_STRICT)

    def _found(self, request: Request) -> Mail:
        mail = self._mailbox.get(request.path_params["number"])
        if mail is None:
            raise HTTPException(404, "There is no such mail.")
        return mail


def create_mailbox_app(mailbox: Mails) -> Starlette:
    """The mailbox page over ``mailbox``."""
    static = Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return Starlette(routes=[*MailboxPages(mailbox).routes(), static], exception_handlers={HTTPException: _error})


_STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": PAGE_POLICY,
}


def _page(text: str) -> Response:
    return HTMLResponse(text, headers=_STRICT)


def _error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return PlainTextResponse(error.detail, error.status_code, headers=_STRICT)


def _part(mail: Mail, index: int) -> EmailMessage:
    parts = attachments_of(mail.message)
    if not 0 <= index < len(parts):
        raise HTTPException(404, "There is no such attachment.")
    return parts[index]


def _octets(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _download(octets: bytes, filename: str, media_type: str) -> Response:
    disposition = f"attachment; filename*=utf-8''{quote(filename, safe='')}"
    return Response(octets, media_type=media_type, headers={**_STRICT, "Content-Disposition": disposition})


def _with_own_images(text: str, mail: Mail) -> str:
    """``cid:`` URLs point to the images of this mail."""
    places = {
        str(part.get("Content-ID", "")).strip().strip("<>"): f"/mail/{mail.number}/image/{index}"
        for index, part in enumerate(attachments_of(mail.message))
    }
    return _CID.sub(lambda found: places.get(found[1], "about:blank"), text)
