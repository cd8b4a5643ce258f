"""One mail: its facts, its timeline, what it says, and what may be decided."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from notifier.console.html import Child, Markup, join, tag
from notifier.console.operator_page.layout import (
    Viewer,
    acting,
    badge,
    button,
    card,
    empty,
    facts,
    field,
    lines,
    listed,
    moment,
    page,
    quiet,
    state_badge,
)
from notifier.console.operator_page.mail_list import DISCARD, REQUEUE, RESEND, SENT
from notifier.model.outcome import RecipientState
from notifier.model.state import DEAD, MailState
from notifier.store.base import MailStatus
from notifier.tasks.contents import Shown

COVERED = "What mails say, and to whom, is not shown: start the console with --show-bodies."
CANCEL = "cancel"
RECIPIENTS = 200  # that are shown
EDITED = 50  # recipients that may be given another address
LETTERS = 300_000  # of a context, and of a text part
_TONE = {RecipientState.ACCEPTED: "good", RecipientState.REFUSED: "error", RecipientState.UNKNOWN: "warning"}
_OPEN = (MailState.UNKNOWN, MailState.PARKED)


def mail_page(viewer: Viewer, mail: MailStatus, shown: Shown | None) -> str:
    """``shown`` None: what it says is covered."""
    return page(
        viewer,
        "",
        f"Mail {mail.mail_id}",
        card("Facts", _facts(viewer, mail)),
        *_decisions(viewer, mail),
        card("Timeline", tag("ol", *_timeline(viewer, mail), class_="timeline")),
        *_content(mail, shown),
    )


def _facts(viewer: Viewer, mail: MailStatus) -> Markup:
    counters = f"{mail.crashes} crashes, {mail.unknowns} unknown, {mail.setbacks} connections lost before them"
    template = (
        tag("a", mail.template, href=f"/templates/{quote(mail.template)}") if mail.template else "a message of its own"
    )
    return facts(
        [
            ("state", state_badge(mail.state)),
            ("queue", mail.queue),
            ("template", join(template, f" (class {mail.mail_class})")),
            ("created", moment(mail.created_at)),
            *([("due", moment(mail.due_at))] if mail.due_at is not None else []),
            ("attempts", f"{mail.attempt} ({counters})"),
            ("recipients", _recipients(viewer, mail)),
        ]
    )


def _recipients(viewer: Viewer, mail: MailStatus) -> Markup:
    shown = [_recipient(viewer, *one) for one in islice(mail.recipients.items(), RECIPIENTS)]
    more = len(mail.recipients) - RECIPIENTS
    return listed([*shown, f"and {more} more"] if more > 0 else shown)


def _recipient(viewer: Viewer, path: str, state: RecipientState) -> Markup:
    return join(viewer.veil.address(path), " ", badge(state.value, _TONE.get(state, "")))


def _timeline(viewer: Viewer, mail: MailStatus) -> Iterator[Markup]:
    yield tag("li", moment(mail.created_at), " ", badge("enqueued"))
    for entry in mail.history:
        yield tag("li", *_edge(viewer, mail, entry))


def _edge(viewer: Viewer, mail: MailStatus, entry: Mapping[str, Any]) -> Iterator[Child]:
    """When, to which state, and every word of it."""
    yield moment(float(entry["at"]))
    yield " "
    yield state_badge(str(entry["state"]))
    if (attempt := entry.get("attempt")) is not None:
        yield f" attempt {attempt}"
    if entry.get("relay"):
        yield f" by {entry['relay']}"
    for words in _words(entry):
        yield tag("span", viewer.veil.words(words, mail.recipients), class_="said")
    if lines_said := entry.get("transcript"):
        yield _transcript(viewer, mail, lines_said)


def _transcript(viewer: Viewer, mail: MailStatus, said: Sequence[str]) -> Markup:
    """What was said on the wire; no secret and no message is in it."""
    shown = "\n".join(viewer.veil.words(line, mail.recipients) for line in said)
    return tag("details", tag("summary", "What was said to the relay"), tag("pre", shown, class_="wrapped"))


def _words(entry: Mapping[str, Any]) -> Iterator[str]:
    fault = entry.get("fault") or {}
    if entry.get("reply"):
        yield str(entry["reply"])
    if told := " ".join(
        str(fault[key]) for key in ("taxonomy_id", "phase", "code", "enhanced", "text") if fault.get(key)
    ):
        yield told
    if entry.get("why"):
        yield str(entry["why"])


def _content(mail: MailStatus, shown: Shown | None) -> Iterator[Markup]:
    if shown is None:
        yield card("What it says", quiet(COVERED))
        return
    if shown.content is None:
        yield card("What it says", empty(shown.problem))
    else:
        yield card("What it says", _rendered(mail, shown))
    if shown.email is not None and not shown.email.message:
        context = json.dumps(shown.context, ensure_ascii=False, indent=2)
        region = tag(
            "div", tag("pre", context[:LETTERS], class_="wrapped"), role="region", aria_label="Context", tabindex="0"
        )
        yield card("Context", region, quiet("Without the values that the template calls sensitive."))


def _rendered(mail: MailStatus, shown: Shown) -> Markup:
    content = shown.content
    assert content is not None  # noqa: S101 - looked at by the caller
    subject = facts([("subject", content.subject)])
    if content.html is None:
        return join(subject, tag("pre", content.text[:LETTERS], class_="wrapped", tabindex="0"))
    # No script, no form, no way to the page around it; a link that is clicked opens in a tab of its own.
    allowed = "allow-popups allow-popups-to-escape-sandbox"
    frame = tag("iframe", src=f"/mail/{quote(mail.mail_id)}/frame", sandbox=allowed, title="The mail", class_="mail")
    note = "Rendered as the template is now, without the values that it calls sensitive."
    return join(
        subject,
        frame,
        tag("details", tag("summary", "Text part"), tag("pre", content.text[:LETTERS], class_="wrapped")),
        quiet(note),
    )


def _decisions(viewer: Viewer, mail: MailStatus) -> Iterator[Markup]:
    """What may be done in the mail's state, and nothing else."""
    if not viewer.may_act:
        return
    acts: list[tuple[str, str]] = []
    if mail.state in DEAD:
        acts = [(REQUEUE, "Send once more"), (DISCARD, "Discard")]
    elif mail.state in _OPEN:
        acts = [(SENT, "It arrived"), (RESEND, "Send once more")]
        acts += [(DISCARD, "Discard")] if mail.state is MailState.PARKED else []
    elif mail.state is MailState.WAITING:
        acts = [(CANCEL, "Cancel")]
    if not acts:
        return
    why = None if mail.state is MailState.WAITING else field("Why, for the history", "why", maxlength="300")
    buttons = (button(words, name="act", value=act, quiet=act in (DISCARD, CANCEL)) for act, words in acts)
    yield card(
        "Decide", acting(viewer, f"{_path(mail)}/decide", why, tag("div", *buttons, class_="acts"), label="Decide")
    )
    if mail.state is MailState.WAITING:
        yield card("Another time", _reschedule(viewer, mail))
    if mail.state in DEAD:
        yield card("Another address", _readdress(viewer, mail))


