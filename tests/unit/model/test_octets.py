"""Octets in pieces are what they would be whole."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from read_in_blocks import Read

from notifier.model.octets import Streamed, as_message, blocks_of, joined, whole

pytestmark = pytest.mark.unit


PIECES = st.lists(st.binary(max_size=20) | st.binary(max_size=40).map(Read), max_size=6)


def flat(pieces: list[bytes | Read]) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else piece.octets for piece in pieces)


@given(PIECES, st.integers(1, 50))
def test_blocks_are_of_the_size_that_is_asked_for_but_the_last(pieces: list[bytes | Read], size: int) -> None:
    octets = flat(pieces)
    streamed = Streamed(pieces)
    blocks = list(streamed.blocks(size))
    assert len(streamed) == len(octets)
    assert blocks == [octets[at : at + size] for at in range(0, len(octets), size)] == list(blocks_of(octets, size))
    assert blocks == list(blocks_of(streamed, size)) == list(blocks_of(Read(octets), size))
    assert whole(streamed) == whole(octets) == octets


@given(st.lists(PIECES, min_size=1, max_size=4))
def test_joined_is_one_behind_the_other(several: list[list[bytes | Read]]) -> None:
    parts = [
        Streamed(pieces) if any(isinstance(piece, Read) for piece in pieces) else flat(pieces) for pieces in several
    ]
    found = joined(parts)
    assert whole(found) == b"".join(map(flat, several))
    assert isinstance(found, bytes) == all(isinstance(part, bytes) for part in parts)


def test_a_source_is_read_when_its_blocks_are_asked_for_and_each_time_anew() -> None:
    source = Read(b"x" * 10)
    streamed = joined([b"a", Streamed([source]), b"b"])
    assert source.times == 0
    assert whole(streamed) == whole(streamed) == b"a" + b"x" * 10 + b"b"
    assert source.times == 2


def test_nothing_of_it_is_shown() -> None:
    assert repr(Streamed([b"secret\r\n"])) == "<Streamed 8 octets>"


@given(
    st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b"\xff", b"."]), max_size=12).map(b"".join),
    st.integers(1, 4),
)
def test_a_message_in_pieces_says_of_itself_what_it_says_whole(octets: bytes, block: int) -> None:
    found = as_message(Read(octets, block))
    assert whole(found) == octets
    assert isinstance(found, bytes) == bool(re.search(rb"\r(?!\n)|(?<!\r)\n", octets)), "what is no lines"
    assert (found.isascii(), found.endswith(b"\r\n")) == (octets.isascii(), octets.endswith(b"\r\n"))


@given(st.lists(st.sampled_from([b"", b"a", b"\xff", b"a\r\n", b"\xff\r\n"]), min_size=1, max_size=5))
def test_so_does_one_that_is_joined_of_several(several: list[bytes]) -> None:
    octets = b"".join(several)
    for streamed in range(len(several)):
        found = joined([as_message(Read(one)) if at == streamed else one for at, one in enumerate(several)])
        assert (found.isascii(), octets == b"" or found.endswith(b"\r\n") == octets.endswith(b"\r\n")) == (
            octets.isascii(),
            True,
        )


def test_what_is_a_message_already_is_not_read_again() -> None:
    source = Read(b"a\r\n")
    streamed = Streamed([source])
    assert as_message(streamed) is streamed
    assert as_message(b"a\n") == b"a\n"
    assert source.times == 0
