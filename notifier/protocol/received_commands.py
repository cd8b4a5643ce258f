"""What a client says in MAIL and RCPT, read strictly, as every server of ours reads it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# RFC 5321 section 4.1.2: in the brackets a quoted string may hold what else would end the path; controls never.
_PATH = r'<((?:"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"|[^"<>\x00-\x20\x7f])*)>(?: (.*))?\Z'
_FROM = re.compile("FROM:" + _PATH, re.IGNORECASE)
_TO = re.compile("TO:" + _PATH, re.IGNORECASE)
_SIZE = re.compile(r"[0-9]{1,20}\Z")  # RFC 1870 section 4
_BODIES = ("7BIT", "8BITMIME")
MAX_PATH = 256  # octets with its brackets, RFC 5321 section 4.5.3.1.3


class Refused(Exception):
    """The command gets ``reply`` and does nothing."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class MailCommand:
    """MAIL: who sends, and what was declared."""

    reverse_path: str
    smtputf8: bool


def read_mail(text: str, *, max_size: int) -> MailCommand:
    """The argument of MAIL. Raises `Refused`."""
    found = _FROM.match(text)
    if found is None:
        raise Refused("501 5.5.4 Syntax: MAIL FROM:<reverse-path>")
    command = MailCommand(found[1], _parameters(found[2] or "", max_size))
    if command.reverse_path:
        _check_mailbox(command.reverse_path, "5.1.7", smtputf8=command.smtputf8)
    return command


def _parameters(text: str, max_size: int) -> bool:
    """Check each; True where SMTPUTF8 is among them."""
    smtputf8 = False
    for parameter in text.split(" ") if text else ():
        name, _, value = parameter.partition("=")
        match name.upper():
            case "SIZE":
                _check_size(value, max_size)
            case "BODY" if value.upper() in _BODIES:
                pass
            case "SMTPUTF8" if parameter.upper() == "SMTPUTF8":
                smtputf8 = True
            case "AUTH" if value:  # RFC 4954 section 5
                pass
            case _:
                raise Refused("555 5.5.4 MAIL parameter not recognized or not implemented")
    return smtputf8


def _check_size(value: str, max_size: int) -> None:
    if not _SIZE.match(value):
        raise Refused("501 5.5.4 SIZE is a number")
    if int(value) > max_size:
        raise Refused("552 5.3.4 Message too big")


def read_rcpt(text: str, *, smtputf8: bool) -> str:
    """The argument of RCPT: a forward-path. Raises `Refused`."""
    found = _TO.match(text)
    if found is None or not found[1]:
        raise Refused("501 5.5.4 Syntax: RCPT TO:<forward-path>")
    if found[2] is not None:
        raise Refused("555 5.5.4 RCPT parameter not recognized or not implemented")
    if found[1].lower() != "postmaster":  # the one mailbox without a domain, RFC 5321 section 4.1.1.3
        _check_mailbox(found[1], "5.1.3", smtputf8=smtputf8)
    return found[1]


def _check_mailbox(path: str, enhanced: str, *, smtputf8: bool) -> None:
    local_part, at, domain = path.rpartition("@")
    if not (local_part and at and domain) or len(path.encode()) + 2 > MAX_PATH:
        raise Refused(f"553 {enhanced} That is no mailbox")
    if not path.isascii() and not smtputf8:
        raise Refused("553 5.6.7 The address needs SMTPUTF8")
