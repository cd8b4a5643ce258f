"""What the mailbox page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import urlencode

from notifier.console.html import Markup, join, tag

PAGE_SIZE = 50
TABS = {"html": "HTML", "text": "Text", "headers": "Headers", "source": "Source", "attachments": "Attachments"}


class Mail(Protocol):
    """What the page needs of a mail."""

    @property
    def number(self) -> int: ...
    @property
    def received_at(self) -> float: ...
    @property
    def reverse_path(self) -> str: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...
    @property
    def data(self) -> bytes: ...
    @property
    def tls(self) -> str | None: ...
    @property
    def message(self) -> EmailMessage: ...
    @property
    def subject(self) -> str: ...


def page(title: str, *body: Markup) -> str:
    """A whole document."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="stylesheet", href="/static/mailbox.css"),
    )
    return "<!doctype html>" + tag("html", head, tag("body", *body), lang="en")


def attachments_of(message: EmailMessage) -> list[EmailMessage]:
    """Every part with a filename, inline images included, in the order of the message."""
    return [part for part in message.walk() if isinstance(part, EmailMessage) and part.get_filename()]


def size_words(octets: int) -> str:
    """``12 KB``."""
    return (
        f"{octets} B" if octets < 1000 else f"{octets / 1000:.0f} KB" if octets < 10**6 else f"{octets / 10**6:.1f} MB"
    )


def list_page(mails: Sequence[Mail], words: str, number: int) -> str:
    """The newest first, fifty to a page."""
    pages = max(1, -(-len(mails) // PAGE_SIZE))
    number = min(max(number, 1), pages)
    shown = list(reversed(mails))[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    search = tag(
        "form",
        tag(
            "input",
            type="search",
            name="q",
            value=words,
            placeholder="Search subject, people, text",
            aria_label="Search",
        ),
        tag("button", "Search", type="submit"),
        role="search",
        action="/",
    )
    count = f"{len(mails)} mail{'' if len(mails) == 1 else 's'}" + (f" with “{words}”" if words else "")
    return page(
        "Caught mail",
        tag("header", tag("h1", tag("a", "Caught mail", href="/")), search),
        tag(
            "main",
            tag("p", count, class_="count"),
            tag("ol", *(_row(mail) for mail in shown), class_="mails")
            if shown
            else tag("p", "Nothing here.", class_="empty"),
            _pager(words, number, pages),
        ),
    )


def _row(mail: Mail) -> Markup:
    message = mail.message
    files = sum(1 for part in attachments_of(message) if part.get_content_disposition() == "attachment")
    return tag(
        "li",
        tag(
            "a",
            tag("span", str(message.get("To") or ", ".join(mail.recipients)), class_="who"),
            tag("span", mail.subject or "(no subject)", class_="subject"),
            tag(
                "span",
                f"{f'{files} file' + ('s' if files > 1 else '') + ' · ' if files else ''}{size_words(len(mail.data))} · "
                f"{datetime.fromtimestamp(mail.received_at).astimezone():%H:%M:%S}",
                class_="when",
            ),
            href=f"/mail/{mail.number}",
        ),
    )


def _pager(words: str, number: int, pages: int) -> Markup | None:
    if pages == 1:
        return None

    def link(label: str, target: int) -> Markup:
        if not 1 <= target <= pages:
            return tag("span", label, class_="off")
        return tag("a", label, href="/?" + urlencode({"q": words, "page": target}))

    return tag("nav", link("Newer", number - 1), tag("span", f"{number} of {pages}"), link("Older", number + 1))


def mail_page(mail: Mail, tab: str) -> str:
    """One mail with its tabs."""
    message = mail.message
    facts = tag(
        "dl",
        *_fact("From", str(message.get("From", ""))),
        *_fact("To", str(message.get("To", ""))),
        *_fact("Envelope", f"<{mail.reverse_path}> to {', '.join(f'<{path}>' for path in mail.recipients)}"),
        *_fact(
            "Received",
            f"{datetime.fromtimestamp(mail.received_at).astimezone():%Y-%m-%d %H:%M:%S %Z}, {mail.tls or 'no TLS'}",
        ),
    )
    tabs = tag(
        "nav",
        *(
            tag(
                "a",
                TABS[name],
                href=f"/mail/{mail.number}?tab={name}",
                aria_current="page" if name == tab else None,
            )
            for name in TABS
        ),
        class_="tabs",
    )
    return page(
        mail.subject or "(no subject)",
        tag("header", tag("p", tag("a", "← All mail", href="/")), tag("h1", mail.subject or "(no subject)"), facts),
        tag("main", tabs, _tab(mail, tab)),
    )


def _fact(name: str, value: str) -> tuple[Markup, Markup]:
    return tag("dt", name), tag("dd", value)


def _tab(mail: Mail, tab: str) -> Markup:
    if tab == "text":
        part = mail.message.get_body(("plain",))
        return tag("pre", str(part.get_content()) if part else "(no text part)", class_="text")
    if tab == "headers":
        return tag("pre", "\n".join(f"{name}: {value}" for name, value in mail.message.items()))
    if tab == "source":
        download = tag("p", tag("a", "Download .eml", href=f"/mail/{mail.number}/source"))
        return join(download, tag("pre", mail.data.decode("utf-8", "replace").replace("\r\n", "\n")))
    if tab == "attachments":
        return _attachments(mail)
    if mail.message.get_body(("html",)) is None:
        return tag("p", "This mail has no HTML part.", class_="empty")
    # The sandbox allows nothing: no script, no form, no way to the page around it.
    return tag("iframe", src=f"/mail/{mail.number}/html", sandbox="", title="HTML part")


def _attachments(mail: Mail) -> Markup:
    parts = attachments_of(mail.message)
    if not parts:
        return tag("p", "No attachments.", class_="empty")
    rows = (
        tag(
            "li",
            tag("a", part.get_filename() or "", href=f"/mail/{mail.number}/file/{index}"),
            f" {part.get_content_type()}, {size_words(len(part.get_payload(decode=True) or b''))}, "
            f"{part.get_content_disposition()}",
        )
        for index, part in enumerate(parts)
    )
    return tag("ul", *rows, class_="files")
