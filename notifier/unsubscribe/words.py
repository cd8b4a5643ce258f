"""What the pages say, in each language that the shipped mails are all in, and in which one a reader would rather read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_MOST = 1000  # characters of the header that are looked at; browsers send some fifty
_RANGE = re.compile(
    r"([a-z]{1,8})(?:-[a-z0-9]{1,8})*(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?\Z", re.IGNORECASE
)


class Words(NamedTuple):
    """Of one page. ``{}`` in the sentence: the address, or what can be told of it."""

    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Language:
    """``name`` is the subtag of RFC 5646."""

    name: str
    button: str
    question: Words
    done: Words
    no_token: Words
    over: Words
    not_asked: Words
    too_big: Words
    not_allowed: Words
    away: Words


ENGLISH = Language(
    "en",
    button="Unsubscribe",
    question=Words("Unsubscribe?", "No more of these mails to {}?"),
    done=Words("Unsubscribed", "No more of these mails go to {}. Other mails still do."),
    no_token=Words("No such link", "This link is not whole. Open it from the mail once more."),
    over=Words("An old link", "This link is too old. Take the one in a newer mail."),
    not_asked=Words("Nothing has changed", "The request did not ask to unsubscribe. Open the link again."),
    too_big=Words("Too big", "The request is too big for this page."),
    not_allowed=Words("Not here", "This page is opened or sent, and nothing else."),
    away=Words("Not now", "We could not note it. Try again in a few minutes."),
)
GERMAN = Language(
    "de",
    button="Abmelden",
    question=Words("Abmelden?", "Sollen keine solchen E-Mails mehr an {} gehen?"),
    done=Words("Abgemeldet", "An {} gehen keine solchen E-Mails mehr. Andere E-Mails kommen weiterhin an."),
    no_token=Words(
        "Kein gültiger Link", "Dieser Link ist unvollständig. Bitte öffnen Sie ihn noch einmal aus der E-Mail."
    ),
    over=Words("Ein alter Link", "Dieser Link ist zu alt. Bitte nehmen Sie den aus einer neueren E-Mail."),
    not_asked=Words("Nichts geändert", "Die Anfrage enthielt keine Abmeldung. Bitte öffnen Sie den Link noch einmal."),
    too_big=Words("Zu groß", "Die Anfrage ist zu groß für diese Seite."),
    not_allowed=Words("Nicht hier", "Diese Seite kann geöffnet oder abgeschickt werden, sonst nichts."),
    away=Words(
        "Nicht jetzt",
        "Die Abmeldung konnte nicht gespeichert werden. Bitte versuchen Sie es in einigen Minuten noch einmal.",
    ),
)
LANGUAGES = {one.name: one for one in (ENGLISH, GERMAN)}


def language_for(accepted: str) -> Language:
    """Of the pages' languages the one that an Accept-Language header (RFC 9110 section 12.5.4) likes best; English where it likes none."""
    best, chosen = 0.0, ENGLISH
    for one in accepted[:_MOST].split(","):
        found = _RANGE.match(one.strip(" \t"))
        language = LANGUAGES.get(found[1].lower()) if found else None
        weight = float(found[2] or 1) if found else 0.0
        if language is not None and weight > best:
            best, chosen = weight, language
    return chosen
