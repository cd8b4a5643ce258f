"""Lines of files become lines of the wire, in one piece or in many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidMail
from notifier.mime import line_ends
from notifier.mime.line_ends import check_octets, with_crlf
from notifier.model.octets import Streamed, whole

LINES = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\xff", b"."]), max_size=20).map(b"".join)


@given(LINES, st.data(), st.integers(1, 5))
def test_a_part_of_any_lines_ends_them_in_crlf_be_it_held_or_read_in_blocks(
    octets: bytes, data: st.DataObject, block: int
) -> None:
    start = data.draw(st.integers(0, len(octets)).filter(lambda at: octets[at - 1 : at + 1] != b"\r\n"))
    wanted = octets[start:].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert with_crlf(octets, start) == wanted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_ends, "HELD", -1)
        patch.setattr(line_ends, "BLOCK", block)
        found = with_crlf(octets, start)
        assert isinstance(found, Streamed)
        assert (len(found), whole(found), whole(found)) == (len(wanted), wanted, wanted)
        assert found.isascii() == wanted.isascii()
        assert not wanted or found.endswith(b"\r\n") == wanted.endswith(b"\r\n")


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"\0", b"a"]), max_size=12).map(b"".join))
def test_what_holds_nul_or_a_cr_alone_is_refused_and_nothing_else_is(octets: bytes) -> None:
    wrong = b"\0" in octets or b"\r" in octets.replace(b"\r\n", b"")
    try:
        check_octets(octets)
    except InvalidMail:
        assert wrong
    else:
        assert not wrong
