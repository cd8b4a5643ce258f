"""What is read again is the same, or an error before its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from read_in_blocks import Read

from notifier.errors import InvalidAttachment
from notifier.model.octets import Source, whole
from notifier.model.reread import Reread, has_changed, read_once, verified

HELD = 20


def once(*readings: bytes) -> bytes | Source:
    """What comes of a file that says something else each time."""
    left = list(readings)
    return read_once("the file", lambda: Read(left.pop(0)), held=HELD)


@given(st.binary(max_size=2 * HELD))
def test_what_is_small_is_held_and_what_is_big_is_read_again(octets: bytes) -> None:
    found = once(octets, octets, octets)
    assert isinstance(found, Reread) == (len(octets) > HELD)
    assert (len(found), whole(found)) == (len(octets), octets)


@given(st.binary(min_size=HELD + 1, max_size=2 * HELD), st.binary(max_size=3 * HELD))
def test_of_what_has_changed_the_end_never_comes(before: bytes, after: bytes) -> None:
    found = once(before, after)
    assert not isinstance(found, bytes)
    came: list[bytes] = []
    if before == after:
        return
    with pytest.raises(InvalidAttachment, match="the file was changed"):
        came.extend(found)
    assert len(b"".join(came)) < len(before)


def test_nothing_at_the_end_lets_the_last_octets_go_unverified() -> None:
    came: list[bytes] = []
    with pytest.raises(InvalidAttachment):
        came.extend(verified([b"a", b"?", b"", b""], size=2, sha256="of others", otherwise=lambda: has_changed("it")))
    assert came == [b"a"]


def test_of_what_has_more_than_it_should_the_last_octets_do_not_come_either() -> None:
    found = once(b"x" * 30, b"x" * 33)
    came: list[bytes] = []
    assert not isinstance(found, bytes)
    with pytest.raises(InvalidAttachment):
        came.extend(found)
    assert len(b"".join(came)) < 30


def test_of_what_has_no_end_no_more_is_read_than_there_was() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(HELD + 2):
            yield b"x"
        raise AssertionError("one more than there was, and on it goes")

    readings: list[Iterable[bytes]] = [Read(b"x" * (HELD + 1)), endless()]
    found = read_once("the file", lambda: readings.pop(0), held=HELD)
    with pytest.raises(InvalidAttachment):
        list(found)


def test_what_reading_raises_passes_through() -> None:
    def gone() -> Source:
        raise InvalidAttachment("gone")

    with pytest.raises(InvalidAttachment, match="gone"):
        read_once("the file", gone, held=HELD)


def test_nothing_of_it_is_shown() -> None:
    assert "secret" not in repr(once(b"secret" * HELD))
