"""One mail: who, when, and its tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from notifier.console.html import Markup, join, tag
from notifier.console.mailbox_page.layout import count_words, masthead, moment, page, size_words
from notifier.console.mailbox_page.parts import Mail, body_of, files_of, name_of, octets_of

SHOWN = 300_000  # characters of a text or a source; the download has all


def mail_page(mail: Mail, tab: str) -> str:
    """A mail at a tab; a tab that does not exist is the first that has something."""
    if tab not in TABS:
        tab = "html" if body_of(mail.message, "html") is not None else "text"
    subject = mail.subject or "(no subject)"
    top = tag("div", tag("h1", subject), _facts(mail), class_="card top")
    return page(subject, masthead(), tag("main", _around(mail), top, _tabs(mail, tab), TABS[tab](mail)))


def _around(mail: Mail) -> Markup:
    back = tag("a", "← All mail", href="/")
    number = tag("span", f"Mail {mail.number} · {size_words(len(mail.data))}")
    return tag("nav", back, number, class_="around", aria_label="Place")


def _facts(mail: Mail) -> Markup:
    message = mail.message
    rows: list[tuple[str, Markup]] = [
        (name, join(str(message[name]))) for name in ("From", "To", "Cc", "Reply-To") if message.get(name)
    ]
    paths = ", ".join(f"<{path}>" for path in mail.recipients)
    rows.append(("Envelope", join(f"<{mail.reverse_path}> → {paths}")))
    rows.append(("Received", join(moment(mail.received_at), f" · {mail.tls or 'in clear text'}")))
    return tag("dl", *(item for name, value in rows for item in (tag("dt", name), tag("dd", value))))


def _tabs(mail: Mail, chosen: str) -> Markup:
    files = len(files_of(mail.message))
    labels = {"html": "HTML", "attachments": f"Attachments ({files})" if files else "Attachments"}
    links = (
        tag(
            "a",
            labels.get(name, name.capitalize()),
            href=f"/mail/{mail.number}?tab={name}",
            aria_current="page" if name == chosen else None,
        )
        for name in TABS
    )
    return tag("nav", *links, class_="tabs", aria_label="Views of this mail")


def _html(mail: Mail) -> Markup:
    if body_of(mail.message, "html") is None:
        return _empty("This mail has no HTML part.")
    # No script, no form, no way to the page around it; a link that is clicked opens in a tab of its own.
    allowed = "allow-popups allow-popups-to-escape-sandbox"
    return tag("iframe", src=f"/mail/{mail.number}/html", sandbox=allowed, title="HTML part", class_="card")


def _text(mail: Mail) -> Markup:
    text = body_of(mail.message, "plain")
    return _empty("This mail has no text part.") if text is None else _long(text, wrapped=True)


def _headers(mail: Mail) -> Markup:
    rows = (tag("tr", tag("th", name, scope="row"), tag("td", str(value))) for name, value in mail.message.items())
    return tag("div", tag("table", *rows), class_="card headers")


def _source(mail: Mail) -> Markup:
    download = tag("a", "Download .eml", href=f"/mail/{mail.number}/source", class_="button")
    return join(tag("p", download), _long(mail.data.decode("utf-8", "replace")))


def _attachments(mail: Mail) -> Markup:
    parts = files_of(mail.message)
    if not parts:
        return _empty("This mail has no attachments.")
    rows = (
        tag(
            "li",
            tag("a", name_of(part, index), href=f"/mail/{mail.number}/file/{index}"),
            tag("span", part.get_content_type()),
            tag("span", part.get_content_disposition() or "no disposition"),
            tag("span", size_words(len(octets_of(part))), class_="size"),
        )
        for index, part in enumerate(parts)
    )
    return tag("ul", *rows, class_="card files")


def _long(text: str, *, wrapped: bool = False) -> Markup:
    left_out = len(text) - SHOWN
    note = (
        tag("p", f"{count_words(left_out, 'character')} more in the source.", class_="count") if left_out > 0 else None
    )
    shown = text[:SHOWN].replace("\r\n", "\n")
    return join(tag("pre", shown, class_="card wrapped" if wrapped else "card", tabindex="0"), note)


def _empty(words: str) -> Markup:
    return tag("p", words, class_="empty")


TABS: Mapping[str, Callable[[Mail], Markup]] = {
    "html": _html,
    "text": _text,
    "headers": _headers,
    "source": _source,
    "attachments": _attachments,
}
