"""What the sink has kept, looked at: every mail that was to come, once, to its recipient, with every octet.

The first mail of a run is parsed by the standard library and has to say what the template says. Of each other the same
octets have to come, once its number, Date, Message-ID, Content-IDs and boundaries are put aside: they have one CRC-32.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage

from benchmarks.compose.jinja import rendered
from benchmarks.end_to_end.mails import IMAGE, TEMPLATE, context, digits, recipient
from benchmarks.smtp.sink import Kept

_RECIPIENT = re.compile(r"zoe\.(\d{8})@")
_OWN_LINES = re.compile(rb"(?mi)^(?:Date|Message-ID|Content-ID|Feedback-ID):[^\r]*(?:\r\n[ \t][^\r]*)*\r\n")
_BOUNDARY = re.compile(rb'boundary="?([^"\r;]+)')
_CONTENT_ID = re.compile(rb"(?mi)^Content-ID: <([^>]+)>")
_CID = re.compile(r'"cid:[^"]+"')


class Mismatch(Exception):
    """What came is not what was sent, in words."""


def check(mails: Iterable[Kept], numbers: Sequence[int]) -> dict[int, float]:
    """When each number was accepted (monotonic seconds), in that order. Raises `Mismatch`."""
    left, sums, accepted = set(numbers), set[int](), dict[int, float]()
    for mail in mails:
        found = _RECIPIENT.search(mail.recipient)
        number = int(found[1]) if found else -1
        if number not in left or mail.recipient != recipient(number):
            raise Mismatch(f"a mail to {mail.recipient} came that nobody waits for, or twice")
        if not accepted:
            _read(mail.octets, number)
        left.remove(number)
        accepted[number] = mail.at
        sums.add(zlib.crc32(_common(mail.octets, number)))
    if left:
        raise Mismatch(f"{len(left)} of {len(numbers)} mails did not come")
    if len(sums) > 1:
        raise Mismatch("a mail has other octets than the first one")
    return accepted


def _common(octets: bytes, number: int) -> bytes:
    """The octets without what is the mail's own. A soft line end of quoted-printable may stand within a number."""
    for at, own in enumerate((*_BOUNDARY.findall(octets), *_CONTENT_ID.findall(octets))):
        octets = octets.replace(own, b"own-%d" % at)
    without = _OWN_LINES.sub(b"", octets).replace(b"=\r\n", b"")
    return without.replace(digits(number).encode(), b"number")


def _read(octets: bytes, number: int) -> None:
    message = message_from_bytes(octets, _class=EmailMessage, policy=policy.default)
    subject, text, html = rendered(TEMPLATE, context(number), image=IMAGE)
    for name, there, wanted in (
        ("subject", message["Subject"], subject),
        ("text", _part(message, "plain"), text),
        ("html", _part(message, "html"), html),
    ):
        if _words(there) != _words(wanted):
            raise Mismatch(f"mail {number} has another {name} than its template")


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


def _words(text: str) -> str:
    """White space does not count: our renderer drops some between tags, and composers end lines as they like."""
    return "".join(_CID.sub(f'"{IMAGE}"', text).split())
