"""Addresses and message octets as programs give them, made fit for the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import parseaddr

_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_END_OCTETS = re.compile(rb"\r\n|\r|\n")
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(=[!-<>-~]+)?\Z")  # RFC 5321 section 4.1.2
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def bare_address(text: str) -> str:
    """The address in ``text``, which may have a display name; ``text`` itself where there is none to be found."""
    _, address = parseaddr(text)
    return address or text


def quoteaddr(addrstring: str) -> str:
    """``addrstring`` as a path in angle brackets."""
    address = bare_address(addrstring)
    return address if address.strip().startswith("<") else f"<{address}>"


def checked_path(addrstring: str, what: str) -> str:
    """The same, for MAIL and RCPT. Raises `ValueError` for what could end the path, or be two."""
    path = quoteaddr(addrstring)
    address = path[1:-1] if path.startswith("<") and path.endswith(">") else ""
    # What the parser left out is the attack: "<a@b> SIZE=1", "a@b, c@d", "a@b)evil" (CVE-2023-27043).
    whole = addrstring.strip()
    if not path.endswith(">") or not (whole in (address, path) or whole.endswith(f"<{address}>")):
        raise ValueError(f"{what} is not one address: {addrstring!r}")
    outside_quotes = _QUOTED.sub("", address)
    if any(char in outside_quotes for char in '<> "') or any(ord(char) < 32 or ord(char) == 127 for char in addrstring):
        raise ValueError(f"{what} is no address that SMTP can carry: {addrstring!r}")
    return path


def checked_options(options: Iterable[str]) -> str:
    """The parameters of MAIL or RCPT with a blank before each. Raises `ValueError` for what is none."""
    if isinstance(options, str):
        options = (options,)
    parameters = [parameter for option in options for parameter in option.split(" ") if parameter]
    for parameter in parameters:
        if not _PARAMETER.match(parameter):
            raise ValueError(f"no ESMTP parameter: {parameter!r}")
    return "".join(f" {parameter}" for parameter in parameters)


def quotedata(data: str) -> str:
    """Line ends made CRLF, and the dots at the begin of lines doubled."""
    return re.sub(r"(?m)^\.", "..", _LINE_END.sub("\r\n", data))


def message_octets(msg: str | bytes) -> bytes:
    """A message with CRLF line ends: a string must be ASCII; octets go as they are otherwise.

    A bare CR or LF is what one message is smuggled into another with (CVE-2023-51764), so none goes out.
    """
    octets = msg.encode("ascii") if isinstance(msg, str) else bytes(msg)
    if octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n"):
        return octets
    return _LINE_END_OCTETS.sub(b"\r\n", octets)
