"""Octets of a file or an object that a call names: read once to know what they are, and again when they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from notifier.errors import InvalidAttachment, NotifierError
from notifier.model.octets import Source

Read = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Reread:
    """A `Source` that is the same octets each time, or raises `InvalidAttachment` before the last of them. ``what`` names it
    for people, ``read`` begins anew.
    """

    what: str
    read: Read
    sha256: str
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        return verified(self.read(), size=self.size, sha256=self.sha256, otherwise=lambda: has_changed(self.what))


def read_once(what: str, read: Read, *, held: int) -> bytes | Source:
    """The octets, if they are ``held`` at most; else a `Reread`. What ``read`` raises passes through."""
    digest, size, begun = hashlib.sha256(), 0, bytearray()
    for block in read():
        digest.update(block)
        size += len(block)
        if size <= held:
            begun += block
    return bytes(begun) if size <= held else Reread(what, read, digest.hexdigest(), size)


def has_changed(what: str) -> InvalidAttachment:
    """The error."""
    return InvalidAttachment(f"{what} was changed while it was read; write to another file and rename it, or try again")


def verified(
    blocks: Iterable[bytes], *, size: int, sha256: str, otherwise: Callable[[], NotifierError]
) -> Iterator[bytes]:
    """The blocks. The last one comes once all of them have the digest that they should have, so that nothing else goes out
    whole; ``otherwise`` is raised, and at the latest when there are more.
    """
    digest, count, held = hashlib.sha256(), 0, b""
    for block in filter(None, blocks):  # an empty one behind the last would let that go unverified
        digest.update(block)
        count += len(block)
        if count > size:
            break
        if held:
            yield held
        held = block
    if count != size or digest.hexdigest() != sha256:
        raise otherwise()
    yield held
