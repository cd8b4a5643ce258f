"""What comes again in mail after mail, encoded once: lines of templates, files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from notifier.mime.bodies import quoted_line
from notifier.mime.parts import Part
from notifier.model.content import Attachment, InlineImage, StoredAttachment

MAX_LINES = 8192
MAX_LINE = 2048  # octets; longer lines are rarely a template's own
MAX_FILES = 32 * 2**20  # octets, encoded
MAX_SEEN = 1024

File = TypeVar("File", bound=Attachment | StoredAttachment | StoredAttachment | InlineImage)


class Lines(dict[bytes, bytes]):
    """Lines without their ends, and what they are in quoted-printable.

    Full, it is emptied: a template's lines come back with the next mail, those of one recipient do not.
    """

    def quoted_printable(self, octets: bytes) -> bytes:
        """See `notifier.mime.bodies.quoted_printable`."""
        lines = octets.split(b"\n")
        lines.pop()  # behind the last LF there is nothing
        return b"".join(map(self.__getitem__, lines))

    def __missing__(self, line: bytes) -> bytes:
        quoted = quoted_line(line)
        if len(line) <= MAX_LINE:
            if len(self) >= MAX_LINES:
                self.clear()
            self[line] = quoted
        return quoted


class Files:
    """Parts of files; kept from the second time on, for most invoices are sent once. Full, it is emptied as well.

    Threads may meet in here: what one of them loses is made anew.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._parts: dict[Attachment | StoredAttachment | InlineImage, Part] = {}
        self._size = 0

    def part(self, file: File, make: Callable[[File], Part]) -> Part:
        """What ``make`` makes of the file."""
        known = self._parts.get(file)
        if known is None:
            known = make(file)
            if self._comes_again(file):
                self._keep(file, known)
        return known

    def _comes_again(self, file: File) -> bool:
        mark = hash(file)
        if mark in self._seen:
            return True
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(mark)
        return False

    def _keep(self, file: File, part: Part) -> None:
        size = len(part.body)
        if size > MAX_FILES // 4 or not isinstance(part.body, bytes):
            return
        if self._size + size > MAX_FILES:
            self._parts.clear()
            self._size = 0
        self._parts[file] = part
        self._size += size
