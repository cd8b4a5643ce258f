"""Mails as the ledger has them, on the admin's pages: dead letters and what waits, one mail's timeline, decisions.

Nothing here is a table. What is shown is what `notifier status` tells: never the context, never the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from notifier.errors import NotifierError
from notifier.integrations.django.admin_permissions import OnlyDecidedOn
from notifier.integrations.django.models import LedgerMail, OutboxMail
from notifier.integrations.django.outbox_deciding import look_soon
from notifier.integrations.django.outbox_rows import moment
from notifier.model.state import DEAD, MailState
from notifier.store.base import MailStatus
from notifier.tasks.operating import Done, Selection, discard, requeue, ring_for_what_is_due, selected
from notifier.tasks.runtime import runtime

PAGE = 50
SCANNED = 5000  # mails that one list reads at most: a browser waits for it
LISTED = tuple(state for state in MailState if state not in (MailState.SENT, MailState.DISCARDED))
ACTIONS = {"requeue": requeue, "discard": discard}


class LedgerMailAdmin(OnlyDecidedOn):
    """Its pages are its own: `ModelAdmin` brings their addresses, their permissions and their place in the index."""

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        """The list, its filters and its actions."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._act(request)
        if (mail_id := _id(request.GET.get("q", ""))) is not None:
            return HttpResponseRedirect(reverse(f"{self._place}_change", args=(mail_id,)))
        found = {**_nothing(), **self._told(request, lambda: _list(request.GET))}
        return self._page(request, "list", {**found, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        """One mail's timeline."""
        del form_url
        if not self.has_view_permission(request):
            raise PermissionDenied
        if (mail_id := _id(object_id)) is None:
            raise Http404("that is no id of a mail")
        found = self._told(request, lambda: {"mail": runtime().store.status(mail_id)})
        if "mail" in found and found["mail"] is None:
            raise Http404(f"no mail {mail_id} in the ledger; ended mails are kept for NOTIFIER_RETENTION seconds")
        shown = {} if not found else _shown_whole(found["mail"])
        row = OutboxMail.objects.filter(pk=mail_id).defer("payload").first()
        return self._page(request, "mail", {"mail_id": mail_id, "row": row, **shown, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """A mail's history is on its page."""
        del request, extra_context
        return HttpResponseRedirect(reverse(f"{self._place}_change", args=(object_id,)))

    @property
    def _place(self) -> str:
        return f"{self.admin_site.name}:notifier_ledgermail"

    def _page(self, request: HttpRequest, name: str, found: Mapping[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Mails in the ledger" if name == "list" else "Mail in the ledger",
            "opts": LedgerMail._meta,
            "may_decide": self.has_change_permission(request),
            **found,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"admin/notifier/ledgermail/{name}.html", context)

    def _told(self, request: HttpRequest, ask: Any) -> dict[str, Any]:
        """What the ledger says; nothing where it is away, and why on the page."""
        try:
            return dict(ask())
        except NotifierError as error:
            self.message_user(request, str(error), messages.ERROR)
            return {}

    def _act(self, request: HttpRequest) -> HttpResponse:
        """A decision on the mails that are ticked; then the page that it was made on."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        action, ids = request.POST.get("action", ""), [_id(one) for one in request.POST.getlist("_selected_action")]
        chosen = [one for one in ids if one is not None]
        if action not in ACTIONS or not chosen:
            self.message_user(request, "Nothing was done: choose an action, and mails", messages.WARNING)
        else:
            self._decide(request, action, chosen)
        return HttpResponseRedirect(request.get_full_path())

    def _decide(self, request: HttpRequest, action: str, chosen: Sequence[str]) -> None:
        why = f"{action} in the admin by {request.user.get_username()}"
        try:
            results = list(ACTIONS[action](chosen, why=why))
            done = [one.mail_id for one in results if one.error is None]
            look_soon(OutboxMail.objects.db, done)
            ring_for_what_is_due()
        except NotifierError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        self._tell(request, action, results)

    def _tell(self, request: HttpRequest, action: str, results: Sequence[Done]) -> None:
        done = [one for one in results if one.error is None]
        for one in results:
            if one.error is None:
                self.log_change(request, LedgerMail(pk=UUID(one.mail_id)), action)
            else:
                self.message_user(request, one.error, messages.ERROR)
        if done:
            self.message_user(
                request, f"{action.capitalize()} is done for {len(done)} of {len(results)}", messages.SUCCESS
            )


def _list(asked: QueryDict) -> dict[str, Any]:
    """One page of the mails that are asked for. ``more``: there is a next one; ``cut``: there may be others than were read."""
    page = _page_number(asked.get("p", ""))
    found: list[MailStatus] = []
    read = 0
    chosen = _chosen(asked)
    for read, mail in enumerate(selected(Selection(chosen.states, queue=chosen.queue), SCANNED), start=1):  # noqa: B007
        if chosen.includes(mail) and _is_to(mail, asked.get("q", "")):
            found.append(mail)
        if len(found) > page * PAGE:
            break
    others = asked.copy()
    others.pop("p", None)
    return {
        "mails": [_shown(mail) for mail in found[(page - 1) * PAGE : page * PAGE]],
        "queues": runtime().store.queues(),
        "asked": asked,
        "page": page,
        "more": len(found) > page * PAGE,
        "cut": SCANNED if read == SCANNED else 0,
        "others": others.urlencode(),
    }


def _page_number(given: str) -> int:
    """The first one for whatever is none; nobody has turned to one beyond what is read."""
    return min(max(1, int(given)), SCANNED // PAGE) if given.isdecimal() and len(given) < 10 else 1


def _nothing() -> dict[str, Any]:
    """What the list shows where the ledger is away."""
    return {"mails": (), "queues": (), "asked": {}, "page": 1, "more": False, "states": LISTED, "others": "", "cut": 0}


def _chosen(asked: QueryDict) -> Selection:
    state = asked.get("state", "")
    return Selection(
        (MailState(state),) if state in LISTED else tuple(sorted(DEAD)),
        queue=asked.get("queue") or None,
        template=asked.get("template") or None,
        domain=asked.get("domain") or None,
    )


def _is_to(mail: MailStatus, words: str) -> bool:
    return any(words.strip().lower() in path.lower() for path in mail.recipients)


def _shown(mail: MailStatus) -> dict[str, Any]:
    """What a row of the list, and the head of a page, says of a mail."""
    fault = mail.last_fault
    return {
        "id": mail.mail_id,
        "state": mail.state.value,
        "queue": mail.queue,
        "template": mail.template or "a message of its own",
        "mail_class": mail.mail_class,
        "created": moment(mail.created_at),
        "due": None if mail.due_at is None else moment(mail.due_at),
        "attempts": mail.attempt,
        "recipients": {path: state.value for path, state in mail.recipients.items()},
        "said": str(fault) if fault else str(mail.history[-1].get("why", "")) if mail.history else "",
    }


def _shown_whole(mail: MailStatus) -> dict[str, Any]:
    counted = {"crashes": mail.crashes, "unknowns": mail.unknowns, "setbacks": mail.setbacks}
    is_dead = mail.state in DEAD or mail.state is MailState.PARKED
    return {"mail": {**_shown(mail), **counted}, "is_dead": is_dead, "timeline": [_edge(one) for one in mail.history]}


def _edge(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the timeline."""
    fault = entry.get("fault") or {}
    told = " ".join(str(fault[key]) for key in ("taxonomy_id", "code", "enhanced", "text") if fault.get(key))
    return {
        "at": moment(float(entry["at"])),
        "state": entry["state"],
        "attempt": entry.get("attempt", ""),
        "relay": entry.get("relay") or "",
        "said": entry.get("reply") or told or entry.get("why") or "",
    }


def _id(text: str) -> str | None:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None
