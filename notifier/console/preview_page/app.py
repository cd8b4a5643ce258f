"""The preview as a Starlette app. What a template makes is as hostile as any mail: see `notifier.console.protection`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from notifier.console.document import static_files
from notifier.console.failing import broken, said
from notifier.console.forms import own_page, read_form
from notifier.console.preview_page.index_view import Row, index_page
from notifier.console.preview_page.live import TooManyListeners, Watch
from notifier.console.preview_page.sending import Desk
from notifier.console.preview_page.shown_html import shown_html
from notifier.console.preview_page.specimens import Choice, Described, Specimen, Specimens
from notifier.console.preview_page.template_view import (
    DESKTOPS,
    MODES,
    PHONES,
    VIEWS,
    Asked,
    problem_page,
    template_page,
)
from notifier.console.preview_page.templates import Templates
from notifier.console.protection import MAIL_POLICY, PAGE_POLICY, STRICT, Protection
from notifier.model.address import Address
from notifier.model.content import Content, InlineImage

HEADERS = {
    **STRICT,
    "Content-Security-Policy": f"{PAGE_POLICY}; script-src 'self'; connect-src 'self'",
    "Referrer-Policy": "same-origin",  # without a referrer a form of ours would come from the origin "null"
}


def create_preview_app(
    templates: Templates,
    watch: Watch,
    *,
    sender: Address,
    desk: Desk,
    hosts: Collection[str] | None = None,
    rendering: Callable[[Callable[[], Content]], Content] = lambda work: work(),
) -> Starlette:
    """The preview of ``templates``. ``hosts`` are the names it answers to, without port; None: any."""
    pages = _Pages(Specimens(templates, sender, rendering), watch, desk)
    return Starlette(
        routes=[*pages.routes(), *static_files(Path(__file__).parent)],
        middleware=[Middleware(Protection, hosts=hosts, headers=HEADERS)],
        exception_handlers={HTTPException: said, Exception: broken(HEADERS)},
    )


class _Pages:
    """The endpoints. One of them sends; the others only read."""

    def __init__(self, specimens: Specimens, watch: Watch, desk: Desk) -> None:
        self._specimens = specimens
        self._watch = watch
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/changes", self.changes),
            Route("/t/{name}", self.show),
            Route("/t/{name}/frame", self.frame),
            Route("/t/{name}/image/{content_id}", self.image),
            Route("/t/{name}/send", self.send, methods=["POST"]),
        ]

    def index(self, request: Request) -> Response:
        del request
        stamp = self._specimens.templates.stamp()
        rows = [self._row(name, stamp) for name in self._specimens.templates.names()]
        return HTMLResponse(index_page(rows, stamp))

    def _row(self, name: str, stamp: str) -> Row:
        described = self._specimens.described(name)
        if described.problem:
            return Row(described, (), 0)
        made = [self._specimens.get(choice, described.about, stamp) for choice in described.choices]
        findings = {one.words: one for specimen in made for one in specimen.findings}
        return Row(described, tuple(findings.values()), sum(bool(specimen.problem) for specimen in made))

    def show(self, request: Request) -> Response:
        stamp = self._specimens.templates.stamp()
        described = self._specimens.described(request.path_params["name"])
        if described.problem:
            known = described.name in self._specimens.templates.names()
            return HTMLResponse(problem_page(described, stamp), 200 if known else 404)
        asked = _asked(request, described)
        specimen = self._specimens.get(asked.choice, described.about, stamp)
        result = self._desk.result(request.query_params.get("result", ""))
        return HTMLResponse(template_page(described, asked, specimen, desk=self._desk, result=result, stamp=stamp))

    def frame(self, request: Request) -> Response:
        """For the frame alone: opened by itself it is as powerless."""
        asked, specimen = self._found(request)
        if specimen.content is None or specimen.content.html is None:
            raise HTTPException(404, "This template has no HTML part.")
        name = asked.choice.template
        images = {
            image.content_id: f"/t/{name}/image/{image.content_id}?{asked.query}"
            for image in specimen.content.inline_images
        }
        html = shown_html(specimen.content.html, images, dark=asked.mode == "dark")
        headers = {"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(html.encode("utf-8", "replace"), headers=headers)

    def image(self, request: Request) -> Response:
        _, specimen = self._found(request)
        images: tuple[InlineImage, ...] = specimen.content.inline_images if specimen.content is not None else ()
        for image in images:
            if image.content_id == request.path_params["content_id"]:
                return Response(image.data, media_type=image.content_type)
        raise HTTPException(404, "There is no such image.")

    async def changes(self, request: Request) -> Response:
        try:
            since = request.query_params.get("since", "")
            return PlainTextResponse(await self._watch.changed(since, request.is_disconnected))
        except TooManyListeners:
            raise HTTPException(503, "Too many pages are open.") from None

    async def send(self, request: Request) -> Response:
        form = await read_form(request)
        if form is None or not own_page(request, self._desk.token, form.get("token", "")):
            raise HTTPException(403, "This form is not from the preview as it runs now. Load the page again.")
        asked, specimen = await run_in_threadpool(self._found, request)
        to = form.get("to", "").strip()
        number = await run_in_threadpool(self._desk.keep, _sending(specimen, to), to)
        back = form.get("back", "")
        safe = back if back.startswith(f"/t/{asked.choice.template}?") else asked.address
        return RedirectResponse(f"{safe}&{urlencode({'result': number})}", 303)

    def _found(self, request: Request) -> tuple[Asked, Specimen]:
        stamp = self._specimens.templates.stamp()
        described = self._specimens.described(request.path_params["name"])
        if described.problem:
            raise HTTPException(404, "There is no such template.")
        asked = _asked(request, described)
        return asked, self._specimens.get(asked.choice, described.about, stamp)


def _sending(specimen: Specimen, to: str) -> Callable[..., str]:
    choice, context = specimen.choice, specimen.context
    return lambda send: send(template=choice.template, to=to, context=context, locale=choice.locale)


def _asked(request: Request, described: Described) -> Asked:
    """What does not exist is the first that does: a sample that was renamed must not break the page."""
    query, choices = request.query_params, described.choices
    sample, locale = query.get("sample"), query.get("locale") or None
    choice = Choice(described.name, sample or "", locale)
    if choice not in choices:
        near = [one for one in choices if sample == one.sample] or [one for one in choices if locale == one.locale]
        choice = (near or choices)[0]

    def one_of(key: str, known: Collection[str], default: str) -> str:
        return query[key] if query.get(key) in known else default

    return Asked(
        choice,
        one_of("view", VIEWS, "preview"),
        one_of("mode", MODES, "light"),
        one_of("phone", PHONES, "375"),
        one_of("desktop", DESKTOPS, "600"),
    )
