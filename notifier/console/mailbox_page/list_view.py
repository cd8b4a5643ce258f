"""The list: the newest mail first."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from notifier.console.html import Markup, tag
from notifier.console.mailbox_page.layout import count_words, masthead, moment, page, size_words
from notifier.console.mailbox_page.parts import Mail, body_of, files_of, is_inline

PAGE_SIZE = 50
PREVIEW = 140  # characters of the text


def list_page(mails: Sequence[Mail], words: str, number: int) -> str:
    """A page of mails in the order of their numbers, fifty at a time; ``number`` counts from 1 and is made to fit."""
    pages = max(1, -(-len(mails) // PAGE_SIZE))
    number = min(max(number, 1), pages)
    last = len(mails) - (number - 1) * PAGE_SIZE
    shown = mails[max(0, last - PAGE_SIZE) : last][::-1]
    rows = tag("ol", *(_row(mail) for mail in shown), class_="mails card") if shown else _nothing(words)
    count = count_words(len(mails), "mail") + (f" with “{words}”" if words else "")
    return page(
        "Caught mail",
        masthead(words),
        tag("main", tag("p", count, class_="count", role="status"), rows, _pager(words, number, pages)),
    )


def _row(mail: Mail) -> Markup:
    message = mail.message
    files = sum(not is_inline(part) for part in files_of(message))
    preview = " ".join((body_of(message, "plain") or "")[: 4 * PREVIEW].split())[:PREVIEW]
    sender = str(message.get("From") or "") or f"<{mail.reverse_path}>"
    return tag(
        "li",
        tag(
            "a",
            tag("span", str(mail.number), class_="number"),
            tag(
                "span",
                tag("span", str(message.get("To") or ", ".join(mail.recipients)), class_="to"),
                tag("span", f"from {sender}", class_="from"),
                class_="people",
            ),
            tag(
                "span",
                tag("span", mail.subject or "(no subject)", class_="subject"),
                tag("span", preview, class_="preview"),
                class_="words",
            ),
            tag(
                "span",
                tag("span", count_words(files, "file"), class_="badge") if files else None,
                tag("span", size_words(len(mail.data)), class_="size"),
                moment(mail.received_at),
                class_="facts",
            ),
            href=f"/mail/{mail.number}",
        ),
    )


def _nothing(words: str) -> Markup:
    text = (
        "Nothing was found." if words else "No mail yet. What is sent to this server appears here: load the page again."
    )
    return tag("p", text, class_="empty")


def _pager(words: str, number: int, pages: int) -> Markup | None:
    if pages == 1:
        return None

    def link(label: str, target: int) -> Markup:
        if not 1 <= target <= pages:
            return tag("span", label, class_="off")
        return tag("a", label, href="/?" + urlencode({"q": words, "page": target}))

    place = tag("span", f"{number} of {pages}")
    return tag(
        "nav", link("← Newer", number - 1), place, link("Older →", number + 1), class_="pager", aria_label="Pages"
    )
