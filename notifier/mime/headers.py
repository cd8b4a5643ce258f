"""Header fields: what may stand in them, and how they are folded and encoded.

Injection is impossible by construction: a value is checked for controls before it is laid out, and the layout itself
writes the only line breaks. Lines aim at 78 characters and never pass 998 octets (RFC 5322 section 2.1.1).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from notifier.errors import InvalidHeader
from notifier.mime.auto_submitted import check_auto_submitted
from notifier.mime.list_unsubscribe import check_list_unsubscribe
from notifier.model.address import Address

AIM = 78  # characters of a line, without CRLF
MAX_TOKEN = 900  # octets that stay unfolded and unencoded; longer ones become encoded words
MAX_WORD = 75  # octets of an encoded word, RFC 2047 section 2
_HARD_TO_QUOTE = frozenset(';"\\')
PIECE = 60  # characters of a long parameter in one line
MAX_FIELDS = 100
MAX_VALUE = 16 * 1024  # characters
MAX_TOTAL = 128 * 1024  # characters of all names and values; relays cut off or refuse headers that are longer

_NAME = re.compile(r"[!-9;-~]{1,76}\Z")  # RFC 5322 ftext
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~. -]+\Z")  # what a display name may be without quotes
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>\Z")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 section 5 (3)

# Fields that the composer writes, and what to use instead.
_OURS: Mapping[str, str] = {
    "bcc": "the argument bcc (it never stands in the header)",
    "cc": "the argument cc",
    "date": "nothing: it is the time of the call",
    "dkim-signature": "nothing: signatures are made when the message is whole",
    "from": "the argument sender",
    "message-id": "nothing: it is made from the mail's id",
    "mime-version": "nothing",
    "received": "nothing: relays write it",
    "reply-to": "the argument reply_to",
    "resent-bcc": "the argument bcc",
    "return-path": "nothing: the last server writes it",
    "sender": "the argument sender",
    "subject": "the template's subject",
    "to": "the argument to",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def check_headers(headers: object) -> None:
    """Headers that an application adds. Raises `InvalidHeader`, naming the field and what is wrong."""
    if not isinstance(headers, Mapping):
        raise InvalidHeader(f"headers is a mapping of names to text, not {type(headers).__name__}")
    if len(headers) > MAX_FIELDS:
        raise InvalidHeader(f"{len(headers)} headers; the limit is {MAX_FIELDS}")
    seen: set[str] = set()
    for name, value in headers.items():
        _check_name(name)
        if name.lower() in seen:
            raise InvalidHeader(f"header {name!r} stands there twice")
        seen.add(name.lower())
        check_value(name, value)
    if (total := sum(len(name) + len(value) for name, value in headers.items())) > MAX_TOTAL:
        raise InvalidHeader(f"headers of {total:,} characters in all; the limit is {MAX_TOTAL:,}")
    check_auto_submitted(headers)
    check_list_unsubscribe(headers)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidHeader(
            f"a header's name is 1 to 76 printable ASCII characters without blank or colon, not {name!r}"
        )
    if name.lower() in _OURS:
        raise InvalidHeader(f"the header {name!r} is not set by hand; use {_OURS[name.lower()]}")
    if name.lower().startswith("content-"):
        raise InvalidHeader(f"the header {name!r} is the composer's own")


def check_value(name: str, value: object) -> str:
    """The text of a field, if it is one line of valid text. Raises `InvalidHeader`."""
    if not isinstance(value, str):
        raise InvalidHeader(f"header {name!r} is text, not {type(value).__name__}")
    if len(value) > MAX_VALUE:
        raise InvalidHeader(f"header {name!r} has {len(value)} characters; the limit is {MAX_VALUE}")
    if not value.isprintable():
        _refuse_controls(name, value)
    return value


def _refuse_controls(name: str, value: str) -> None:
    for char in value:
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            raise InvalidHeader(f"header {name!r} holds the control character or half character U+{ord(char):04X}")


# Their angle brackets are read by programs: only the words before them are encoded (RFC 2919, 8098, 5322 section 3.6.6).
_PHRASED = frozenset(
    (
        "list-id",
        "disposition-notification-to",
        "return-receipt-to",
        "errors-to",
        "resent-from",
        "resent-sender",
        "resent-to",
    )
)
_PHRASE_AND_BRACKETS = re.compile(r"(?P<phrase>[^<>,]*[^<>, ]) *(?P<brackets><[!-;=?-~]+>)\Z")


def unstructured(name: str, value: str) -> str:
    """A field of free text, folded, with CRLF."""
    value = check_value(name, value).strip()
    if not value:  # an encoded word holds one character at least (RFC 2047 section 2)
        return f"{name}:\r\n"
    if _fits_as_it_is(value):
        if len(name) + 2 + len(value) <= AIM:
            return f"{name}: {value}\r\n"
        return _folded(name, value.split(" "), "")
    if name.lower() in _PHRASED and (found := _PHRASE_AND_BRACKETS.match(value)):
        return _folded(name, [*encoded_words(found["phrase"], len(name) + 2), found["brackets"]], "")
    return _folded(name, list(encoded_words(value, len(name) + 2)), "")


def _fits_as_it_is(value: str) -> bool:
    """ASCII, no look-alike of an encoded word, and blanks that survive folding."""
    tokens = value.split(" ")
    return value.isascii() and "=?" not in value and all(tokens) and all(len(token) <= MAX_TOKEN for token in tokens)


def encoded_words(text: str, first_indent: int = 1) -> Iterator[str]:
    """``text`` as UTF-8 encoded words of at most 75 octets, none of which splits a character (RFC 2047)."""
    octets = text.encode()
    quoted = _q_size(octets) * 3 <= len(octets) * 4
    room = min(MAX_WORD, AIM - max(first_indent, 1)) - len(_FRAME)
    if (_q_size(octets) if quoted else _b_size(len(octets))) <= room:
        yield _word(octets, quoted=quoted)
        return
    piece, size = bytearray(), 0
    for char in text:
        more = char.encode()
        cost = _q_size(more) if quoted else len(more)
        if piece and (size + cost if quoted else _b_size(size + cost)) > room:
            yield _word(bytes(piece), quoted=quoted)
            piece, size, room = bytearray(), 0, min(MAX_WORD, AIM - 1) - len(_FRAME)
        piece += more
        size += cost
    yield _word(bytes(piece), quoted=quoted)


_FRAME = "=?utf-8?q??="
_Q = tuple(chr(o) if o in _Q_SAFE else "_" if o == 0x20 else f"={o:02X}" for o in range(256))
_Q_PLAIN = bytes([*sorted(_Q_SAFE), 0x20])


def _q_size(octets: bytes) -> int:
    return len(octets) + 2 * len(octets.translate(None, _Q_PLAIN))


def _b_size(octets: int) -> int:
    return (octets + 2) // 3 * 4


def _word(octets: bytes, *, quoted: bool) -> str:
    if quoted:
        return f"=?utf-8?q?{''.join([_Q[octet] for octet in octets])}?="
    return f"=?utf-8?b?{base64.b64encode(octets).decode()}?="


def _folded(name: str, tokens: Sequence[str], separator: str) -> str:
    """Lay tokens out: ``separator`` ends each but the last, a blank or a fold stands between."""
    lines, line = [], f"{name}:"
    for index, token in enumerate(tokens):
        piece = token + (separator if index < len(tokens) - 1 else "")
        if len(line) + 1 + len(piece) > AIM and line.strip() not in ("", f"{name}:"):
            lines.append(line)
            line = ""
        line += f" {piece}"
    return "\r\n".join([*lines, line]) + "\r\n"


def addresses(name: str, mailboxes: Sequence[Address]) -> str:
    """A field of mailboxes, folded between and inside them, with CRLF."""
    tokens: list[str] = []
    for index, mailbox in enumerate(mailboxes):
        end = "," if index < len(mailboxes) - 1 else ""
        words = (
            [*_phrase(mailbox.display_name), f"<{_addr_spec(mailbox)}>"]
            if mailbox.display_name
            else [_addr_spec(mailbox)]
        )
        tokens += [*words[:-1], words[-1] + end]
    return _folded(name, tokens, "")


def _phrase(display_name: str) -> list[str]:
    check_value("display name", display_name)
    words = display_name.split(" ")
    escaped = display_name.replace("\\", "\\\\").replace('"', '\\"')
    plain = display_name.isascii() and "=?" not in display_name and len(escaped) <= MAX_TOKEN
    if plain and all(words) and _ATOMS.match(display_name) and "." not in display_name:
        return words
    if plain:
        return [f'"{escaped}"']
    return list(encoded_words(display_name))


def _addr_spec(mailbox: Address) -> str:
    """A-labels wherever that is possible; only a local part beyond ASCII makes the header UTF-8 (RFC 6532)."""
    return mailbox.forward_path


def message_id(value: str) -> str:
    """The Message-ID field. Raises `InvalidHeader`."""
    if not _MESSAGE_ID.match(value) or len(value) > MAX_TOKEN:
        raise InvalidHeader(f"a Message-ID is <left@right> in printable ASCII, not {value!r}")
    return f"Message-ID: {value}\r\n"


def date(moment: datetime) -> str:
    """The Date field, in English whatever the locale. Raises `InvalidHeader` for a time without zone."""
    offset = moment.utcoffset()
    if offset is None:
        raise InvalidHeader("a Date needs a time with its zone")
    return _date(moment.replace(tzinfo=None, microsecond=0), round(offset.total_seconds() / 60))


@lru_cache(maxsize=64)  # many mails are made in the same second
def _date(moment: datetime, minutes: int) -> str:
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return (
        f"Date: {_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment:%H:%M:%S} {sign}{minutes // 60:02d}{minutes % 60:02d}\r\n"
    )


def parameter(name: str, value: str) -> str:
    """A parameter of a MIME field: quoted where it is ASCII, else by RFC 2231, in pieces that fold.

    So is what parsers read wrong within quotes, such as a semicolon.
    """
    check_value(name, value)
    if value.isascii() and len(value) <= AIM - len(name) - 5 and _HARD_TO_QUOTE.isdisjoint(value):
        return f';\r\n {name}="{value}"'
    pieces = _percent_pieces(value)
    if len(pieces) == 1:
        return f";\r\n {name}*=utf-8''{pieces[0]}"
    heads = ("utf-8''", *("" for _ in pieces[1:]))
    return "".join(
        f";\r\n {name}*{i}*={head}{piece}" for i, (head, piece) in enumerate(zip(heads, pieces, strict=True))
    )


_PERCENT = tuple(chr(o) if o in _Q_SAFE and o not in b"*!+/" else f"%{o:02X}" for o in range(256))


def _percent_pieces(text: str) -> list[str]:
    """Pieces of at most 60; no character is in two of them, for parsers decode each piece by itself."""
    pieces = [""]
    for char in text:
        encoded = "".join(_PERCENT[octet] for octet in char.encode())
        if len(pieces[-1]) + len(encoded) > PIECE:
            pieces.append("")
        pieces[-1] += encoded
    return pieces
