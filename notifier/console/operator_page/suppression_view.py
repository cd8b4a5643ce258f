"""The suppression list: who is not mailed, why, and until when."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence

from notifier.console.html import Child, Markup, tag
from notifier.console.operator_page.layout import (
    Viewer,
    acting,
    button,
    card,
    empty,
    field,
    hidden,
    moment,
    page,
    quiet,
    table,
)
from notifier.model.suppression import Suppression, entry_name

SHOWN = 200  # entries


def suppression_page(viewer: Viewer, words: str, entries: Sequence[Suppression], *, more: bool) -> str:
    """``words``: the address that was asked for, or nothing."""
    heads = ("address", "of", "since", "until", "why", *([""] if viewer.may_act else []))
    rows = (list(_row(viewer, entry)) for entry in sorted(entries, key=lambda one: one.address))
    shown = table("Suppressed addresses", heads, rows) if entries else empty(_nobody(words))
    left_out = quiet(f"There are more than these {SHOWN}: look for one address.") if more else None
    adding = _adding(viewer)
    return page(
        viewer,
        "/suppression",
        "Suppression list",
        _search(words),
        tag("section", shown, left_out, class_="card part"),
        card("Add an address", adding) if adding else None,
    )


def reference(viewer: Viewer, entry: Suppression) -> str:
    """Names an entry on the page of one session, and says nothing of the address."""
    name = entry_name(entry.address, entry.mailing_list)
    return hmac.new(viewer.session.secret.encode(), name.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _nobody(words: str) -> str:
    return "This address is not on the list." if words else "Nobody is on the list."


def _search(words: str) -> Markup:
    asked = field("Address", "q", words, type="search", maxlength="320")
    return tag("form", asked, button("Look"), action="/suppression", role="search", class_="card part fields")


def _row(viewer: Viewer, entry: Suppression) -> Iterator[Child]:
    yield viewer.veil.address(entry.address)
    yield entry.mailing_list or "all mails"
    yield moment(entry.since)
    yield moment(entry.until) if entry.until is not None else "it is removed"
    yield _why(viewer, entry)
    if viewer.may_act:
        yield acting(
            viewer,
            "/suppression/remove",
            hidden("entry", reference(viewer, entry)),
            button("Remove", quiet=True),
            label="Remove",
        )


def _why(viewer: Viewer, entry: Suppression) -> Markup:
    mail = tag("a", "the mail", href=f"/mail/{entry.mail_id}") if entry.mail_id else None
    return tag("span", viewer.veil.words(entry.reason, [entry.address]), " " if mail else None, mail)


def _adding(viewer: Viewer) -> Markup | None:
    return acting(
        viewer,
        "/suppression/add",
        field("Address", "address", type="text", required=True, maxlength="320"),
        field("Why", "reason", "by hand", maxlength="300"),
        field("For so many days; empty: until it is removed", "days", type="number", min="1", max="36500", step="any"),
        field("Of mails of TENANT/CLASS alone; empty: of all", "list", maxlength="130"),
        button("Do not mail it"),
        label="Add an address",
    )
