from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.protocol.transparency import check_line_ends, stuffed, stuffed_blocks

LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x", b"x.", b"From y"]), max_size=12)


def unstuffed(octets: bytes) -> bytes:
    """What a server takes out again (RFC 5321 section 4.5.2)."""
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in octets.split(b"\r\n"))


@given(LINES)
def test_law_7_what_is_stuffed_comes_out_as_it_was(lines: list[bytes]) -> None:
    data = b"\r\n".join(lines)
    expected = data if data.endswith(b"\r\n") else data + b"\r\n"
    assert unstuffed(stuffed(data)) == expected
    assert b"\r\n.\r\n" not in b"\r\n" + stuffed(data)


@given(LINES, st.integers(min_value=1, max_value=9))
def test_law_7_stuffing_is_right_across_chunk_borders(lines: list[bytes], block: int) -> None:
    data = b"\r\n".join(lines)
    assert b"".join(stuffed_blocks(data, block)) == stuffed(data)


@pytest.mark.parametrize(
    "data", [b"a\nb", b"a\rb", b"\n", b"\r", b"a\n.\nb", b"a\r.\r", b"\n.\r\n", b"\r\n.\r", b"x\r\r\n"]
)
def test_law_7_a_bare_cr_or_lf_is_refused(data: bytes) -> None:
    """SMTP smuggling (CVE-2023-51764 to -51766): servers disagree on what ends a line."""
    with pytest.raises(ValueError, match="bare CR or LF"):
        check_line_ends(data)


def test_crlf_is_no_bare_line_end() -> None:
    data = b"a\r\n\r\n.\r\nb\r\n"
    check_line_ends(data)
    assert unstuffed(stuffed(data)) == data
