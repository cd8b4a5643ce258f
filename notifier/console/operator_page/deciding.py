"""`Deciding`: the pages that change something. Each goes by `notifier.tasks.operating`, as the commands do, and says what became of it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from notifier.console.operator_page.layout import Viewer, counted
from notifier.console.operator_page.mail_list import DISCARD, MANY, REQUEUE, RESEND, SENT
from notifier.console.operator_page.mail_view import CANCEL, diff_page
from notifier.console.operator_page.suppression_view import reference
from notifier.errors import InvalidAddress, NotifierError
from notifier.model.address import Address
from notifier.model.pause import KINDS, Pause
from notifier.store.base import MailStatus
from notifier.tasks.operating import (
    Done,
    cancel_all,
    declare_sent,
    discard,
    mail_again,
    pause,
    readdress,
    requeue,
    reschedule_all,
    resume,
    ring_for_what_is_due,
    stop_mailing,
)
from notifier.tasks.result import status
from notifier.tasks.runtime import runtime

DAY = 86400.0
LONGEST = 300  # characters of a reason
_LIST = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9_-]{0,62}\Z")

ACTS: Mapping[str, Callable[[Sequence[str], str], Iterator[Done]]] = {
    REQUEUE: lambda ids, why: requeue(ids, why=why),
    RESEND: lambda ids, why: requeue(ids, why=why),
    DISCARD: lambda ids, why: discard(ids, why=why),
    SENT: lambda ids, why: declare_sent(ids, why=why),
    CANCEL: lambda ids, _: cancel_all(ids),
}


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form."""

    fields: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str:
        """The value, without blanks around it; nothing where there is none."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def many(self, name: str) -> Sequence[str]:
        """Every value."""
        return self.fields.get(name, ())


class Deciding:
    """The endpoints. Who asks was looked at before."""

    def dead(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """On dead letters that are ticked."""
        return _on_a_list("/dead", (REQUEUE, DISCARD), viewer, request, form)

    def unknown(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """On unknown mails that are ticked."""
        return _on_a_list("/unknown", (SENT, RESEND), viewer, request, form)

    def mail(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """On one mail."""
        mail_id = status(request.path_params["mail_id"]).mail_id
        _decide(viewer, form.one("act"), [mail_id], form)
        return _back(f"/mail/{mail_id}")

    def reschedule(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """Another time for one mail."""
        mail_id = status(request.path_params["mail_id"]).mail_id
        try:
            moment = datetime.fromisoformat(form.one("at"))
            at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            viewer.session.tell(False, "Nothing was changed: that is no time, such as 2026-11-25T17:00.")
        else:
            _tell(viewer, list(reschedule_all([mail_id], at)))
        return _back(f"/mail/{mail_id}")

    def diff(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """Shows what would be changed."""
        mail = status(request.path_params["mail_id"])
        edits = _edits(viewer, mail, form)
        if not edits:
            return _back(f"/mail/{mail.mail_id}")
        return HTMLResponse(diff_page(viewer, mail, {place: str(address) for place, address in edits.items()}))

    def readdress(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """Changes it."""
        mail = status(request.path_params["mail_id"])
        if edits := _edits(viewer, mail, form):
            paths = list(mail.recipients)
            done = readdress(
                mail.mail_id, {paths[place]: address for place, address in edits.items()}, why=_why(form, "readdressed")
            )
            ring_for_what_is_due()
            _tell(viewer, [done])
        return _back(f"/mail/{mail.mail_id}")

    def suppress(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """A new entry of the list."""
        del request
        try:
            lasts, mailing_list = _days(form.one("days")), _mailing_list(form.one("list"))
            reason = form.one("reason")[:LONGEST] or "by hand"
            entry = stop_mailing(Address.parse(form.one("address")), reason, lasts=lasts, mailing_list=mailing_list)
            viewer.session.tell(True, f"{viewer.veil.address(entry.address)} is not mailed any more.")
        except (InvalidAddress, ValueError) as error:
            viewer.session.tell(False, f"Nothing was added: {error}")
        return _back("/suppression")

    def unsuppress(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """An entry goes."""
        del request
        named = form.one("entry")
        entry = next((one for one in runtime().store.suppression.all() if reference(viewer, one) == named), None)
        if entry is not None and mail_again(entry):
            viewer.session.tell(True, f"{viewer.veil.address(entry.address)} is mailed again.")
        else:
            viewer.session.tell(False, "That entry was not on the list any more.")
        return _back("/suppression")

    def pause(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """Nothing goes out by it."""
        del request
        what = _pause(form)
        pause(what, form.one("why")[:LONGEST] or "paused in the console")
        viewer.session.tell(True, f"{what} is paused.")
        return _back("/pauses")

    def resume(self, viewer: Viewer, request: Request, form: Form) -> Response:
        """It goes on."""
        del request
        what = _pause(form)
        known = resume(what)
        viewer.session.tell(known, f"{what} goes on." if known else f"{what} was not paused.")
        return _back("/pauses")


def _on_a_list(place: str, acts: Iterable[str], viewer: Viewer, request: Request, form: Form) -> Response:
    ids = form.many("shown" if form.one(MANY) else "id")
    if form.one("act") not in acts:
        raise HTTPException(400, "That is nothing that can be done here.")
    if ids:
        _decide(viewer, form.one("act"), ids, form)
    else:
        viewer.session.tell(False, "Nothing was done: no mail was ticked.")
    query = request.url.query  # of our own page: it says which mails were looked at
    return _back(f"{place}?{query}" if query else place)


def _decide(viewer: Viewer, act: str, ids: Sequence[str], form: Form) -> None:
    if act not in ACTS:
        raise HTTPException(400, "That is nothing that can be done here.")
    done = list(ACTS[act](ids, _why(form, f"{act} by a person")))
    if act in (REQUEUE, RESEND):
        ring_for_what_is_due()
    _tell(viewer, done)


def _tell(viewer: Viewer, results: Sequence[Done]) -> None:
    states = Counter(one.state for one in results if one.state is not None)
    for state, count in states.items():
        viewer.session.tell(True, f"{counted(count, 'mail')} {'is' if count == 1 else 'are'} {state.value} now.")
    for one in results:
        if (words := one.error or one.warning) is not None:
            viewer.session.tell(False, f"{one.mail_id}: {viewer.veil.words(words)}")


def _why(form: Form, otherwise: str) -> str:
    return f"{form.one('why')[:LONGEST] or otherwise} (console)"


def _edits(viewer: Viewer, mail: MailStatus, form: Form) -> dict[int, Address]:
    """By the place of the recipient; nothing where one of them is no address."""
    edits: dict[int, Address] = {}
    for place in range(len(mail.recipients)):
        if text := form.one(f"to-{place}"):
            try:
                edits[place] = Address.parse(text)
            except InvalidAddress as error:
                viewer.session.tell(False, f"Nothing was changed: {error}")
                return {}
    if not edits:
        viewer.session.tell(False, "Nothing was changed: no other address was given.")
    return edits


def _days(text: str) -> float | None:
    if not text:
        return None
    days = float(text)
    if not math.isfinite(days) or not 0 < days <= 36500:
        raise ValueError("days are a number over 0")
    return days * DAY


def _mailing_list(text: str) -> str | None:
    if text and not _LIST.match(text):
        raise ValueError("a list is TENANT/CLASS, such as default/bulk")
    return text or None


def _pause(form: Form) -> Pause:
    kind = next((one for one in KINDS if one == form.one("kind")), None)
    name = form.one("name")[:LONGEST]
    if kind is None or not name.isprintable() or not name:
        raise NotifierError("what is paused is a queue, a relay or a tenant, and its name")
    return Pause(kind, name)


def _back(place: str) -> Response:
    """To a page of ours, by a path that is written here: no form can lead elsewhere."""
    return RedirectResponse(place, 303)
