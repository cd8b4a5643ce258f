"""A caught message as the standard library reads it, made to bear what strangers send."""

from __future__ import annotations

from email import message_from_bytes
from email.contentmanager import raw_data_manager
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import EmailPolicy
from typing import Any, cast

MAX_DEPTH = 50  # parts in parts


class _ForgivingPolicy(EmailPolicy):
    """Headers in UTF-8 (RFC 6532) are text; a field that the library's parser breaks on is there, and empty."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        try:
            return super().header_fetch_parse(name, text)
        except Exception:  # noqa: BLE001 - IndexError, TypeError, AttributeError …: hostile fields find them all
            return super().header_fetch_parse(name, "")


def parse(data: bytes) -> EmailMessage:
    """The message in ``data``; looking at it raises nothing, whatever it holds."""
    policy = _ForgivingPolicy()
    try:
        message = message_from_bytes(data, policy=policy)
        deep = _is_deeper(message, MAX_DEPTH)
    except RecursionError:
        deep = True
    if deep:  # parts in parts without end: whoever walks through them would fall
        message = BytesParser(policy=policy).parsebytes(data, headersonly=True)
    return cast("EmailMessage", message)


def _is_deeper(message: Message, limit: int) -> bool:
    level = [message]
    for _ in range(limit):
        level = [part for one in level if one.is_multipart() for part in cast("list[Message]", one.get_payload())]
    return bool(level)


def text_of(part: EmailMessage) -> str:
    """A text part, decoded, its lines ending in LF; in a charset that nobody knows, what is ASCII in it."""
    try:
        text = str(raw_data_manager.get_content(part, errors="replace"))
    except (LookupError, UnicodeError):  # no such charset, or one that is no text encoding
        payload = part.get_payload(decode=True)
        text = payload.decode("ascii", "replace") if isinstance(payload, bytes) else ""
    return text.replace("\r\n", "\n")
