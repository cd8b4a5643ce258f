"""Signing in and out. A link works once; it is spent by whoever opens the page, and not by what looks ahead for a browser."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from notifier.console.forms import read_form
from notifier.console.html import Markup, tag
from notifier.console.operator_page.access import Access, Session
from notifier.console.operator_page.layout import Viewer, button, card, field, outside, page, quiet

WELCOME = "Whoever runs the console has the way in: the link that it printed when it was started, which works once."
SPENT = "This link was used before, or is of another start. A browser that is signed in can make a new one, on its overview."
WRONG = "That is no token of this console."


class Entrance:
    """``cookie``: its name. Cookies know no ports, so that it has the port in it."""

    def __init__(self, access: Access, cookie: str) -> None:
        self.access = access
        self._cookie = cookie

    def session(self, request: Request) -> Session | None:
        """Whose request it is."""
        return self.access.session(request.cookies.get(self._cookie, ""))

    def ask(self) -> Response:
        """The form, for whoever has no session."""
        return _form(WELCOME)

    def by_link(self, request: Request) -> Response:
        """A browser that fetches ahead, or asks for the head alone, does not spend the link."""
        if request.method == "HEAD" or "sec-purpose" in request.headers or "purpose" in request.headers:
            return Response(status_code=204)
        given = request.query_params.get("token", "")
        if given and (session := self.access.enter(given, in_an_address=True)) is not None:
            return self._let_in(request, session)
        return _form(SPENT if given else WELCOME)

    async def by_token(self, request: Request) -> Response:
        """The form of `ask`."""
        form = await read_form(request) or {}
        session = self.access.enter(form.get("token", "").strip())
        return _form(WRONG) if session is None else self._let_in(request, session)

    def leave(self, session: Session) -> Response:
        """The end of a session."""
        self.access.leave(session)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(self._cookie)
        return answer

    def link_page(self, viewer: Viewer, request: Request) -> str:
        """A way in for another browser, shown once."""
        url = f"{request.url.scheme}://{request.headers['host']}/enter?token={self.access.new_link()}"
        note = quiet("It works once, for whoever opens it first.")
        return page(viewer, "", "A link for another browser", card("The link", tag("p", url, class_="wrapped"), note))

    def _let_in(self, request: Request, session: Session) -> Response:
        """A page that goes on by itself, and no redirect: where a stranger's page has led here, a browser would send the
        strict cookie with none.
        """
        on = tag("meta", http_equiv="refresh", content="0;url=/")
        answer = HTMLResponse(outside("Signed in", tag("p", tag("a", "Go on", href="/")), further=[on]))
        answer.set_cookie(
            self._cookie, session.secret, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer


def _form(words: str) -> Response:
    shown: Markup = tag(
        "form",
        field("Token", "token", type="password", required=True),
        button("Sign in"),
        method="post",
        action="/enter",
        class_="fields",
    )
    return HTMLResponse(outside("Sign in", tag("p", words), tag("section", shown, class_="card part")), 401)
