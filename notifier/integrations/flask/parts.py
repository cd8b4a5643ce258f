"""The parts of a message: a text in its charset, and a file with its disposition and fields."""

from __future__ import annotations

import codecs
import email.message
import re
import unicodedata

from notifier.errors import InvalidAttachment, InvalidHeader
from notifier.integrations.flask.attachment import Attachment
from notifier.integrations.flask.sanitizing import force_text, pairs, unfolded, written
from notifier.mime import check_content_type, safe_filename
from notifier.mime import headers as fields
from notifier.mime import parts as mime
from notifier.mime.bodies import base64_lines
from notifier.mime.parts import Part

_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
# What Python calls codecs, and no reader a charset.
_NO_CHARSETS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape")
_DISPOSITIONS = ("attachment", "inline")
_OURS = ("content-type", "content-transfer-encoding", "content-disposition")


def text_part(subtype: str, text: str, charset: str | None) -> Part:
    """A text, as ``text/subtype``; in UTF-8 where the charset cannot write it.

    Raises `InvalidMail` for half characters, `InvalidHeader` for a charset or subtype that is none.
    """
    name = _checked_charset(charset or "utf-8")
    base, parameters = _content_type(f"text/{subtype}", ("charset",))
    octets = None if name == "utf-8" else _encoded(text, name)
    if octets is None:
        return mime.text_part(base.removeprefix("text/") + parameters, text)
    header = f"Content-Type: {base}{parameters}; charset={name}\r\nContent-Transfer-Encoding: base64\r\n"
    return Part(header.encode(), base64_lines(octets) or b"\r\n")


def file_part(file: Attachment, *, ascii_name: bool) -> Part:
    """A file. Raises `InvalidAttachment`, `InvalidHeader`."""
    if not isinstance(file.data, str | bytes | bytearray | memoryview):
        raise InvalidAttachment(f"the data of an attachment is octets or text, not {type(file.data).__name__}")
    base, parameters = _content_type(file.content_type)
    more = f"{_disposition(file, ascii_name=ascii_name)}{_further(file)}"
    return mime.file_part(base, _octets(file.data), more, parameters)


def _octets(data: str | bytes) -> bytes:
    try:
        return force_text(data).encode() if isinstance(data, str) else bytes(data)
    except UnicodeEncodeError as error:
        raise InvalidAttachment(
            "the text of an attachment holds half of a surrogate pair; it is no valid text"
        ) from error


def _checked_charset(charset: str) -> str:
    try:
        "".encode(charset)
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidHeader(f"there is no charset {charset!r}") from error
    codec = codecs.lookup(charset).name
    if not _CHARSET.match(charset) or codec in _NO_CHARSETS:
        raise InvalidHeader(f"there is no charset {charset!r}")
    return "utf-8" if codec in ("utf-8", "utf-8-sig") else charset.lower()


def _encoded(text: str, charset: str) -> bytes | None:
    """Lines that end in CRLF; None where the charset has not all the characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    try:
        return lines.encode(charset)
    except UnicodeEncodeError:
        return None


def _content_type(given: object, ignored: tuple[str, ...] = ()) -> tuple[str, str]:
    """The type, and its parameters as they are written. Raises `InvalidAttachment`, `InvalidHeader`."""
    base, semicolon, _ = given.partition(";") if isinstance(given, str) else (given, "", "")
    checked = check_content_type(base.strip() if isinstance(base, str) else base)
    if not semicolon:
        return checked, ""
    field = email.message.Message()
    field["Content-Type"] = fields.check_value("Content-Type", given)
    found = (field.get_params() or [])[1:]
    for name, _ in found:
        if not _CHARSET.match(name):
            raise InvalidAttachment(f"a content type is like text/csv; header=present, not {given!r}")
    return checked, "".join(fields.parameter(name, value) for name, value in found if name.lower() not in ignored)


def _disposition(file: Attachment, *, ascii_name: bool) -> str:
    disposition = str(file.disposition).lower()
    if disposition not in _DISPOSITIONS:
        raise InvalidAttachment(f"a disposition is attachment or inline, not {file.disposition!r}")
    if file.filename is None:
        return f"Content-Disposition: {disposition}\r\n"
    name = safe_filename(file.filename)
    name = _in_ascii(name) if ascii_name else name
    return f"Content-Disposition: {disposition}{fields.parameter('filename', safe_filename(name))}\r\n"


def _in_ascii(filename: str) -> str:
    """What is left of it (MAIL_ASCII_ATTACHMENTS); a name of which nothing is left is ``file`` with its ending."""
    name = " ".join(unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode().split())
    return f"file{name}" if name.startswith(".") or not name else name


def _further(file: Attachment) -> str:
    """Fields of the file itself, such as Content-ID."""
    found = ""
    for name, value in pairs("the headers of an attachment", file.headers).items():
        if not isinstance(name, str) or not re.fullmatch(r"[!-9;-~]{1,76}", name) or name.lower() in _OURS:
            raise InvalidHeader(f"an attachment has no field {name!r} of its own")
        found += fields.unstructured(name, unfolded(written(f"the field {name!r} of an attachment", value)))
    if found.lower().count("content-id:") > 1:
        raise InvalidHeader("an attachment has one Content-ID")
    return found
