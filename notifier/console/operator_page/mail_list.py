"""Lists of mails: what was found, dead letters, those of which nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from notifier.console.html import Child, Markup, join, tag
from notifier.console.operator_page.layout import (
    Viewer,
    acting,
    button,
    choice,
    counted,
    empty,
    field,
    hidden,
    lines,
    moment,
    page,
    quiet,
    state_badge,
    table,
)
from notifier.model.state import DEAD, MailState
from notifier.store.base import MailStatus
from notifier.tasks.searching import FIELDS, Found

Asked = Mapping[str, str]
RECIPIENTS = 3  # that are shown of a mail in a list
MANY = "many"
HEADS = ("mail", "state", "template", "recipients", "what was said")

REQUEUE, DISCARD, SENT, RESEND = "requeue", "discard", "sent", "resend"
_DEAD_ACTS = ((REQUEUE, "Send once more"), (DISCARD, "Discard"))
_UNKNOWN_ACTS = ((SENT, "They arrived"), (RESEND, "Send once more"))


def search_page(viewer: Viewer, asked: Asked, found: Found | None) -> str:
    """The form, and what it has found."""
    by = asked.get("by", "recipient")
    form = tag(
        "form",
        choice("Search by", "by", ((name, name) for name in FIELDS), by),
        field("Words", "q", asked.get("q", ""), type="search", maxlength="400"),
        button("Search"),
        role="search",
        action="/search",
        class_="card part fields",
    )
    hint = quiet(
        "A state is one of ",
        ", ".join(state.value for state in MailState),
        ". A recipient may be a part of an address.",
    )
    shown = None if found is None else join(_plain_list(viewer, found), _ending(found, "/search", asked))
    return page(viewer, "/search", "Search", form, hint if found is None else None, shown)


def dead_page(viewer: Viewer, asked: Asked, found: Found, queues: Sequence[str]) -> str:
    """Dead letters, oldest first."""
    states = [("", "every state"), *((state.value, state.value) for state in sorted(DEAD))]
    filters = (
        _filters("/dead", asked, queues, choice("State", "state", states, asked.get("state", ""))),
        _chosen_list(viewer, found, "/dead", _DEAD_ACTS) if found.mails else empty("No dead letter is like that."),
        _ending(found, "/dead", asked),
    )
    return page(viewer, "/dead", "Dead letters", *filters)


def unknown_page(viewer: Viewer, asked: Asked, found: Found, queues: Sequence[str]) -> str:
    """Mails whose relay's last word was lost (RFC 1047)."""
    states = [("", "both"), ("parked", "parked: a person decides"), ("unknown", "unknown: waits for proof")]
    return page(
        viewer,
        "/unknown",
        "Unknown and parked",
        quiet(
            "The relay's last word on these was lost, so nobody knows whether they arrived. Look for them in the relay's "
            "log. Whoever has one already gets it twice if it is sent once more."
        ),
        _filters("/unknown", asked, queues, choice("State", "state", states, asked.get("state", ""))),
        _chosen_list(viewer, found, "/unknown", _UNKNOWN_ACTS) if found.mails else empty("There is none."),
        _ending(found, "/unknown", asked),
    )


def _filters(path: str, asked: Asked, queues: Sequence[str], *further: Child) -> Markup:
    every = [("", "every queue"), *((queue, queue) for queue in queues)]
    words = (("Template", "template"), ("Recipients' domain", "domain"), ("Row of the last fault, such as A1", "row"))
    return tag(
        "form",
        choice("Queue", "queue", every, asked.get("queue", "")),
        *further,
        *(field(label, name, asked.get(name, ""), maxlength="200") for label, name in words),
        button("Show"),
        action=path,
        class_="card part fields",
        role="search",
    )


def _plain_list(viewer: Viewer, found: Found) -> Markup:
    if not found.mails:
        return empty("Nothing was found so far." if found.rest else "Nothing was found.")
    return tag("section", table("Mails", HEADS, (_row(viewer, mail) for mail in found.mails)), class_="card part")


def _chosen_list(viewer: Viewer, found: Found, path: str, acts: Iterable[tuple[str, str]]) -> Markup:
    """With a box before each mail, and what may be done to those that are ticked."""
    rows = ((_box(mail), *_row(viewer, mail)) for mail in found.mails)
    shown = table("Mails", ("", *HEADS), rows) if viewer.may_act else _plain_list(viewer, found)
    whole = tag("label", tag("input", type="checkbox", name=MANY, value="1"), f" All {len(found.mails)} that are shown")
    all_ids = (hidden("shown", mail.mail_id) for mail in found.mails)
    why = field("Why, for the history", "why", maxlength="300")
    buttons = (button(words, name="act", value=act, quiet=act == DISCARD) for act, words in acts)
    bar = tag("div", whole, why, *buttons, class_="acts")
    form = acting(viewer, f"{path}/decide", *all_ids, shown, bar, label="Decide on mails")
    return tag("section", form or shown, class_="card part list")


def _box(mail: MailStatus) -> Markup:
    return tag("input", type="checkbox", name="id", value=mail.mail_id, aria_label=f"mail {mail.mail_id}")


def _row(viewer: Viewer, mail: MailStatus) -> Iterator[Child]:
    yield lines(tag("a", mail.mail_id, href=f"/mail/{quote(mail.mail_id)}", class_="id"), moment(mail.created_at))
    yield lines(state_badge(mail.state), mail.queue)
    yield mail.template or "a message of its own"
    yield _recipients(viewer, mail)
    yield viewer.veil.words(last_words(mail), mail.recipients)


def _recipients(viewer: Viewer, mail: MailStatus) -> Markup:
    paths = list(mail.recipients)
    more = f"and {len(paths) - RECIPIENTS} more" if len(paths) > RECIPIENTS else ""
    return lines(*(viewer.veil.address(path) for path in paths[:RECIPIENTS]), more)


def last_words(mail: MailStatus) -> str:
    """The last that was said of a mail."""
    if mail.last_fault is not None and mail.state is not MailState.SENT:
        return str(mail.last_fault)
    entry = mail.history[-1] if mail.history else {}
    return str(entry.get("reply") or entry.get("why") or "")


def _ending(found: Found, path: str, asked: Asked) -> Markup:
    """How far was looked, and the way on."""
    looked = f"{counted(found.looked_at, 'mail')} looked at"
    if found.rest is None:
        return quiet(f"{looked}; there are no more.")
    on = urlencode({**{name: value for name, value in asked.items() if value and name != "begin"}, "begin": found.rest})
    return tag(
        "p",
        f"{looked}, and there may be more. ",
        tag("a", "Look on", href=f"{path}?{on}"),
        class_="quiet",
        role="status",
    )