def _reschedule(viewer: Viewer, mail: MailStatus) -> Markup | None:
    at = field("At (UTC)", "at", type="datetime-local", required=True)
    return acting(viewer, f"{_path(mail)}/reschedule", at, button("Send it then"), label="Another time")


def _readdress(viewer: Viewer, mail: MailStatus) -> Markup | None:
    """Recipients by their place: an address that is covered must not stand in the source of the page either."""
    open_ones = (one for one in enumerate(mail.recipients.items()) if one[1][1] is not RecipientState.ACCEPTED)
    fields = (
        field(f"Instead of {viewer.veil.address(path)}", f"to-{place}", maxlength="320")
        for place, (path, state) in islice(open_ones, EDITED)
    )
    note = quiet("What is left empty stays. The change is shown before anything is sent.")
    return acting(viewer, f"{_path(mail)}/diff", *fields, button("Show the change"), note, label="Another address")


def diff_page(viewer: Viewer, mail: MailStatus, edits: Mapping[int, str]) -> str:
    """What would be changed, before it is."""
    rows: list[Markup] = []
    for place, path in enumerate(mail.recipients):
        before = viewer.veil.address(path)
        if place in edits:
            rows += [tag("del", f"- {before}"), tag("ins", f"+ {edits[place]}")]
        else:
            rows.append(tag("span", f"  {before}"))
    fields = (tag("input", type="hidden", name=f"to-{place}", value=text) for place, text in edits.items())
    why = field("Why, for the history", "why", maxlength="300")
    form = acting(
        viewer, f"{_path(mail)}/readdress", *fields, why, button("Send it once more like this"), label="Change"
    )
    back = tag("p", tag("a", "Leave it as it is", href=_path(mail)))
    note = quiet(
        "Whoever has accepted the mail does not get it again. Its time and its counters begin anew; its id stays."
    )
    return page(
        viewer,
        "",
        f"Change mail {mail.mail_id}",
        card("Recipients", tag("div", *rows, class_="diff"), form, note, back),
    )


def _path(mail: MailStatus) -> str:
    return f"/mail/{quote(mail.mail_id)}"


def not_found_words(mail_id: str) -> Markup:
    """In place of a mail that is not there."""
    search = tag("a", "Search", href="/search?" + urlencode({"by": "id", "q": mail_id}))
    return lines("There is no such mail. Those that have ended are kept for NOTIFIER_RETENTION seconds.", search)
