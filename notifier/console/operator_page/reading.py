"""`Reading`: the pages that only show. Each is a function of the viewer and what the address asks for."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from notifier.console.foreign_html import framed
from notifier.console.operator_page.lately import Lately
from notifier.console.operator_page.layout import Viewer
from notifier.console.operator_page.mail_list import dead_page, search_page, unknown_page
from notifier.console.operator_page.mail_view import mail_page
from notifier.console.operator_page.overview_view import Standing, overview_page
from notifier.console.operator_page.pauses_view import pauses_page
from notifier.console.operator_page.pulse import Pulse
from notifier.console.operator_page.reports_view import reports_page
from notifier.console.operator_page.suppression_view import SHOWN, suppression_page
from notifier.console.operator_page.templates_view import template_page, templates_page
from notifier.console.preview_page.specimens import Described, Specimen, Specimens
from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.content import Content, InlineImage
from notifier.model.pause import Pause
from notifier.model.state import DEAD, MailState
from notifier.tasks.contents import kept, rendered
from notifier.tasks.figures import Latency, latencies, throughput
from notifier.tasks.operating import Selection
from notifier.tasks.overview import overview
from notifier.tasks.relay_overview import delivers_directly, rates_stand, relays_stand
from notifier.tasks.report_overview import reports_stand
from notifier.tasks.result import status
from notifier.tasks.runtime import runtime
from notifier.tasks.searching import FIELDS, browse, find

DAYS = 14
SAMPLE_EVERY = 30.0  # seconds; some who watch are to cost no more than one
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # no SVG, which is a document
_UNKNOWN = (MailState.PARKED, MailState.UNKNOWN)

_T = TypeVar("_T")
Work = Callable[[], _T]


@dataclass(frozen=True, slots=True)
class Reading:
    """``rendering`` calls a function where rendering may be stopped, and returns its result."""

    specimens: Specimens
    pulse: Pulse
    rendering: Callable[[Work[object]], object]
    latencies: Lately[list[Latency]] = field(default_factory=lambda: Lately(latencies, SAMPLE_EVERY))

    def overview(self, viewer: Viewer, request: Request) -> str:
        """Everything on one page."""
        self.pulse.look()
        found = Standing(
            overview(),
            relays_stand(),
            delivers_directly(),
            rates_stand(),
            throughput(DAYS),
            self.latencies.get(),
            self.pulse.minutes(),
        )
        return overview_page(viewer, found, again="again" in request.query_params)

    def search(self, viewer: Viewer, request: Request) -> str:
        """One field, a piece at a time."""
        asked = _asked(request)
        by, words = asked.get("by", ""), asked.get("q", "").strip()
        found = find(by, words, asked.get("begin", "")) if by in FIELDS and words else None
        return search_page(viewer, asked, found)

    def dead(self, viewer: Viewer, request: Request) -> str:
        """Dead letters."""
        asked = _asked(request)
        found = browse(_selection(asked, tuple(sorted(DEAD))), asked.get("begin", ""))
        return dead_page(viewer, asked, found, runtime().store.queues())

    def unknown(self, viewer: Viewer, request: Request) -> str:
        """What a person, or a proof, decides."""
        asked = _asked(request)
        found = browse(_selection(asked, _UNKNOWN), asked.get("begin", ""))
        return unknown_page(viewer, asked, found, runtime().store.queues())

    def mail(self, viewer: Viewer, request: Request) -> str:
        """One mail. Raises `MailNotFound`."""
        mail = status(request.path_params["mail_id"])
        if not viewer.veil.lifted:
            return mail_page(viewer, mail, None)
        shown = kept(mail.mail_id)
        return mail_page(viewer, mail, self._rendered(lambda: rendered(shown)))

    def mail_frame(self, viewer: Viewer, request: Request) -> str:
        """What the mail says, for the frame alone."""
        if not viewer.veil.lifted:
            raise HTTPException(403, "What mails say is not shown: start the console with --show-bodies.")
        shown = kept(status(request.path_params["mail_id"]).mail_id)
        return _in_frame(self._rendered(lambda: rendered(shown)).content)

    def suppression(self, viewer: Viewer, request: Request) -> str:
        """The list, or one address of it."""
        words = request.query_params.get("q", "").strip()[:320]
        entries = runtime().store.suppression.all()
        if words:
            wanted = _path(words)
            entries = (entry for entry in entries if entry.address == wanted)
        found = list(islice(entries, SHOWN + 1))
        return suppression_page(viewer, words, found[:SHOWN], more=len(found) > SHOWN)

    def templates(self, viewer: Viewer, request: Request) -> str:
        """All templates."""
        del request
        return templates_page(viewer, [self.specimens.described(name) for name in self.specimens.templates.names()])

    def template(self, viewer: Viewer, request: Request) -> str:
        """One template."""
        described = self._described(request)
        return template_page(viewer, described, None if described.problem else self._specimen(described, request))

    def template_frame(self, viewer: Viewer, request: Request) -> str:
        """A sample, for the frame alone."""
        del viewer
        return _in_frame(self._specimen(self._described(request), request).content)

    def reports(self, viewer: Viewer, request: Request) -> str:
        """When each is due."""
        del request
        return reports_page(viewer, list(reports_stand()))

    def pauses(self, viewer: Viewer, request: Request) -> str:
        """What is paused."""
        del request
        mine = runtime()
        known = [
            *(Pause("queue", queue) for queue in mine.store.queues()),
            *(Pause("relay", relay.name) for relay in relays_stand()),
            *(Pause("tenant", tenant) for tenant in mine.settings.matrix.tenants),
        ]
        return pauses_page(viewer, mine.store.pauses(), known)

    def _rendered(self, work: Work[_T]) -> _T:
        return self.rendering(work)  # type: ignore[return-value]  # it returns what the function does

    def _described(self, request: Request) -> Described:
        name = request.path_params["name"]
        if name not in self.specimens.templates.names():
            raise HTTPException(404, "There is no such template.")
        return self.specimens.described(name)

    def _specimen(self, described: Described, request: Request) -> Specimen:
        """What does not exist is the first that does."""
        query, choices = request.query_params, described.choices
        near = [one for one in choices if (one.sample, one.locale) == (query.get("sample"), query.get("locale"))]
        return self.specimens.get((near or choices)[0], described.about, self.specimens.templates.stamp())


def _asked(request: Request) -> Mapping[str, str]:
    return {name: value[:400] for name, value in request.query_params.items()}


def _selection(asked: Mapping[str, str], states: tuple[MailState, ...]) -> Selection:
    chosen = tuple(state for state in states if state == asked.get("state")) or states
    queue, template, domain, row = (
        asked.get(name, "").strip() or None for name in ("queue", "template", "domain", "row")
    )
    return Selection(chosen, queue=queue, template=template, domain=domain, row=row)


def _path(words: str) -> str:
    try:
        return Address.parse(words).forward_path.lower()
    except InvalidAddress:
        return words.lower()


def _in_frame(content: Content | None) -> str:
    """Images stand in the page itself: a frame without an origin would ask for them without the cookie."""
    if content is None or content.html is None:
        raise HTTPException(404, "There is no HTML part.")
    return framed(content.html, {one.content_id: _data_url(one) for one in content.inline_images})


def _data_url(image: InlineImage) -> str:
    if image.content_type not in _IMAGES:
        return "about:blank"
    return f"data:{image.content_type};base64,{base64.b64encode(image.data).decode()}"
