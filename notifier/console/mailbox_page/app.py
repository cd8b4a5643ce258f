"""The mailbox page as a Starlette app. What a mail holds is hostile until shown otherwise: see `protection`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from notifier.console.document import static_files
from notifier.console.failing import broken, said
from notifier.console.mailbox_page.list_view import list_page
from notifier.console.mailbox_page.mail_view import mail_page
from notifier.console.mailbox_page.parts import Mail, files_of, name_of, octets_of, shown_html
from notifier.console.protection import MAIL_POLICY, STRICT, Protection

_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # no SVG, which is a document
MAX_WORDS = 200  # characters of a search


class Mails(Protocol):
    """What the page needs of a mailbox."""

    def search(self, words: str) -> Sequence[Mail]: ...
    def get(self, number: int) -> Mail | None: ...


def create_mailbox_app(mailbox: Mails, hosts: Collection[str] | None = None) -> Starlette:
    """The mailbox page over ``mailbox``. ``hosts`` are the names it answers to, without port; None: any."""
    return Starlette(
        routes=[*_Pages(mailbox).routes(), *static_files(Path(__file__).parent)],
        middleware=[Middleware(Protection, hosts=hosts)],
        exception_handlers={HTTPException: said, Exception: broken(STRICT)},
    )


class _Pages:
    """The endpoints. They only read."""

    def __init__(self, mailbox: Mails) -> None:
        self._mailbox = mailbox

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/mail/{number:int}", self.show),
            Route("/mail/{number:int}/html", self.html),
            Route("/mail/{number:int}/source", self.source),
            Route("/mail/{number:int}/file/{index:int}", self.file),
            Route("/mail/{number:int}/image/{index:int}", self.image),
        ]

    def index(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()[:MAX_WORDS]
        asked = request.query_params.get("page", "1")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
        return HTMLResponse(list_page(self._mailbox.search(words), words, number))

    def show(self, request: Request) -> Response:
        return HTMLResponse(mail_page(self._found(request), request.query_params.get("tab", "")))

    def html(self, request: Request) -> Response:
        """For the frame alone: opened by itself it is as powerless."""
        text = shown_html(self._found(request))
        if text is None:
            raise HTTPException(404, "This mail has no HTML part.")
        return HTMLResponse(text.encode("utf-8", "replace"), headers={"Content-Security-Policy": MAIL_POLICY})

    def source(self, request: Request) -> Response:
        mail = self._found(request)
        return _download(mail.data, f"mail-{mail.number}.eml")

    def file(self, request: Request) -> Response:
        part, index = self._part(request)
        return _download(octets_of(part), name_of(part, index))

    def image(self, request: Request) -> Response:
        part, _ = self._part(request)
        if part.get_content_type() not in _IMAGES:
            raise HTTPException(404, "That is no image that a page may show.")
        return Response(octets_of(part), media_type=part.get_content_type())

    def _part(self, request: Request) -> tuple[EmailMessage, int]:
        parts, index = files_of(self._found(request).message), request.path_params["index"]
        if index >= len(parts):
            raise HTTPException(404, "There is no such attachment.")
        return parts[index], index

    def _found(self, request: Request) -> Mail:
        mail = self._mailbox.get(request.path_params["number"])
        if mail is None:
            raise HTTPException(404, "There is no such mail.")
        return mail


def _download(octets: bytes, filename: str) -> Response:
    """To be saved and never shown, whatever it calls itself."""
    disposition = f"attachment; filename*=UTF-8''{quote(filename.encode('utf-8', 'replace'), safe='')}"
    headers = {"Content-Disposition": disposition}
    return Response(octets, media_type="application/octet-stream", headers=headers)
