"""Bounces that are written for people alone: qmail's (QSBMF), Exim's, and those of servers that nobody remembers."""

from __future__ import annotations

import re

from notifier.bounces.addresses import addresses_in
from notifier.bounces.causes import plain, status_of
from notifier.bounces.parts import Fields, Part, fields_of
from notifier.bounces.report import Action, Told

MOST = 64 * 1024  # characters of the text that are read
MOST_RECIPIENTS = 20
_DAEMON = re.compile(r"mailer-?daemon|postmaster|mail delivery|mdaemon|<>", re.IGNORECASE)
_SUBJECT = re.compile(
    r"(?!re:|aw:|fwd?:)[^\n]{0,200}?(undeliver|non-?delivery|not delivered|deliver\w* (?:has )?(?:fail|error|status|problem)|"
    r"failure (?:notice|delivery)|returned mail|mail delivery)",
    re.IGNORECASE,
)
_REPORT_TYPE = re.compile(r"""[; \t]report-type[ \t]*=[ \t]*"?([a-z-]{1,80})""", re.IGNORECASE)
# With these a machine answers for a person, mostly with the subject of what it answers, and rightly from <> (RFC 3834 section 3.3).
_ANSWERS = ("auto-submitted", "x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-vacation")
# "Hi. This is the qmail-send program" (QSBMF), and its kin.
_QSBMF = re.compile(r"\s{0,20}Hi\. (?:This is the|The MTA program)")
_PARAGRAPH = re.compile(r"^<([^>\n]{3,320})>:[ \t]*\n((?:[^\n]+\n?){0,20})", re.MULTILINE)
# Behind a line of dashes with such words the returned message begins.
_COPY = re.compile(
    r"copy of|original message|returned message|returned mail|unsent message|message headers?|headers follow|message follows|"
    r"below this line",
    re.IGNORECASE,
)
_LATE = re.compile(
    r"delay|still trying|will be retried|(?:not|cannot)(?: yet)? be(?:en)? delivered (?:yet|since)|will continue to try|will keep trying|"
    r"warning: could not send|do not need to resend",
    re.IGNORECASE,
)


def is_bounce(message: Part) -> bool:
    """True where a server has written it: what a person sends to the mailbox of bounces is none, nor what answers for him."""
    if message.content_type == "multipart/report":
        named = _REPORT_TYPE.search(message.first("content-type"))
        if named is None or named[1].lower() == "delivery-status":
            return True
        # Dovecot's way to reject (RFC 5429 section 2.1.2) is a receipt too, and its Auto-Submitted says so.
        return "(rejected)" in message.first("auto-submitted")
    if message.first("x-failed-recipients") or _DAEMON.search(message.first("from")):
        return True
    # A subject of our own may speak of a delivery, and answers put their words before it, in whatever language.
    begins = _SUBJECT.match(message.first("subject"))
    return begins is not None and begins.start(1) == 0 and not any(map(message.first, _ANSWERS))


def says_why(message: Part, told: list[Told]) -> bool:
    """False where only its sender looks like a server's: postmasters are away too."""
    marked = message.first("x-failed-recipients") or message.content_type == "multipart/report"
    return bool(marked or _SUBJECT.match(message.first("subject"))) or any(one.status for one in told)


def divided(text: str) -> tuple[str, Fields]:
    """What the server says, and the header of the message that it returns behind that."""
    text = text[:MOST]
    at = 0
    for line in text.split("\n"):
        if line[:2] in ("--", "==") and _COPY.search(line[:200]):
            return text[:at], fields_of(text[at + len(line) :].lstrip("\n").partition("\n\n")[0])
        at += len(line) + 1
    return text, {}


def told_by(message: Part, said: str) -> list[Told]:
    """What is said of each recipient whom it names, or of one whom it does not name."""
    late = _LATE.search(message.first("subject")) or (not _QSBMF.match(said) and _LATE.search(said[:400]))
    action = Action.DELAYED if late else Action.FAILED
    if _QSBMF.match(said):
        return [_recipient(found[1], found[2], action) for found in _first(_PARAGRAPH, said)]
    named = addresses_in(message.first("x-failed-recipients")) or _named(said)
    if not named:
        return [Told((), action, status_of("", said), plain(said))]
    return [_recipient(address, _words_about(address, said), action) for address in named[:MOST_RECIPIENTS]]


def _first(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return [found for found, _ in zip(pattern.finditer(text), range(MOST_RECIPIENTS), strict=False)]


def _recipient(address: str, words: str, action: Action) -> Told:
    return Told(addresses_in(address) or (address.lower(),), action, status_of("", words), plain(words))


def _named(said: str) -> tuple[str, ...]:
    """Addresses in its text, a few lines of it at a time."""
    found: dict[str, None] = {}
    for line in said.split("\n")[:400]:
        found.update(dict.fromkeys(addresses_in(line)))
        if len(found) > MOST_RECIPIENTS:
            break
    return tuple(found)


def _words_about(address: str, said: str) -> str:
    """From where he is named, for a few lines: the reason stands there. Else from the beginning."""
    at = said.lower().find(address)
    return said[max(at, 0) :][:1000] if at >= 0 else said[:1000]
