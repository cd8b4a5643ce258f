"""The console as a Starlette app: who may ask, which page answers, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.console.document import static_files
from notifier.console.failing import broken, said
from notifier.console.forms import own_page, read_fields
from notifier.console.html import tag
from notifier.console.operator_page.deciding import Deciding, Form
from notifier.console.operator_page.entrance import Entrance
from notifier.console.operator_page.layout import Viewer, alert, page
from notifier.console.operator_page.mail_view import not_found_words
from notifier.console.operator_page.reading import Reading
from notifier.console.operator_page.veil import Veil
from notifier.console.protection import MAIL_POLICY, STRICT, Protection
from notifier.errors import MailNotFound, NotifierError, StoreUnavailable

HEADERS = {
    **STRICT,
    "Referrer-Policy": "same-origin",  # without a referrer a form of ours would come from the origin "null"
    "X-Frame-Options": "SAMEORIGIN",
}
_FRAMED = {"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"}
NOT_OURS = "This form is not from the console as it runs now. Load the page again."
READ_ONLY = "This console only shows: it was started with --read-only."

Page = Callable[[Viewer, Request], str]
Act = Callable[[Viewer, Request, Form], Response]


def create_console_app(
    entrance: Entrance, reading: Reading, *, veil: Veil, may_act: bool = True, hosts: Container[str] | None = None
) -> Starlette:
    """The console. ``hosts`` are the names it answers to, without port; None: any."""
    console = _Console(entrance, reading, veil, may_act)
    return Starlette(
        routes=[*console.routes(), *static_files(Path(__file__).parent)],
        middleware=[Middleware(Protection, hosts=hosts, headers=HEADERS)],
        exception_handlers={HTTPException: said, Exception: broken(HEADERS)},
    )


class _Console:
    def __init__(self, entrance: Entrance, reading: Reading, veil: Veil, may_act: bool) -> None:
        self._entrance = entrance
        self._reading = reading
        self._veil = veil
        self._may_act = may_act

    def routes(self) -> list[BaseRoute]:
        read, decide = self._reading, Deciding()
        pages: dict[str, Page] = {
            "/": read.overview,
            "/search": read.search,
            "/dead": read.dead,
            "/unknown": read.unknown,
            "/mail/{mail_id}": read.mail,
            "/suppression": read.suppression,
            "/templates": read.templates,
            "/templates/{name:path}/frame": read.template_frame,
            "/templates/{name:path}": read.template,
            "/mail/{mail_id}/frame": read.mail_frame,
            "/reports": read.reports,
            "/pauses": read.pauses,
        }
        acts: dict[str, Act] = {
            "/dead/decide": decide.dead,
            "/unknown/decide": decide.unknown,
            "/mail/{mail_id}/decide": decide.mail,
            "/mail/{mail_id}/reschedule": decide.reschedule,
            "/mail/{mail_id}/diff": decide.diff,
            "/mail/{mail_id}/readdress": decide.readdress,
            "/suppression/add": decide.suppress,
            "/suppression/remove": decide.unsuppress,
            "/pauses/pause": decide.pause,
            "/pauses/resume": decide.resume,
        }
        return [
            Route("/enter", self._entrance.by_link),
            Route("/enter", self._entrance.by_token, methods=["POST"]),
            Route("/leave", self._act(self._leave, always=True), methods=["POST"]),
            Route("/link", self._act(self._link, always=True), methods=["POST"]),
            *(Route(path, self._act(act), methods=["POST"]) for path, act in acts.items()),
            *(Route(path, self._page(show, framed=path.endswith("/frame"))) for path, show in pages.items()),
        ]

    def _page(self, show: Page, *, framed: bool) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return self._entrance.ask()
            try:
                shown = show(viewer, request)
            except NotifierError as error:
                return _explained(viewer, request, error)
            return HTMLResponse(shown.encode("utf-8", "replace"), headers=_FRAMED if framed else None)

        return endpoint

    def _act(self, act: Act, *, always: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """``always``: it changes nothing but the session."""

        async def endpoint(request: Request) -> Response:
            viewer, fields = self._viewer(request), await read_fields(request)
            if viewer is None:
                return self._entrance.ask()
            form = Form(fields or {})
            if fields is None or not own_page(request, viewer.session.form_token, form.one("token")):
                raise HTTPException(403, NOT_OURS)
            if not (self._may_act or always):
                raise HTTPException(403, READ_ONLY)
            try:
                return await run_in_threadpool(act, viewer, request, form)
            except NotifierError as error:
                return _explained(viewer, request, error)

        return endpoint

    def _viewer(self, request: Request) -> Viewer | None:
        session = self._entrance.session(request)
        return None if session is None else Viewer(session, self._veil, self._may_act)

    def _leave(self, viewer: Viewer, request: Request, form: Form) -> Response:
        del request, form
        return self._entrance.leave(viewer.session)

    def _link(self, viewer: Viewer, request: Request, form: Form) -> Response:
        del form
        return HTMLResponse(self._entrance.link_page(viewer, request))


def _explained(viewer: Viewer, request: Request, error: NotifierError) -> Response:
    """Our errors are sentences for people."""
    if isinstance(error, MailNotFound):
        words = tag("p", not_found_words(request.path_params.get("mail_id", "")))
        return HTMLResponse(page(viewer, "", "No such mail", words), 404)
    away = isinstance(error, StoreUnavailable)
    title = "The store does not answer" if away else "That cannot be done"
    return HTMLResponse(
        page(viewer, "", title, alert("Why", tag("p", viewer.veil.words(str(error))))), 503 if away else 409
    )
