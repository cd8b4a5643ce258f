"""Flask-Mail's helpers by their names, over Notifier's own addresses and headers.

What is written is always UTF-8, in A-labels and encoded words where that is needed; ``encoding`` is taken and not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from notifier.errors import InvalidHeader
from notifier.integrations.flask.mailboxes import Mailbox, mailbox
from notifier.integrations.flask.refusals import as_flask_mails
from notifier.mime import headers as fields

FlaskMailUnicodeDecodeError = UnicodeDecodeError

_FOLD = re.compile(r"\r\n[ \t]+(?=\S)")  # RFC 5322 section 2.2.3; a line of blanks alone is no fold


def force_text(given: object, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Text of text, octets or lazy text. Raises `UnicodeDecodeError`."""
    return given.decode(encoding, errors) if isinstance(given, bytes) else str(given)


def written(where: str, given: object) -> str:
    """The text of a body or a field. Raises `InvalidHeader` for None and for what has parts: its Python form would be sent."""
    if given is None or isinstance(given, list | tuple | set | Mapping):
        raise InvalidHeader(f"{where} is text, not {type(given).__name__}")
    return force_text(given)


def pairs(where: str, given: object) -> dict[str, object]:
    """A mapping, or pairs, which Flask-Mail took before 0.10. Raises `InvalidHeader`."""
    try:
        return dict(given or {})  # type: ignore[call-overload, no-any-return]  # what is neither raises
    except (TypeError, ValueError) as error:
        raise InvalidHeader(f"{where} are a mapping of names to text, not {type(given).__name__}") from error


def unfolded(text: str) -> str:
    """A header's value in one line."""
    return _FOLD.sub(" ", text)


def sanitize_subject(subject: str, encoding: str = "utf-8") -> str:
    """A subject as it stands in a header. Raises `BadHeaderError`."""
    del encoding
    with as_flask_mails():
        return _value(fields.unstructured("Subject", unfolded(force_text(subject))))


def sanitize_address(addr: Mailbox, encoding: str = "utf-8") -> str:
    """A mailbox as it stands in a header. Raises `BadAddressError`."""
    del encoding
    with as_flask_mails():
        return _value(fields.addresses("To", [mailbox(addr)]))


def sanitize_addresses(addresses: Iterable[Mailbox], encoding: str = "utf-8") -> list[str]:
    """Each of them."""
    return [sanitize_address(one, encoding) for one in addresses]


def _value(field: str) -> str:
    return unfolded(field.removesuffix("\r\n").partition(":")[2].strip())
