"""Addresses and message octets as programs give them, made fit for the wire."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # what a terminal, or somebody's line reader, would act on
_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_END_OCTETS = re.compile(rb"\r\n|\r|\n")
_COMMENT_BEHIND = re.compile(r"\s*\((?:[^()\\]|\\.)*\)\Z")  # "a@b.example (Zoe)", as addresses were once written
_QUOTED_OR_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\[\]]*\]')
_SPECIALS = re.compile(r'[<>()\[\],;: "]')  # of RFC 5322 section 3.2.3, what an address has quoted only


def _parsed(text: str) -> tuple[str, str]:
    from email.utils import parseaddr  # noqa: PLC0415 - a program's start does not need it

    return parseaddr(text)


def bare_address(text: str) -> str:
    """The address in ``text``, which may have a display name; ``text`` itself where nothing is to be found in it."""
    name, address = _parsed(text)
    return address if name or address else text


def quoteaddr(addrstring: str) -> str:
    """``addrstring`` as a path in angle brackets."""
    name, address = _parsed(addrstring)
    if not (name or address) and addrstring.strip().startswith("<"):
        return addrstring
    return f"<{address if name or address else addrstring}>"


def checked_path(addrstring: str, what: str) -> str:
    """The same, for MAIL and RCPT. Raises `ValueError` for what could end the path, or be two, `TypeError` for no text."""
    path, whole = quoteaddr(text_only(addrstring, what)), addrstring.strip()
    address = path.strip().removeprefix("<").removesuffix(">")
    written = _COMMENT_BEHIND.sub("", whole) or whole
    # What the parser left out is the attack: "<a@b> SIZE=1", "a@b, c@d", "a@b)evil" (CVE-2023-27043).
    left_out = written != address and not written.endswith(f"<{address}>")
    if left_out or CONTROL.search(addrstring) or _SPECIALS.search(_QUOTED_OR_LITERAL.sub("", address)):
        raise ValueError(f"{what} is not one address that SMTP can carry: {addrstring!r}")
    return f"<{address}>"


def quotedata(data: str) -> str:
    """Line ends made CRLF, and the dots at the begin of lines doubled."""
    return re.sub(r"(?m)^\.", "..", _LINE_END.sub("\r\n", data))


def message_octets(msg: str | bytes) -> bytes:
    """A message with CRLF line ends: a string must be ASCII; octets go as they are otherwise.

    A bare CR or LF is what one message is smuggled into another with (CVE-2023-51764), so none goes out.
    """
    octets = encoded(msg, "ascii", "msg") if isinstance(msg, str) else _octets(msg)
    if octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n"):
        return octets
    return _LINE_END_OCTETS.sub(b"\r\n", octets)


def _octets(msg: bytes) -> bytes:
    if type(msg) is bytes:
        return msg
    try:
        return memoryview(msg).tobytes()  # bytes() would make so many NULs of a number
    except TypeError:
        raise TypeError(f"msg is {type(msg).__name__}, and should be text or octets") from None


def text_only(value: str, what: str) -> str:
    """``value``, the argument ``what``. Raises `TypeError` where it is none."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{what} is or holds {type(value).__name__}, and should be text")


def encoded(text: str, encoding: str, what: str) -> bytes:
    """``text``, the argument ``what``, in octets. Raises `UnicodeEncodeError` that names the argument."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        error.reason += f" in {what}"
        raise


def prohibited(what: str, text: str, shown: str) -> str:
    """The standard module's words about control characters in ``text``, of which ``shown`` may be shown."""
    kind = "newline" if "\r" in text or "\n" in text else "control"
    return f"{what} contain prohibited {kind} characters: {CONTROL.sub(lambda found: repr(found[0])[1:-1], shown)}"
