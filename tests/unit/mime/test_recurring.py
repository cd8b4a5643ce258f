"""What comes again is encoded once, and what is kept has a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.mime import recurring
from notifier.mime.bodies import quoted_printable
from notifier.mime.parts import Part, attached_part
from notifier.mime.recurring import Files, Lines
from notifier.model.content import Attachment, StoredAttachment

pytestmark = pytest.mark.unit


class Maker:
    """Makes parts, and counts them."""

    def __init__(self, size: int = 10) -> None:
        self.made, self._size = 0, size

    def __call__(self, file: Attachment) -> Part:
        self.made += 1
        return Part(b"", bytes(self._size))


def a_file(data: bytes = b"pdf") -> Attachment:
    return Attachment("a.pdf", "application/pdf", data)


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b"").replace(b"\r", b""))))
def test_lines_are_quoted_as_without_a_memory(lines: list[bytes]) -> None:
    octets = b"".join(line + b"\n" for line in lines)
    memory = Lines()
    assert memory.quoted_printable(octets) == memory.quoted_printable(octets) == quoted_printable(octets)


def test_lines_that_are_kept_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "MAX_LINES", 10)
    memory = Lines()
    memory.quoted_printable(b"".join(b"line %d\n" % number for number in range(25)))
    assert len(memory) == 5


def test_a_line_longer_than_templates_have_is_not_kept() -> None:
    memory = Lines()
    memory.quoted_printable(b"x" * 5000 + b"\n")
    assert not memory


def test_a_file_is_encoded_no_more_once_it_has_come_twice() -> None:
    files, make = Files(), Maker()
    for _ in range(5):
        files.part(a_file(), make)
    assert make.made == 2


def test_a_stored_file_is_read_no_more_once_it_has_come_twice() -> None:
    read: list[str] = []

    def reader(blob: str) -> bytes:
        read.append(blob)
        return b"pdf"

    files = Files()
    for _ in range(5):
        files.part(StoredAttachment("a.pdf", "application/pdf", "b1", reader), attached_part)
    assert read == ["b1", "b1"]


def test_files_that_come_once_are_not_kept() -> None:
    files, make = Files(), Maker()
    for number in range(5):
        files.part(a_file(b"%d" % number), make)
    assert not files._parts


def test_the_same_octets_under_another_name_are_another_part() -> None:
    files = Files()
    for _ in range(3):
        first = files.part(a_file(), attached_part)
        other = files.part(Attachment("b.pdf", "application/pdf", b"pdf"), attached_part)
    assert (b'"a.pdf"' in first.header, b'"b.pdf"' in other.header) == (True, True)


def test_files_that_are_kept_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "MAX_FILES", 100)
    files, make = Files(), Maker(size=20)
    for number in [*range(10), *range(10)]:
        files.part(a_file(b"%d" % number), make)
    assert sum(len(part.body) for part in files._parts.values()) == files._size <= 100


def test_a_file_of_most_of_the_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "MAX_FILES", 100)
    files, make = Files(), Maker(size=60)
    for _ in range(3):
        files.part(a_file(), make)
    assert not files._parts
