"""DKIM signatures (RFC 6376, RFC 8463), relaxed/relaxed, over the message as it goes out. The same arguments make the same
octets: both algorithms are deterministic, and the time is an argument.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from notifier.errors import InvalidHeader
from notifier.mime.canonical import fields_of, relaxed_body_hash, relaxed_field
from notifier.mime.dkim_key import DkimKey

AIM = 78  # characters of a line, without CRLF
# Named once more in h= than they are there, so that nobody on the way can add one (RFC 6376 section 8.15): what people and
# programs read, and what they unsubscribe with (RFC 8058 section 4).
OVERSIGNED = (
    "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    "List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner",
    "List-Archive",
)  # fmt: skip
# Where they are there. No others: what a relay rewrites or takes out would end the signature (section 5.4.1).
SIGNED = ("Sender", "In-Reply-To", "References", "Auto-Submitted", "Feedback-ID")


def signatures(
    blocks: Iterable[bytes], keys: Sequence[DkimKey], *, signed_at: int, expires_at: int | None = None
) -> bytes:
    """The DKIM-Signature fields to put before a message, one for each key. Times are seconds since the epoch.

    ``blocks`` are the message's, cut anywhere and read once. Raises `InvalidHeader` for a message without From or without
    an end of its header, which cannot be signed (RFC 6376 section 5.4).
    """
    header, body = _divided(iter(blocks))
    fields = fields_of(header)
    if not any(_name(field) == "from" for field in fields):
        raise InvalidHeader("a message without From is not signed")
    names = names_to_sign(fields)
    covered = b"".join(relaxed_field(field) + b"\r\n" for field in selected(fields, names))
    times = [f" t={signed_at};", *([] if expires_at is None else [f" x={expires_at};"])]
    body_hash = base64.b64encode(relaxed_body_hash(body)).decode()
    tags = [*times, *_list_of(names), f" bh={body_hash};", " b="]
    return b"".join(_signature(key, tags, covered) for key in keys)


def _divided(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Header, and the blocks of the body: none where the message is nothing but a header (RFC 5322 section 2.1)."""
    begun = b""
    for block in blocks:
        begun += block
        header, end, body = begun.partition(b"\r\n\r\n")
        if end:
            return header, chain((body,), blocks)
    if begun.endswith(b"\r\n"):  # a header alone is a message (RFC 5322 section 3.5), and its body is empty
        return begun.removesuffix(b"\r\n"), iter(())
    raise InvalidHeader("a message whose header does not end is not signed")


def names_to_sign(fields: Sequence[bytes]) -> list[str]:
    """What stands in h=: each field that is there, and one more of those in `OVERSIGNED`."""
    there = Counter(_name(field) for field in fields)
    return [
        *(name for name in OVERSIGNED for _ in range(there[name.lower()] + 1)),
        *(name for name in SIGNED for _ in range(there[name.lower()])),
    ]


def selected(fields: Sequence[bytes], names: Sequence[str]) -> Iterator[bytes]:
    """The fields in the order of ``names``, several of a name from the last to the first (RFC 6376 section 5.4.2)."""
    left: dict[str, list[bytes]] = {}
    for field in fields:
        left.setdefault(_name(field), []).append(field)
    for name in names:
        if theirs := left.get(name.lower()):
            yield theirs.pop()


def _name(field: bytes) -> str:
    return field.partition(b":")[0].strip(b" \t").decode("ascii", "replace").lower()


def _signature(key: DkimKey, tags: Sequence[str], covered: bytes) -> bytes:
    whose = [f" v=1; a={key.algorithm};", " c=relaxed/relaxed;", f" d={key.domain};", f" s={key.selector};"]
    tokens = [*whose, f" i=@{key.domain};", *tags]
    field = _folded(tokens)
    signature = key.sign(hashlib.sha256(covered + relaxed_field(field.encode())).digest())
    encoded = base64.b64encode(signature).decode()
    pieces = [encoded[start : start + 8] for start in range(0, len(encoded), 8)]
    return _folded([*tokens, *pieces]).encode() + b"\r\n"


def _list_of(names: Sequence[str]) -> Iterator[str]:
    yield f" h={names[0]}:"
    yield from (f"{name}:" for name in names[1:-1])
    yield f"{names[-1]};"


def _folded(tokens: Sequence[str]) -> str:
    """One field. Between any two tokens a line may end: white space may stand in h= and b= as well (section 3.5)."""
    lines, line = [], "DKIM-Signature:"
    for token in tokens:
        if len(line) + len(token) > AIM:
            lines.append(line)
            line, token = " ", token.removeprefix(" ")  # noqa: PLW2901 - the fold is the blank
        line += token
    return "\r\n".join([*lines, line])
